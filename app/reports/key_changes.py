"""P4, key changes: every key-change token, from the desk or with a sale, and the key that it leads to.

All tokens of a set stand here, because all are typed in.  Those of a sale that was reversed show no digits.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import aliased

from app.access import permissions as p
from app.access.scope import By, narrow
from app.domain.states import SaleStatus, TokenKind
from app.models import AppUser, EngineeringRecord, Sale, Token, VendingPoint
from app.reports import records
from app.reports.engineering_tokens import ISSUED, NO_CREDIT, name_of
from app.reports.headings import said
from app.reports.question import Choices
from app.reports.records import RecordList
from app.reports.report import Asked, Report
from app.reports.table import Answer, Column, Figure, Kind, Row
from app.sts.meter_number import drn_from_pan

COLUMNS = (
    Column("time", said("Time"), Kind.MOMENT, 18),
    Column("meter", said("Meter number"), Kind.METER, 17, sorts=False),
    Column("token", said("Token"), Kind.TOKEN, 26, sorts=False, none=said("not shown")),
    Column("position", said("No. in the set"), Kind.COUNT, 9, sorts=False),
    Column("key", said("Under SGC · KRN · TI"), Kind.CODE, 17, sorts=False),
    Column("target", said("To SGC · KRN · TI"), Kind.CODE, 17, sorts=False),
    Column("origin", said("Made"), Kind.WORD, 18, words="origin", sorts=False, aside=True),
    Column("point", said("Vending point"), Kind.TEXT, 20, sorts=False),
    Column("operator", said("Operator"), Kind.TEXT, 18, sorts=False),
    Column("reason", said("Reason"), Kind.TEXT, 26, sorts=False, aside=True),
)


def _target(raw: Any) -> str | None:
    """Where the set leads: as the desk ordered, or to the key of the token that follows it, as on the slip."""
    target = json.loads(raw.details or "{}").get("target")
    sgc, krn, ti = target or (raw.next_sgc, raw.next_krn, raw.next_ti)
    return f"{sgc} · {krn} · {ti:02}" if sgc else None


def _make(raw: Any) -> Row:
    return Row(
        (
            raw.issued_at, drn_from_pan(raw.pan), raw.digits, raw.position,
            f"{raw.sgc} · {raw.krn} · {raw.ti:02}",
            _target(raw), "sale" if raw.sale_id else "desk", raw.point,
            name_of(raw.first_name, raw.last_name), raw.reason,
        ),
        sale_id=raw.sale_id, act_id=raw.act_id,
    )  # fmt: skip


def _answer(asked: Asked) -> Answer:
    picks = asked.question.picks
    first, end = asked.question.period.instants(asked.house.time_zone)
    operator = func.coalesce(EngineeringRecord.operator_id, Sale.operator_id)
    conditions: list[Any] = [
        NO_CREDIT, Token.kind == TokenKind.KEY_CHANGE, Token.issued_at >= first, Token.issued_at < end,
        or_(EngineeringRecord.status == ISSUED, Sale.status == SaleStatus.ISSUED),
    ]  # fmt: skip
    equal = {"point": Token.vending_point_id, "operator": operator, "meter": Token.meter_id}
    conditions += [column == picks[name] for name, column in equal.items() if name in picks]
    if "region" in picks:
        place = func.coalesce(EngineeringRecord.point_region_id, Sale.point_region_id)
        conditions.append(picks["region"].inside(place))

    def own(statement: Any) -> Any:
        joined = (
            statement.outerjoin(EngineeringRecord, EngineeringRecord.id == Token.engineering_id)
            .outerjoin(Sale, Sale.id == Token.sale_id)
            .where(*conditions)
        )
        return narrow(joined, asked.scope, By.VENDING_POINT, Token)

    person, sold, made = aliased(AppUser), aliased(Token), aliased(Token)
    rows = own(
        select(
            Token.id, Token.issued_at, Token.shown_digits.label("digits"), Token.pan, Token.position,
            Token.sgc, Token.krn, Token.ti, Token.sale_id,
            EngineeringRecord.id.label("act_id"), EngineeringRecord.details, EngineeringRecord.reason,
            func.coalesce(sold.sgc, made.sgc).label("next_sgc"), func.coalesce(sold.krn, made.krn).label("next_krn"),
            func.coalesce(sold.ti, made.ti).label("next_ti"),
            VendingPoint.name.label("point"),
            person.first_name, person.last_name,
        ).select_from(Token)
    )  # fmt: skip
    return records.answer(
        asked,
        RecordList(
            columns=COLUMNS,
            rows=rows.outerjoin(VendingPoint, VendingPoint.id == Token.vending_point_id)
            .outerjoin(person, person.id == operator)
            .outerjoin(sold, (sold.sale_id == Token.sale_id) & (sold.kind == TokenKind.CREDIT))
            .outerjoin(made, (made.engineering_id == Token.engineering_id) & (made.kind == TokenKind.ENGINEERING)),
            make=_make,
            sums=None,
            adds=(),
            orders={"time": Token.issued_at},
            lead=Token.issued_at,
            tie=Token.id,
            count=own(select(func.count()).select_from(Token)),
            counted=lambda number: (Figure(said("Tokens"), Kind.COUNT, number),),
        ),
    )


REPORT = Report(
    name="key-changes",
    number="P4",
    title=said("Key change token records"),
    about=said("Every key-change token, from the desk or with a sale, and where it leads."),
    icon="fa-key",
    choices=Choices(
        filters=("point", "operator", "region", "meter"), orders=("time",), descending=True
    ),
    answer=_answer,
    permission=p.READ_ENGINEERING,
)
