"""The shell of the software module: `flask module serve`, `flask module keyfile ...`, its users and licences."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup

from app.models import ModuleMatch
from app.sts import demonstration, errors, keyfile
from app.sts.keystore import VendingKey, read_passphrase
from app.sts.module import KeyFacts

_FILE = click.Path(dir_okay=False, path_type=Path)
_EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)
_ALONE = {"with_appcontext": False}
_DEFAULTS = {"kt": "2", "dkga": "4", "bdt": "2014", "ken": "255", "ea": "", "from": "", "to": ""}
_BASE_DATES = {"1993": 93, "93": 93, "2014": 14, "14": 14, "2035": 35, "35": 35}
KEY_HELP = (
    "SGC/KRN and what differs from kt=2,dkga=4,bdt=2014,ken=255, also ea=7+11, from=YYYY-MM-DD, to=YYYY-MM-DD "
    "(UTC), all separated by commas. Repeat it for more keys."
)


def group() -> AppGroup:
    """The commands."""
    module = AppGroup("module", help="The software security module as a server.")
    module.command("serve")(_serve)
    module.add_command(_keyfile())
    module.add_command(_user())
    module.command("licence")(_licence)
    module.command("match")(_match)
    module.command("accept")(_accept)
    return module


@click.option("--address", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=None, help="MODULE_PORT by default.")
@click.option("--folder", type=_FOLDER, default=None, help="MODULE_DIR by default; made when missing.")
@click.option("--name", default="software", show_default=True)
@click.option("--tid-offset-minutes", type=int, default=0, show_default=True)
@click.option("--accept-loss", is_flag=True, help="Go on, this once, with what is left of a lost or damaged journal.")
def _serve(
    address: str, port: int | None, folder: Path | None, name: str, tid_offset_minutes: int, *, accept_loss: bool
) -> None:
    """Serve TokenApi 1.1 over TLS until SIGTERM; keys, users and journal are in the folder."""
    from app.sts.prism import folder as places
    from app.sts.prism import service

    config = current_app.config
    folder, port = folder or config["MODULE_DIR"], port or config["MODULE_PORT"] or 9443
    prepared = places.prepare(folder, host=address)
    if prepared.password is not None:
        click.echo(f"first user: {prepared.username}, password (shown once): {prepared.password}")
    click.echo(f"SHA-256 of the certificate: {prepared.fingerprint}")
    sys.exit(
        service.main(
            ["--folder", str(folder), "--address", address, "--port", str(port), "--name", name,
             "--tid-offset-minutes", str(tid_offset_minutes), "--tables", config["STA_TABLES"],
             *(["--accept-loss"] if accept_loss else [])]
        )
    )  # fmt: skip


@click.option(
    "--day", type=click.DateTime(["%Y-%m-%d"]), default=None, help="One UTC day; else the last week and today."
)
def _match(day: datetime | None) -> None:
    """Hold each module's own count beside the books, by UTC day.

    Ends with 1 if a difference stands that nothing explains, or a module could not be asked.
    """
    from app.services import book_checks, match
    from app.services.module_counts import SOURCES

    found = match.look(current_app.extensions["modules"], "shell", [day.date()] if day else None)
    for one in found:
        row = one.row
        click.echo(f"{row.day} {one.name}: {SOURCES[row.source] if row.made is None else _count(row)}")
    standing = match.standing()
    looked = {(one.row.module_id, one.row.day) for one in found if one.row.made is not None}
    for one in standing:
        if (one.row.module_id, one.row.day) not in looked:
            at = f"{one.row.checked_at:%Y-%m-%d %H:%M} UTC"
            click.echo(f"{one.row.day} {one.name}: not looked at; what was found on {at} stands: {_count(one.row)}")
    silent = match.unasked(book_checks.last(book_checks.MATCH))
    if silent:
        click.echo(f"{len(silent)} modules did not answer: what was found of them before stands")
    agree = f"{len(found)} counts, none contradicts the books"
    click.echo(f"{len(standing)} counts do not match" if standing else agree)
    sys.exit(1 if standing or silent else 0)


def _count(row: ModuleMatch) -> str:
    rest = "" if row.made == row.booked and not row.difference else f", not explained: {row.difference}"
    return f"{row.made} made, {row.booked} in the books{rest}"


@click.argument("day", type=click.DateTime(["%Y-%m-%d"]))
@click.argument("name")
@click.option("--reason", required=True, help="Why it may stay so; shown with the count.")
@click.option("--by", "actor", required=True, help="Who accepts it.")
def _accept(day: datetime, name: str, reason: str, actor: str) -> None:
    """Accept that the count of the module NAME does not match on a UTC DAY: it no longer warns, and is not changed."""
    from app.services import match

    if not reason.strip() or not actor.strip():
        raise click.UsageError("a reason and a name are needed")
    try:
        match.accept(name, day.date(), reason.strip(), actor.strip())
    except LookupError as error:
        raise click.ClickException(str(error)) from None


def _keyfile() -> AppGroup:
    files = AppGroup("keyfile", help="Files that bring vending keys into a software module.")

    @files.command("create", **_ALONE)
    @click.argument("file", type=_FILE)
    @click.option("--key", "specs", multiple=True, metavar="SGC/KRN[,...]", help=KEY_HELP)
    @click.option("--random", "chance", is_flag=True, help="New random keys; none is asked for.")
    @click.option("--demonstration", "demo", is_flag=True, help="Add the public test keys.")
    @click.option("--passphrase-file", type=_EXISTING, help="Else the pass phrase is asked for.")
    def create(
        file: Path, specs: tuple[str, ...], chance: bool, demo: bool, passphrase_file: Path | None
    ) -> None:
        """Write a key file; each key is typed in hexadecimal digits, unseen, or drawn at random."""
        held = [_key(spec, chance=chance) for spec in specs]
        held += demonstration.demonstration_keys() if demo else ()
        if file.exists():
            raise click.ClickException(f"{file} exists already")
        phrase = _passphrase(passphrase_file, confirm=True)
        with _refusals():
            text = keyfile.write(held, phrase, datetime.now(UTC))
        file.touch(mode=0o600)
        file.write_text(text + "\n", "ascii")
        _show(tuple(key.facts() for key in held))

    @files.command("inspect", **_ALONE)
    @click.argument("file", type=_EXISTING)
    def inspect(file: Path) -> None:
        """Say what a key file says of itself without its pass phrase."""
        with _refusals():
            said = keyfile.inspect(_text(file))
        for name in ("format", "version", "issued_at"):
            click.echo(f"{name}: {said[name]}")

    @files.command("check", **_ALONE)
    @click.argument("file", type=_EXISTING)
    @click.option("--folder", type=_FOLDER, default=None, help="Also whether this module would take it.")
    @click.option("--passphrase-file", type=_EXISTING, help="Else the pass phrase is asked for.")
    def check(file: Path, folder: Path | None, passphrase_file: Path | None) -> None:
        """Open a key file, name its keys, and say whether a module would take it."""
        from app.sts.prism import folder as places

        with _refusals():
            keyfile.inspect(_text(file))
            read = keyfile.read(
                _text(file), _passphrase(passphrase_file, confirm=False), datetime.now(UTC)
            )
            if folder is not None:
                keyfile.merge(places.open_keys(folder), read)
        click.echo(f"issued at: {read.issued_at.isoformat()}")
        _show(tuple(key.facts() for key in read.keys))

    return files


def _user() -> AppGroup:
    users = AppGroup("user", help="Who may call the module.")

    @users.command("add")
    @click.argument("name")
    @click.option("--permission", "permissions", multiple=True, required=True,
                  help="issue, engineering, verify, status or admin; repeat it for more.")  # fmt: skip
    @click.option("--folder", type=_FOLDER, default=None, help="MODULE_DIR by default.")
    def add(name: str, permissions: tuple[str, ...], folder: Path | None) -> None:
        """Add a user, or give the one of this name another password and permissions."""
        from app.sts.prism import folder as places

        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        with _refusals():
            places.add_user(folder or current_app.config["MODULE_DIR"], name, password, permissions)

    @users.command("remove")
    @click.argument("name")
    @click.option("--folder", type=_FOLDER, default=None, help="MODULE_DIR by default.")
    def remove(name: str, folder: Path | None) -> None:
        """Take a user out; a running server knows it within seconds."""
        from app.sts.prism import folder as places
        from app.sts.prism import users as people

        with _refusals():
            found = people.remove(
                Path(folder or current_app.config["MODULE_DIR"]) / places.USERS, name
            )
        if not found:
            raise click.ClickException(f"no user {name}")

    return users


@click.option("--serial", required=True, help="Counts once in a module.")
@click.option("--transactions", type=click.IntRange(1), required=True)
@click.option("--name", default="software", show_default=True, help="Of the module.")
@click.option("--folder", type=_FOLDER, default=None, help="MODULE_DIR by default.")
def _licence(serial: str, transactions: int, name: str, folder: Path | None) -> None:
    """Print a transaction licence for the module of a folder (see docs/module_server.md)."""
    from app.sts.prism import folder as places
    from app.sts.prism import licence

    key = Path(folder or current_app.config["MODULE_DIR"]) / places.LICENCE_KEY
    with _refusals():
        text = licence.write(key.read_text("ascii"), name, licence.Licence(serial, transactions))
        click.echo(text, nl=False)


def _key(spec: str, *, chance: bool) -> VendingKey:
    """One vending key as described on the command line; its material never stands there."""
    import secrets

    name, *rest = spec.split(",")
    said = dict(_DEFAULTS)
    for part in rest:
        field, _, value = part.partition("=")
        if field not in said:
            raise click.UsageError(f"{field!r} in --key {spec!r}: {KEY_HELP}")
        said[field] = value
    sgc, _, krn = name.partition("/")
    length = 8 if said["dkga"] in {"2", "02"} else 20
    material = secrets.token_bytes(length) if chance else _typed(name, length)
    try:
        return VendingKey(
            sgc, int(krn), int(said["kt"]), int(said["dkga"]), _BASE_DATES.get(said["bdt"], 0),
            int(said["ken"]), material, _day(said["from"]), _day(said["to"]),
            tuple(int(one) for one in said["ea"].split("+") if one),
        )  # fmt: skip
    except errors.StsError as error:
        raise click.UsageError(f"--key {spec!r}: {errors.sentence(error)}") from None
    except ValueError:
        raise click.UsageError(f"--key {spec!r}: {KEY_HELP}") from None


def _typed(name: str, length: int) -> bytes:
    text: str = click.prompt(f"Key {name}, {2 * length} hexadecimal digits", hide_input=True)
    try:
        material = bytes.fromhex(text)
    except ValueError:
        material = b""
    if len(material) != length:
        raise click.ClickException(f"key {name}: {2 * length} hexadecimal digits are needed")
    return material


def _day(text: str) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None


def _passphrase(file: Path | None, *, confirm: bool) -> str:
    if file is not None:
        with _refusals():
            return read_passphrase(file)
    phrase: str = click.prompt("Pass phrase", hide_input=True, confirmation_prompt=confirm)
    return phrase


def _text(file: Path) -> str:
    return file.read_bytes()[: 2 * keyfile.SIZE_MAX].decode("utf-8", "replace")


@contextmanager
def _refusals() -> Iterator[None]:
    """Print what a person can mend as one sentence."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from None


def _show(keys: tuple[KeyFacts, ...]) -> None:
    for key in keys:
        eas = "+".join(f"{ea:02d}" for ea in key.eas)
        begin = key.active_from.date().isoformat() if key.active_from else "-"
        end = key.active_to.date().isoformat() if key.active_to else "-"
        click.echo(
            f"{key.sgc}/{key.krn} KT {key.key_type} DKGA{key.dkga:02d} EA{eas} base date {key.base_date:02d} "
            f"KEN {key.ken} KCV {key.kcv} active {begin} to {end}"
        )
