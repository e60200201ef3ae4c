"""The shell: `flask --app run <command>`.  Each command parses, calls one service, prints."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext

from app import cli_licence, cli_module, cli_reports, cli_upkeep
from app.domain.errors import ModuleDown
from app.module_process import module_for_a_while


def register(app: Flask) -> None:
    """Add every command to the application."""
    own = (setup, _vend(), _ledger(), _sts(), _tariff(), _roles(), _demo(), cli_module.group(), cli_licence.group())
    tables = Db("db", help="Migrations of the tables.")
    reports = (cli_reports.report, cli_reports.schedules())
    for command in (*own, *reports, tables, cli_upkeep.audit(), cli_upkeep.backup, cli_upkeep.restore):
        app.cli.add_command(command)


class Db(click.Command):
    """Stands for Flask-Migrate's `flask db`, which is loaded by whoever calls it."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Let the command itself read what was typed; from here on it is the one that runs."""
        from flask_migrate.cli import db

        return db.make_context(info_name, args, parent, **extra)


@click.command("setup")
@with_appcontext
def setup() -> None:
    """Bring the installation up to date: tables, permissions, base data, translations."""
    from sqlalchemy.exc import OperationalError

    from app.models import NamesTwice
    from app.setup import NotForService, prepare_instance, run_setup

    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 (no other way)
    prepare_instance(app.config)
    try:
        done = run_setup(app)
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0]
        raise click.ClickException(f"the database cannot be used: {reason}") from None
    except (NotForService, NamesTwice) as fault:
        raise click.ClickException(str(fault)) from None
    for line in done:
        click.echo(line)


def _vend() -> AppGroup:
    group = AppGroup("vend", help="Sales that wait for their token.")

    @group.command("resolve")
    @click.option("--wait", type=int, default=None, help="Seconds a module may take to answer.")
    def resolve(wait: int | None) -> None:
        """Ask the modules what became of every reserved sale, and settle what they know."""
        from app.services.resolve import Patience, resolve_all

        config = current_app.config
        patience = Patience(
            timedelta(seconds=config["MODULE_WAIT_S"] if wait is None else wait),
            timedelta(hours=config["MODULE_MEMORY_H"]),
        )
        counts = resolve_all(current_app.extensions["modules"], patience)
        for status, count in sorted(counts.items()):
            click.echo(f"{status.value}: {count}")
        if not counts:
            click.echo("no sale waits")

    return group


def _ledger() -> AppGroup:
    group = AppGroup("ledger", help="The books.")

    @group.command("check")
    def check() -> None:
        """Recount balances, holds and daily sums from the facts; name every difference."""
        from app.services import book_checks

        found = book_checks.ledger("shell")
        for line in found:
            click.echo(line)
        click.echo("the books agree with the facts" if not found else f"{len(found)} differences")
        sys.exit(1 if found else 0)

    return group


def _sts() -> AppGroup:
    group = AppGroup("sts", help="The token engine.")

    @group.command("selftest", with_appcontext=False)
    @click.option("--kind", "kinds", multiple=True, help="KIND[:SUBCLASS[-SUBCLASS]]; all by default.")
    @click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
    def selftest(kinds: tuple[str, ...], files: tuple[Path, ...]) -> None:
        """Check the engine against files of test vectors."""
        from app.sts.selftest import run

        _report(*run(list(files), list(kinds)))

    return group


def _tariff() -> AppGroup:
    group = AppGroup("tariff", help="The tariff engine.")

    @group.command("check", with_appcontext=False)
    @click.option("--case", "cases", multiple=True, help="Only the case with this id.")
    @click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
    def check(cases: tuple[str, ...], files: tuple[Path, ...]) -> None:
        """Check the engine against files of tariff cases."""
        from app.domain.tariff_check import run

        _report(*run(list(files), list(cases)))

    return group


def _report(passed: int, failed: int, lines: list[str]) -> None:
    for line in lines:
        click.echo(line)
    click.echo(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


def _roles() -> AppGroup:
    group = AppGroup("roles", help="Permissions and roles.")

    @group.command("sync")
    def sync() -> None:
        """Give seeded roles the permissions that are new in this release."""
        from app.access import roles

        given = roles.seed(current_app.appbuilder.sm)  # type: ignore[attr-defined]
        click.echo(f"{given} permissions given")

    return group


def _demo() -> AppGroup:
    group = AppGroup("demo", help="The demonstration.")

    @group.command("load")
    @click.option("--small", is_flag=True, help="Twenty meters and a week of sales, in a few seconds.")
    def load(small: bool) -> None:
        """Fill an empty database with regions, meters, people and three months of real sales."""
        from app.demo import load_alone

        if not small:
            click.echo("Loading the demonstration if the database is empty: once, some twenty seconds ...")
        size = "small" if small else current_app.config["DEMO_SIZE"]
        try:
            with module_for_a_while(current_app.config):
                lines = load_alone(current_app.config, current_app.extensions["modules"], size=size)
        except ModuleDown as error:
            port = current_app.config["MODULE_PORT"]
            raise click.ClickException(
                f"the security module {error.params['name']} does not answer on port {port}, or is another "
                "installation's: MODULE_PORT=9444 names a free port; the next call goes on from here"
            ) from error
        except RuntimeError as error:
            raise click.ClickException(str(error)) from error
        click.echo("\n".join(lines))

    return group
