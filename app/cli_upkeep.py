"""The shell, what keeps an installation safe: `flask audit ...`, `flask backup`, `flask restore`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup, with_appcontext

PHRASE_FILE = click.option(
    "--passphrase-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file (0600) with the pass phrase; without it you are asked.",
)


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
        from app.services import audit_chain, book_checks

        try:
            seen = book_checks.audit("shell", Path(current_app.config["AUDIT_KEY_FILE"]))
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


@click.command("backup")
@click.option("--to", type=click.Path(path_type=Path), help="The file, or the folder it is made in.")
@PHRASE_FILE
@with_appcontext
def backup(to: Path | None, passphrase_file: Path | None) -> None:
    """Write one encrypted file of books, keys, journal and secrets, while the site runs."""
    from sqlalchemy.exc import SQLAlchemyError

    from app.models.base import now
    from app.services import backup as backups
    from app.services.backup_modules import named

    instance = Path(current_app.config["INSTANCE_DIR"])
    target = to or instance / backups.KEPT_APART
    if target.is_dir() or to is None:
        target = target / f"vending-{now():%Y%m%d-%H%M%S}.backup"
    passphrase = _phrase(passphrase_file, twice=True)
    try:
        made = backups.make(instance, target, passphrase)
    except (OSError, ValueError, SQLAlchemyError) as error:
        raise click.ClickException(f"no backup was made: {error}") from None
    click.echo(f"{made.path}: {made.size} bytes, the books and {made.files} files")
    if made.elsewhere:
        click.echo(
            f"NOT in it are the keys and token ids of {named(made.elsewhere)}: "
            "hardware keeps its own, a software module's folder elsewhere is saved by you (docs/operations.md)"
        )


@click.command("restore")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@PHRASE_FILE
@with_appcontext
def restore(file: Path, passphrase_file: Path | None) -> None:
    """Bring a backup back into an empty place: no tables, nothing in the instance folder."""
    import flask_migrate

    from app.extensions import db
    from app.services import backup_restore
    from app.services.backup_file import BadBackup
    from app.services.backup_modules import named

    os.umask(0o077)  # keys, books and secrets are nobody else's
    folder = str(current_app.extensions["migrate"].directory)
    way = backup_restore.Way(
        db.engine,
        Path(current_app.config["INSTANCE_DIR"]),
        Path(current_app.config["MODULE_DIR"]),
        lambda revision: flask_migrate.upgrade(directory=folder, revision=revision),
        lambda: flask_migrate.downgrade(directory=folder, revision="base"),
    )
    try:
        came = backup_restore.restore(file, _phrase(passphrase_file), way)
    except (BadBackup, backup_restore.CannotRestore) as error:
        raise click.ClickException(f"nothing was restored: {error}") from None
    click.echo(
        f"restored: the books and {came.files} files as they were on {came.backup_of:%Y-%m-%d at %H:%M} UTC.\n"
        "What was sold after that is not in them; docs/operations.md says what to do. Now: make run"
    )
    if came.elsewhere:
        click.echo(
            f"The keys and token ids of {named(came.elsewhere)} were not in the backup. One that still runs "
            "goes on as it is; one that was lost too must come back by itself, with its token ids, before anything "
            "is sold through it."
        )


def _phrase(file: Path | None, *, twice: bool = False) -> str:
    from app.sts.keystore import KeyStoreError, read_passphrase

    if file is None:
        return str(click.prompt("Pass phrase of the backup", hide_input=True, confirmation_prompt=twice))
    try:
        return read_passphrase(file)
    except KeyStoreError as error:
        raise click.ClickException(str(error)) from None
