"""Which consumers are meant by the words that somebody types; the one search of counter and pickers.

Every word must begin a term of the consumer: a part of the name, the user number, the telephone
or the ID number.  Nothing is cut off before all words and the reader's region have narrowed.

How it is asked depends on how common the words are, so that each way walks few rows of an index:
a rare word is counted out; common ones are asked of each row of a small region, or of the terms
one after another until enough are found in a large one.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, select, true
from sqlalchemy.orm import Session, aliased

from app.access.scope import Scope, criterion
from app.domain.folding import fold
from app.models import Consumer, ConsumerTerm
from app.models.consumer import TERM_LENGTH, digits_of

WORDS_MAX = 6
# A word with so many terms or fewer is rare, a region with so many rows or fewer is small.
RARE = 1000
SMALL = 2000
# Words are told apart by how common they are up to here.
COUNTED = 5000
# One consumer has so many terms that begin alike, at most.
ALIKE = 6
# Sorts after every sign that a term can hold.
LAST = "\U0010ffff"


def words_of(text: str) -> tuple[str, ...]:
    """What was typed as words to look for; digits with separators are one number ("0700 123 456").

    >>> words_of("Wanjiru  Ach"), words_of("+254 700-123")
    (('wanjiru', 'ach'), ('254700123',))
    """
    number = digits_of(text)
    if number and not any(sign.isalpha() for sign in text):
        return (number[:TERM_LENGTH],)
    return tuple(dict.fromkeys(word[:TERM_LENGTH] for word in fold(text).split()[:WORDS_MAX]))


def all_of(session: Session, text: str, consumer_id: Any) -> ColumnElement[bool]:
    """The condition under which the column names a consumer whom all words fit, for whole lists."""
    words, count = _rarest_first(session, text)
    if words and count <= RARE:
        return consumer_id.in_(_ids(session, words, None))  # type: ignore[no-any-return]
    return _has_all(consumer_id, words)


def row_ids(session: Session, text: str, model: Any, scope: Scope, order: Any, limit: int) -> list[int]:
    """At most `limit` ids of Consumer or Meter in the scope, whom all words fit.

    The first in the `order` given, but any where common words mean too many to be put in order.
    """
    consumer_id = _hook(model)
    words, count = _rarest_first(session, text)
    if not words:
        return _run(session, select(model.id).where(criterion(model, scope)).order_by(order).limit(limit))
    if count <= RARE:
        ids = _ids(session, words, None)
        found = select(model.id).where(consumer_id.in_(ids), asked_last(model, scope)).order_by(order)
    elif is_small(session, model, scope):
        found = select(model.id).where(criterion(model, scope), _has_all(consumer_id, words))
    else:
        ids = _ids(session, words, limit * ALIKE, _owns(model, scope))
        found = select(model.id).where(consumer_id.in_(ids), asked_last(model, scope))
    return _run(session, found.limit(limit))


def _run(session: Session, statement: Any) -> list[int]:
    """Ids only, and every statement narrows by the scope itself, which lets it say in which order."""
    return list(session.execute(statement, execution_options={"unscoped": True}).scalars())


def asked_last(model: Any, scope: Scope) -> ColumnElement[bool]:
    """The scope as a question to each row that was found.

    NB: as a plain condition it is a list of regions that SQLite, without statistics, walks first.
    """
    one = select(literal(1).label("one")).subquery()
    asked = select(one.c.one).where(criterion(model, scope))
    return asked.correlate(model.__table__).exists()


def is_small(session: Session, model: Any, scope: Scope) -> bool:
    """Whether the scope holds so few rows that they are better read by their regions than asked one by one."""
    if scope.sees_all:
        return False
    rows = select(literal(1)).select_from(model).where(criterion(model, scope))
    counted = select(_capped(rows, SMALL))
    return int(session.execute(counted, execution_options={"unscoped": True}).scalar_one()) <= SMALL


def _hook(model: Any) -> Any:
    return model.id if model is Consumer else model.consumer_id


def _owns(model: Any, scope: Scope) -> ColumnElement[bool]:
    """Whether the consumer of a term has a row of `model` in the scope."""
    return select(literal(1)).select_from(model).where(
        _hook(model) == ConsumerTerm.consumer_id, criterion(model, scope)
    ).correlate(ConsumerTerm).exists()  # fmt: skip


def _rarest_first(session: Session, text: str) -> tuple[list[str], int]:
    """The words by how many terms begin so, and the count of the first, up to COUNTED."""
    words = words_of(text)
    if not words:
        return [], 0
    counts = session.execute(select(*(_capped(_of(word), COUNTED) for word in words))).one()
    ranked = sorted(zip(counts, words, strict=True))
    return [word for _count, word in ranked], int(ranked[0][0])


def _ids(session: Session, words: list[str], limit: int | None, *more: ColumnElement[bool]) -> list[int]:
    """Ids by the range of the first word, whom the others fit too."""
    first, *others = words
    wanted = select(ConsumerTerm.consumer_id).where(_begins(ConsumerTerm, first), *more)
    for word in others:
        wanted = wanted.where(_has(ConsumerTerm.consumer_id, word))
    return sorted(set(_run(session, wanted.limit(limit))))


def _of(word: str) -> Any:
    return select(literal(1)).select_from(ConsumerTerm).where(_begins(ConsumerTerm, word))


def _capped(statement: Any, most: int) -> Any:
    return select(func.count()).select_from(statement.limit(most + 1).subquery()).scalar_subquery()


def _has_all(consumer_id: Any, words: list[str]) -> ColumnElement[bool]:
    return and_(true(), *(_has(consumer_id, word) for word in words))


def _has(consumer_id: Any, word: str) -> ColumnElement[bool]:
    """One step into the index of a consumer's terms."""
    term = aliased(ConsumerTerm)
    return select(term.id).where(term.consumer_id == consumer_id, _begins(term, word)).exists()


def _begins(term: Any, word: str) -> ColumnElement[bool]:
    """`word` is a prefix: a range of the index."""
    return and_(term.term >= word, term.term < word + LAST)
