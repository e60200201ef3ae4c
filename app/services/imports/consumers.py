"""Consumers by file (manual R1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Row, delete, insert, select
from sqlalchemy.orm import Session

from app.models import Consumer, ConsumerTerm, DebtEntry
from app.models.consumer import terms_of
from app.services import debts
from app.services.imports.entity import Book, Entity, Values
from app.services.imports.fields import EMAIL, SHORTENED_TEXT, TELEPHONE, Fault, Money, Text, Word

COLUMNS = (
    "user_number", "name", "region_id", "address", "gender", "id_number", "telephone", "email", "language",
)  # fmt: skip
SAME = ("name", "address", "gender", "id_number", "telephone", "email", "language")


def _look(book: Book, chunk: Sequence[Values]) -> None:
    """The known consumers among these rows whose opening debt stands in the books."""
    numbers = {row["user_number"] for row in chunk if row.get("debt") and row.get("user_number")}
    opened = (
        select(DebtEntry.consumer_id)
        .join(Consumer, Consumer.id == DebtEntry.consumer_id)
        .where(Consumer.user_number.in_(numbers))
    )
    rows = (
        book.session.scalars(opened, execution_options={"unscoped": True}).all() if numbers else ()
    )
    book.tables["opened"] = set(rows)


def _settle(values: Values, known: Row[Any] | None, book: Book, faults: list[Any]) -> Values:
    row = {name: values.get(name) for name in SAME}
    row["user_number"] = values.get("user_number")
    row["region_id"] = None
    if values.get("region"):
        try:
            row["region_id"] = book.place(values["region"], known)
        except Fault as fault:
            faults.append(("region", fault))
    row["debt"], row["debt_reason"] = values.get("debt") or None, values.get("debt_reason")
    if known is not None:
        # What came into the books once is moved by payments only: the cell is left alone.
        told = row["debt"] is None or row["debt"] == known.debt_minor
        if not told and known.id not in book.tables["opened"]:
            faults.append(("debt", Fault("debt_known")))
    elif row["debt"] and not row["debt_reason"]:
        faults.append(("debt_reason", Fault("debt_reason")))
    elif not row["debt"]:
        row["debt_reason"] = None
    return row


def _warn(row: Values, known: Row[Any] | None, _book: Book) -> list[tuple[str, Fault]]:
    """That a number, new to us, looks like one that a spreadsheet has shortened."""
    return [
        (name, Fault("looks_shortened", text=row[name]))
        for name in ("user_number", "id_number")
        if row[name] and row[name] != getattr(known, name, None) and SHORTENED_TEXT.fullmatch(row[name])
    ]


def _owe(
    session: Session, consumer_id: int, more: Mapping[str, Any], reference: str, owner_id: int
) -> None:
    """What a new consumer owes from before, as a posting."""
    debts.post_opening(
        session, debts.Opening(consumer_id, more["debt"], more["debt_reason"], reference, owner_id)
    )


def _words(session: Session, ids: Sequence[int]) -> None:
    """The words by which these consumers are found, as the form's own save makes them."""
    session.execute(delete(ConsumerTerm).where(ConsumerTerm.consumer_id.in_(ids)))
    facts = select(
        Consumer.id, Consumer.name, Consumer.user_number, Consumer.telephone, Consumer.id_number
    )
    rows = [
        {"term": term, "consumer_id": row.id}
        for row in session.execute(facts.where(Consumer.id.in_(ids)))
        for term in sorted(terms_of(SimpleNamespace(**row._mapping)))  # type: ignore[arg-type]  # noqa: SLF001
    ]
    session.execute(insert(ConsumerTerm.__table__), rows)


CONSUMERS = Entity(
    name="consumer",
    model=Consumer,
    key="user_number",
    fields=(
        Text("user_number", needed=True, most=30, code=True),
        Text("name", needed=True, most=200),
        Text("region", needed=True, most=320),
        Text("address", most=200),
        Word("gender", words="gender"),
        Text("id_number", most=40, code=True),
        Text("telephone", most=40, code=True, shape=TELEPHONE, fault="telephone"),
        Text("email", most=120, shape=EMAIL, fault="email"),
        Word("language", words="language"),
        Money("debt", most=Decimal(9_999_999_999)),
        Text("debt_reason", most=200),
    ),
    columns=COLUMNS,
    settle=_settle,
    look=_look,
    warn=_warn,
    after=_words,
    extras=("debt", "debt_reason"),
    follow=_owe,
    seen=("debt_minor",),
    example="EXAMPLE-1",
)
