"""The ledger: accounts and postings.

A posting is one row with a debit account, a credit account and an amount above zero, so
imbalance cannot be written.  Rows are never changed or deleted (triggers refuse it).
Decision 0004.
"""

from __future__ import annotations

from datetime import date, datetime

from flask_appbuilder import Model
from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import BigKey, Minor, UTCDateTime


class LedgerAccount(Model):
    """An account by its code, e.g. ``cash`` of a vending point, ``revenue.energy``, ``tax.vat``."""

    __tablename__ = "ledger_account"
    __table_args__ = (
        Index("uq_ledger_account_code", "code", "scope_key", "currency", unique=True),
        UniqueConstraint("id", "currency"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    code: Mapped[str] = mapped_column(String(60))
    # The vending point's id for its cash, 0 for accounts of the whole utility.
    scope_key: Mapped[int] = mapped_column(Integer, default=0)
    currency: Mapped[str] = mapped_column(String(3))


class Posting(Model):
    """`amount` minor units move from the credit account to the debit account."""

    __tablename__ = "posting"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("debit_id <> credit_id", name="two_accounts"),
        UniqueConstraint("sale_id", "entry_no"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    sale_id: Mapped[int | None] = mapped_column(ForeignKey("sale.id"))
    entry_no: Mapped[int] = mapped_column(Integer)
    debit_id: Mapped[int] = mapped_column(ForeignKey("ledger_account.id"), index=True)
    credit_id: Mapped[int] = mapped_column(ForeignKey("ledger_account.id"), index=True)
    amount: Mapped[int] = mapped_column(Minor)
    currency: Mapped[str] = mapped_column(String(3))
    business_date: Mapped[date] = mapped_column(Date, index=True)
    posted_at: Mapped[datetime] = mapped_column(UTCDateTime)
