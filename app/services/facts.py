"""What a meter's past means for its next purchase.

The one place where facts are read unscoped: units this month, fees charged, money spent
today, and whether the same was sold minutes ago.  It returns sums and never rows, so a seller
learns nothing of a foreign sale but its moment and amount; and a meter sold at one point is on
its second step at the next.  Read after the meter's lock, in new statements.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Date, Select, bindparam, case, func, literal, or_, select, true
from sqlalchemy.orm import Session

from app.access.scope import Scope, criterion
from app.domain.calendar import (
    business_date,
    days_in_month,
    month_start,
    next_month,
    next_period,
    period_index,
    periods_due,
    step_period_start,
)
from app.domain.plan import Debt, Fee, FeeState, History, Plan
from app.domain.quote import Quote
from app.domain.states import ChargeMethod, SaleKind, SaleStatus, StepPeriod
from app.models import Sale, SaleFee
from app.models.base import UTCDateTime
from app.services import debts
from app.services.desk import Desk
from app.services.plans import adds_up_since, exact, fees_since
from app.services.several import one_of, rows_of

STANDING = (SaleStatus.RESERVED, SaleStatus.ISSUED)
STANDS = [literal(state, Sale.status.type) for state in STANDING]  # parameters: a list is written anew at each run
# For so long a second sale of the same to the same meter is taken for a mistake until somebody says no.
SAME_SALE = timedelta(minutes=15)
A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Facts:
    """The history that prices need, and the money the meter has cost today (minor units).

    `newest_sale` is when it bought last, if that was today or yesterday; `past` is what they were read from.
    """

    history: History
    spent_today: int
    newest_sale: datetime | None = None
    past: Past | None = None


@dataclass(frozen=True, slots=True)
class SameSale:
    """An earlier sale that looks like the one wanted: when, and its minor units.

    `own` says whether the person may open its receipt; of a foreign one nothing more is told.
    """

    sale_id: int
    at: datetime
    amount: int
    own: bool


class Charged(NamedTuple):
    """What the standing sales of one fee period took: periods ending with that of `through`, and money."""

    code: str
    method: ChargeMethod
    through: date
    periods: int
    assessed: Decimal
    taken: Decimal
    paid_on: date | None


class Past(NamedTuple):
    """What the database said of a meter on a `day`: units since a day, money of the day, its newest sale, its fees."""

    day: date
    since: date
    units: int
    spent: int
    newest_sale: datetime | None
    charged: list[Charged]

    def on(self, day: date, since: date) -> Past | None:
        """The same past as it will be on a later day, should nothing be bought until then; None: read anew."""
        if (day, since) == (self.day, self.since):
            return self
        told = day > self.day and (since == self.since or since > self.day)
        return Past(day, since, self.units if since == self.since else 0, 0, None, self.charged) if told else None


def purchase_facts(
    session: Session, desk: Desk, plan: Plan, before_sale: int | None = None, known: Past | None = None
) -> Facts:
    """Sums over the meter's standing sales everywhere; reserved ones count, reversed ones do not.

    `before_sale` looks back: only sales with a smaller id count, no debt, and the plan counts as
    one that the meter was on that day.  What is `known` of the past is not read again, where it will do.
    """
    since = step_period_start(desk.today, plan.step_period)
    past = known.on(desk.today, since) if known is not None else None
    past = past or _past(session, desk, since, before_sale)
    history = History(
        units_before=0 if plan.step_period is StepPeriod.PURCHASE else past.units,
        fees=_fees(session, desk, plan, past.charged, before_sale is not None),
        days_in_month=days_in_month(desk.today),
        lifeline_months=_lifeline_months(session, desk, plan) if plan.lifeline_adds_up else 1,
        debt=_debt(session, desk, plan) if before_sale is None else None,
    )
    return Facts(history, past.spent, past.newest_sale, past)


def _past(session: Session, desk: Desk, since: date, before_sale: int | None) -> Past:
    given = {"meter_id": desk.meter.id, "since": since, "today": desk.today, "yesterday": desk.today - A_DAY}
    given |= {} if before_sale is None else {"before_sale": before_sale}
    rows = session.execute(_statement(before_sale is not None), given, execution_options={"unscoped": True}).all()
    charged = [Charged(*row[3:]) for row in rows if row[3] is not None]
    return Past(desk.today, since, int(rows[0][0]), int(rows[0][1]), rows[0][2], charged)


def same_sale(session: Session, desk: Desk, wanted: Quote, instant: datetime, scope: Scope) -> SameSale | None:
    """The newest standing sale of the same amount or quantity to this meter, wherever it was made.

    Of the last SAME_SALE only; read unscoped, because the customer may have run to the shop next door.
    """
    row = session.execute(
        _same().add_columns(criterion(Sale, scope).label("own")),
        {
            "meter_id": desk.meter.id,
            "yesterday": desk.today - A_DAY,
            "after": instant - SAME_SALE,
            "amount": wanted.amount_minor,
            # No units are the same as any: a sale of fees only is told by its money.
            "units": wanted.token_units or None,
        },
        execution_options={"unscoped": True},
    ).one_or_none()
    return None if row is None else SameSale(row.id, row.reserved_at, row.amount, bool(row.own))


@cache
def _same() -> Select[Any]:
    """The newest standing sale of an amount or of a quantity; built once, as `_statement` is."""
    return (
        select(Sale.id, Sale.reserved_at, Sale.amount)
        .where(
            Sale.meter_id == bindparam("meter_id"),
            Sale.business_date >= bindparam("yesterday", type_=Date),
            Sale.reserved_at > bindparam("after", type_=UTCDateTime),
            or_(
                Sale.amount == bindparam("amount", type_=BigInteger),
                Sale.token_units == bindparam("units", type_=BigInteger),
            ),
            *standing_sales(),
        )
        .order_by(Sale.id.desc())
        .limit(1)
    )


def standing_sales() -> list[Any]:
    """A sale that is neither failed nor undone by a reversal."""
    return [Sale.status.in_(STANDS), Sale.kind == SaleKind.SALE, ~Sale.undone]


def _debt(session: Session, desk: Desk, plan: Plan) -> Debt | None:
    """What the consumer still owes and the plan's share for it; None where nothing is recovered."""
    if plan.debt_share is None or desk.consumer is None or not desk.consumer.debt_minor:
        return None
    balance = debts.owed(session, desk.consumer.id)
    return Debt(Fraction(balance, desk.currency.minor_per_major), plan.debt_share) if balance else None


