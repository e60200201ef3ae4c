"""Money that is kept as whole minor units without naming its currency, and so ties an installation to the one it has.

A debt of 50.00 EUR is 5000; in a currency without decimals the same 5000 would be a hundred times as much.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.db import is_passing
from app.domain.errors import SoldMeanwhile
from app.domain.states import ImportState
from app.models import CashAccount, Consumer, ImportBatch, Meter, Posting, Sale, Settings, Token

# An import whose rows were read holds its sums in minor units until it has run or was given up.
READ = (ImportState.CHECKING, ImportState.CHECKED, ImportState.RUNNING)

# What is written wherever something is sold or a sum is kept, and for how long others may be at it.
HELD = ("cash_account", "meter_lock", "sale", "token", "posting", "consumer", "meter", "import_batch")
PATIENCE_MS = 2_000


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


def hold_still(session: Session) -> None:
    """Let nobody sell, or keep a sum, until this transaction ends; whoever did so before it is seen by it.

    Whoever changes what money and days mean asks here first and looks after it: a look before it may be
    overtaken by a sale.  Raises SoldMeanwhile when somebody is at it for longer than a moment.
    """
    if session.get_bind().dialect.name == "sqlite":
        # NB: the first write takes the lock of the file; every sale is wholly before or after it.
        session.execute(update(Settings.__table__).where(Settings.__table__.c.id == 1).values(id=1))
        return
    try:
        session.execute(text(f"SET LOCAL lock_timeout = '{PATIENCE_MS}'"))
        # NB: a sale writes into one of these before it reads the settings, so it is waited for or waits.
        session.execute(text(f"LOCK TABLE {', '.join(HELD)} IN SHARE MODE"))
    except OperationalError as error:
        if is_passing(error):
            raise SoldMeanwhile from None
        raise


def require_unsold(session: Session, *, currency: bool = False, days: bool = False, clock: bool = False) -> None:
    """Refuse to change the currency, the days or the token clock once something depends on it; see `hold_still`.

    Raises SoldMeanwhile.
    """
    hold_still(session)

    def any_of(model: Any) -> bool:
        return session.execute(select(model.id).limit(1), execution_options={"unscoped": True}).first() is not None

    if (
        ((currency or days) and any_of(Sale))
        or (currency and kept(session))
        or (clock and any_of(Token))
    ):
        raise SoldMeanwhile
