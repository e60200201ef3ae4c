"""The tree of refusals keeps its promises to those who word it."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from app.domain.errors import AmountTooSmall, MeterBlocked, Refusal, all_refusals


def test_codes_are_unique_and_plain():
    codes = Counter(refusal.code for refusal in all_refusals())
    assert [code for code, count in codes.items() if count > 1] == []
    assert all(re.fullmatch(r"[a-z_]+", code) for code in codes)


def test_a_refusal_belongs_to_its_field():
    assert AmountTooSmall(minimum=5).field == "amount"
    assert MeterBlocked(status="blocked", reason="tamper").field == "meter_number"


def test_an_unknown_parameter_is_a_mistake_of_the_program():
    with pytest.raises(TypeError):
        AmountTooSmall(maximum=5)


def test_parameters_are_kept():
    with pytest.raises(Refusal) as caught:
        raise AmountTooSmall(minimum=150)
    assert caught.value.params == {"minimum": 150}
