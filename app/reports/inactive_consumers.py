"""P8, inactive consumers: who has a meter and bought nothing in the period, or far less than their own past.

A purchase that was reversed does not count.  The past is the year before the period, set against it by
days: somebody is far below when what was bought is less than the given per cent of that.  All in the
installation's currency; what is reckoned stays in whole numbers.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Select, func, select

from app.access import permissions as p
from app.access.scope import By, narrow
from app.domain.states import MeterStatus, SaleKind, SaleStatus
from app.models import Consumer, Meter, Region, Sale
from app.reports import records
from app.reports.headings import said
from app.reports.period import Period
from app.reports.question import Choices
from app.reports.records import AMOUNT, RecordList
from app.reports.report import Asked, Report
from app.reports.table import Answer, Column, Drill, Figure, Kind, Row

YEAR_DAYS = 365
LESS_PERCENT = 30
COLUMNS = (
    Column("number", said("User number"), Kind.CODE, 14),
    Column("consumer", said("Consumer"), Kind.TEXT, 26),
    Column("telephone", said("Telephone"), Kind.CODE, 18, sorts=False),
    Column("region", said("Region"), Kind.TEXT, 30, sorts=False),
    Column("meters", said("Meters"), Kind.COUNT, 8, sorts=False),
    Column("last", said("Last purchase"), Kind.DAY, 13, sorts=False),
    Column("bought", said("Bought in the period"), Kind.MONEY, 15, sorts=False),
    Column("usual", said("In as many days of the year before"), Kind.MONEY, 17, sorts=False),
)


def _bought(asked: Asked, period: Period) -> Any:
    """What a consumer bought from day to day, reversals taken off."""
    return (
        select(func.coalesce(func.sum(AMOUNT), 0))
        .where(
            Sale.consumer_id == Consumer.id,
            Sale.status == SaleStatus.ISSUED,
            Sale.currency == asked.house.currency,
            Sale.business_date.between(period.first, period.last),
        )
        .correlate(Consumer)
        .scalar_subquery()
    )


def _standing(period: Period) -> Any:
    """Whether a purchase of the period stands: not reversed, whenever that was."""
    return (
        select(Sale.id)
        .where(
            Sale.consumer_id == Consumer.id,
            Sale.status == SaleStatus.ISSUED,
            Sale.kind == SaleKind.SALE,
            Sale.business_date.between(period.first, period.last),
            ~Sale.undone,
        )
        .correlate(Consumer)
        .exists()
    )


def _conditions(asked: Asked, past: Period) -> list[Any]:
    question = asked.question
    has_meter = (
        select(Meter.id)
        .where(Meter.consumer_id == Consumer.id, Meter.status.in_((MeterStatus.INSTALLED, MeterStatus.BLOCKED)))
        .correlate(Consumer)
        .exists()
    )
    conditions = [Consumer.active, has_meter]
    if "region" in question.picks:
        conditions.append(question.picks["region"].inside(Consumer.region_id))
    if question.show == "none":
        return [*conditions, ~_standing(question.period)]
    less = question.picks.get("less", LESS_PERCENT)
    bought, before = _bought(asked, question.period), _bought(asked, past)
    # bought / days < less % of before / year, without a division.
    return [*conditions, before > 0, bought * (100 * past.days) < before * (less * question.period.days)]


def _rows(asked: Asked, past: Period) -> Select[Any]:
    newest = (
        select(func.max(Sale.business_date))
        .where(
            Sale.consumer_id == Consumer.id, Sale.status == SaleStatus.ISSUED, Sale.kind == SaleKind.SALE,
            Sale.business_date <= asked.question.period.last,
        )
        .correlate(Consumer)
        .scalar_subquery()
    )  # fmt: skip
    meters = select(func.count()).where(Meter.consumer_id == Consumer.id).correlate(Consumer).scalar_subquery()
    return select(
        Consumer.id, Consumer.user_number, Consumer.name, Consumer.telephone, Region.full_name.label("place"),
        meters.label("meters"), newest.label("newest"), _bought(asked, asked.question.period).label("bought"),
        _bought(asked, past).label("before"),
    ).join(Region, Region.id == Consumer.region_id)  # fmt: skip


def _answer(asked: Asked) -> Answer:
    period, currency = asked.question.period, asked.house.currency
    past = Period(period.first - timedelta(days=YEAR_DAYS), period.first - timedelta(days=1))
    conditions = _conditions(asked, past)

    def make(raw: Any) -> Row:
        usual = int(raw.before) * period.days // past.days
        cells = (raw.user_number, raw.name, raw.telephone, raw.place, raw.meters, raw.newest, int(raw.bought), usual)
        asks = {"consumer": raw.user_number, "from": past.first.isoformat(), "to": period.last.isoformat()}
        return Row(cells, currency, drill=Drill("purchase-records", asks))

    count = select(func.count()).select_from(Consumer).where(*conditions)
    return records.answer(
        asked,
        RecordList(
            columns=COLUMNS,
            rows=narrow(_rows(asked, past).where(*conditions), asked.scope, By.CONSUMER_REGION, Consumer),
            make=make,
            sums=None,
            adds=(),
            orders={"number": Consumer.user_number, "consumer": Consumer.name},
            tie=Consumer.id,
            count=narrow(count, asked.scope, By.CONSUMER_REGION, Consumer),
            counted=lambda number: (Figure(said("Consumers"), Kind.COUNT, number),),
            currency=currency,
        ),
    )


REPORT = Report(
    name="inactive-consumers",
    number="P8",
    title=said("Inactive consumers"),
    about=said("Who bought nothing in a period, or far less than in the year before."),
    icon="fa-user-clock",
    choices=Choices(
        period="last_month", shows=("none", "less"), filters=("less", "region"), orders=("number", "consumer"),
        days_max=100,
    ),
    answer=_answer,
    wide=True,
    permission=p.READ_CONSUMERS,
)
