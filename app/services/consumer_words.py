"""Which consumers are meant by the words that somebody types; the one search of counter and pickers.

Every word must begin a term of the consumer: a part of the name, the user number, the telephone
or the ID number.  Nothing is cut off before all words and the reader's region have narrowed.

How it is asked depends on how common the words are, so that each way walks few rows of an index:
a rare word is counted out; common ones are asked of each row of a small region, or of the terms
one after another until enough are found in a large one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, bindparam, func, literal, select, true
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
        return consumer_id.in_(_ids(session, words))  # type: ignore[no-any-return]
    return _has_all(consumer_id, words)


def row_ids(session: Session, text: str, model: Any, scope: Scope, order: Any, limit: int) -> list[int]:
    """At most `limit` ids of Consumer or Meter in the scope, whom all words fit.

    The first in the `order` given, but any where common words mean too many to be put in order.
    """
    words, count = _rarest_first(session, text)
    given: dict[str, Any] = {"most": limit}
    for place, word in enumerate(words):
        given |= {f"low_{place}": word, f"high_{place}": word + LAST}
    if not words:
        found = select(model.id).where(criterion(model, scope)).order_by(order).limit(bindparam("most", type_=Integer))
    elif count <= RARE:
        found, given["terms"] = _counted_out(model, scope, len(words), order.key), RARE
    elif is_small(session, model, scope):
        found = _of_each_row(model, scope, len(words))
    else:
        found, given["terms"] = _along_the_terms(model, scope, len(words)), limit * ALIKE
    return _run(session, found, given)


# The statements of one reader, built once: building one costs more than running it.  The n-th word is bound to
# `low_n` and `high_n`, the rarest is the first.  NB: a limit inside keeps the planner from turning a statement round.


@lru_cache(maxsize=512)
def _counted_out(model: Any, scope: Scope, words: int, order: str) -> Select[Any]:
    """Every consumer whom all words fit, then their rows in order."""
    fitting = _fitting(words).limit(bindparam("terms", type_=Integer))
    found = select(model.id).where(_hook(model).in_(fitting), asked_last(model, scope))
    return found.order_by(getattr(model, order)).limit(bindparam("most", type_=Integer))


@lru_cache(maxsize=512)
def _of_each_row(model: Any, scope: Scope, words: int) -> Select[Any]:
    """The rows of a small region, each asked for all words."""
    fit = [_has(_hook(model), *_bounds(place)) for place in range(words)]
    return select(model.id).where(criterion(model, scope), *fit).limit(bindparam("most", type_=Integer))


@lru_cache(maxsize=512)
def _along_the_terms(model: Any, scope: Scope, words: int) -> Select[Any]:
    """The terms of the rarest word one after another, until enough fit whose rows are the reader's."""
    fitting = _fitting(words).where(_owns(model, scope)).limit(bindparam("terms", type_=Integer))
    found = select(model.id).where(_hook(model).in_(fitting), asked_last(model, scope))
    return found.limit(bindparam("most", type_=Integer))


def _fitting(words: int) -> Select[Any]:
    """Consumers by the range of the first word, whom the others fit too."""
    wanted = select(ConsumerTerm.consumer_id).where(_between(ConsumerTerm, *_bounds(0)))
    return wanted.where(*(_has(ConsumerTerm.consumer_id, *_bounds(place)) for place in range(1, words)))


def _bounds(place: int) -> tuple[Any, Any]:
    return bindparam(f"low_{place}"), bindparam(f"high_{place}")


def _run(session: Session, statement: Any, given: dict[str, Any] | None = None) -> list[int]:
    """Ids only, and every statement narrows by the scope itself, which lets it say in which order."""
    return list(session.execute(statement, given or {}, execution_options={"unscoped": True}).scalars())


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
    counted = session.execute(_rows(model, scope), {"most": SMALL + 1}, execution_options={"unscoped": True})
    return int(counted.scalar_one()) <= SMALL


@lru_cache(maxsize=512)
def _rows(model: Any, scope: Scope) -> Select[Any]:
    return select(_capped(select(literal(1)).select_from(model).where(criterion(model, scope))))


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
    given: dict[str, Any] = {"most": COUNTED + 1}
    for place, word in enumerate(words):
        given |= {f"low_{place}": word, f"high_{place}": word + LAST}
    counts = session.execute(_counts(len(words)), given, execution_options={"unscoped": True}).one()
    ranked = sorted(zip(counts, words, strict=True))
    return [word for _count, word in ranked], int(ranked[0][0])


@lru_cache(maxsize=WORDS_MAX)
def _counts(words: int) -> Select[Any]:
    every = select(literal(1)).select_from(ConsumerTerm)
    return select(*(_capped(every.where(_between(ConsumerTerm, *_bounds(place)))) for place in range(words)))


def _ids(session: Session, words: list[str]) -> list[int]:
    """Ids by the range of the first word, whom the others fit too."""
    first, *others = words
    wanted = select(ConsumerTerm.consumer_id).where(_begins(ConsumerTerm, first))
    for word in others:
        wanted = wanted.where(_has(ConsumerTerm.consumer_id, word, word + LAST))
    return sorted(set(_run(session, wanted)))


def _capped(statement: Any) -> Any:
    """How many rows, up to what `most` binds."""
    some = statement.limit(bindparam("most", type_=Integer)).subquery()
    return select(func.count()).select_from(some).scalar_subquery()


def _has_all(consumer_id: Any, words: list[str]) -> ColumnElement[bool]:
    return and_(true(), *(_has(consumer_id, word, word + LAST) for word in words))


def _has(consumer_id: Any, low: Any, high: Any) -> ColumnElement[bool]:
    """One step into the index of a consumer's terms."""
    term = aliased(ConsumerTerm)
    return select(term.id).where(term.consumer_id == consumer_id, _between(term, low, high)).exists()


def _begins(term: Any, word: str) -> ColumnElement[bool]:
    """`word` is a prefix: a range of the index."""
    return _between(term, word, word + LAST)


def _between(term: Any, low: Any, high: Any) -> ColumnElement[bool]:
    return and_(term.term >= low, term.term < high)
