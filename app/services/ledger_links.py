"""Rows of the books that speak of each other: postings and debts, reversals, meters and tokens, fees and their lines.

The second half of the recount (`ledger_check`).  Sums may agree while a row was put in, moved or taken out;
here each row is held against the one that explains it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, aliased

from app.domain.ledger import DEBT, DEBT_OPENED
from app.domain.quote import LineKind
from app.domain.states import SaleKind, SaleStatus
from app.models import DebtEntry, LedgerAccount, Posting, Sale, SaleFee, SaleLine, Token
from app.services.differences import Difference, at_sale

CHUNK = 2_000
EVERYTHING = {"unscoped": True}
# Figures of a line are kept to eight decimals each; their sums may be off by so much.
NEAR = Decimal("0.0000001")
# What a reversal takes over from the sale that it undoes.
MIRRORED = (
    "amount", "token_units", "carried_units", "currency", "vending_point_id", "meter_id", "consumer_id", "meter_type",
)  # fmt: skip


def grouped(session: Session, statement: Select[Any]) -> dict[int, list[tuple[Any, ...]]]:
    """Rows by their first column, in their order."""
    groups: dict[int, list[tuple[Any, ...]]] = {}
    for key, *rest in session.execute(statement, execution_options=EVERYTHING):
        groups.setdefault(key, []).append(tuple(rest))
    return groups


def postings(session: Session) -> Iterator[Difference]:
    """Every posting belongs to a sale or to a debt that was entered, and that debt's posting says the same."""
    strange = (
        select(Posting.id, Posting.amount)
        .outerjoin(Sale, Sale.id == Posting.sale_id)
        .outerjoin(DebtEntry, DebtEntry.posting_id == Posting.id)
        .where(Sale.id.is_(None), DebtEntry.id.is_(None))
        .order_by(Posting.id)
    )
    for row_id, amount in session.execute(strange, execution_options=EVERYTHING):
        yield Difference("posting", "posting", row_id, {"amount": amount})
    debit, credit = aliased(LedgerAccount), aliased(LedgerAccount)
    entered = (
        select(
            DebtEntry.id, DebtEntry.consumer_id, DebtEntry.amount, DebtEntry.currency, Posting.sale_id,
            debit.code, debit.scope_key, credit.code, credit.scope_key, Posting.amount, Posting.currency,
        )
        .outerjoin(Posting, Posting.id == DebtEntry.posting_id)
        .outerjoin(debit, debit.id == Posting.debit_id)
        .outerjoin(credit, credit.id == Posting.credit_id)
        .order_by(DebtEntry.id)
    )  # fmt: skip
    rows = session.execute(entered, execution_options=EVERYTHING | {"yield_per": CHUNK})
    for entry, consumer, amount, currency, *posted in rows:
        owed, opened = (DEBT, consumer), (DEBT_OPENED, 0)
        sides = (*owed, *opened) if amount > 0 else (*opened, *owed)
        if tuple(posted) != (None, *sides, abs(amount), currency):
            yield Difference("debt_entry", "consumer", consumer, {"entry": entry})


def reversals(session: Session) -> Iterator[Difference]:
    """A reversal is its sale again: the sum, the lines, the units, the meter and the vending point."""
    undone = aliased(Sale)
    pairs = session.execute(
        select(
            Sale.id, Sale.reference, undone.id, undone.kind, undone.status,
            *(getattr(Sale, name) for name in MIRRORED), *(getattr(undone, name) for name in MIRRORED),
        )
        .outerjoin(undone, undone.id == Sale.reverses_id)
        .where(Sale.kind == SaleKind.REVERSAL)
        .order_by(Sale.id),
        execution_options=EVERYTHING,
    ).all()  # fmt: skip
    lines = select(Sale.id, SaleLine.line_no, SaleLine.kind, SaleLine.code, SaleLine.amount)
    lines = lines.where(Sale.kind == SaleKind.REVERSAL).order_by(Sale.id, SaleLine.line_no)
    own = grouped(session, lines.join(SaleLine, SaleLine.sale_id == Sale.id))
    of_sale = grouped(session, lines.join(SaleLine, SaleLine.sale_id == Sale.reverses_id))
    for reversal, reference, sale, kind, status, *figures in pairs:
        half = len(MIRRORED)
        same = figures[:half] == figures[half:] and own.get(reversal) == of_sale.get(reversal)
        standing = kind is SaleKind.SALE and status is SaleStatus.ISSUED
        if not (same and standing and reference in (f"reversal/{sale}", f"reversal-{sale}")):
            yield at_sale("reversal", reversal)


