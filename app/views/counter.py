"""The counter: find a meter, see every line of the sum, sell.

Looking changes nothing (GET).  Selling is one POST that carries what the customer was shown
and the purchase's reference, so that a second click is the same sale.  The reference stands in
the address as well: back, reload and a lost answer find the sale that it became, and only a
purchase begun anew gets another.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any, NamedTuple

from flask import current_app, redirect, request, session, url_for
from flask_appbuilder import expose

from app.access import permissions as p
from app.access.current import current_scope, signed_in
from app.access.fab import SafeBaseView, has_access
from app.access.permissions import Permission
from app.domain import errors
from app.domain.errors import Refusal
from app.domain.states import UNIT, MeterType
from app.extensions import db
from app.services import home
from app.services.habits import Served, served_last
from app.services.points import selling_points
from app.services.pricing import Sight
from app.services.search import MeterCard, card_of
from app.services.vending import Order, vend
from app.views.messages import at_the_till, sentence
from app.views.meter_lookup import (
    UNPROCESSABLE,
    clock_ahead,
    due_words,
    look_up,
    sight_of,
    status_of,
    whole_number,
)
from app.views.purchase import (
    REFERENCE,
    Circumstances,
    Purchase,
    at_field,
    price_typed,
    quick_values,
)
from app.views.typed import Typed, row_id, shown

SERVED = 5
CONFLICT = 409
# The order contradicts what is there: the page shows the new state, nothing is lost.
MOVED = (errors.PriceMoved, errors.ReferenceTaken, errors.SaleFailed, errors.SameSaleAgo)
# The reference is used up: the page that comes back has a new one.
SPENT = (errors.ReferenceTaken, errors.SaleFailed, errors.ModuleRefused, errors.BadReference)


class CounterView(SafeBaseView):
    """The pages of a purchase."""

    route_base = "/counter"
    default_view = "page"
    method_permission_name = {
        "page": "read", "search": "read", "meter": "read", "quote": "read", "sell": "sell",
    }  # fmt: skip

    @expose("/")
    @has_access
    def page(self) -> Any:
        """The search, and the meters found for `q`."""
        found = look_up(request.args.get("q", ""))
        return self.render_template("counter/page.html", served=_served(), **found), found["status"]

    @expose("/search")
    @has_access
    def search(self) -> Any:
        """The same cards as a part of the page, while somebody types."""
        found = look_up(request.args.get("q", ""))
        return self.render_template("counter/_cards.html", **found), found["status"]

    @expose("/meter/<meter_number>")
    @has_access
    def meter(self, meter_number: str) -> Any:
        """One purchase; with a value in the address, its sum."""
        typed = Typed.read(request.args, meter_number)
        try:
            sight = sight_of(typed.meter_number)
        except Refusal as refusal:
            return self._no_meter(typed, refusal)
        around = _around(sight)
        typed = typed.with_point(session.get("sells_for", "") or _only_point()).with_meter(sight.meter_number)
        if (why := sight.obstacle()) is not None:
            return self._stopped(around, typed, why), UNPROCESSABLE if typed.value else 200
        purchase = price_typed(typed, around)
        return self._page(purchase, UNPROCESSABLE if purchase.refused else 200)

    @expose("/quote")
    @has_access
    def quote(self) -> Any:
        """The parts of the page that follow what is typed."""
        typed = Typed.read(request.args)
        try:
            sight = sight_of(typed.meter_number)
        except Refusal as refusal:
            return at_the_till(refusal), status_of(refusal)
        purchase = price_typed(typed.with_meter(sight.meter_number), _around(sight))
        status = UNPROCESSABLE if purchase.refused else 200
        priced = Priced(sight.meter_number, sight.desk.meter.meter_type)
        return self.render_template("counter/_quote.html", card=priced, **_words(purchase)), status

    @expose("/sell", methods=["POST"])
    @has_access
    def sell(self) -> Any:
        """Sell what the page showed, once; then lead to the receipt."""
        typed = Typed.read(request.form)
        try:
            typed = typed.with_meter(whole_number(typed.meter_number))
        except Refusal as refusal:
            return self._no_meter(typed, refusal)
        try:
            order = _order(typed)
            sale_id = vend(order, current_scope(), current_app.extensions["modules"], ahead=clock_ahead())
        except Refusal as refusal:
            return self._refused(typed, refusal)
        if current_scope().vending_point_id is None:
            session["sells_for"] = typed.point
        return redirect(url_for("ReceiptView.show", sale_id=sale_id), 303)

    def _refused(self, typed: Typed, refusal: Refusal) -> Any:
        """The same page with everything typed, the sentence in its place, and the sum as it is now."""
        try:
            sight = sight_of(typed.meter_number)
        except Refusal as unknown:
            return self._no_meter(typed, unknown)
        around = _around(sight)
        if (why := sight.obstacle()) is not None:
            return self._stopped(around, typed, why), UNPROCESSABLE
        purchase = price_typed(typed, around)
        if not isinstance(refusal, errors.BadInput):  # what cannot be read stands at its field already
            purchase = purchase.refuse(at_field(refusal, around))
        if isinstance(refusal, SPENT):
            purchase = replace(purchase, sold=None, typed=replace(purchase.typed, reference=""))
        return self._page(purchase, CONFLICT if isinstance(refusal, MOVED) else UNPROCESSABLE)

    def _stopped(self, around: Circumstances, typed: Typed, why: Refusal) -> Any:
        """The meter and the reason why it may buy nothing; no field worth typing in."""
        card = card_of(around.sight)
        unsaid = isinstance(why, errors.KeyChangeUnconfirmed)
        return self.render_template(
            "counter/stopped.html",
            card=card,
            why=sentence(why, around.currency, around.unit, till=True),
            due_words=due_words,
            meter_page=_meter_page(card),
            confirm_key=unsaid and _may(p.CHANGE_KEYS),
            look_again=url_for("CounterView.meter", meter_number=card.meter_number, **typed.kept()),
        )

    def _page(self, purchase: Purchase, status: int) -> Any:
        card = card_of(purchase.around.sight)
        page = self.render_template(
            "counter/purchase.html",
            reference=_reference(purchase),
            points=_points(),
            quick=quick_values(purchase.around),
            card=card,
            due_words=due_words,
            meter_page=_meter_page(card),
            **_words(purchase),
        )
        return page, status

    def _no_meter(self, typed: Typed, refusal: Refusal) -> Any:
        page = self.render_template(
            "counter/page.html",
            q=typed.meter_number,
            cards=[],
            count="",
            served=_served(),
            refused=at_the_till(refusal),
            due_words=due_words,
        )
        return page, status_of(refusal)


def _may(permission: Permission) -> bool:
    return bool(current_app.appbuilder.sm.has_access(*permission))  # type: ignore[attr-defined]


def _meter_page(card: MeterCard) -> str | None:
    """The meter's own page with all it bought, for those who may read it."""
    return url_for("MeterView.show", pk=card.meter_id) if _may(p.READ_METERS) else None


