"""The ledger: accounts, postings, and the reasons of debts.

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
    """An account by its code: ``cash`` of a vending point, ``debt`` of a consumer, ``tax.vat``."""

    __tablename__ = "ledger_account"
    __table_args__ = (
        Index("uq_ledger_account_code", "code", "scope_key", "currency", unique=True),
        UniqueConstraint("id", "currency"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    code: Mapped[str] = mapped_column(String(60))
    # The vending point's id for its cash, the consumer's for a debt, 0 for the whole utility's.
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


class DebtEntry(Model):
    """An opening balance of a consumer's debt (above zero) or what was taken back of it (below).

    What a purchase recovers stands in the sale's own lines.
    """

    __tablename__ = "debt_entry"
    __table_args__ = (CheckConstraint("amount <> 0", name="amount_not_zero"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    # Made by whoever enters it: the same reference is the same entry, however often it comes.
    reference: Mapped[str] = mapped_column(String(64), unique=True)
    consumer_id: Mapped[int] = mapped_column(ForeignKey("consumer.id"), index=True)
    posting_id: Mapped[int] = mapped_column(ForeignKey("posting.id"), unique=True)
    amount: Mapped[int] = mapped_column(Minor)
    currency: Mapped[str] = mapped_column(String(3))
    reason: Mapped[str] = mapped_column(String(200))
    # NULL is the system itself: a command, an import by the shell.
    user_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"), index=True)
    entered_at: Mapped[datetime] = mapped_column(UTCDateTime)
