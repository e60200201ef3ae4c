"""The licence: what is taken, what is limited and when, and that nobody gets round it."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.db import transaction
from app.domain import errors, licence
from app.domain.licence import COMMUNITY, Terms
from app.extensions import db
from app.models import AuditEntry, Licence, Meter, Settings
from app.services import licensing
from app.services.vending import Wish, quote
from app.sts.meter_number import check_digit
from tests import licences

FAR_EAST = "Pacific/Kiritimati"  # fourteen hours before UTC
END = datetime.now(UTC).date() + timedelta(days=10)


def local(day: date, at: time = time(12), zone: str = FAR_EAST) -> datetime:
    return datetime.combine(day, at, ZoneInfo(zone)).astimezone(UTC)


def left(at: datetime | None = None) -> int | None:
    return licensing.meters_left(db.session(), at)


def new_meter(number: int, like: Meter) -> Meter:
    body = f"01{number:08d}"
    return Meter(
        meter_number=body + check_digit(body), meter_type=like.meter_type, product_id=like.product_id,
        region_id=like.region_id, algorithm=like.algorithm, sgc=like.sgc,
    )  # fmt: skip


def sells(counter: Any, at: datetime) -> bool:
    """Whether a price is named at this moment."""
    try:
        quote(Wish(counter.number("pump"), False, 20_00), counter.cast.scope("amara"), instant=at)
    except errors.LicenceExpired:
        return False
    return True


@pytest.fixture
def far_east(counter: Any) -> Any:
    """The counter, in an installation where the day begins earlier than anywhere."""
    with transaction() as session:
        session.get_one(Settings, 1).time_zone = FAR_EAST
    return counter


def test_until_a_licence_is_loaded_the_community_licence_counts(counter):
    found = licensing.standing(db.session())
    assert (found.terms, found.meters, found.state, found.limits) == (COMMUNITY, 4, "valid", False)
    assert left() == COMMUNITY.meters_allowed - 4
    assert sells(counter, local(date(2044, 1, 1)))


def test_a_licence_counts_from_the_moment_it_is_loaded(counter):
    licensing.load(licences.signed(meters_allowed=5))
    assert licensing.standing(db.session()).terms.holder == "Lake Power"
    assert left() == 1
    licensing.load(licences.signed(meters_allowed=None, valid_until=None, issued_at=datetime.now(UTC)))
    assert left() is None


# --- files that are not taken ---------------------------------------------------------------


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("line", "altered"),
    [
        ("holder: Lake Power", "holder: Sea Power"), ("meters: 100", "meters: 101"), ("meters: 100", "meters: any"),
        ("installation: any", "installation: AAAA-BBBB-CCCC"), ("issued: 20", "issued: 21"), ("valid-until: 20", "valid-until: 21"),
    ],
)  # fmt: skip
def test_a_file_with_one_altered_line_is_forged(context, line, altered):
    text = licences.signed()
    assert line in text
    with pytest.raises(licence.ForgedLicence):
        licensing.load(text.replace(line, altered))
    assert licensing.standing(db.session()).terms is COMMUNITY


@pytest.mark.one_database
@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "", lambda text: text[:-40], lambda text: text * 2, lambda text: text.replace("meters: 100", "meters: -1"),
        lambda text: text.replace("LICENCE 1", "LICENCE 2"), lambda text: "\n".join(reversed(text.splitlines())),
        lambda text: text.replace("meters: 100", "meters: 100\nmeters: 200"), lambda text: text + "x" * 5_000,
        lambda text: text.replace("holder: Lake", "holder: \u202eLake"), lambda text: text.replace("valid-until: 20", "valid-until: 20-"),
    ],
)  # fmt: skip
def test_what_is_no_licence_file_is_refused(context, spoil):
    with pytest.raises(licence.NotALicence):
        licensing.load(spoil(licences.signed()))


@pytest.mark.one_database
def test_a_file_that_went_through_a_mail_program_is_still_good(context):
    licensing.load("\ufeff\r\n" + licences.signed().replace("\n", "\r\n") + "\r\n\r\n")
    assert licensing.standing(db.session()).proven


@pytest.mark.one_database
def test_a_file_of_another_issuer_or_installation_is_foreign(context):
    with pytest.raises(licence.ForgedLicence):
        licensing.load(licences.signed(licences.STRANGER))
    with pytest.raises(licence.LicenceOfAnother):
        licensing.load(licences.signed(installation="AAAA-BBBB-CCCC"))
    own = licensing.installation(db.session())
    assert licensing.load(licences.signed(installation=own)).installation == own


@pytest.mark.one_database
def test_without_an_issuers_key_nothing_is_taken(context):
    licensing.trust(db.engine, "")
    try:
        with pytest.raises(licence.NoLicenceKey):
            licensing.load(licences.signed())
    finally:
        licensing.trust(db.engine, licences.ISSUER.public)


def test_an_ended_an_older_and_the_same_file_are_refused(context):
    yesterday = datetime.now(UTC).date() - timedelta(days=2)
    with pytest.raises(licence.LicenceOverAlready):
        licensing.load(licences.signed(valid_until=yesterday))
    now = datetime.now(UTC).replace(microsecond=0)
    loaded = licences.signed(issued_at=now - timedelta(hours=1), meters_allowed=50)
    licensing.load(loaded)
    for older in (loaded, licences.signed(issued_at=now - timedelta(hours=2), meters_allowed=500)):
        with pytest.raises(licence.OlderLicence):
            licensing.load(older)
    licensing.fall_back()
    with pytest.raises(licence.OlderLicence):  # going back and taking the old one again is no way either
        licensing.load(loaded)
    licensing.load(licences.signed(issued_at=now))


@pytest.mark.one_database
def test_a_file_from_the_future_says_that_the_clock_is_behind(context):
    with pytest.raises(licence.LicenceFromAhead):
        licensing.load(licences.signed(issued_at=datetime.now(UTC) + timedelta(days=3)))


# --- what is limited, and when --------------------------------------------------------------


def test_the_last_day_is_the_installations_and_grace_has_fourteen(far_east):
    licensing.load(licences.signed(valid_until=END))
    day = timedelta(days=1)
    for at, meters, selling in (
        (local(END, time(23, 59)), 96, True),  # at which time UTC has the day before
        (local(END + day, time(0)), 0, True),
        (local(END + 14 * day, time(23, 59)), 0, True),
        (local(END + 15 * day, time(0)), 0, False),
    ):
        assert (left(at), sells(far_east, at)) == (meters, selling), at
        if meters == 0:
            with transaction() as session, pytest.raises(licence.LicenceEnded):
                licensing.require_room(session, instant=at)


def test_meter_n_is_added_and_n_plus_one_is_not(counter):
    licensing.load(licences.signed(meters_allowed=5))
    like = db.session.query(Meter).first()
    with transaction() as session:
        licensing.require_room(session)
        session.add(new_meter(5, like))
    assert left() == 0
    with transaction() as session, pytest.raises(errors.LicenceFull):
        licensing.require_room(session)
    assert sells(counter, counter.clock)  # full never stops selling


@pytest.mark.one_database
def test_many_at_once_need_room_for_all_of_them(counter):
    licensing.load(licences.signed(meters_allowed=10))
    with transaction() as session:
        licensing.require_room(session, 6)
        with pytest.raises(errors.LicenceFull):
            licensing.require_room(session, 7)


@pytest.mark.one_database
def test_fewer_meters_than_there_are_stops_new_ones_and_nothing_else(counter):
    licensing.load(licences.signed(meters_allowed=2))
    found = licensing.standing(db.session())
    assert (found.meters, found.meters_left, found.few_left) == (4, 0, True)
    assert sells(counter, counter.clock)


def test_two_people_who_add_the_last_meter_at_once_are_one_meter(context, counter):
    licensing.load(licences.signed(meters_allowed=5))
    like = db.session.query(Meter).first()
    db.session.expunge(like)
    db.session.remove()
    gate, told = threading.Barrier(2), []

    def add(number: int) -> None:
        with context.app_context():
            gate.wait()
            try:
                with transaction() as session:
                    licensing.require_room(session)
                    session.add(new_meter(number, like))
            except errors.LicenceFull as refusal:
                told.append(refusal)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=add, args=(number,)) for number in (5, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [type(refusal) for refusal in told] == [errors.LicenceFull]
    assert db.session.query(Meter).count() == 5


# --- getting round it -----------------------------------------------------------------------


def test_a_clock_that_is_turned_back_gains_nothing(counter):
    today = datetime.now(UTC).date()
    licences.put(valid_until=today - timedelta(days=15))
    assert not sells(counter, counter.clock)
    with transaction() as session:  # a change of this morning
        session.get_one(Settings, 1).utility_telephone = "1"
    back = counter.clock - timedelta(days=60)
    assert licensing.standing(db.session(), back).today == today
    assert not sells(counter, back)
    assert left(back) == 0


def test_neither_a_sale_nor_the_day_of_issue_is_undone_by_the_clock(counter):
    end = datetime.now(UTC).date() + timedelta(days=3)
    licensing.load(licences.signed(valid_until=end))
    counter.clock += timedelta(days=20)
    with pytest.raises(errors.LicenceExpired):
        counter.sells("palm_street", 20_00)
    counter.clock -= timedelta(days=5)
    counter.sells("palm_street", 20_00)
    assert licensing.standing(db.session()).state == "grace"  # the sale says so, whatever the clock says
    assert licensing.standing(db.session(), local(date(2020, 1, 1))).today >= end


@pytest.mark.one_database
def test_what_a_wrong_clock_wrote_before_a_licence_was_loaded_says_nothing_of_its_days(context):
    with transaction() as session:
        session.add(AuditEntry(at=local(date(2093, 1, 1)), action="add", table_name="region"))
    licensing.load(licences.signed())
    assert licensing.standing(db.session()).state == "valid"
    with transaction() as session:
        session.add(AuditEntry(at=local(date(2093, 1, 1)), action="add", table_name="region"))
    assert licensing.standing(db.session()).state == "over"
    licensing.load(licences.signed(issued_at=datetime.now(UTC)))  # the issuer's word mends it
    assert licensing.standing(db.session()).state == "valid"


def test_a_loaded_licence_cannot_be_rewritten_or_taken_out(context):
    licensing.load(licences.signed())
    for statement in ("UPDATE licence SET meters_allowed = 9999", "DELETE FROM licence"):
        with pytest.raises(DBAPIError, match="append-only"), transaction() as session:
            session.execute(text(statement))


@pytest.mark.one_database
@pytest.mark.parametrize("written", ["", None])
def test_a_row_written_by_hand_gives_nothing(counter, written):
    claimed = licences.signed(licences.STRANGER, valid_until=None, meters_allowed=None) if written is None else written
    licences.claim(holder="Mine", meters_allowed=None, signed_text=claimed)
    found = licensing.standing(db.session())
    if claimed:
        assert (found.proven, found.meters_left) == (False, 0)
        with transaction() as session, pytest.raises(licence.LicenceUnproven):
            licensing.require_room(session)
    else:
        assert found.terms is COMMUNITY  # its columns count for nothing
    assert sells(counter, counter.clock)


@pytest.mark.one_database
def test_a_broken_signature_does_not_lengthen_what_has_ended(counter):
    licences.put(valid_until=date(2024, 1, 31), issuer=licences.STRANGER)
    assert not sells(counter, counter.clock)


@pytest.mark.one_database
def test_going_back_to_the_community_licence_sheds_no_limit(context, counter):
    licensing.load(licences.signed())
    licensing.fall_back()
    licensing.fall_back()  # a second click
    assert licensing.standing(db.session()).terms is COMMUNITY
    assert db.session.query(Licence).count() == 3
    licensing.load(licences.signed(meters_allowed=4, issued_at=datetime.now(UTC)))
    with pytest.raises(licence.LimitsStay):
        licensing.fall_back()
    assert not licensing.may_fall_back(db.session(), licensing.standing(db.session()))


@pytest.mark.parametrize(
    ("ahead", "soon"), [(31, False), (30, True), (0, True), (-1, False)]
)
def test_the_warning_comes_thirty_days_ahead(ahead, soon):
    terms = Terms("x", valid_until=date(2027, 1, 1) + timedelta(days=ahead))
    assert licence.Standing(terms, date(2027, 1, 1), 0).ends_soon is soon