def _lifeline_months(session: Session, desk: Desk, plan: Plan) -> int:
    """This month and the whole months without units right before it, since first steps add up."""
    month = month_start(desk.today)
    newest = session.execute(
        select(func.max(Sale.business_date)).where(
            Sale.meter_id == desk.meter.id, Sale.business_date < month, Sale.token_units > 0, *standing_sales()
        ),
        execution_options={"unscoped": True},
    ).scalar_one()
    free = [_counts_from(session, desk)]
    if newest is not None:
        free.append(next_month(newest))
    since = adds_up_since(session, desk.meter.tariff_id, plan.id)
    if since is not None:
        free.append(business_date(since, desk.settings.time_zone))
    return periods_due(ChargeMethod.MONTH, min(max(free), desk.today), desk.today)


@cache
def _statement(looking_back: bool = False) -> Select[Any]:
    """Units of the step period, money of today and the newest sale, beside every fee charged so far.

    Built once: building it costs more than running it.  There is always a first row.
    """
    earlier = [Sale.id < bindparam("before_sale")] if looking_back else []
    carried = func.coalesce(Sale.carried_units, Sale.token_units)
    today = bindparam("today", type_=Date)
    lately = Sale.__table__.alias()
    newest = select(func.max(lately.c.reserved_at)).where(
        lately.c.meter_id == bindparam("meter_id"),
        lately.c.business_date >= bindparam("yesterday", type_=Date),
        lately.c.status.in_(STANDS),
    )
    spent = func.coalesce(func.sum(case((Sale.business_date == today, Sale.amount), else_=0)), 0)
    sums = (
        select(
            func.coalesce(func.sum(carried), 0).label("units"),
            spent.label("spent"), newest.scalar_subquery().label("newest_sale"),
        )
        .where(
            Sale.meter_id == bindparam("meter_id"),
            Sale.business_date >= bindparam("since", type_=Date),
            *earlier, *standing_sales(),
        )
        .subquery()
    )  # fmt: skip
    fees = (
        select(*_charged_columns()).join(Sale, Sale.id == SaleFee.sale_id)
        .where(SaleFee.meter_id == bindparam("meter_id"), *earlier, *standing_sales())
        .group_by(SaleFee.code, SaleFee.method, SaleFee.charged_through).subquery()
    )  # fmt: skip
    return select(sums, fees).select_from(sums.outerjoin(fees, true()))


def _fees(
    session: Session, desk: Desk, plan: Plan, rows: list[Charged], looking_back: bool
) -> dict[str, FeeState]:
    """Periods due and money carried, for each fee of the plan."""
    if not plan.all_fees:
        return {}
    begun = _counts_from(session, desk)
    if looking_back:
        begun = min(begun, desk.today)
    return fee_states(desk, plan, rows, begun, lambda: fees_since(session, desk.meter.tariff_id, plan.id))


