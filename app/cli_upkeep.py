"""The shell, what keeps an installation safe: `flask audit ...`, `flask backup`, `flask restore`."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup


def audit() -> AppGroup:
    """`flask audit seal` and `flask audit verify`."""
    group = AppGroup("audit", help="The log of changes.")

    @group.command("seal")
    def seal() -> None:
        """Chain every entry that is not yet sealed; the worker does it every few seconds."""
        from app.services import audit_chain

        try:
            count = audit_chain.seal(audit_chain.read_seal(Path(current_app.config["AUDIT_KEY_FILE"])))
        except (audit_chain.NoKey, audit_chain.ChainBroken) as error:
            raise click.ClickException(str(error)) from None
        click.echo(f"{count} entries sealed")

    @group.command("verify")
    def verify() -> None:
        """Follow the chain; name the first entry removed, altered or reordered, and the tail."""
        from app.services import audit_chain

        try:
            seen = audit_chain.verify(audit_chain.read_seal(Path(current_app.config["AUDIT_KEY_FILE"])))
        except (audit_chain.NoKey, audit_chain.ChainBroken) as error:
            raise click.ClickException(str(error)) from None
        click.echo(f"{seen.sealed} entries are as they were sealed, {seen.unsealed} are not sealed yet")
        if not seen.head_known:
            click.echo("audit.head is missing: whether the end was cut off cannot be told")
        if seen.finding is not None:
            wrong = seen.finding
            row = "" if wrong.entry_id is None else f" (row {wrong.entry_id} of audit_entry stands there)"
            click.echo(f"first wrong: sealed entry {wrong.chain_no} was {wrong.kind}{row}")
        sys.exit(1 if seen.finding is not None or not seen.head_known else 0)

    return group
