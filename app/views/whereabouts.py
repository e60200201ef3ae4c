"""What became of it?  One box for any reference, and the answer in words: sold, waits, failed, reversed, never seen.

Every answer says what happened, what became of the money and what to do next; a foreign reference and one that
was never seen are the same words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import current_app, redirect, request, url_for
from flask_appbuilder import expose
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.access.current import current_scope
from app.access.fab import SafeBaseView, has_access
from app.domain.digits import ascii_digits
from app.domain.errors import OutOfScope
from app.domain.states import SaleStatus
from app.services import engineering
from app.services.whereabouts import LONGEST, MOST, SHORTEST, Became, what_became
from app.views import figures
from app.views.decisions import memory
from app.views.engineering_slip import act_id
from app.views.module_words import why


@dataclass(frozen=True, slots=True)
class Answer:
    """One sale in words: its state as a pill, the three sentences, and the ways on (label, address, main)."""

    became: Became
    pill: str
    tone: str
    happened: str
    money: str
    next: str
    ways: tuple[tuple[str, str], ...] = ()
    resolve: str | None = None


class WhereaboutsView(SafeBaseView):
    """The page that answers for every reference."""

    route_base = "/what-became"
    default_view = "ask"
    title = list_title = _l("What became of it?")
    method_permission_name = {"ask": "read"}

    @expose("/")
    @has_access
    def ask(self) -> Any:
        """The box, and what is known of what was typed."""
        typed = ascii_digits(" ".join(request.args.get("q", "").split()))[:LONGEST]
        found = what_became(typed, current_scope(), memory())
        if not found and (act := _act(typed)) is not None:
            return redirect(url_for("EngineeringView.act", record_id=act))
        return self.render_template(
            "counter/whereabouts.html",
            q=typed,
            answers=[answer(one) for one in found],
            many=len(found) == MOST,
            shortest=SHORTEST,
            may_sell=_may("can_read", "CounterView"),
        )


def _act(typed: str) -> int | None:
    """The act of the engineering desk whose number was typed (E000012), where it is one's own: its page tells the same."""
    number = act_id(typed)
    if number is None or not _may("can_read", "EngineeringView"):
        return None
    try:
        return engineering.record_of(number, current_scope()).id
    except OutOfScope:
        return None


def _may(action: str, page: str) -> bool:
    return bool(current_app.appbuilder.sm.has_access(action, page))  # type: ignore[attr-defined]


def answer(became: Became) -> Answer:
    """The words for one sale."""
    if became.undoes is not None:
        return _undoing(became)
    if became.status is SaleStatus.RESERVED:
        return _waits(became)
    if became.status is SaleStatus.FAILED:
        return _failed(became)
    return _reversed(became) if became.undone_by is not None else _sold(became)


def _money(became: Became) -> str:
    return figures.money_code(became.amount, became.decimals, became.currency)


def _receipt(sale_id: int, label: str) -> tuple[tuple[str, str], ...]:
    return ((label, url_for("ReceiptView.show", sale_id=sale_id)),) if _may("can_read", "ReceiptView") else ()


def _paper(sale_id: int) -> tuple[tuple[str, str], ...]:
    may = _may("can_print", "ReceiptView")
    return ((_("Print a copy"), url_for("ReceiptView.paper", sale_id=sale_id)),) if may else ()


def _sold(became: Became) -> Answer:
    gave = _("It was sold at %(at)s: %(units)s %(unit)s.", at=figures.lately(became.at),
             units=figures.units(became.units), unit=became.unit)  # fmt: skip
    if not became.units:
        gave = _("It was sold at %(at)s: it paid fees only, so there is no token.", at=figures.lately(became.at))
    return Answer(
        became, "issued", "ok", gave,
        _("%(money)s was taken, once.", money=_money(became)),
        _("Everything stands on its slip; print a copy for the customer who lost it."),
        _receipt(became.sale_id, _("Open the slip")) + _paper(became.sale_id),
    )  # fmt: skip


def _reversed(became: Became) -> Answer:
    return Answer(
        became, "reversed", "",
        _("It was sold at %(at)s and reversed at %(then)s.", at=figures.lately(became.at),
          then="–" if became.undone_at is None else figures.lately(became.undone_at)),
        _("%(money)s went back to the customer.", money=_money(became)),
        _("Nothing is left to do; a new purchase is a new sale."),
        _receipt(became.sale_id, _("Open the slip")) + _receipt(became.undone_by or 0, _("Open the reversal")),
    )  # fmt: skip


def _undoing(became: Became) -> Answer:
    return Answer(
        became, "reversed", "",
        _("It is the reversal of an earlier sale, made at %(at)s.", at=figures.lately(became.at)),
        _("%(money)s went back to the customer.", money=_money(became)),
        _("Nothing is left to do; a new purchase is a new sale."),
        _receipt(became.sale_id, _("Open the reversal")) + _receipt(became.undoes or 0, _("Open the sale it undid")),
    )  # fmt: skip


def _waits(became: Became) -> Answer:
    since = figures.lately(became.at)
    if became.module is None:
        happened = _("It waits since %(since)s to be booked; it pays fees only and needs no token.", since=since)
    else:
        happened = _("It waits since %(since)s for its token: the security module “%(module)s” has not answered.",
                     since=since, module=became.module)  # fmt: skip
    held = _("%(money)s is held for it and cannot be taken twice.", money=_money(became))
    ways = _receipt(became.sale_id, _("Open the pending slip"))
    if became.due:
        then = _("It has waited too long to be asked for again: two people decide whether the money goes back.")
        if _may("can_read", "DecisionView"):
            ways = ((_("See the decision"), url_for("DecisionView.show", sale_id=became.sale_id)), *ways)
        return Answer(became, "reserved", "warn", happened, held, then, ways)
    then = _("The program asks for it again by itself, at least every few minutes; its token then stands on the slip. Sell nothing for it meanwhile.")
    may = _may("can_resolve", "HomeView")
    resolve = url_for("HomeView.resolve", sale_id=became.sale_id) if may else None
    return Answer(became, "reserved", "warn", happened, held, then, ways, resolve)


def _failed(became: Became) -> Answer:
    at = figures.lately(became.at)
    if became.released:
        happened = _("It was begun at %(at)s and never got a token; two people released it.", at=at)
    else:
        happened = _("It was begun at %(at)s and failed: the security module refused to make a token. %(why)s", at=at,
                     why=why(became.failure or "")).strip()  # fmt: skip
    return Answer(
        became, "failed", "bad", happened,
        _("Nothing was booked: no money is taken for it."),
        _("Give the customer %(money)s back if you still hold it, or begin a new sale.", money=_money(became)),
        _receipt(became.sale_id, _("See what is known of it")),
    )  # fmt: skip
