"""Every refusal of the rules has its sentence, in any language the page speaks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from flask import Flask
from flask_babel import Babel

from app.domain import errors
from app.domain.money import Currency
from app.domain.states import MeterStatus
from app.views.messages import SENTENCES, sentence

KES = Currency("KES", "KSh", 2)


@pytest.fixture
def english() -> Iterator[None]:
    app = Flask("words")
    Babel(app, locale_selector=lambda: "en")
    with app.test_request_context():
        yield


def test_every_refusal_has_a_sentence_of_its_own() -> None:
    assert set(errors.all_refusals()) == set(SENTENCES)


def test_a_sentence_stands_without_any_parameter_and_says_what_became_of_it(english: None) -> None:
    said = {kind.__name__: sentence(kind()) for kind in errors.all_refusals()}
    assert {name: words for name, words in said.items() if "%" in words or not words.endswith(".")} == {}
    assert {name: words for name, words in said.items() if not re.search(r"(money|stored|changed|made)", words)} == {}


def test_money_and_units_are_written_as_people_write_them(english: None) -> None:
    said = sentence(errors.AmountBeyondLastStep(maximum=1_250_050, quantity=4005), KES, "kWh")
    assert "KES\u00a012,500.50 still buy 400.5 kWh" in said


def test_what_is_left_and_what_a_token_carries_of_it_are_two_figures(english: None) -> None:
    said = sentence(errors.QuantityTooCoarse(maximum=19_994, left=20_000), KES, "kWh")
    assert said.startswith("2,000.0 kWh are left in this period") and "carries 1,999.4 kWh." in said


def test_a_blocked_meter_says_why(english: None) -> None:
    said = sentence(errors.MeterBlocked(status=MeterStatus.BLOCKED, reason="taken in for inspection"))
    assert "blocked, taken in for inspection." in said


def test_instants_and_days_are_local(english: None) -> None:
    behind = errors.ClockBehind(newest=datetime(2026, 11, 23, 14, 5, tzinfo=UTC))
    assert "(23 Nov 2026, 14:05)" in sentence(behind)
    assert "31 Dec 2027" in sentence(errors.LicenceExpired(until=date(2027, 12, 31)))


def test_what_was_typed_is_never_read_as_a_template(english: None) -> None:
    assert "%(text)s%d" in sentence(errors.BadInput(text="%(text)s%d"))