def fee_states(
    desk: Desk, plan: Plan, rows: list[Charged], begun: date, ask_since: Callable[[], dict[str, datetime]]
) -> dict[str, FeeState]:
    """The fees of a plan counted from the day `begun`; `ask_since` tells since when the price list has had them."""
    states = {fee.code: _state(desk, fee, rows, begun) for fee in plan.all_fees}
    if any(state.periods_due > 1 for state in states.values()):
        # Rare, so asked only now: no period before the price list had the fee was missed.
        since = ask_since()
        zone = desk.settings.time_zone
        for fee in plan.all_fees:
            first = max(begun, business_date(since[fee.code], zone)) if fee.code in since else begun
            states[fee.code] = _state(desk, fee, rows, first)
    return states


def _state(desk: Desk, fee: Fee, rows: list[Charged], begun: date) -> FeeState:
    """One fee, counted from the day `begun`."""
    weekday = desk.settings.first_weekday
    own = [row for row in rows if row.code == fee.code]
    carried = sum((exact(row.assessed) - exact(row.taken) for row in own), Fraction(0))
    # A fee that once went by another period is counted on from where that one ended.
    ended = [next_period(row.through, row.method, weekday) for row in own if row.method != fee.method]
    first = max([begun, *ended])
    paid = max((row.paid_on for row in own if row.paid_on is not None), default=None)
    if fee.method is ChargeMethod.PURCHASE:
        due = 1
    elif first > desk.today:
        due = 0
    else:
        charged = _charged_since(first, [row for row in own if row.method == fee.method], weekday)
        due = max(periods_due(fee.method, first, desk.today, weekday) - charged, 0)
    return FeeState(periods_due=due, carried=carried, paid_on=paid)


def _charged_since(first: date, rows: list[Charged], weekday: int) -> int:
    """How many of the charged periods lie in the period of `first` or after it."""
    count = 0
    for row in rows:
        reach = period_index(row.through, row.method, weekday) - period_index(first, row.method, weekday) + 1
        count += min(int(row.periods), max(reach, 0))
    return count


def _counts_from(session: Session, desk: Desk) -> date:
    first_sale = None
    if desk.meter.installed_on is None:
        first_sale = first_sales(session, [desk.meter.id]).get(desk.meter.id)
    return counts_from(desk, first_sale)


def counts_from(desk: Desk, first_sale: date | None) -> date:
    """Fees count from the day of installation, else from the first purchase.

    Never from before the meter was put on this tariff: it owed nothing of it then.
    """
    first = desk.meter.installed_on or first_sale or desk.today
    starts = [moment for moment in (desk.first_plan, desk.meter.tariff_since) if moment is not None]
    return max([first, *(business_date(moment, desk.settings.time_zone) for moment in starts)])


def first_sales(session: Session, meter_ids: Sequence[int]) -> dict[int, date]:
    """The day of each meter's first standing purchase."""
    return {row[0]: row[1] for row in rows_of(session, _first_sales, meter_ids)}


@cache
def _first_sales(length: int) -> Select[Any]:
    of_these = one_of(Sale.meter_id, length)
    first_day = func.min(Sale.business_date)
    return select(Sale.meter_id, first_day).where(of_these, *standing_sales()).group_by(Sale.meter_id)


def charged_fees(session: Session, meter_ids: Sequence[int]) -> dict[int, list[Charged]]:
    """What the standing sales of several meters took of their fees, in one statement."""
    charged: dict[int, list[Charged]] = {}
    for row in rows_of(session, _charged_fees, meter_ids):
        charged.setdefault(row[0], []).append(Charged(*row[1:]))
    return charged


@cache
def _charged_fees(length: int) -> Select[Any]:
    return (
        select(SaleFee.meter_id, *_charged_columns()).join(Sale, Sale.id == SaleFee.sale_id)
        .where(one_of(SaleFee.meter_id, length), *standing_sales())
        .group_by(SaleFee.meter_id, SaleFee.code, SaleFee.method, SaleFee.charged_through)
    )  # fmt: skip


def _charged_columns() -> tuple[Any, ...]:
    return (
        SaleFee.code, SaleFee.method, SaleFee.charged_through,
        func.sum(SaleFee.periods).label("periods"),
        func.sum(SaleFee.assessed).label("assessed"),
        func.sum(SaleFee.taken).label("taken"),
        func.max(case((SaleFee.taken > 0, Sale.business_date))).label("paid_on"),
    )  # fmt: skip
