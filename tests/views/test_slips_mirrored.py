"""Slips from right to left: no words are lost, and the utility's own keep their direction."""

from __future__ import annotations

import unicodedata

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.models import Meter, Settings
from tests.cast import Cast
from tests.views.counter_page import Counter
from tests.views.test_receipts import sold
from tests.views.test_slips import PAPERS, change, pdf, words_of

# It says nothing about databases.
pytestmark = pytest.mark.one_database


@pytest.fixture
def counter(amara: FlaskClient, app: Flask) -> Counter:
    return Counter(amara, app)


def test_the_sums_of_a_file_from_right_to_left_keep_their_words(counter: Counter) -> None:
    said = unicodedata.normalize("NFKC", words_of(pdf(counter, sold(counter), "a4", lang="ar")))
    # The file holds each line as it is drawn, from left to right.
    for word in ("مدفوع", "رسوم", "المستلم", "الباقي"):
        assert word[::-1] in said or word in said, word


def test_an_address_keeps_its_own_direction(counter: Counter, app: Flask, cast: Cast) -> None:
    change(app, Settings, 1, utility_address="12 Oginga Street, Kisumu", slip_footer="Keep this slip.")
    change(app, Meter, cast.meters["palm_street"], address="3 Obote Road")
    address = sold(counter)
    page = counter.opens(f"{address}/paper", lang="ar")
    for words in ("12 Oginga Street, Kisumu", "3 Obote Road", "Keep this slip."):
        assert f"\u2066{words}\u2069" in page.body
        for paper in PAPERS:
            assert words in words_of(pdf(counter, address, paper, lang="ar"))
    assert "\u2066" not in counter.opens(f"{address}/paper").body
