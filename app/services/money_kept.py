"""Money that is kept as whole minor units without naming its currency, and so ties an installation to the one it has.

A debt of 50.00 EUR is 5000; in a currency without decimals the same 5000 would be a hundred times as much.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.states import ImportState
from app.models import CashAccount, Consumer, ImportBatch, Meter, Posting

# An import whose rows were read holds its sums in minor units until it has run or was given up.
READ = (ImportState.CHECKING, ImportState.CHECKED, ImportState.RUNNING)


@dataclass(frozen=True, slots=True)
class Kept:
    """How many rows of each kind hold money; 0 everywhere: the currency may still change."""

    postings: int = 0
    debts: int = 0
    daily_limits: int = 0
    credit_limits: int = 0
    imports: int = 0

    def __bool__(self) -> bool:
        return any(getattr(self, one.name) for one in fields(self))


def kept(session: Session) -> Kept:
    """What is kept now, whoever owns it.  A limit of 0 is nothing in every currency."""

    def count(model: Any, *conditions: Any) -> int:
        rows = select(func.count()).select_from(model).where(*conditions)
        return int(session.execute(rows, execution_options={"unscoped": True}).scalar_one())

    return Kept(
        postings=count(Posting),
        debts=count(Consumer, Consumer.debt_minor != 0),
        daily_limits=count(Meter, Meter.daily_limit != 0),
        credit_limits=count(CashAccount, CashAccount.credit_limit != 0),
        imports=count(ImportBatch, ImportBatch.state.in_(READ)),
    )