class Priced(NamedTuple):
    """What the live parts of the page say of the meter itself."""

    meter_number: str
    meter_type: MeterType


def _words(purchase: Purchase) -> dict[str, Any]:
    """What the parts of the purchase page read."""
    around = purchase.around
    return {
        "purchase": purchase,
        "typed": purchase.typed,
        "currency": around.currency,
        "unit": around.unit,
    }


def _reference(purchase: Purchase) -> str:
    """The purchase's own reference, or a new one where it has none that can be used."""
    given = purchase.typed.reference
    return given if REFERENCE(given) else secrets.token_hex(16)


def _around(sight: Sight) -> Circumstances:
    return Circumstances(sight.desk.currency, UNIT[sight.desk.meter.meter_type], sight)


def _served() -> list[Served]:
    return served_last(db.session(), current_scope(), SERVED)


def _points() -> list[Any]:
    """Which vending points to choose from; none for somebody who has one."""
    scope = current_scope()
    return selling_points(scope) if scope.vending_point_id is None else []


def _only_point() -> str:
    """The vending point there is one of: nobody needs to choose it."""
    points = _points()
    return str(points[0].id) if len(points) == 1 else ""


def _order(typed: Typed) -> Order:
    """The order of the form.  Raises what is wrong with it."""
    scope, currency = current_scope(), home.currency()
    point = scope.vending_point_id or row_id(typed.point)
    if point is None:
        raise errors.NoVendingPoint
    return Order(
        reference=typed.reference,
        meter_number=typed.meter_number,
        vending_point_id=point,
        operator_id=scope.user_id or 0,
        operator_name=operator_name(),
        by_quantity=typed.by_quantity,
        value=typed.wish_value(currency),
        shown_amount=shown(request.form.get("shown_amount", "")),
        shown_units=shown(request.form.get("shown_units", "")),
        received=typed.received_minor(currency),
        only_fees_confirmed=typed.only_fees,
        again_after=row_id(typed.again) or 0,
    )


def operator_name() -> str:
    """Who sells, as the slip names them."""
    user = signed_in()
    return "" if user is None else user.person
