"""The shell of licences: `flask licence keypair`, `issue`, `inspect` and `status` (docs/licence.md)."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup, with_appcontext

from app.domain.errors import Refusal
from app.domain.licence import Terms
from app.services import licence_file

_NEW = click.Path(dir_okay=False, path_type=Path)
_EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)
_PHRASE = click.option(
    "--passphrase-file", type=_EXISTING, help="A file (0600) with its pass phrase; else you are asked."
)


def group() -> AppGroup:
    """The commands."""
    licence = AppGroup("licence", help="Licences: for issuers and for installations.")
    for command in (_keypair, _issue, _inspect, _status):
        licence.add_command(command)
    return licence


@click.command("keypair")
@click.argument("private_key", type=_NEW)
@_PHRASE
def _keypair(private_key: Path, passphrase_file: Path | None) -> None:
    """Make an issuer's keys: PRIVATE_KEY is written, the public one is printed."""
    if private_key.exists():
        raise click.ClickException(f"{private_key} exists already")
    pair = licence_file.new_keys(_phrase(passphrase_file, twice=True))
    _write(private_key, pair.private)
    click.echo(f"{private_key}: keep it secret and safe; whoever has it issues licences.")
    click.echo(f"LICENCE_KEY={pair.public}")


@click.command("issue")
@click.argument("file", type=_NEW)
@click.option("--private-key", type=_EXISTING, required=True, help="As `flask licence keypair` wrote it.")
@click.option("--holder", required=True, help="Who may use the program.")
@click.option("--valid-until", required=True, metavar="YYYY-MM-DD|never", help="The last day, where it is used.")
@click.option("--meters", required=True, metavar="NUMBER|any", help="How many meters may be registered.")
@click.option("--installation", default="any", show_default=True, help="The name on its Licence page; any: not bound.")
@_PHRASE
def _issue(
    file: Path, private_key: Path, holder: str, valid_until: str, meters: str, installation: str,
    passphrase_file: Path | None,
) -> None:  # fmt: skip
    """Write a signed licence to FILE."""
    if file.exists():
        raise click.ClickException(f"{file} exists already")
    with _told():
        terms = Terms(
            holder=" ".join(holder.split()),
            valid_until=None if valid_until == "never" else date.fromisoformat(valid_until),
            meters_allowed=None if meters == "any" else int(meters),
            installation=None if installation == "any" else installation.strip().upper(),
            issued_at=datetime.now(UTC).replace(microsecond=0),
        )
        pem = private_key.read_text("ascii")
        phrase = _phrase(passphrase_file, twice=False) if "ENCRYPTED" in pem else None
        text = licence_file.write(terms, pem, phrase)
        file.write_text(text, "utf-8")
    click.echo(text, nl=False)


@click.command("inspect")
@click.argument("file", type=_EXISTING)
@click.option("--public-key", default=None, help="LICENCE_KEY by default.")
@with_appcontext
def _inspect(file: Path, public_key: str | None) -> None:
    """Say what a licence file says, and whether the trusted issuer signed it."""
    text = file.read_bytes()[: 2 * licence_file.SIZE_MAX].decode("utf-8", "replace")
    key = public_key or current_app.config["LICENCE_KEY"]
    with _told():
        terms = licence_file.claims(text)
    _tell(terms)
    if not key:
        click.echo("signature: not checked, because no public key is set (LICENCE_KEY)")
        sys.exit(1)
    try:
        licence_file.read(text, key)
    except Refusal:
        click.echo("signature: WRONG; altered, or issued with another key")
        sys.exit(1)
    except licence_file.BadKey as error:
        raise click.ClickException(str(error)) from None
    click.echo("signature: right")


@click.command("status")
@with_appcontext
def _status() -> None:
    """Say which licence counts here, how many meters there are, and what is limited."""
    from app.extensions import db
    from app.services import licensing

    found = licensing.standing(db.session())
    _tell(found.terms)
    click.echo(f"this installation: {licensing.installation(db.session())}")
    click.echo(f"meters now: {found.meters}")
    click.echo(f"state on {found.today.isoformat()}: {found.state.value}{'' if found.proven else ', signature WRONG'}")
    left = found.meters_left
    click.echo(f"meters that may be added: {'any number' if left is None else left}")


def _tell(terms: Terms) -> None:
    click.echo(f"holder: {terms.holder}")
    click.echo(f"installation: {terms.installation or 'any'}")
    click.echo(f"issued: {terms.issued_at.isoformat() if terms.issued_at else 'built in'}")
    click.echo(f"valid until: {terms.valid_until.isoformat() if terms.valid_until else 'never ends'}")
    click.echo(f"meters allowed: {'any number' if terms.meters_allowed is None else terms.meters_allowed}")


def _phrase(file: Path | None, *, twice: bool) -> str:
    from app.sts.keystore import KeyStoreError, read_passphrase

    if file is None:
        return str(click.prompt("Pass phrase", hide_input=True, confirmation_prompt=twice))
    try:
        return read_passphrase(file)
    except KeyStoreError as error:
        raise click.ClickException(str(error)) from None


def _write(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(text)


@contextmanager
def _told() -> Iterator[None]:
    """Print what a person can mend as one sentence."""
    try:
        yield
    except Refusal:
        raise click.ClickException("this is no licence file of version 1") from None
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from None
