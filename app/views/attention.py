"""What needs a person, for the home page: each thing once, the most urgent first, with what to do and where.

What stops selling stands above what holds money, that above what makes books doubtful, that above what looks
odd or ends soon, and keeping house last.  Nothing is dismissed: it goes when it is mended.  What two people decide
is a reader's task only while they may be the second one; else it stands apart, for somebody else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any

from flask import current_app, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from app.access import permissions as p
from app.access.permissions import Permission
from app.access.scope import Scope
from app.domain.errors import Refusal
from app.domain.licence import Standing
from app.models import Sale
from app.models.base import now
from app.services import book_checks, decisions, engineering_lists, health, home, reversals
from app.services.clock import clock_doubt
from app.services.inactive import Inactive
from app.services.module_keys import KeyEnd
from app.views import figures, licence
from app.views.decisions import memory
from app.views.four_eyes import one_hand
from app.views.messages import sentence
from app.views.module_words import KEY_ENDS, why


class Urgency(IntEnum):
    """What comes first; the order within one kind is that of its service."""

    NOTHING_SELLS = 0
    MONEY_IS_HELD = 1
    BOOKS_IN_DOUBT = 2
    SOMEBODY_WAITS = 3
    LOOKS_ODD = 4
    ENDS_SOON = 5
    KEEPING_HOUSE = 6


@dataclass(frozen=True, slots=True)
class Act:
    """A way on: a link, or a form with one button (`post`)."""

    label: str
    url: str
    post: bool = False
    primary: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that needs a person; `about` is a word for what it is, so that nothing else on the page says it again.

    `others`: it waits for somebody else than the reader.
    """

    urgency: Urgency
    about: str
    icon: str
    title: str
    text: str
    acts: tuple[Act, ...] = ()
    bad: bool = False
    others: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """What the home page has read already: the keys that end, what the checks found, the licence (None: not theirs)."""

    scope: Scope
    ending: list[tuple[Any, KeyEnd]]
    checks: list[book_checks.Due]
    licence: Standing | None
    health: health.Facts
    inactive: Inactive | None


def may(permission: Permission) -> bool:
    """Whether the person of this request has a permission."""
    return bool(current_app.appbuilder.sm.has_access(permission.action, permission.page))  # type: ignore[attr-defined]


def items(known: Known) -> list[Item]:
    """Everything that needs this person, the most urgent first."""
    found = [
        *_modules(known.health), *_clock(), *_waiting(known.scope), *_keys(known.ending), *_licence(known.licence),
        *_asked(known.scope), *_inactive(known.inactive), *_checks(known.checks), *_house(known.health),
    ]  # fmt: skip
    return sorted(found, key=lambda item: (item.urgency, not item.bad))


def _told(*sentences: str) -> str:
    """One sentence after the other."""
    return " ".join(sentence for sentence in sentences if sentence)


def _modules(found: health.Facts) -> Iterator[Item]:
    if not (may(p.READ_MODULES) or may(p.OPEN_COUNTER)):
        return
    for down in found.down:
        open_it = (Act(_("Open the module"), url_for("SecurityModuleView.show", module_id=down.module_id)),)
        yield Item(
            Urgency.NOTHING_SELLS, "module", "fa-plug-circle-xmark",
            _("The security module “%(name)s” is down since %(time)s.", name=down.name, time=figures.moment(down.since)),
            _told(why(down.failure), _("Sales through it wait or are refused; no money is lost.")),
            open_it if may(p.READ_MODULES) else (), bad=True,
        )  # fmt: skip


def _clock() -> Iterator[Item]:
    doubt: Refusal | None = clock_doubt(ahead=timedelta(days=current_app.config["CLOCK_AHEAD_DAYS"]))
    if doubt is None:
        return
    confirm = Act(_("Confirm that %(time)s is right", time=figures.moment(now())), url_for("HomeView.confirm_clock"), post=True)
    yield Item(
        Urgency.NOTHING_SELLS, "clock", "fa-clock", _("The clock is in doubt."), sentence(doubt),
        (confirm,) if may(p.CONFIRM_CLOCK) else (),
    )  # fmt: skip


