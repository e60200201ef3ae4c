"""P3, engineering tokens: what was made at the engineering desk, for which meter, by whom and why."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, literal_column, select

from app.access import permissions as p
from app.access.scope import By, narrow
from app.domain.states import TokenKind
from app.models import AppUser, EngineeringRecord, Token, VendingPoint
from app.reports import records
from app.reports.headings import said
from app.reports.question import Choices
from app.reports.records import RecordList
from app.reports.report import Asked, Report
from app.reports.table import Answer, Column, Figure, Kind, Row
from app.sts.meter_number import drn_from_pan

COLUMNS = (
    Column("time", said("Time"), Kind.MOMENT, 18),
    Column("function", said("What for"), Kind.WORD, 24, words="function", sorts=False),
    Column("token", said("Token"), Kind.TOKEN, 26, sorts=False),
    Column("meter", said("Meter number"), Kind.METER, 17, sorts=False),
    Column("class", said("Class / subclass"), Kind.CODE, 14, sorts=False, aside=True),
    Column("point", said("Vending point"), Kind.TEXT, 20, sorts=False),
    Column("operator", said("Operator"), Kind.TEXT, 18, sorts=False),
    Column("reason", said("Reason"), Kind.TEXT, 30, sorts=False),
)
ISSUED = "issued"
# As the small index of such tokens says it: among millions of credit tokens the few others are found by it.
NO_CREDIT = literal_column("token.kind") != literal_column("'credit'")


def name_of(first: str | None, last: str | None) -> str:
    """A person's name."""
    return f"{first or ''} {last or ''}".strip()


def _make(raw: Any) -> Row:
    meter = drn_from_pan(raw.pan) if raw.pan else None
    return Row((
        raw.issued_at, raw.function, raw.digits, meter, f"{raw.token_class} / {raw.subclass}", raw.point,
        name_of(raw.first_name, raw.last_name), raw.reason,
    ), act_id=raw.act_id)  # fmt: skip


def _answer(asked: Asked) -> Answer:
    picks = asked.question.picks
    first, end = asked.question.period.instants(asked.house.time_zone)
    conditions: list[Any] = [
        NO_CREDIT, Token.kind == TokenKind.ENGINEERING, Token.issued_at >= first, Token.issued_at < end,
        EngineeringRecord.status == ISSUED,
    ]  # fmt: skip
    equal = {
        "point": EngineeringRecord.vending_point_id, "operator": EngineeringRecord.operator_id, "meter": Token.meter_id,
    }  # fmt: skip
    conditions += [column == picks[name] for name, column in equal.items() if name in picks]
    if "region" in picks:
        conditions.append(picks["region"].inside(EngineeringRecord.point_region_id))

    def own(statement: Any) -> Any:
        joined = statement.join(EngineeringRecord, EngineeringRecord.id == Token.engineering_id).where(*conditions)
        return narrow(joined, asked.scope, By.VENDING_POINT, EngineeringRecord)

    rows = own(
        select(
            Token.id, Token.issued_at, Token.digits, Token.pan, Token.token_class, Token.subclass,
            EngineeringRecord.id.label("act_id"), EngineeringRecord.function, EngineeringRecord.reason,
            VendingPoint.name.label("point"),
            AppUser.first_name, AppUser.last_name,
        ).select_from(Token)
    )  # fmt: skip
    count = own(select(func.count()).select_from(Token))
    return records.answer(
        asked,
        RecordList(
            columns=COLUMNS,
            rows=rows.outerjoin(VendingPoint, VendingPoint.id == EngineeringRecord.vending_point_id).join(
                AppUser, AppUser.id == EngineeringRecord.operator_id
            ),
            make=_make,
            sums=None,
            adds=(),
            orders={"time": Token.issued_at},
            lead=Token.issued_at,
            tie=Token.id,
            count=count,
            counted=lambda number: (Figure(said("Tokens"), Kind.COUNT, number),),
        ),
    )


REPORT = Report(
    name="engineering-tokens",
    number="P3",
    title=said("Engineering token records"),
    about=said("What was made at the engineering desk, for which meter, by whom and why."),
    icon="fa-screwdriver-wrench",
    choices=Choices(
        filters=("point", "operator", "region", "meter"), orders=("time",), descending=True
    ),
    answer=_answer,
    permission=p.READ_ENGINEERING,
)
