"""What several meters owe today, for their cards at the counter: fees of periods, old debt.

Read in as few statements as for one meter, however many cards stand below the search.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from sqlalchemy.orm import Session

from app.domain.ahead import fees_due
from app.domain.errors import MeterWithoutCapacity
from app.domain.money import Currency
from app.domain.plan import History, Plan
from app.services.desk import Desk
from app.services.facts import charged_fees, counts_from, fee_states, first_sales
from app.services.plans import fees_since, plan_for_meter


@dataclass(frozen=True, slots=True)
class Due:
    """What the next purchase of a meter pays beside its units.

    `fees` is exact (major units, taxes included), `missed` how many of their periods went by unpaid;
    `debt_minor` is what its consumer owes from before.
    """

    fees: Fraction
    missed: int
    debt_minor: int
    currency: Currency

    def __bool__(self) -> bool:
        return bool(self.fees or self.debt_minor)


def due_of(session: Session, desks: Sequence[Desk]) -> Mapping[int, Due]:
    """What each meter owes, by its id; meters without a plan in force owe their debt alone."""
    plans = {desk.meter.id: plan for desk in desks if (plan := _plan(session, desk)) is not None}
    priced = [desk for desk in desks if desk.meter.id in plans]
    charged = charged_fees(session, list(plans)) if plans else {}
    uncounted = [desk.meter.id for desk in priced if desk.meter.installed_on is None]
    first = first_sales(session, uncounted) if uncounted else {}
    since: dict[tuple[int | None, int | None], dict[str, datetime]] = {}

    def listed(tariff_id: int | None, plan_id: int | None) -> dict[str, datetime]:
        key = (tariff_id, plan_id)
        if key not in since:
            since[key] = fees_since(session, tariff_id, plan_id)
        return since[key]

    owed: dict[int, Due] = {}
    for desk in desks:
        meter, plan = desk.meter, plans.get(desk.meter.id)
        fees, missed = Fraction(0), 0
        if plan is not None:
            begun = counts_from(desk, first.get(meter.id))
            ask = (meter.tariff_id, plan.id)
            states = fee_states(desk, plan, charged.get(meter.id, []), begun, lambda ask=ask: listed(*ask))  # type: ignore[misc]
            fees, missed = fees_due(plan, History(fees=states))
        debt = desk.consumer.debt_minor if desk.consumer is not None else 0
        owed[meter.id] = Due(fees, missed, debt, desk.currency)
    return owed


def _plan(session: Session, desk: Desk) -> Plan | None:
    """The plan in force, where it has fees that fall due; a capacity that is not known says so by itself."""
    if desk.plan is None:
        return None
    try:
        plan = plan_for_meter(session, desk.plan, desk.meter)
    except MeterWithoutCapacity:
        return None
    return plan if plan.all_fees else None