def _waiting(scope: Scope) -> Iterator[Item]:
    if not may(p.READ_RECEIPTS):
        return
    waiting, more = home.waiting_sales(scope)
    if not waiting:
        return
    lost = decisions.overdue(waiting, memory())
    proposals = decisions.proposed(lost) if lost else {}
    apart = one_hand(set(proposals.values())) if may(p.APPROVE_DECISIONS) else {}
    for sale in sorted(waiting, key=lambda sale: sale.id not in lost):
        proposed_by = proposals.get(sale.id, 0)
        yield _lost(sale, scope, proposed_by, apart.get(proposed_by)) if sale.id in lost else _fresh(sale)
    if more:
        told = {"report": "sales-records", "status": "reserved", "from": waiting[0].business_date.isoformat()}
        acts = (Act(_("See them all"), url_for("ReportView.show", **told)),) if may(p.READ_REPORTS) and may(p.READ_SALE_RECORDS) else ()
        yield Item(
            Urgency.MONEY_IS_HELD, "waiting", "fa-hourglass-half",
            ngettext("%(num)d more sale waits for its token.", "%(num)d more sales wait for their tokens.", more),
            _("The oldest stand above."), acts,
        )  # fmt: skip


def _fresh(sale: Sale) -> Item:
    """A sale whose module may still answer."""
    acts = [_pending_slip(sale)]
    if may(p.RESOLVE_SALES):
        acts.append(_resolving(sale, primary=True))
    text = _("The money is held and cannot be taken twice.")
    return Item(Urgency.MONEY_IS_HELD, "waiting", "fa-hourglass-half", _("A sale waits for its token."), _sale(sale, text), tuple(acts))


def _lost(sale: Sale, scope: Scope, proposed_by: int, until: datetime | None) -> Item:
    """A sale that two people decide; `until` the reader counts as one person with who proposed."""
    mine, sees = proposed_by == scope.user_id, may(p.READ_DECISIONS)
    if not proposed_by:
        text, decides = _("The money is held. Two people decide what becomes of it."), may(p.PROPOSE_DECISIONS)
    elif mine:
        text, decides = _("You proposed what becomes of it; another person has to approve."), False
    else:
        text, decides = _("Somebody proposed what becomes of it; it waits for approval."), may(p.APPROVE_DECISIONS) and until is None
    if until is not None:
        text = _told(text, _somebody_else(until))
    resolves = may(p.RESOLVE_SALES)
    others = sees and not decides and bool(proposed_by or not resolves)
    acts = [_pending_slip(sale)]
    if resolves:
        acts.append(_resolving(sale, primary=not (others or (sees and decides))))
    if sees:
        acts.append(Act(_("Decide") if decides else _("Look at it"), url_for("DecisionView.show", sale_id=sale.id), primary=decides))
    return Item(
        Urgency.MONEY_IS_HELD, "waiting", "fa-scale-balanced", _("A sale waits too long for its token."), _sale(sale, text), tuple(acts), others=others,
    )  # fmt: skip


def _sale(sale: Sale, text: str) -> str:
    money = figures.money_code(sale.amount, sale.currency_decimals, sale.currency)
    parts = [figures.own(sale.consumer.name)] if sale.consumer else []
    parts += [money, _("taken %(time)s", time=figures.moment(sale.reserved_at))]
    return figures.sentences(_("%(name)s.", name=figures.comma().join(parts)), text)


def _pending_slip(sale: Sale) -> Act:
    return Act(_("Print pending slip"), url_for("ReceiptView.paper", sale_id=sale.id))


def _resolving(sale: Sale, *, primary: bool) -> Act:
    return Act(_("Resolve"), url_for("HomeView.resolve", sale_id=sale.id), post=True, primary=primary)


