"""Each line of a sum says its rule in words."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest
from flask import Flask
from flask_babel import Babel

from app.domain.money import Currency
from app.views.slip import StoredLine
from app.views.sum_lines import Worded, worded

KES = Currency("KES", "KSh", 2)
MONTHLY = {"periods": 1, "price": "150", "times": "1", "method": "month"}


@pytest.fixture(params=["en"])
def spoken(request: pytest.FixtureRequest) -> Iterator[None]:
    app = Flask("lines")
    Babel(app, locale_selector=lambda: request.param)
    with app.test_request_context():
        yield


def word(kind: str, params: dict[str, Any], name: str = "", amount: int = 100, **more: Any) -> Worded:
    line = StoredLine(kind, name, params, more.get("quantity"), amount)
    [said] = worded([line], more.get("given_away", Fraction(0)), "kWh", KES, more.get("token_units", 0))
    return Worded(said.title.replace("\u00a0", " "), said.rule.replace("\u00a0", " "), said.amount_minor)


@pytest.mark.parametrize(
    ("kind", "params", "title", "rule"),
    [
        ("fee", MONTHLY, "Fixed fee", "150.00 once a month"),
        (
            "fee", MONTHLY | {"periods": 0, "reason": "paid", "paid_on": "2026-11-04"},
            "Fixed fee", "150.00 once a month. Paid on 4 November",
        ),
        ("fee", MONTHLY | {"times": "2.5"}, "Fixed fee", "2.5 × 150.00 once a month"),
        ("fee", MONTHLY | {"left": "75"}, "Fixed fee", "150.00 once a month. 75.00 stays owed"),
        (
            "arrears", MONTHLY | {"periods": 2, "carried": "10"},
            "Fixed fee of missed periods", "150.00 once a month. 2 periods. 10.00 carried from before",
        ),
        ("tax", {"rate": "0.075", "base": "2083.72", "part": "step", "step": 2}, "Tax 7.5 %", "On 2,083.72 of step 2"),
        ("tax", {"rate": "0.18", "base": "20", "part": "fixed"}, "Tax 18 %", "On 20.00 of the fees"),
        ("fine", {"fine": 2, "above": "500", "price": "100"}, "Fine", "For more than 500 kWh in one purchase"),
        ("debt", {"balance": "500", "share": "0.2"}, "Paid off the debt", "20 % of each purchase; 500.00 was owed"),
    ],
)  # fmt: skip
def test_a_line_says_what_it_is_and_why(
    spoken: None, kind: str, params: dict[str, Any], title: str, rule: str
) -> None:
    said = word(kind, params)
    assert (said.title, said.rule) == (title, rule)


@pytest.mark.parametrize(
    ("bounds", "rule"),
    [
        ({"from": "0", "to": "150"}, "Up to 150 kWh"),
        ({"from": "150", "to": "400"}, "From 150 to 400 kWh"),
        ({"from": "150"}, "Everything above 150 kWh"),
        ({"from": "0"}, "One price for all"),
    ],
)
def test_a_step_says_where_it_lies(spoken: None, bounds: dict[str, str], rule: str) -> None:
    said = word("step", {"step": 2, "price": "29.5", **bounds}, quantity=Fraction("70.635"))
    assert said.title == "Step 2: 70.635 kWh × 29.50"
    assert said.rule == rule


def test_what_rounding_gives_away_is_named_and_costs_nothing(spoken: None) -> None:
    said = word("rounding", {"exact": "3000"}, amount=0, given_away=Fraction("0.065"))
    assert (said.title, said.rule) == ("Rounded up by 0.065 kWh", "A token carries whole tenths. At no charge")
    assert said.nil


def test_a_third_of_a_unit_is_not_hidden(spoken: None) -> None:
    assert word("rounding", {}, amount=0, given_away=Fraction(1, 30000)).title == "Rounded up by a trace"


@pytest.mark.parametrize("spoken", ["ar"], indirect=True)
def test_a_figure_with_its_sign_is_held_together_where_lines_run_from_the_right(spoken: None) -> None:
    said = word("tax", {"rate": "0.075", "base": "1", "part": "fixed"})
    assert "\u20667.5 %\u2069" in said.title
