"""How the installation stands, for the home page: each thing with its state and when it was looked at last.

What needs a person stands above in `attention` and is left out here, so that nothing is said twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from app.access import permissions as p
from app.domain.licence import COMMUNITY, Standing, State
from app.extensions import db
from app.models import BookCheck
from app.models.base import now
from app.services import book_checks, health
from app.services.inactive import Inactive
from app.services.mail import way
from app.services.module_keys import KeyEnd
from app.views import figures
from app.views.attention import inactive_url, may
from app.views.day_chart import report


@dataclass(frozen=True, slots=True)
class Stands:
    """One thing: its name, what is known, a pill (kind, word) and where it is looked at."""

    about: str
    name: str
    note: str
    pill: str
    word: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """What the home page has read: keys in use, the newest checks, the licence, health, counts (each None: not theirs)."""

    keys: list[tuple[Any, KeyEnd]] | None
    checks: dict[str, BookCheck] | None
    licence: Standing | None
    health: health.Facts
    inactive: Inactive | None
    copies: int | None


def rows(read: Read, said: set[str]) -> list[Stands]:
    """What this person may know, without what was said above."""
    found = [*_checks(read), *_modules(), *_keys(read), *_licence(read), *_house(read), *_consumers(read)]
    return [one for one in found if one.about not in said]


def _checks(read: Read) -> Iterator[Stands]:
    if read.checks is None:
        return
    url = url_for("BookCheckView.page")
    words = {
        book_checks.LEDGER: (_("Books"), _("They agree"), _("recounted %(time)s")),
        book_checks.AUDIT: (_("Log of changes"), _("Whole"), _("followed %(time)s")),
        book_checks.MATCH: (_("Counts of the modules"), _("They match"), _("matched %(time)s")),
    }
    for kind, (name, agrees, note) in words.items():
        check = read.checks.get(kind)
        if check is None:
            yield Stands(kind, name, _("The worker looks every day."), "none", _("Never looked at"), url)
        else:
            yield Stands(kind, name, note % {"time": figures.lately(check.finished_at)}, "ok", agrees, url)


def _modules() -> Iterator[Stands]:
    if not may(p.READ_MODULES):
        return
    active = health.active_modules(db.session())
    if active:
        note = ngettext("%(num)d in use", "%(num)d in use", active)
        yield Stands("module", _("Security modules"), note, "ok", _("Ready"), url_for("SecurityModuleView.list"))
    else:
        yield Stands("module", _("Security modules"), _("none in use"), "missing", _("Missing"), url_for("SecurityModuleView.list"))


def _keys(read: Read) -> Iterator[Stands]:
    if not read.keys:
        return
    ends = sorted(end.at for _key, end in read.keys)
    note = ngettext("%(num)d in use", "%(num)d in use", len(ends)) + " · " + _("the first ends %(date)s", date=figures.date_of(ends[0].date()))
    soon = any(end.state(now()) != "good" for _key, end in read.keys)
    yield Stands("key", _("Vending keys"), note, "warn" if soon else "ok", _("Ends soon") if soon else _("Good"))


def _licence(read: Read) -> Iterator[Stands]:
    standing = read.licence
    if standing is None:
        return
    until = standing.terms.valid_until
    holder = _("Community licence") if standing.terms is COMMUNITY else standing.terms.holder
    note = holder + " · " + (_("without an end") if until is None else _("until %(date)s", date=figures.date_of(until)))
    fine = standing.state is State.VALID and standing.proven
    soon = standing.ends_soon or standing.few_left
    pill, word = ("warn", _("Ends soon")) if fine and soon else ("ok", _("Valid")) if fine else ("bad", _("Limits"))
    yield Stands("licence", _("Licence"), note, pill, word, url_for("LicenceView.details"))


def _house(read: Read) -> Iterator[Stands]:
    if not may(p.CHANGE_SETTINGS):
        return
    told = read.health
    if told.worker_seen_at is not None:
        yield Stands("worker", _("Background worker"), _("last sign of life %(time)s", time=figures.lately(told.worker_seen_at)), "ok", _("At work"))
    if told.backup_made_at is not None:
        yield Stands("backup", _("Last backup"), figures.lately(told.backup_made_at), "ok", _("Good"))
    url = url_for("OutboxView.page") if may(p.OPEN_OUTBOX) else None
    server = way().server
    if server:
        yield Stands("mail", _("Mail"), _("sent through %(server)s", server=server), "ok", _("Server"), url)
    else:
        yield Stands("mail", _("Mail"), _("every message is kept as a file"), "none", _("Outbox"), url)


def _consumers(read: Read) -> Iterator[Stands]:
    """What people do: who bought nothing lately, how many slips were printed again today."""
    found = read.inactive
    if found is not None:
        note = _("%(some)s of %(all)s bought nothing in thirty days", some=figures.number(found.now, 0), all=figures.number(found.consumers, 0))
        if found.before is not None:
            note += " · " + _("%(some)s a week before", some=figures.number(found.before, 0))
        yield Stands("inactive", _("Inactive consumers"), note, "ok", _("As usual"), inactive_url(found))
    if read.copies is not None:
        pill = "reversal" if read.copies else "ok"
        yield Stands("copies", _("Copies of slips"), _("printed again today"), pill, figures.number(read.copies, 0), report("copies"))