def _keys(ending: list[tuple[Any, KeyEnd]]) -> Iterator[Item]:
    at = now()
    for key, end in ending[:5]:
        over = end.state(at) == "over"
        last = _("Last token %(date)s: %(why)s.", date=figures.date_of(end.at.date()), why=KEY_ENDS[end.why])
        then = _("Its meters need a key change.") if over else _("Its meters need a key change before that.")
        open_it = (Act(_("Open the module"), url_for("SecurityModuleView.show", module_id=key.module_id)),)
        yield Item(
            Urgency.NOTHING_SELLS if over else Urgency.ENDS_SOON, "key", "fa-key",
            _("Key %(sgc)s, revision %(krn)d makes no more tokens.", sgc=key.sgc, krn=key.krn) if over
            else _("Key %(sgc)s, revision %(krn)d ends soon.", sgc=key.sgc, krn=key.krn),
            _told(last, then), open_it if may(p.READ_MODULES) else (), bad=over,
        )  # fmt: skip


def _licence(standing: Standing | None) -> Iterator[Item]:
    if standing is None or not may(p.LOAD_LICENCE):
        return
    for told in licence.warnings(standing):
        bad = told.tone == "bad"
        act = Act(_("Open the licence"), url_for("LicenceView.details"))
        yield Item(
            Urgency.NOTHING_SELLS if bad else Urgency.ENDS_SOON, "licence", "fa-certificate", told.title, told.text, (act,), bad
        )


def _asked(scope: Scope) -> Iterator[Item]:
    """What other people have asked for: of the reader, or of somebody else where the two count as one person."""
    asking = reversals.asking(scope) if may(p.APPROVE_REVERSALS) else []
    acts = engineering_lists.waiting_for(scope) if may(p.APPROVE_ACTS) else {}
    apart = one_hand({one.person for one in asking} | acts.keys())
    yield from _reversals(scope, [one for one in asking if one.person not in apart])
    for one in asking:
        if one.person in apart:
            yield Item(
                Urgency.SOMEBODY_WAITS, "reversal", "fa-rotate-left",
                ngettext("%(name)s asks for %(num)d reversal.", "%(name)s asks for %(num)d reversals.", one.requests, name=one.name),
                _somebody_else(apart[one.person]), (_look(one.sale_id, _("Look at it") if one.requests == 1 else _("Look at the oldest")),), others=True,
            )  # fmt: skip
    for others in (False, True):
        waiting = sum(count for person, count in acts.items() if (person in apart) is others)
        if not waiting:
            continue
        title = ngettext("An engineering act waits for a second person.", "%(num)d engineering acts wait for a second person.", waiting)
        text = _somebody_else(max(apart[person] for person in acts.keys() & apart.keys())) if others else ""
        act = Act(_("Open the engineering desk"), url_for("EngineeringView.desk"))
        yield Item(Urgency.SOMEBODY_WAITS, "act", "fa-user-pen", title, text, (act,), others=others)


def _reversals(scope: Scope, asking: list[reversals.Asking]) -> Iterator[Item]:
    """The oldest reversals that the reader may approve, and how many there are besides these."""
    shown = reversals.waiting(scope, [one.person for one in asking]) if asking else []
    for one in shown:
        said = figures.bracketed(figures.own(one.reason), figures.moment(one.proposed_at))
        title = _("%(name)s asks to reverse a sale.", name=one.proposer)
        yield Item(Urgency.SOMEBODY_WAITS, "reversal", "fa-rotate-left", title, said, (_look(one.sale_id, _("Look at it")),))
    more = sum(one.requests for one in asking) - len(shown)
    if more > 0:
        title = ngettext("%(num)d more reversal waits for a second person.", "%(num)d more reversals wait for a second person.", more)
        yield Item(Urgency.SOMEBODY_WAITS, "reversal", "fa-rotate-left", title, _("The oldest stand above."))


