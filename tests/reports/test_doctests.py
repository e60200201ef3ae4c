"""The examples in the reports' modules are true."""

from __future__ import annotations

import doctest

import pytest

from app.reports import draw_pdf_chart, draw_text, period, sums


@pytest.mark.parametrize("module", [period, draw_text, draw_pdf_chart, sums])
def test_its_examples_are_true(module):
    assert doctest.testmod(module).failed == 0
