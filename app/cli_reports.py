"""The shell of reports: `flask report NAME --from --to --format json|csv|xlsx|pdf -o FILE` (docs/reports.md).

The same question, the same answer and the same files as in the browser; `--as` narrows it to what
that person sees, without it the shell sees everything.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext
from flask_babel import force_locale
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access import permissions as p
from app.access.current import scope_of
from app.access.scope import Scope
from app.extensions import db
from app.models import AppUser
from app.models.base import now
from app.reports import names
from app.reports.catalogue import BY_NAME, REPORTS
from app.reports.installation import installation
from app.reports.period import NAMES
from app.reports.question import Question, ask
from app.reports.report import LONG_ROWS_MAX, Asked, Report, TooMany
from app.views.report_words import cover, fault
from app.views.reports import text_of, write_file
from app.views.work_runs import may

FORMS = ("json", "csv", "xlsx", "pdf")


@click.command("report")
@click.argument("name", type=click.Choice([report.name for report in REPORTS]))
@click.option("--from", "first", default="", metavar="YYYY-MM-DD", help="The first business day.")
@click.option("--to", "last", default="", metavar="YYYY-MM-DD", help="The last business day, included.")
@click.option("--period", type=click.Choice(NAMES), default=None, help="In the place of from and to.")
@click.option("--group", default="", help="day, week, month, year, type, point, region ...; two with a comma.")
@click.option("--filter", "filters", multiple=True, metavar="NAME=VALUE", help="As in the address of the page.")
@click.option("--as", "user", default=None, metavar="USER", help="See what this person sees; everything by default.")
@click.option("--format", "form", type=click.Choice(FORMS), default="json", show_default=True)
@click.option("--language", default="en", show_default=True, help="Of headings and words.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), default=None, metavar="FILE",
              help="Where to; - or nothing is the screen, for json and csv.")  # fmt: skip
@with_appcontext
def report(
    name: str, first: str, last: str, period: str | None, group: str, filters: tuple[str, ...], user: str | None,
    form: str, language: str, output: Path | None,
) -> None:  # fmt: skip
    """Make the report NAME."""
    outer, _comma, inner = group.partition(",")
    given = {"from": first, "to": last, "period": period or "", "group": outer, "then": inner}
    for one in filters:
        key, mark, value = one.partition("=")
        if not mark:
            raise click.BadParameter(f"{one}: write NAME=VALUE", param_hint="--filter")
        given[key] = value
    if output is None and form in ("xlsx", "pdf"):
        raise click.UsageError(f"{form} needs a file: -o FILE")
    if output is not None and not output.parent.is_dir():
        raise click.BadParameter(f"there is no folder {output.parent}", param_hint="-o")
    if period and (first or last):
        raise click.UsageError("--period stands in the place of --from and --to: give one or the other")
    if language not in current_app.config["LANGUAGES"]:
        raise click.BadParameter(f"one of {', '.join(current_app.config['LANGUAGES'])}", param_hint="--language")
    with force_locale(language):
        _make(BY_NAME[name], given, *_seen_by(user, BY_NAME[name]), form, output)


def _seen_by(user: str | None, chosen: Report) -> tuple[Scope, str]:
    """Everything, or what a person sees who may open the report; and who makes the file.  Raises BadParameter."""
    if user is None:
        return Scope.everything(), "flask"
    found = select(AppUser).where(AppUser.username == user)
    person = db.session.execute(found, execution_options={"unscoped": True}).scalar_one_or_none()
    if person is None:
        raise click.BadParameter(f"nobody is called {user}", param_hint="--as")
    if not may(person, p.READ_REPORTS, chosen.permission):
        raise click.BadParameter(f"{user} may not open this report", param_hint="--as")
    return scope_of(person), person.person


def _make(chosen: Report, given: dict[str, str], scope: Scope, who: str, form: str, output: Path | None) -> None:
    session, house = db.session(), installation(db.session(), now())
    question, faults = ask(session, scope, chosen.choices, given, house)
    if faults:
        raise click.UsageError("; ".join(f"{one.field or 'filter'}: {fault(one)}" for one in faults))
    try:
        answer = chosen.whole(Asked(session, scope, house, question), LONG_ROWS_MAX[form])
    except TooMany as refusal:
        raise click.ClickException(
            f"too many rows: {form} takes {refusal.limit}; choose a shorter period or group more coarsely"
        ) from None
    front = cover(chosen, question, answer, house, _called(session, scope, question, given), who)
    try:
        if form in ("xlsx", "pdf"):
            assert output is not None  # noqa: S101  (asked before)
            write_file(output, form, answer, front, house)
        else:
            _write(text_of(form, answer, front, house), output)
    except OSError as error:
        raise click.ClickException(f"{output or 'the output'} cannot be written: {error.strerror or error}") from None


def _called(session: Session, scope: Scope, question: Question, given: dict[str, str]) -> dict[str, str]:
    """What the filters that are ids and codes are called, as the page has it."""
    words = {name: given[name] for name in question.picks.keys() & {"consumer", "meter"}}
    for name in question.picks.keys() & {"point", "operator", "tariff"}:
        known = {one.key: one.name for one in names.choices(session, scope, name) or ()}
        words[name] = known.get(given[name], given[name])
    return words


def _write(parts: Iterable[bytes], output: Path | None) -> None:
    if output is not None and str(output) != "-":
        with output.open("wb") as file:
            file.writelines(parts)
        return
    with suppress(BrokenPipeError):  # whoever reads has seen enough
        for part in parts:
            sys.stdout.buffer.write(part)
        sys.stdout.flush()


def schedules() -> AppGroup:
    """The commands of reports by e-mail."""
    group = AppGroup("schedules", help="Reports that are sent by e-mail.")

    @group.command("list")
    def listed() -> None:
        """Every schedule: whose, what, when next, and whether it is stopped or paused."""
        from app.services import report_schedules

        rows = report_schedules.schedules(db.session())
        for row in rows:
            owner = db.session.get_one(AppUser, row.owner_id)
            state = f"paused ({row.paused})" if row.paused else f"next {row.next_at:%Y-%m-%d %H:%M} UTC"
            told = (row.id, owner.username, row.question.report, row.question.name, row.form)
            click.echo("  ".join(map(str, (*told, state if row.active else "stopped"))))
        if not rows:
            click.echo("no report is sent by e-mail")

    @group.command("run")
    def run() -> None:
        """Send what is due now, as the worker does."""
        from app.views import report_mail

        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
        if not report_mail.post(app):
            raise click.ClickException("some letters could not be sent and are tried again; see Reports by e-mail")
        click.echo("nothing is due any more (`flask schedules list` names those that are paused)")

    return group
