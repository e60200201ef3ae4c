"""Each module's own count is held beside the books, and only what nothing explains is a difference."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import DatabaseError

from app.db import transaction
from app.domain.states import SaleStatus
from app.extensions import db
from app.models import ModuleMatch, SecurityModule, SetClock, Token
from app.models.base import now
from app.services import book_checks, match
from app.services.credentials import make_key_file, seal
from app.services.module_counts import DAY, NONE, SILENT, TOTAL, Told
from app.services.security_module import InstalledModules
from app.sts.meter_number import pan_from_drn
from app.sts.module import MeterConfig
from tests.cast import PALM_STREET
from tests.services.conftest import Counter
from tests.services.wire import TIMING, wired
from tests.sts.prism.fault_proxy import Fault
from tests.views.module_server import PASSWORD, serving

pytestmark = pytest.mark.postgresql_long

NOON = datetime.combine(now().date(), time(12), UTC)
YESTERDAY = (NOON - timedelta(days=1)).date()
METER = MeterConfig(pan_from_drn(PALM_STREET), ea=7, tct=2, sgc="123456", krn=1, ti=1, ken=255)


@pytest.fixture
def says(monkeypatch):
    """`says({day: tokens})`: what the module tells when it is asked."""

    def tell(by_day: dict[date, int] | None = None, source: str = DAY, total: int | None = None) -> None:
        monkeypatch.setattr(match, "ask", lambda *_: Told(source, by_day or {}, total))

    return tell


def looked(counter: Counter, *, at: datetime | None = None) -> dict[date, ModuleMatch]:
    """What a look finds of each day."""
    found = match.look(counter.modules, "efua", clock=lambda: at or now())
    return {one.row.day: one.row for one in found}


def sells_at(counter: Counter, moment: datetime, value: int = 20_00) -> None:
    Counter(counter.cast, counter.modules, clock=moment).sells("palm_street", value, reference=f"at-{moment:%d%H%M%S}")


def figures(row: ModuleMatch) -> tuple[int | None, int, int | None]:
    return row.made, row.booked, row.difference


def test_the_module_in_this_process_matches_answer_by_answer_whatever_the_clock_said(counter):
    sells_at(counter, now() - timedelta(days=20))  # a clock that was set: the answer is of today
    sells_at(counter, now())
    assert figures(looked(counter)[now().date()]) == (2, 2, 0)
    assert book_checks.last(book_checks.MATCH).wrong == 0


def test_an_answer_that_nobody_here_asked_for_is_a_difference(counter):
    sells_at(counter, now())
    counter.modules.by_id(1).credit_token("somebody-else", METER, 0, 100, now())
    assert figures(looked(counter)[now().date()]) == (2, 1, 1)
    [finding] = json.loads(book_checks.last(book_checks.MATCH).findings)
    assert (finding["difference"], finding["day"]) == (1, now().date().isoformat())


def test_a_token_in_the_books_that_the_module_never_made_is_a_difference(counter, says):
    sells_at(counter, NOON - timedelta(days=1))
    says({YESTERDAY: 0})
    assert figures(looked(counter)[YESTERDAY]) == (0, 1, -1)
    says({YESTERDAY: 1})
    assert figures(looked(counter)[YESTERDAY]) == (1, 1, 0)


def test_a_sale_at_midnight_may_be_counted_on_either_day(counter, says):
    sells_at(counter, datetime.combine(YESTERDAY, time(23, 59, 40), UTC))
    today = YESTERDAY + timedelta(days=1)
    says({today: 1})
    found = looked(counter, at=NOON)
    assert figures(found[YESTERDAY]) == (0, 1, 0) and figures(found[today]) == (1, 0, 0)
    assert json.loads(found[today].explained) == {"border": 1}
    says({today: 2})  # but one token is not two
    assert figures(looked(counter, at=NOON)[today]) == (2, 0, 1)


def test_a_sale_that_waits_explains_a_token_that_is_in_no_book(context, cast, tmp_path, says):
    with wired(cast, tmp_path) as wire:
        counter = wire.counter
        counter.clock = NOON - timedelta(days=1)
        counter.sells("palm_street", 5_00)
        wire.proxy.fault, wire.proxy.late_s = Fault.CUT_BEFORE_REQUEST, 0.7
        assert counter.sells("palm_street", 20_00).status is SaleStatus.RESERVED
        says({YESTERDAY: 2})
        row = looked(counter)[YESTERDAY]
        assert figures(row) == (2, 1, 0) and json.loads(row.explained) == {"waiting": 1}
        says({YESTERDAY: 3})
        assert looked(counter)[YESTERDAY].difference == 1


def test_a_demonstration_s_past_was_made_within_minutes(counter, says):
    sells_at(counter, NOON - timedelta(days=5))
    sells_at(counter, NOON - timedelta(days=4), 30_00)
    begun = NOON - timedelta(days=1, minutes=30)
    with transaction() as session:
        newest = session.execute(select(func.max(Token.id))).scalar_one()
        session.add(
            SetClock(after_token_id=0, through_token_id=newest, begun_at=begun, ended_at=begun + timedelta(minutes=1))
        )
    says({YESTERDAY: 2})
    found = looked(counter)
    assert set(found) == {YESTERDAY} and figures(found[YESTERDAY]) == (2, 2, 0)


def test_a_running_total_is_matched_from_one_look_to_the_next(counter, says):
    says(source=TOTAL, total=1_000)
    first = looked(counter, at=NOON - timedelta(days=1, hours=2))
    assert figures(first[YESTERDAY]) == (None, 0, None)
    sells_at(counter, NOON - timedelta(days=1))
    sells_at(counter, NOON - timedelta(hours=1), 30_00)
    says(source=TOTAL, total=1_002)
    assert figures(looked(counter, at=NOON)[YESTERDAY]) == (2, 2, 0)
    says(source=TOTAL, total=1_005)
    [row] = looked(counter, at=NOON + timedelta(hours=1)).values()
    assert figures(row) == (3, 0, 3)


def test_a_module_that_does_not_answer_takes_no_count_back(counter, says):
    sells_at(counter, NOON - timedelta(days=1))
    says({YESTERDAY: 0})
    looked(counter)
    for source in (SILENT, NONE):
        says(source=source)
        looked(counter)
    [kept] = [one for one in match.newest() if one.row.day == YESTERDAY]
    assert kept.row.difference == -1


def test_a_module_that_counts_nothing_is_told_as_such(context, cast, tmp_path):
    with wired(cast, tmp_path) as wire:
        wire.counter.sells("palm_street", 5_00)
        [row] = looked(wire.counter).values()
        assert (row.source, *figures(row)) == (NONE, None, 1, None)


def test_the_same_is_not_written_twice_and_nothing_written_is_changed(counter, says):
    sells_at(counter, NOON - timedelta(days=1))
    says({YESTERDAY: 1})
    for _ in range(3):
        looked(counter)
    assert db.session.execute(select(func.count(ModuleMatch.id))).scalar_one() == 1
    with pytest.raises(DatabaseError), transaction() as session:
        session.execute(update(ModuleMatch).values(difference=0))


def test_our_module_server_counts_the_sales_and_what_somebody_else_had_made(context, cast, tmp_path):
    key_file = tmp_path / "credentials.key"
    make_key_file(key_file)
    with serving(tmp_path / "module") as served:
        with transaction() as session:
            row = session.get_one(SecurityModule, 1)
            row.kind, row.address, row.port, row.username = "prism", "127.0.0.1", served.port, "vending"
            row.sealed_password, row.trust, row.fingerprint = seal(PASSWORD, key_file), "pinned", served.fingerprint
        modules = InstalledModules(lambda *_: None, key_file, TIMING)
        counter = Counter(cast, modules)
        counter.sells("palm_street", 5_00)
        counter.sells("palm_street", 20_00)
        row = looked(counter)[now().date()]
        assert (row.source, *figures(row)) == (DAY, 2, 2, 0)
        modules.by_id(1).credit_token("somebody-else", METER, 0, 100, now())
        assert figures(looked(counter)[now().date()]) == (3, 2, 1)
        modules.close()


def test_it_is_due_once_a_day_soon_after_midnight(counter):
    midnight = datetime.combine(NOON.date() + timedelta(days=1), time(), UTC)
    assert match.is_due()
    looked(counter, at=NOON)
    assert not match.is_due(midnight - timedelta(minutes=1)) and not match.is_due(midnight + timedelta(minutes=5))
    assert match.is_due(midnight + timedelta(minutes=11))


def test_a_known_difference_stands_while_its_module_is_silent(counter, says):
    sells_at(counter, NOON - timedelta(days=1))
    says({YESTERDAY: 3})
    looked(counter)
    for source in (SILENT, NONE):
        says(source=source)
        looked(counter)
        row = book_checks.last(book_checks.MATCH)
        assert (row.wrong, json.loads(row.findings)[0]["difference"]) == (1, 2)
    assert [due.why for due in book_checks.attention() if due.kind == "match"] == ["wrong"]
    says({YESTERDAY: 1})
    looked(counter)
    assert book_checks.last(book_checks.MATCH).wrong == 0 and match.standing() == []


def test_who_could_not_be_asked_is_kept_with_the_look(counter, says):
    sells_at(counter, NOON - timedelta(days=1))
    says(source=SILENT)
    looked(counter)
    assert json.loads(book_checks.last(book_checks.MATCH).counts)["unasked"] == [1]
    says({YESTERDAY: 1})
    looked(counter)
    assert json.loads(book_checks.last(book_checks.MATCH).counts)["unasked"] == []


def test_a_difference_is_looked_at_until_it_is_explained_however_old(counter, says):
    sells_at(counter, NOON - timedelta(days=1))
    says({YESTERDAY: 2})
    looked(counter)
    late = NOON + timedelta(days=60)
    looked(counter, at=late)
    assert book_checks.last(book_checks.MATCH).wrong == 1
    assert [one.row.day for one in match.newest(late.date() - timedelta(days=30))] == [YESTERDAY]
    says({YESTERDAY: 1})
    looked(counter, at=late)
    assert book_checks.last(book_checks.MATCH).wrong == 0


def test_a_running_total_that_agrees_again_does_not_take_back_what_was_found(counter, says):
    for hour, total in enumerate((1_000, 1_003, 1_003)):
        says(source=TOTAL, total=total)
        looked(counter, at=NOON + timedelta(hours=hour))
    assert book_checks.last(book_checks.MATCH).wrong == 1
    [one] = match.standing()
    assert one.row.difference == 3
    match.accept(one.name, one.row.day, "Tried by its maker", "efua")
    says(source=TOTAL, total=1_003)
    looked(counter, at=NOON + timedelta(hours=4))
    assert match.standing() == []  # the next span begins where the last one ended


def test_a_token_at_midnight_explains_one_of_two_days(counter, says):
    sells_at(counter, datetime.combine(YESTERDAY, time(23, 59, 40), UTC))
    today = YESTERDAY + timedelta(days=1)
    says({YESTERDAY: 1, today: 1})
    found = looked(counter, at=NOON)
    assert (found[YESTERDAY].difference, found[today].difference) == (0, 1)
    assert book_checks.last(book_checks.MATCH).wrong == 1
    says({YESTERDAY: 1})
    looked(counter, at=NOON)
    assert book_checks.last(book_checks.MATCH).wrong == 0


def test_what_was_made_while_we_looked_is_not_called_midnight(counter, says):
    sells_at(counter, NOON - timedelta(seconds=30))
    says({NOON.date(): 2})
    row = looked(counter, at=NOON)[NOON.date()]
    assert json.loads(row.explained) == {"looked": 1}


def test_an_accepted_difference_no_longer_warns_until_it_changes(counter, says):
    sells_at(counter, NOON - timedelta(days=1))
    says({YESTERDAY: 2})
    looked(counter)
    name = match.standing()[0].name
    match.accept(name, YESTERDAY, "The books came back from a backup", "efua")
    assert match.standing() == [] and book_checks.last(book_checks.MATCH).wrong == 0
    looked(counter)
    assert match.standing() == []
    [kept] = [one.row for one in match.newest() if one.row.day == YESTERDAY]
    assert (kept.accepted_by, kept.reason, kept.difference) == ("efua", "The books came back from a backup", 1)
    says({YESTERDAY: 3})
    looked(counter)
    assert [one.row.difference for one in match.standing()] == [2]
    with pytest.raises(LookupError):
        match.accept(name, YESTERDAY - timedelta(days=1), "Nothing there", "efua")
