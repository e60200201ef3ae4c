"""Inactive consumers: the worker's count is that of the report, and a jump is told from what is usual."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, update

from app.access.scope import Scope
from app.db import transaction
from app.extensions import db
from app.models import Consumer, InactiveDay
from app.reports.catalogue import BY_NAME
from app.reports.installation import installation
from app.reports.question import ask
from app.reports.report import Asked
from app.services import inactive

TODAY = datetime.now(UTC).date()
ALL = Scope.everything()


def reported(scope, first, last):
    session, report = db.session(), BY_NAME["inactive-consumers"]
    house = installation(session, datetime.now(UTC))
    question, faults = ask(session, scope, report.choices, {"from": first.isoformat(), "to": last.isoformat(), "show": "none"}, house)
    assert faults == ()
    return report.answer(Asked(session, scope, house, question)).count


def test_the_count_is_the_reports_and_is_made_once(counter, harbour):
    for who, meter, before in ((counter, "palm_street", 33), (harbour, "pier", 20), (harbour, "pier", 1)):
        who.clock = datetime.now(UTC) - timedelta(days=before)
        who.sells(meter, 20_00)
    yesterday = TODAY - timedelta(days=1)
    assert inactive.keep_counts(TODAY) == [yesterday, yesterday - timedelta(days=7)]
    assert inactive.keep_counts(TODAY) == []
    for scope in (ALL, counter.cast.scope("chidi"), counter.cast.scope("bento")):
        found = inactive.of_region(db.session(), scope, TODAY)
        assert (found.now, found.last) == (reported(scope, found.first, found.last), yesterday)
        assert found.before == reported(scope, found.first - timedelta(days=7), found.last - timedelta(days=7))
        assert found.consumers >= found.now
    assert inactive.of_region(db.session(), counter.cast.scope("bento"), TODAY).now == 0
    assert inactive.of_region(db.session(), counter.cast.scope("chidi"), TODAY).before == 0
    assert inactive.of_region(db.session(), ALL, TODAY + timedelta(days=5)) is None


@pytest.mark.one_database
def test_one_who_is_switched_off_is_not_counted_and_old_counts_go(counter):
    inactive.keep_counts(TODAY - timedelta(days=80))
    with transaction() as session:
        session.execute(update(Consumer).values(active=False))
    inactive.keep_counts(TODAY)
    assert db.session.scalars(select(InactiveDay)).all() == []


def test_a_jump_is_a_quarter_more_and_at_least_ten():
    def count(now, before):
        return inactive.Inactive(date(2026, 11, 1), date(2026, 11, 30), 1000, now, before)

    assert [count(now, before).jumped for now, before in ((50, 40), (49, 40), (10, 0), (9, 0), (500, 420), (40, 50), (90, None))] == [
        True, False, True, False, False, False, False,
    ]  # fmt: skip
