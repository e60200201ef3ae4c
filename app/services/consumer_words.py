"""Which consumers are meant by the words that somebody types; the one search of counter and pickers.

Every word must begin a term of the consumer: a part of the name, the user number, the telephone
or the ID number.  Nothing is cut off before all words and the reader's region have narrowed.

How it is asked depends on how common the words are, so that each way walks few rows of an index:
a rare word is counted out; common ones are asked of each row of a small region, or of the first terms
one after another until enough are found in a large one, and only when too few are found of all.

PostgreSQL plans a statement once for all words, without knowing them, and takes any range for a rare one: what is
asked of one row is therefore written so that it cannot be turned into a join (`asked_of_each`), and limits are figures.
"""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    and_,
    bindparam,
    func,
    literal,
    literal_column,
    select,
    true,
)
from sqlalchemy.orm import Session, aliased

from app.access.scope import Scope, asked_last, asked_of_each, criterion
from app.domain.folding import fold
from app.models import Consumer, ConsumerTerm
from app.models.consumer import TERM_LENGTH, digits_of

WORDS_MAX = 6
# A word with so many terms or fewer is rare, a region with so many rows or fewer is small.
RARE = 300
SMALL = 2000
# So many ids or fewer are named in the condition of a list.
NAMED = 1000
# Words are told apart by how common they are up to here.
COUNTED = 2000
UNCOUNTED = 2**31
# So many terms of a common word are looked at one after another before all are matched.
STEPS = 2000
# One consumer has so many terms that begin alike, at most.
ALIKE = 6
# How long a process remembers whether a region is small; only the way of asking follows from it, never the answer.
REMEMBERED_S = 600
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
    words, count = _rarest_first(session, text, NAMED)
    if words and count <= NAMED:
        return consumer_id.in_(_ids(session, words))  # type: ignore[no-any-return]
    return _has_all(consumer_id, words)


def row_ids(session: Session, text: str, model: Any, scope: Scope, order: Any, limit: int) -> list[int]:
    """At most `limit` ids of Consumer or Meter in the scope, whom all words fit.

    The first in the `order` given, but any where common words mean too many to be put in order.
    """
    words, count = _rarest_first(session, text, RARE)
    if not words:
        every = select(model.id).where(criterion(model, scope)).order_by(order).limit(limit)
        return [row[0] for row in _run(session, every)]
    if count <= RARE:
        found = _counted_out(model, scope, len(words), order.key, RARE, limit)
    elif is_small(session, model, scope):
        found = _of_each_row(model, scope, len(words), limit)
    else:
        return _walked(session, text, words, count, model, scope, limit)
    return [row[0] for row in _run(session, found, _ranges(words))]


def _walked(
    session: Session, text: str, words: list[str], count: int, model: Any, scope: Scope, limit: int
) -> list[int]:
    """Common words in a large region: the first steps along the terms mostly find enough, else all are matched.

    Names that begin as it was typed come before those with the same words in another order.
    """
    typed = " ".join(fold(text).split())[:TERM_LENGTH]
    found: list[Any] = []
    if len(words) > 1:
        found = _run(session, _along_the_terms(model, scope, 1, STEPS, limit, limit), _ranges([typed]))
    if len(found) < limit:
        terms = limit * ALIKE if count <= STEPS else limit
        found = _run(session, _along_the_terms(model, scope, len(words), STEPS, terms, limit), _ranges(words))
    if len(found) < limit and count > STEPS:
        found = _run(session, _matched(model, scope, len(words), limit), _ranges(words))
    return [row[0] for row in found]


# The statements of one reader, built once: building one costs more than running it.  The n-th word is bound to
# `low_n` and `high_n`, the rarest is the first.  NB: a limit inside keeps the planner from turning a statement round.


@lru_cache(maxsize=512)
def _counted_out(model: Any, scope: Scope, words: int, order: str, terms: int, limit: int) -> Select[Any]:
    """Every consumer whom all words fit, then their rows in order."""
    fitting = _fitting(words).limit(_figure(terms))
    found = select(model.id).where(_hook(model).in_(fitting), asked_last(model, scope))
    return found.order_by(getattr(model, order)).limit(_figure(limit))


@lru_cache(maxsize=512)
def _of_each_row(model: Any, scope: Scope, words: int, limit: int) -> Select[Any]:
    """The rows of a small region, each asked for all words."""
    fit = [_has(_hook(model), *_bounds(place)) for place in range(words)]
    return select(model.id).where(criterion(model, scope), *fit).limit(_figure(limit))


@lru_cache(maxsize=512)
def _along_the_terms(model: Any, scope: Scope, words: int, steps: int, terms: int, limit: int) -> Select[Any]:
    """The first `steps` terms of the rarest word one after another, until so many fit whose rows are the reader's."""
    along = select(ConsumerTerm.consumer_id).where(_between(ConsumerTerm, *_bounds(0))).limit(_figure(steps)).subquery()
    whom = along.c.consumer_id
    fit = [_has(whom, *_bounds(place)) for place in range(1, words)]
    owned = select(literal(1)).select_from(model).where(_hook(model) == whom, asked_last(model, scope))
    fitting = select(whom).where(*fit, asked_of_each(owned.correlate(along))).limit(_figure(terms))
    return select(model.id).where(_hook(model).in_(fitting), asked_last(model, scope)).limit(_figure(limit))


