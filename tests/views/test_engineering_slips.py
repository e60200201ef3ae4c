"""The slip of an engineering act: every paper, the consumer's language, and a key change that was handed out before."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.domain.engineering import KEY_CHANGE
from app.extensions import db
from app.models import AppUser, Consumer, Meter, Settings
from app.services.engineering import Wanted, make
from tests.cast import MILL, PALM_STREET, Cast
from tests.views.forms import text
from tests.views.test_slips import change

pytestmark = pytest.mark.one_database
ENGLISH_REPEATED = "because the key change is in already"


@pytest.fixture
def makes(app: Flask, cast: Cast) -> Callable[..., str]:
    """`makes(function, meter)`: the address of an act of Chidi's."""

    def act(function: str, meter_number: str | None = PALM_STREET, reference: str = "act-0001", **more: Any) -> str:
        with app.app_context():
            wanted = Wanted(
                reference=reference, function=function, vending_point_id=cast.points["market"], operator_id=cast.users["chidi"],
                reason="The line was made stronger", meter_number=meter_number, operator_name="Chidi Test", **more,
            )  # fmt: skip
            record_id = make(wanted, cast.scope("chidi"), app.extensions["modules"])
            db.session.remove()
        return f"/engineering/acts/{record_id}"

    return act


def under_old_key(app: Flask, cast: Cast) -> None:
    change(app, Meter, cast.meters["palm_street"], sgc="888888", krn=1, ti=1)


@pytest.mark.parametrize("paper", ["58mm", "80mm", "a4"])
def test_a_slip_of_an_act_stands_on_every_paper(chidi: FlaskClient, makes: Callable[..., str], app: Flask, paper: str) -> None:
    change(app, Settings, 1, utility_telephone="+254 20 3340000", slip_footer="Keep this slip.")
    shown = chidi.get(f"{makes('maximum_power_limit', value=20_004)}/paper?paper={paper}")
    page, said = shown.get_data(as_text=True), text(shown)
    for words in (
        "Record E000001", "Function Maximum power limit", "Value 20.004 kW", "Reason The line was made stronger", "Operator Chidi Test",
        "Meter number", "User name Achieng Wanjiru", "SGC · KRN · TI 123456 · 1 · 01", "Help +254 20 3340000", "Keep this slip.",
        "Type the 20 digits into the meter", "DEMONSTRATION",
    ):  # fmt: skip
        assert words in said, words
    size = re.findall(r"@page \{ size: ([^;]+);", page)
    if paper == "a4":
        assert size == ["A4"] and '<article class="sheet"' in page
    else:
        width, height = size[0].removesuffix("mm").split("mm ")
        assert f"{width}mm" == paper and 110 < int(height) < 260 and f'data-paper="{paper}"' in page


def test_it_speaks_the_consumers_language_and_the_page_the_readers(
    chidi: FlaskClient, makes: Callable[..., str], app: Flask, cast: Cast
) -> None:
    change(app, Consumer, cast.consumers["achieng"], language="ar")
    address = makes("maximum_power_limit", value=20_004)
    page = chidi.get(f"{address}/paper?paper=58mm").get_data(as_text=True)
    assert 'lang="ar" dir="rtl" aria-label' in page and '<html lang="en"' in page
    assert 'lang="fr" dir="ltr" aria-label' in chidi.get(f"{address}/paper?lang=fr").get_data(as_text=True)


def test_a_test_token_of_no_meter_speaks_the_readers_language(makes: Callable[..., str], chidi: FlaskClient, app: Flask, cast: Cast) -> None:
    change(app, Settings, 1, default_language="fr")
    address = makes("meter_test", None, tests=(0,), maker="00")
    change(app, AppUser, cast.users["chidi"], language="ar")
    assert 'lang="ar" dir="rtl" aria-label' in chidi.get(f"{address}/paper").get_data(as_text=True)


def test_a_set_that_was_handed_out_before_says_so(chidi: FlaskClient, makes: Callable[..., str], app: Flask, cast: Cast) -> None:
    """Of the set alone nothing is left to type; what travels behind it is typed at once."""
    under_old_key(app, cast)
    first = makes(KEY_CHANGE, target=("888888", 2, 3))
    assert ENGLISH_REPEATED not in text(chidi.get(first)) + text(chidi.get(f"{first}/paper"))
    limit = makes("maximum_power_limit", reference="act-0002", value=20_004)
    for page in (limit, f"{limit}/paper", f"{limit}/paper?paper=a4"):
        assert f"{ENGLISH_REPEATED}, type token 3 at once." in text(chidi.get(page))
    again = makes(KEY_CHANGE, reference="act-0003", target=("888888", 2, 3))
    for page in (again, f"{again}/paper"):
        assert f"{ENGLISH_REPEATED}, nothing is left to type." in text(chidi.get(page))


def test_four_tokens_stand_numbered_in_their_order(chidi: FlaskClient, makes: Callable[..., str]) -> None:
    address = makes(KEY_CHANGE, MILL, target=("201457", 2, 1))
    for paper in ("58mm", "a4"):
        said = text(chidi.get(f"{address}/paper?paper={paper}"))
        places = [said.index(f"{number}. Key change") for number in (1, 2, 3, 4)]
        assert places == sorted(places) and said.index("in the order of their numbers, from 1 to 4") < places[0]