def meters(session: Session) -> Iterator[Difference]:
    """The tokens of a sale are for the meter of the sale."""
    wrong = (
        select(Token.sale_id, func.min(Token.pan))
        .join(Sale, Sale.id == Token.sale_id)
        .where(or_(Token.meter_id.is_(None), Token.meter_id != Sale.meter_id))
        .group_by(Token.sale_id)
        .order_by(Token.sale_id)
    )
    for sale_id, pan in session.execute(wrong, execution_options=EVERYTHING):
        yield at_sale("meter", sale_id, pan=pan)


def fees(session: Session) -> Iterator[Difference]:
    """What a sale is remembered to have taken of each fee is what its lines say; a reversal takes none."""
    top = session.execute(select(func.max(Sale.id)), execution_options=EVERYTHING).scalar_one() or 0
    for first in range(1, top + 1, CHUNK):
        span = Sale.id.between(first, first + CHUNK - 1)
        said = grouped(
            session,
            select(Sale.id, SaleLine.code, SaleLine.params)
            .join(SaleLine, SaleLine.sale_id == Sale.id)
            .where(span, Sale.kind == SaleKind.SALE, SaleLine.kind.in_((LineKind.FEE, LineKind.ARREARS))),
        )
        kept = grouped(
            session,
            select(
                Sale.id, SaleFee.code, SaleFee.periods, SaleFee.assessed, SaleFee.taken,
                SaleFee.meter_id == Sale.meter_id,
            )
            .join(SaleFee, SaleFee.sale_id == Sale.id)
            .where(span),
        )  # fmt: skip
        for sale_id in sorted(said.keys() | kept.keys()):
            if not _fees_agree(said.get(sale_id, []), kept.get(sale_id, [])):
                yield at_sale("fees", sale_id)


# --- inside -------------------------------------------------------------------------------


def _fees_agree(lines: list[tuple[Any, ...]], rows: list[tuple[Any, ...]]) -> bool:
    """`lines`: code and figures (JSON) of a sale's fee lines; `rows`: what was kept of its fees."""
    by_code: dict[str, list[dict[str, Any]]] = {}
    for code, params in lines:
        by_code.setdefault(code, []).append(json.loads(params))
    counted = {code: fee for code, said in by_code.items() if any(fee := _counted(said))}
    if counted.keys() != {row[0] for row in rows}:
        return False
    return all(meter and _same_fee(counted[code], *figures) for code, *figures, meter in rows)


def _counted(said: list[dict[str, Any]]) -> tuple[int, Decimal, Decimal]:
    """Of one fee: periods asked for, money that was forgiven, money that was taken (major units)."""
    periods, forgiven, taken = 0, Decimal(0), Decimal(0)
    for line in said:
        price = Decimal(line["price"]) * Decimal(line["times"])
        periods += line["periods"]
        forgiven += Decimal(line.get("forgiven", 0)) * price
        taken += line["periods"] * price + Decimal(line.get("carried", 0)) - Decimal(line.get("left", 0))
    return periods, forgiven, taken


def _same_fee(counted: tuple[int, Decimal, Decimal], periods: int, assessed: Decimal, taken: Decimal) -> bool:
    """NB: where old periods are forgiven they have no line, only what is forgiven of them."""
    asked, forgiven, paid = counted
    if abs(taken - paid) > NEAR or assessed < -forgiven - NEAR:
        return False
    return periods >= asked if forgiven else periods == asked
