"""Digits of other scripts: typed where a number is meant they count like 0 to 9, exactly."""

from __future__ import annotations

import pytest
from flask_babel import force_locale

from app.domain.digits import ascii_digits
from app.views.figures import plain_number
from tests.cast import PALM_STREET
from tests.views.forms import send, text

pytestmark = pytest.mark.one_database
SCRIPTS = {"arabic": "٠١٢٣٤٥٦٧٨٩", "persian": "۰۱۲۳۴۵۶۷۸۹", "full width": "０１２３４５６７８９"}


def written(number: str, script: str) -> str:
    """The number in the digits of a script."""
    return number.translate(str.maketrans("0123456789", SCRIPTS[script]))


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_sale_is_looked_up_and_priced_by_them(amara, script):
    number = written(PALM_STREET, script)
    assert PALM_STREET in amara.get(f"/counter/search?q={number[:7]}").get_data(as_text=True)
    page = amara.get(f"/counter/meter/{number}?value={written('20.50', script)}&received={written('50', script)}")
    assert page.status_code == 200
    assert "29.50" in text(page) and 'name="shown_amount" value="2050"' in page.get_data(as_text=True)


@pytest.mark.parametrize("locale", ["en", "fr", "ar", "pt"])
def test_arabic_marks_mean_one_thing_in_every_language(app, locale):
    with app.test_request_context(), force_locale(locale):
        assert plain_number("١٬٢٣٤٫٥٠") == plain_number("۱۲۳۴٫۵۰") == "1234.50"
        assert plain_number("²") == "²", "an exponent is no digit"


def test_a_token_is_read_in_them(amara):
    page = text(send(amara, "/token-desk/", "/token-desk/", token=written("1234 5678", "arabic"), meter=""))
    assert "A token has 20 digits, these are 8" in page
    assert ascii_digits("شارع ١٢") == "شارع 12"
