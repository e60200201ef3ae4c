"""Answers that are forgotten: surely old ones only, whatever the clock says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from app.sts.prism.journal import MEMORY, FileJournal
from app.sts.prism.journal_forget import GAP
from tests.sts.prism.test_service_journal import NOON, credit

OLD = MEMORY + GAP
MONTH = timedelta(days=28)


class Site:
    """A journal under a clock that can be set."""

    def __init__(self, path: Path) -> None:
        self.clock, self.given = NOON, list[str]()
        self.journal = FileJournal(path, clock=lambda: self.clock)

    def answers(self, name: str) -> None:
        """Give an answer now."""
        credit(self.journal, name, NOON)
        self.given.append(name)
        self.journal.settle()

    def lives(self, until: datetime) -> None:
        """An answer each four weeks, until the clock is there."""
        while self.clock + MONTH < until:
            self.clock += MONTH
            self.answers(f"at.{self.clock:%Y%m%d}")
        self.clock = until
        self.answers(f"until.{until:%Y%m%d}")

    def forgotten(self) -> list[str]:
        """What is not known any more, after forgetting."""
        self.journal.forget_old_answers()
        return [name for name in self.given if self.journal.answer(name) is None]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "journal.db")
    yield made
    made.journal.close()


def test_old_answers_are_forgotten_and_ids_are_not(site: Site) -> None:
    first = credit(site.journal, "old")
    site.given.append("old")
    site.lives(NOON + OLD)
    assert site.forgotten() == []
    site.lives(NOON + OLD + timedelta(days=1))
    assert site.forgotten() == ["old"]
    assert site.journal.forget_old_answers() == 0
    again = credit(site.journal, "old", NOON)
    assert again.token_id == first.token_id + len(site.given)  # type: ignore[operator]


@pytest.mark.parametrize("days", [-500, 402, 440])
def test_a_clock_that_is_wrong_for_one_start_deletes_nothing(site: Site, days: int) -> None:
    """The clock far back and right again, or far ahead; with answers given meanwhile, and without."""
    for wrong in (False, True):
        site.answers(f"before.{wrong}")
        site.clock = NOON + timedelta(days=days)
        assert site.forgotten() == []
        if wrong:
            site.answers("meanwhile")
            assert site.forgotten() == []
            site.clock += timedelta(minutes=1)
            site.answers("a-little-later")
            assert site.forgotten() == []
        site.clock = NOON + timedelta(hours=1)
        site.answers(f"after.{wrong}")
        assert site.forgotten() == []


def test_what_was_given_under_a_clock_that_was_back_is_kept_until_what_follows_it_is_old(site: Site) -> None:
    site.answers("a")
    site.lives(NOON + timedelta(days=300))
    right, site.clock = site.clock, NOON - timedelta(days=200)
    site.answers("wrong-clock")  # it looks older than "a", and is three hundred days younger
    site.clock = right + timedelta(minutes=1)
    site.answers("right-again")
    site.lives(NOON + OLD + timedelta(days=50))
    assert site.forgotten()[0] == "a"
    assert "wrong-clock" not in site.forgotten()
    site.lives(right + OLD + timedelta(days=1))
    assert {"wrong-clock", "right-again"} <= set(site.forgotten())


def test_a_first_year_under_a_clock_that_was_far_back_is_no_old_one(site: Site) -> None:
    site.clock -= timedelta(days=9000)
    site.answers("a")
    site.clock = NOON
    site.lives(NOON + timedelta(days=390))
    assert site.forgotten() == []
    site.lives(NOON + OLD + timedelta(days=1))
    assert site.forgotten() == ["a"]
