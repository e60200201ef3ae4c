"""A schedule's cost as a curve over the units of one purchase, in whole grains.

A *grain* is the plan's common denominator of a major unit, so that prices, levies and taxes
of every step are integers per tenth of a unit and nothing is lost.  Cost runs along the
steps from the units already counted; a fine is a jump at its start.  The inverse walks the
same pieces once: no trial, no tolerance.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from app.domain.errors import BadPlan
from app.domain.money import Exact


@dataclass(frozen=True, slots=True)
class Rate:
    """Grains for one of something: what the utility keeps, each tax, and both together."""

    net: int
    taxes: tuple[int, ...]
    cost: int


@dataclass(frozen=True, slots=True)
class Segment:
    """One step in force between `start` and `end` (tenths of the period).

    `net` and `taxes` are grains per tenth of energy, `taxes` with those on the levies;
    `cost` is everything a tenth costs here, levies included.
    """

    number: int
    start: Exact
    end: Exact | None
    price: Fraction
    net: int
    taxes: tuple[int, ...]
    cost: int


@dataclass(frozen=True, slots=True)
class FineRange:
    """A fine on purchases above `start` up to `end` tenths; one rate for each step reached."""

    number: int
    start: Exact
    end: Exact | None
    amount: Fraction
    rates: tuple[Rate, ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """The steps and fines of one schedule; `levies` are net grains per tenth, in plan order."""

    segments: tuple[Segment, ...]
    levies: tuple[int, ...]
    fines: tuple[FineRange, ...]

    @property
    def steps_end(self) -> Exact | None:
        """Where the last step ends (tenths of the period), or None."""
        return self.segments[-1].end

    @property
    def fines_end(self) -> Exact | None:
        """The largest single purchase the fines provide for (tenths), or None."""
        return self.fines[-1].end if self.fines else None

    def parts(self, before: Exact, tenths: Exact) -> list[tuple[Segment, Exact]]:
        """The segments that `tenths` after `before` run through, and how much is in each."""
        found: list[tuple[Segment, Exact]] = []
        position, left = before, tenths
        for segment in self.segments:
            if segment.end is not None:
                room = segment.end - position
                if room <= 0:
                    continue
                if room < left:
                    found.append((segment, room))
                    position, left = segment.end, left - room
                    continue
            found.append((segment, left))
            return found
        raise BadPlan(reason="beyond_last_step")

    def fine_at(self, tenths: Exact) -> FineRange | None:
        """The fine of a purchase of `tenths`; a shared end belongs to the lower range."""
        found = None
        for fine in self.fines:
            if tenths <= fine.start:
                break
            found = fine
        return found

    def cost(self, before: Exact, tenths: Exact, extra: int = 0) -> Exact:
        """Grains for `tenths`: steps, levies, their taxes, the fine with its taxes, `extra` each."""
        parts = self.parts(before, tenths)
        fine = self.fine_at(tenths)
        total: Exact = extra * tenths if extra else 0
        if fine:
            total += fine.rates[parts[-1][0].number - 1].cost
        for segment, part in parts:
            total += part * segment.cost
        return total

    def largest(
        self, before: Exact, money: Exact, low: Exact, high: Exact | None, extra: int = 0
    ) -> tuple[Exact, Exact] | None:
        """The most tenths in (low, high] that cost at most `money` grains, and the money left.

        None if there are none; `low` itself counts when it is 0.  Money is left only where
        the next tenth would cost a jump more, or where `high` ends it.  Every tenth costs
        `extra` grains beside what its step costs.
        """
        if money < 0:
            return None
        for start, end, jump in self._ranges(before, low, high):
            if money < jump:
                continue
            tenths = self._walk(before, money - jump, extra)
            if end is not None and (tenths is None or tenths > end):
                if end > start:
                    return end, money - self.cost(before, end, extra)
            elif tenths is None:
                raise BadPlan(reason="free_without_end")
            elif tenths > start:
                return tenths, 0
        return (0, money) if low == 0 else None

    def _walk(self, before: Exact, money: Exact, extra: int) -> Exact | None:
        """How many tenths `money` grains reach; None if the steps end first or cost nothing."""
        position, left = before, money
        tenths: Exact = 0
        for segment in self.segments:
            cost = segment.cost + extra
            if segment.end is None:
                return _reach(tenths, left, cost) if cost else None
            room = segment.end - position
            if room <= 0:
                continue
            price = room * cost
            # NB: an exact hit goes on, because units beyond it may be free.
            if price > left:
                return _reach(tenths, left, cost)
            tenths, position, left = tenths + room, segment.end, left - price
        return None

    def _ranges(
        self, before: Exact, low: Exact, high: Exact | None
    ) -> Iterator[tuple[Exact, Exact | None, int]]:
        """Sizes of a purchase (start, end] within (low, high] with their jump, the highest first."""
        for fine in reversed(self.fines):
            start, end = max(low, fine.start), lower_end(high, fine.end)
            if len({rate.cost for rate in fine.rates}) == 1:
                yield start, end, fine.rates[0].cost
                continue
            # A taxed fine depends on the step reached: look at each step's sizes.
            for segment, rate in zip(reversed(self.segments), reversed(fine.rates), strict=True):
                segment_end = None if segment.end is None else segment.end - before
                yield max(start, segment.start - before), lower_end(end, segment_end), rate.cost
        if not self.fines or self.fines[0].start > low:
            yield low, lower_end(high, self.fines[0].start if self.fines else None), 0


def _reach(tenths: Exact, money: Exact, cost: int) -> Exact:
    """`tenths` and as many more as `money` buys at `cost` each; one Fraction where there is one."""
    if money % cost == 0:
        return tenths + money // cost
    return Fraction(tenths * cost + money, cost)


def lower_end(a: Exact | None, b: Exact | None) -> Exact | None:
    """The lower of two ends, where None is no end.

    >>> lower_end(None, 5), lower_end(3, 5), lower_end(None, None)
    (5, 3, None)
    """
    if a is None or b is None:
        return a if b is None else b
    return min(a, b)
