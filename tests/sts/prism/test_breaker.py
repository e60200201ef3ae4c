"""A dead module is not waited for twice, and not forgotten either."""

from __future__ import annotations

import doctest
import importlib
from datetime import UTC, datetime, timedelta

import pytest

from app.sts.prism.breaker import PAUSE, PAUSE_MAX, Breaker, Permit

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Wall:
    """A clock on the wall, for a breaker to look at."""

    def __init__(self) -> None:
        self.now = NOON


@pytest.fixture
def wall() -> Wall:
    return Wall()


def test_every_failed_try_doubles_the_pause_up_to_a_limit(wall):
    breaker = Breaker(lambda: wall.now)
    pauses = []
    for _ in range(6):
        breaker.failed("ENetwork.Refused")
        begun = wall.now
        while breaker.may_ask() is Permit.STOP:
            wall.now += timedelta(seconds=1)
        pauses.append(wall.now - begun)
    assert pauses == [min(PAUSE * 2**n, PAUSE_MAX) for n in range(6)]
    assert breaker.since == NOON, "it has been dead since the first failure"


def test_a_try_that_never_reports_does_not_shut_the_module_for_ever(wall):
    breaker = Breaker(lambda: wall.now)
    breaker.failed("ENetwork.Timeout")
    wall.now += PAUSE
    assert breaker.may_ask() is Permit.TRY
    assert breaker.may_ask() is Permit.STOP
    wall.now += PAUSE
    assert breaker.may_ask() is Permit.TRY


def test_news_of_others_count_when_they_are_newer(wall):
    breaker = Breaker(lambda: wall.now)
    breaker.worked()
    breaker.heard(up=False, since=NOON - timedelta(hours=1), checked_at=NOON - timedelta(minutes=1))
    assert breaker.may_ask() is Permit.GO
    wall.now += timedelta(minutes=1)
    breaker.heard(up=False, since=NOON, checked_at=wall.now, code="ENetwork.Refused")
    assert (breaker.may_ask(), breaker.since, breaker.code) == (Permit.STOP, NOON, "ENetwork.Refused")


def test_news_that_it_is_back_let_one_try_at_once_and_are_believed_once(wall):
    breaker = Breaker(lambda: wall.now)
    breaker.failed("ENetwork.Refused")
    wall.now += timedelta(seconds=1)
    seen = wall.now
    breaker.heard(up=True, since=seen, checked_at=seen)
    assert breaker.may_ask() is Permit.TRY
    breaker.failed("ENetwork.Refused")
    breaker.heard(up=True, since=seen, checked_at=seen)
    assert breaker.may_ask() is Permit.STOP


def test_it_is_not_called_dead_since_before_it_was_heard_well(wall):
    breaker = Breaker(lambda: wall.now)
    breaker.failed("ENetwork.Refused")
    assert (breaker.dead, breaker.since) == (True, NOON)
    wall.now += timedelta(minutes=1)
    breaker.heard(up=True, since=wall.now, checked_at=wall.now)
    assert (breaker.dead, breaker.since) == (False, wall.now)
    wall.now += timedelta(minutes=1)
    breaker.failed("ENetwork.Timeout")
    assert (breaker.dead, breaker.since) == (True, wall.now)
    wall.now += timedelta(minutes=1)
    breaker.heard(up=True, since=wall.now, checked_at=wall.now)
    wall.now += timedelta(minutes=1)
    breaker.heard(up=False, since=wall.now, checked_at=wall.now, code="ENetwork.Closed")
    assert (breaker.dead, breaker.since, breaker.may_ask()) == (True, wall.now, Permit.STOP)


def test_a_clock_that_is_set_back_shuts_nothing_for_years(wall):
    breaker = Breaker(lambda: wall.now)
    breaker.failed("ENetwork.Refused")
    wall.now -= timedelta(days=400)
    assert breaker.may_ask() is Permit.TRY


@pytest.mark.parametrize("name", ["breaker", "messages", "interface", "place"])
def test_the_examples_run(name):
    assert doctest.testmod(importlib.import_module(f"app.sts.prism.{name}")).failed == 0
