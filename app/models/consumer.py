"""Consumer: who buys, and the words by which the counter finds them.

`consumer_term` is the quick query's index: one row for each word of the name, for the
user number, the telephone number and the ID number, folded to plain lower case.  A prefix
is a range of it on both databases.  A telephone number has several, so that it is found with
the country code, with the leading zero, or from the local part on.
"""

from __future__ import annotations

from typing import Any

from flask_appbuilder import Model
from sqlalchemy import Boolean, Connection, ForeignKey, Index, String, delete, event, insert, true
from sqlalchemy.orm import Mapped, Mapper, mapped_column, relationship

from app.domain.digits import ascii_digits
from app.domain.folding import fold
from app.models.base import BigKey, Minor, Stamped, binary_string
from app.models.region import Region

TERM_LENGTH = 40


class Consumer(Stamped, Model):
    """A customer of the utility, in the standard's word."""

    __tablename__ = "consumer"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    user_number: Mapped[str] = mapped_column(String(30), unique=True)
    name: Mapped[str] = mapped_column(String(200), index=True)
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"), index=True)
    address: Mapped[str | None] = mapped_column(String(200))
    gender: Mapped[str | None] = mapped_column(String(1))
    id_number: Mapped[str | None] = mapped_column(String(40))
    email: Mapped[str | None] = mapped_column(String(120))
    telephone: Mapped[str | None] = mapped_column(String(40))
    language: Mapped[str | None] = mapped_column(String(8))
    # What the consumer owes; changed by postings only.
    debt_minor: Mapped[int] = mapped_column(Minor, default=0)
    # Off once the customer has left; then no meter is bound to them.
    active: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())

    region: Mapped[Region] = relationship()

    def __str__(self) -> str:
        return f"{self.name} ({self.user_number})"


class ConsumerTerm(Model):
    """One word by which a consumer is found."""

    __tablename__ = "consumer_term"
    # One way in by what is typed, one by whose term it is: neither walks more rows than it finds.
    __table_args__ = (Index(None, "term", "consumer_id", unique=True), Index(None, "consumer_id", "term"))

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    term: Mapped[str] = mapped_column(binary_string(TERM_LENGTH))
    consumer_id: Mapped[int] = mapped_column(ForeignKey("consumer.id", ondelete="CASCADE"))


def digits_of(text: str) -> str:
    """Keep the digits of a telephone or ID number, those of every script as 0 to 9.

    >>> digits_of("+254 700-123 456")
    '254700123456'
    """
    return "".join(c for c in ascii_digits(text) if c in "0123456789")


def terms_of(consumer: Consumer) -> set[str]:
    """Every word a cashier may begin to type for this consumer."""
    found = set(fold(consumer.name).split()) | {fold(consumer.name)}
    found.add(fold(consumer.user_number))
    telephone = digits_of(consumer.telephone or "")
    if telephone:
        # Typed with the country code, with the leading zero, or from the local part on.
        found |= {telephone, telephone[-9:], telephone.lstrip("0"), "0" + telephone[-9:]}
    if consumer.id_number:
        found |= {fold(consumer.id_number), digits_of(consumer.id_number)}
    return {term[:TERM_LENGTH] for term in found if term}


@event.listens_for(Consumer, "after_insert")
@event.listens_for(Consumer, "after_update")
def _keep_terms(_mapper: Mapper[Any], connection: Connection, consumer: Consumer) -> None:
    connection.execute(delete(ConsumerTerm).where(ConsumerTerm.consumer_id == consumer.id))
    rows = [{"term": term, "consumer_id": consumer.id} for term in sorted(terms_of(consumer))]
    connection.execute(insert(ConsumerTerm), rows)
