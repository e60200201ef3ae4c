"""Finding people and meters by what is typed, however common the name."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime, timedelta

import pytest

from app.db import transaction
from app.domain import errors
from app.extensions import db
from app.models import Consumer, Meter
from app.services import consumer_words
from app.services.registration import find_consumers
from app.services.search import find_meters
from app.sts.meter_number import check_digit
from tests import licences
from tests.cast import end_keys

FOREIGN = 450


@pytest.fixture
def crowd(counter):
    """Hundreds of Mohameds in Bento's region, and one in Amara's with a meter."""
    cast = counter.cast
    with transaction() as session:
        session.add_all(
            Consumer(name=f"Mohamed N{n:03d}", user_number=f"F{n:04d}", region_id=cast.regions["harbour"])
            for n in range(FOREIGN)
        )
        mine = Consumer(name="Mohamed Zulu", user_number="M1", region_id=cast.regions["market"])
        session.add(mine)
        session.flush()
        pattern = session.get_one(Meter, cast.meters["palm_street"])
        copied = ("meter_type", "product_id", "tariff_id", "region_id", "algorithm", "sgc", "ea")
        body = "0100000777"
        meter = Meter(meter_number=body + check_digit(body), consumer_id=mine.id,
                      **{name: getattr(pattern, name) for name in copied})  # fmt: skip
        session.add(meter)
    return counter


WAYS = {
    "counted out": (1000, 2000, 2000), "asked of each row": (0, 2000, 2000),
    "walked along the terms": (0, 0, 2000), "all matched": (0, 0, 0), "matched after some steps": (0, 0, 2),
}  # fmt: skip


def each_way(monkeypatch):
    """Every way of searching in turn; its name tells which one a failure met."""
    for name, (rare, small, steps) in WAYS.items():
        monkeypatch.setattr(consumer_words, "RARE", rare)
        monkeypatch.setattr(consumer_words, "SMALL", small)
        monkeypatch.setattr(consumer_words, "STEPS", steps)
        yield name


def test_ones_own_are_found_behind_hundreds_of_strangers(crowd, monkeypatch):
    scope = crowd.cast.scope("amara")
    for way in each_way(monkeypatch):
        for typed in ("mohamed", "mohamed zulu", "zulu mohamed", "moh zu", "zulu", "M1"):
            assert [card.consumer_name for card in find_meters(typed, scope)] == ["Mohamed Zulu"], (way, typed)
            found = [one.name for one in find_consumers(db.session(), typed, scope)]
            assert found == ["Mohamed Zulu"], (way, typed)


def test_every_word_must_fit(crowd, monkeypatch):
    scope = crowd.cast.scope("amara")
    for way in each_way(monkeypatch):
        for typed in ("mohamed n001", "mohamed wanjiru", "zulu achieng", "xyz"):
            assert find_meters(typed, scope) == [], (way, typed)
            assert find_consumers(db.session(), typed, scope) == [], (way, typed)
        bento = find_consumers(db.session(), "mohamed n0", crowd.cast.scope("bento"))
        assert len(bento) == 10, way
        assert {one.name[:10] for one in bento} == {"Mohamed N0"}, way


def test_names_as_typed_come_before_the_same_words_in_another_order(crowd, monkeypatch):
    with transaction() as session:
        session.add_all(
            Consumer(name=name, user_number=f"T{n}", region_id=crowd.cast.regions["harbour"])
            for n, name in enumerate(["N1 Mohamed Ali", "Mohamed Ali"] * 6)
        )
    monkeypatch.setattr(consumer_words, "RARE", 0)
    monkeypatch.setattr(consumer_words, "SMALL", 0)
    bento = crowd.cast.scope("bento")
    assert {one.name for one in find_consumers(db.session(), "mohamed ali", bento, 6)} == {"Mohamed Ali"}
    assert len(find_consumers(db.session(), "ali mohamed", bento, 20)) == 12, "fewer as typed than wanted: all of them"


@pytest.mark.one_database("postgresql")
def test_postgresql_asks_row_by_row_whatever_it_thinks_of_a_range(crowd):
    """Its plan for any word joins nothing that is asked of one row: it would read a common word to its end."""
    scope, places = crowd.cast.scope("bento"), itertools.count(1)
    for statement, asked in (
        (consumer_words._along_the_terms(Meter, scope, 2, 2000, 10, 10), 3),
        (consumer_words._counted_out(Meter, scope, 2, "meter_number", 300, 10), 2),
    ):
        compiled = str(statement.compile(db.engine))
        numbered = re.sub(r"%\(\w+\)s", lambda _: f"${next(places)}", compiled)
        plan = "\n".join(db.session.connection().exec_driver_sql(f"EXPLAIN (GENERIC_PLAN) {numbered}").scalars())
        assert len(set(re.findall(r"^ *(SubPlan \d+)$", plan, re.MULTILINE))) >= asked, plan


def test_counter_and_picker_find_the_same_people(counter):
    scope = counter.cast.scope("amara")
    for typed in ("wanj", "achieng wan", "0700123", "+254 700 123", "10482", "2771", "juma"):
        met = {card.consumer_name for card in find_meters(typed, scope)}
        assert met == {one.name for one in find_consumers(db.session(), typed, scope)}, typed


@pytest.mark.parametrize(
    ("change", "refusal", "state"),
    [
        ({}, type(None), "installed"),
        ({"sgc": "888888"}, errors.KeyExpired, "key_change_due"),
        ({"sgc": "888888"}, type(None), "key_change_due"),
        ({"sgc": "999999"}, errors.MeterWithoutKey, "installed"),
        ({"tariff_id": None}, errors.MeterWithoutTariff, "installed"),
        ({"status": "blocked", "status_reason": "fraud"}, errors.MeterBlocked, "blocked"),
    ],
)
def test_a_card_knows_whether_its_meter_may_buy(counter, change, refusal, state):
    with transaction() as session:
        meter = session.get_one(Meter, counter.cast.meters["palm_street"])
        for name, value in change.items():
            setattr(meter, name, value)
    if refusal is errors.KeyExpired:
        end_keys("888888")
    number = counter.number("palm_street")
    cards = {card.meter_number: card for card in find_meters("wanj", counter.cast.scope("amara"))}
    assert type(cards[number].cannot_buy) is refusal
    assert cards[number].state == state
    others = [card.cannot_buy for card in cards.values() if card.meter_number != number]
    assert others == [None, None]


def test_what_stops_every_sale_is_not_said_of_each_meter(counter):
    counter.sells("pump", 5_00)
    licences.put(valid_until=datetime.now(UTC).date() - timedelta(days=60))
    cards = find_meters("wanj", counter.cast.scope("amara"))
    assert [card.cannot_buy for card in cards] == [None, None, None]