@lru_cache(maxsize=512)
def _matched(model: Any, scope: Scope, words: int, limit: int) -> Select[Any]:
    """All terms of the first word beside those of the others, in whatever way the database thinks best."""
    who = ConsumerTerm.consumer_id
    fit = [_term_of(who, *_bounds(place)).exists() for place in range(1, words)]
    owned = select(literal(1)).select_from(model).where(_hook(model) == who, criterion(model, scope))
    fitting = select(who).where(_between(ConsumerTerm, *_bounds(0)), *fit, owned.correlate(ConsumerTerm).exists())
    fitting = fitting.limit(_figure(limit * ALIKE))
    return select(model.id).where(_hook(model).in_(fitting), asked_last(model, scope)).limit(_figure(limit))


def _figure(number: int) -> Any:
    """A number within the statement, which the planner can reckon with."""
    return literal_column(str(int(number)), Integer)


def _ranges(words: list[str]) -> dict[str, str]:
    """What `_bounds` names: the n-th word as a range."""
    low = {f"low_{place}": word for place, word in enumerate(words)}
    return low | {f"high_{place}": word + LAST for place, word in enumerate(words)}


def _fitting(words: int) -> Select[Any]:
    """Consumers by the range of the first word, whom the others fit too."""
    wanted = select(ConsumerTerm.consumer_id).where(_between(ConsumerTerm, *_bounds(0)))
    return wanted.where(*(_has(ConsumerTerm.consumer_id, *_bounds(place)) for place in range(1, words)))


def _bounds(place: int) -> tuple[Any, Any]:
    return bindparam(f"low_{place}"), bindparam(f"high_{place}")


def _run(session: Session, statement: Any, given: dict[str, Any] | None = None) -> list[Any]:
    """Ids and counts only, and every statement narrows by the scope itself, which lets it say in which order."""
    return list(session.execute(statement, given or {}, execution_options={"unscoped": True}).all())


def is_small(session: Session, model: Any, scope: Scope) -> bool:
    """Whether the scope holds so few rows that they are better read by their regions than asked one by one."""
    if scope.sees_all:
        return False
    sizes = _sizes.setdefault(session.get_bind(), {})
    key = (model, scope.region_path, SMALL)
    small, until = sizes.get(key, (False, 0.0))
    if until < time.monotonic():
        counted = session.execute(_rows(model, scope, SMALL + 1), execution_options={"unscoped": True})
        small = int(counted.scalar_one()) <= SMALL
        sizes[key] = (small, time.monotonic() + REMEMBERED_S)
    return small


# By database, then by kind of row, region and what is small: the answer, and until when it is believed.
_sizes: WeakKeyDictionary[Any, dict[tuple[Any, str | None, int], tuple[bool, float]]] = WeakKeyDictionary()


@lru_cache(maxsize=512)
def _rows(model: Any, scope: Scope, most: int) -> Select[Any]:
    return select(_capped(select(literal(1)).select_from(model).where(criterion(model, scope)), most))


def _hook(model: Any) -> Any:
    return model.id if model is Consumer else model.consumer_id


def _rarest_first(session: Session, text: str, rare: int) -> tuple[list[str], int]:
    """The words by how many terms begin so, and the count of the first; UNCOUNTED where it is above what was asked."""
    words = words_of(text)
    if not words:
        return [], 0
    # One word is rare or it is not; several are put in order.
    most = max(COUNTED, rare) if len(words) > 1 else rare
    counts = session.execute(
        _counts(len(words), most + 1), _ranges(list(words)), execution_options={"unscoped": True}
    ).one()
    ranked = sorted(zip(counts, words, strict=True))
    count = int(ranked[0][0])
    return [word for _count, word in ranked], count if count <= most else UNCOUNTED


@lru_cache(maxsize=4 * WORDS_MAX)
def _counts(words: int, most: int) -> Select[Any]:
    every = select(literal(1)).select_from(ConsumerTerm)
    return select(*(_capped(every.where(_between(ConsumerTerm, *_bounds(place))), most) for place in range(words)))


def _ids(session: Session, words: list[str]) -> list[int]:
    """Ids by the range of the first word, whom the others fit too."""
    first, *others = words
    wanted = select(ConsumerTerm.consumer_id).where(_begins(ConsumerTerm, first))
    for word in others:
        wanted = wanted.where(_has(ConsumerTerm.consumer_id, word, word + LAST))
    return sorted({row[0] for row in _run(session, wanted)})


def _capped(statement: Any, most: int) -> Any:
    """How many rows, up to `most`."""
    some = statement.limit(_figure(most)).subquery()
    return select(func.count()).select_from(some).scalar_subquery()


def _has_all(consumer_id: Any, words: list[str]) -> ColumnElement[bool]:
    return and_(true(), *(_term_of(consumer_id, word, word + LAST).exists() for word in words))


def _has(consumer_id: Any, low: Any, high: Any) -> ColumnElement[bool]:
    """One step into the index of a consumer's terms."""
    return asked_of_each(_term_of(consumer_id, low, high))


def _term_of(consumer_id: Any, low: Any, high: Any) -> Select[Any]:
    term = aliased(ConsumerTerm)
    return select(term.id).where(term.consumer_id == consumer_id, _between(term, low, high))


def _begins(term: Any, word: str) -> ColumnElement[bool]:
    """`word` is a prefix: a range of the index."""
    return _between(term, word, word + LAST)


def _between(term: Any, low: Any, high: Any) -> ColumnElement[bool]:
    return and_(term.term >= low, term.term < high)
