"""What else happened in the large demonstration: engineering acts and reversals, through the real services.

Each has its moment among the sales, because a meter's tokens and the clock go forward only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from app import demo_data as data
from app.access.current import scope_of
from app.access.scope import Scope
from app.domain.engineering import ALL_REGISTERS, KEY_CHANGE, METER_TEST
from app.domain.states import SaleKind, SaleStatus
from app.extensions import db
from app.models import AppUser, Meter, Sale, VendingPoint
from app.services import engineering, key_changes, reversals
from app.services.engineering_request import Wanted
from app.services.key_changes import Outcome
from app.services.security_module import Modules
from app.sts.meter_number import check_digit

NEW_KEY = ("201457", 2, 1)
MORNING_UTC = 6  # nine o'clock in Nairobi


@dataclass(frozen=True)
class Desk:
    """The people of the demonstration at work; `clock` is the moment that an act is given."""

    modules: Modules
    clock: Callable[[], datetime]

    def makes(self, who: str, function: str, meter: str | None, reason: str, **more: Any) -> int:
        """One act at the person's own vending point, a manager's at the market shop; the id of its record."""
        user, scope = _person(who)
        market = select(VendingPoint.id).where(VendingPoint.code == "MKT")
        point = user.vending_point_id or db.session.execute(market).scalar_one()
        wanted = Wanted(
            reference=f"demonstration-{function[:20]}-{self.clock():%y%m%d%H%M}", function=function,
            vending_point_id=point, operator_id=user.id, reason=reason,
            meter_number=meter and meter + check_digit(meter), operator_name=user.person, **more,
        )  # fmt: skip
        return engineering.make(wanted, scope, self.modules, self.clock)

    def approves(self, who: str, record_id: int) -> None:
        """The second person agrees."""
        engineering.approve(record_id, _person(who)[1], self.modules, self.clock)

    def reverses(self, who: str, second: str, reason: str) -> None:
        """The last sale of a seller is undone by two people."""
        user, scope = _person(who)
        last = (
            select(Sale.id)
            .where(Sale.operator_id == user.id, Sale.kind == SaleKind.SALE, Sale.status == SaleStatus.ISSUED)
            .order_by(Sale.id.desc())
            .limit(1)
        )
        sale_id = db.session.execute(last, execution_options={"unscoped": True}).scalar_one_or_none()
        if sale_id is None:
            return
        reversals.propose(sale_id, reason, scope, self.clock, not_handed_over=True)
        [request] = [one for one in reversals.requests_on(sale_id) if one.status == reversals.PROPOSED]
        reversals.approve(sale_id, request.id, _person(second)[1], self.clock)


def _person(username: str) -> tuple[AppUser, Scope]:
    user = db.session.execute(select(AppUser).where(AppUser.username == username)).scalar_one()
    return user, scope_of(user)


def _took(body: str) -> None:
    meter = db.session.execute(
        select(Meter).where(Meter.meter_number == body + check_digit(body)), execution_options={"unscoped": True}
    ).scalar_one()
    key_changes.confirm(meter.id, Outcome.TAKEN, str(key_changes.under_way(meter)), _person("chidi")[1])


def _new_key(desk: Desk) -> None:
    desk.makes("chidi", KEY_CHANGE, "0100000012", "Key revision 2 for the rice scheme", target=NEW_KEY)


def _cleared(desk: Desk) -> None:
    proposal = desk.makes(
        "chidi", "clear_credit", "0100000013", "Moved out; balance paid back from the till", value=ALL_REGISTERS
    )
    desk.approves("efua", proposal)


def _opened(desk: Desk) -> None:
    proposal = desk.makes("chidi", "clear_tamper_condition", "0100000015", "Cover opened by our own fitter")
    desk.approves("efua", proposal)


# What happened, by the share of the days that were over by then.
HAPPENED: tuple[tuple[int, Callable[[Desk], object]], ...] = (
    (55, lambda desk: desk.makes("amara", METER_TEST, None, "Display seen, at installation", tests=(1,), maker="01")),
    (60, _new_key),
    (61, lambda _desk: _took("0100000012")),
    (70, lambda desk: desk.reverses("amara", "chidi", "Printer out of paper; the customer left without the token")),
    (78, _cleared),
    (84, lambda desk: desk.makes("chidi", "maximum_power_limit", "0100000016", "Contract for 9 kW", value=9_000)),
    (88, _opened),
    (92, lambda desk: desk.makes("fatou", METER_TEST, None, "Does the load switch work?", tests=(0,), maker="01")),
    (94, lambda desk: desk.reverses("bento", "hana", "The neighbour's meter; the slip was torn up at once")),
    (97, lambda desk: desk.makes(
        "chidi", KEY_CHANGE, "010000000011", "Key revision 2 for Nyalenda", target=NEW_KEY)),
    (99, lambda desk: desk.makes("chidi", "clear_tamper_condition", "0100000017", "Seal found cut at the reading")),
)  # fmt: skip


def moments(
    scene: data.Scene, modules: Modules, today: datetime, days: int
) -> list[tuple[datetime, Callable[[], object]]]:
    """What else happened in these days, each with its moment, in order; nothing in the small demonstration."""
    if not days or not scene.acts:
        return []
    planned = sorted(((_at(share, today, days), share, what) for share, what in HAPPENED), key=lambda one: one[:2])
    return [(at, lambda at=at, what=what: what(Desk(modules, lambda: at))) for at, _share, what in planned]  # type: ignore[misc]


def _at(share: int, today: datetime, days: int) -> datetime:
    """An hour of the working day on which this share of the days was over; never after today's."""
    at = today - timedelta(days=days) * (100 - share) / 100
    return min(at.replace(hour=MORNING_UTC + share % 7, minute=share % 60), today - timedelta(minutes=100 - share))
