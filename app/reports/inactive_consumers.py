"""P8, inactive consumers: who has a meter and bought nothing in the period, or far less than their own past.

A purchase that was reversed does not count.  The past is the year before the period, set against it by
days: somebody is far below when what was bought is less than the given per cent of that.  All in the
installation's currency; what is reckoned stays in whole numbers.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Select, case, func, select

from app.access import permissions as p
from app.access.scope import By, narrow
from app.domain.states import MeterStatus, SaleKind, SaleStatus
from app.models import Consumer, Meter, Region, Sale
from app.reports import records
from app.reports.headings import said
from app.reports.period import Period
from app.reports.question import Choices
from app.reports.records import AMOUNT, ISSUED, RecordList
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
            ISSUED,
            Sale.currency == asked.house.currency,
            Sale.business_date.between(period.first, period.last),
        )
        .correlate(Consumer)
        .scalar_subquery()
    )


def _without(asked: Asked, wanted: Select[Any]) -> Select[Any]:
    """Those without a purchase of the period that stands: not reversed, whenever that was."""
    period = asked.question.period
    bought = [Sale.kind == SaleKind.SALE, Sale.business_date.between(period.first, period.last), ~Sale.undone]
    if asked.session.get_bind().dialect.name != "sqlite":
        # NB: by the status, which the index of the days holds, or PostgreSQL would read that in each of its processes.
        mine = select(Sale.id).where(Sale.consumer_id == Consumer.id, Sale.status == SaleStatus.ISSUED, *bought)
        return wanted.where(~mine.correlate(Consumer).exists())
    # NB: read once, then compared: asked so, SQLite would look every consumer's sales up.
    standing = select(Sale.consumer_id).where(Sale.consumer_id.is_not(None), ISSUED, *bought).distinct()
    found = standing.subquery("standing")
    return wanted.outerjoin(found, found.c.consumer_id == Consumer.id).where(found.c.consumer_id.is_(None))


def _fallen(asked: Asked, past: Period, less: int) -> Any:
    """Who bought less than `less` per cent of the own past, with both sums; added up in one reading."""
    period = asked.question.period
    bought, before = (
        func.sum(case((Sale.business_date.between(span.first, span.last), AMOUNT), else_=0)) for span in (period, past)
    )
    return (
        select(Sale.consumer_id, bought.label("bought"), before.label("before"))
        .where(
            Sale.consumer_id.is_not(None),
            ISSUED,
            Sale.currency == asked.house.currency,
            Sale.business_date.between(past.first, period.last),
        )
        .group_by(Sale.consumer_id)
        # bought / days < less % of before / year, without a division.
        .having(before > 0, bought * (100 * past.days) < before * (less * period.days))
        # NB: kept, or each of PostgreSQL's processes would add the whole year up for its share of the consumers.
        .cte("fallen")
        .prefix_with("MATERIALIZED")
    )


def _found(asked: Asked, past: Period, *columns: Any, sums: bool = False) -> Select[Any]:
    """Consumers with a meter whom the question means; with `sums` what they bought, now and before, as well."""
    question = asked.question
    has_meter = (
        select(Meter.id)
        .where(Meter.consumer_id == Consumer.id, Meter.status.in_((MeterStatus.INSTALLED, MeterStatus.BLOCKED)))
        .correlate(Consumer)
        .exists()
    )
    wanted = select(*columns).select_from(Consumer).where(Consumer.active, has_meter)
    if "region" in question.picks:
        wanted = wanted.where(question.picks["region"].inside(Consumer.region_id))
    if question.show == "none":
        wanted = _without(asked, wanted)
        bought, before = _bought(asked, question.period).label("bought"), _bought(asked, past).label("before")
    else:
        fallen = _fallen(asked, past, question.picks.get("less", LESS_PERCENT))
        wanted = wanted.join(fallen, fallen.c.consumer_id == Consumer.id)
        bought, before = fallen.c.bought, fallen.c.before
    return wanted.add_columns(bought, before) if sums else wanted


def _rows(asked: Asked, past: Period) -> Select[Any]:
    # The last purchase of all, also after the period: who buys again is not called upon.
    newest = (
        select(func.max(Sale.business_date))
        .where(Sale.consumer_id == Consumer.id, ISSUED, Sale.kind == SaleKind.SALE)
        .correlate(Consumer)
        .scalar_subquery()
    )
    meters = select(func.count()).where(Meter.consumer_id == Consumer.id).correlate(Consumer).scalar_subquery()
    place = select(Region.full_name).where(Region.id == Consumer.region_id).correlate(Consumer).scalar_subquery()
    return _found(
        asked, past, Consumer.id, Consumer.user_number, Consumer.name, Consumer.telephone, place.label("place"),
        meters.label("meters"), newest.label("newest"), sums=True,
    )  # fmt: skip


def _proof(raw: Any, period: Period, past: Period) -> Drill | None:
    """The purchases that add up to what was bought in the period or, of who bought nothing, to the year before it.

    Who bought nothing then either is led to the day of the last purchase, and who never bought anything nowhere.
    """
    newest = Period(raw.newest, raw.newest) if raw.newest else None
    span = period if raw.bought else past if raw.before else newest
    if span is None:
        return None
    # NB: wherever they lived then, which a place that was asked for would narrow.
    asks = {"consumer": raw.user_number, "from": span.first.isoformat(), "to": span.last.isoformat(), "region": ""}
    return Drill("purchase-records", asks)


def _answer(asked: Asked) -> Answer:
    period, currency = asked.question.period, asked.house.currency
    past = Period(period.first - timedelta(days=YEAR_DAYS), period.first - timedelta(days=1))

    def make(raw: Any) -> Row:
        usual = int(raw.before) * period.days // past.days
        cells = (raw.user_number, raw.name, raw.telephone, raw.place, raw.meters, raw.newest, int(raw.bought), usual)
        return Row(cells, currency, drill=_proof(raw, period, past))

    count = _found(asked, past, func.count())
    found = records.answer(
        asked,
        RecordList(
            columns=COLUMNS,
            rows=narrow(_rows(asked, past), asked.scope, By.CONSUMER_REGION, Consumer),
            make=make,
            sums=None,
            adds=(),
            orders={"number": Consumer.user_number, "consumer": Consumer.name},
            tie=Consumer.id,
            lead=Consumer.user_number,
            count=narrow(count, asked.scope, By.CONSUMER_REGION, Consumer),
            counted=lambda number: (Figure(said("Consumers"), Kind.COUNT, number),),
            currency=currency,
        ),
    )
    return replace(found, before=past)


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