def _look(sale_id: int, label: str) -> Act:
    return Act(label, url_for("ReversalView.show", sale_id=sale_id))


def _somebody_else(until: datetime) -> str:
    """That a second person is needed who is not the reader, in few words; the page itself says why."""
    return _("Somebody else has to approve; you can from %(time)s on.", time=figures.moment(until))


def inactive_url(found: Inactive) -> str:
    """The report of those consumers."""
    days = {"from": found.first.isoformat(), "to": found.last.isoformat()}
    return url_for("ReportView.show", report="inactive-consumers", period="days", show="none", **days)


def _inactive(found: Inactive | None) -> Iterator[Item]:
    if found is None or not found.jumped:
        return
    title = ngettext(
        "%(num)d consumer bought nothing in thirty days, %(before)s a week before.",
        "%(num)d consumers bought nothing in thirty days, %(before)s a week before.", found.now, before=figures.number(found.before or 0, 0),
    )  # fmt: skip
    text = _("Look whether they share a place, a vending point or a kind of meter.")
    yield Item(Urgency.LOOKS_ODD, "inactive", "fa-user-clock", title, text, (Act(_("See who they are"), inactive_url(found)),))


def _checks(due: list[book_checks.Due]) -> Iterator[Item]:
    wrong = {
        book_checks.LEDGER: _("The books do not agree with the sales."),
        book_checks.AUDIT: _("The log of changes is not whole."),
        book_checks.MATCH: _("A module counts other tokens than the books."),
    }
    old = {
        book_checks.LEDGER: _("The books were not recounted for days."),
        book_checks.AUDIT: _("The log of changes was not followed for days."),
        book_checks.MATCH: _("The counts of the modules were not matched for days."),
    }
    for check in due:
        bad = check.why == "wrong"
        if bad:
            text = ngettext(
                "%(num)d difference, found %(time)s.", "%(num)d differences, found %(time)s.", check.wrong,
                time=figures.moment(check.at) if check.at else "",
            )  # fmt: skip
        else:
            text = _("The last time was %(time)s.", time=figures.moment(check.at)) if check.at else _("It was never done.")
        yield Item(
            Urgency.BOOKS_IN_DOUBT if bad else Urgency.KEEPING_HOUSE, check.kind, "fa-scale-unbalanced",
            (wrong if bad else old)[check.kind], text, (Act(_("Open the checks"), url_for("BookCheckView.page")),), bad,
        )  # fmt: skip


def _house(found: health.Facts) -> Iterator[Item]:
    """What whoever runs the installation looks after."""
    if not may(p.CHANGE_SETTINGS):
        return
    if found.worker_silent:
        seen = _("Its last sign of life was %(time)s.", time=figures.moment(found.worker_seen_at)) if found.worker_seen_at else _("It has never run.")
        todo = _("Until it runs again, modules are not watched and waiting sales are not resolved by themselves. Start the program with run.py.")
        yield Item(Urgency.SOMEBODY_WAITS, "worker", "fa-gears", _("The background worker is silent."), _told(seen, todo))
    if found.unsealed:
        told = ngettext("%(num)d entry waits for longer than it should.", "%(num)d entries wait for longer than they should.", found.unsealed)
        yield Item(
            Urgency.KEEPING_HOUSE, "seal", "fa-link-slash", _("The audit log is not sealed."),
            _told(told, _("Look at the worker, or run “flask audit seal”.")),
        )  # fmt: skip
    if found.backup_old:
        made = found.backup_made_at
        said = _("It was made %(time)s.", time=figures.moment(made)) if made else ""
        yield Item(
            Urgency.KEEPING_HOUSE, "backup", "fa-box-archive", _("The last backup is old.") if made else _("No backup was ever made."),
            _told(said, _("Make one with “flask backup”.")),
        )  # fmt: skip
