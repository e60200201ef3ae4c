"""Every refusal that selling can raise says what happened, what became of the money, and what to do next.

Which ones those are is read from the code of a sale itself, so that a new one cannot be forgotten.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask_babel import Babel

import app as program
from app.domain import errors
from app.views.counter_refusals import HELD, MONEY, NO_FURTHER, NO_MONEY, NOT_BOOKED, TOLD
from app.views.messages import SENTENCES, sentence

# What runs between the typed meter number and the receipt.
SALE = (
    "views/counter.py", "views/meter_lookup.py", "views/purchase.py", "views/typed.py",
    "services/desk.py", "services/issue.py", "services/key_due.py", "services/plans.py", "services/pricing.py",
    "services/reserve.py", "services/resolve.py", "services/search.py", "services/security_module.py",
    "services/settle.py", "services/vending.py", "domain/compile.py", "domain/curve.py", "domain/money.py",
    "domain/pricing.py", "domain/purchase.py", "domain/ranges.py",
)  # fmt: skip
KINDS = {kind.__name__: kind for kind in errors.all_refusals()}


def raised() -> set[type[errors.Refusal]]:
    """Every refusal that the modules of a sale name, and those that these call for."""
    root = Path(program.__file__).parent
    found = {KINDS[name] for path in SALE for name in _names((root / path).read_text(encoding="utf-8")) if name in KINDS}
    return found | {errors.KeyChangeUnconfirmed, errors.LicenceExpired}  # by require_confirmed, require_selling


def _names(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Name):
            yield node.id


@pytest.fixture
def english() -> Iterator[None]:
    app = Flask("words")
    Babel(app, locale_selector=lambda: "en")
    with app.test_request_context():
        yield


def test_the_sale_raises_many_refusals_and_each_has_its_three_sentences() -> None:
    reaching = raised()
    assert len(reaching) > 40
    assert reaching <= set(TOLD), sorted(kind.__name__ for kind in reaching - set(TOLD))


def test_each_part_stands_and_the_money_is_one_of_four_truths(english: None) -> None:
    for kind in TOLD:
        told = TOLD[kind].at_the_till()
        assert any(told.money is truth for truth in MONEY), kind
        for part in told:
            assert re.fullmatch(r"\S.*[.)s]", str(part), re.DOTALL), part
        assert len({str(part) for part in told}) == 3, kind
        said = sentence(kind(), till=True)
        assert str(told.money) in said, kind
        assert said.endswith("."), kind
        assert SENTENCES[kind] is TOLD[kind], kind


def test_only_a_sale_that_stands_or_waits_says_that_money_moved() -> None:
    moved = {kind for kind, told in TOLD.items() if told.money is not NO_MONEY and told.at_the_till().money is not NO_MONEY}
    assert moved == {errors.ReferenceTaken, errors.SameSaleAgo, errors.ModuleSilent, errors.ModuleRefused}
    assert TOLD[errors.ModuleSilent].money is HELD
    assert TOLD[errors.ModuleRefused].money is NOT_BOOKED
    assert TOLD[errors.SameSaleAgo].money is NO_FURTHER


def test_what_cannot_be_read_says_at_the_till_that_nothing_was_paid_and_elsewhere_that_nothing_was_stored(
    english: None,
) -> None:
    assert "No money was taken." in sentence(errors.NotANumber(text="x"), till=True)
    assert "Nothing was stored." in sentence(errors.NotANumber(text="x"))


def test_a_module_that_refuses_is_told_in_words(english: None) -> None:
    said = sentence(errors.ModuleRefused(module_code="EKeystore.NotFound"))
    assert "(EKeystore.NotFound). The module does not hold this key. No token was made" in said
