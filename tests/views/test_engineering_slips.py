"""The slip of an engineering act: every paper, the consumer's language, and a key change that was handed out before."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pypdf import PdfReader

from app.domain.engineering import KEY_CHANGE
from app.extensions import db
from app.models import ActReprint, AppUser, Consumer, EngineeringRecord, Meter, Settings
from app.services.engineering import Wanted, make
from tests.cast import MILL, PALM_STREET, Cast
from tests.views.forms import act, text
from tests.views.test_slips import change

pytestmark = pytest.mark.one_database
ENGLISH_REPEATED = "because the key change is in already"


@pytest.fixture
def makes(app: Flask, cast: Cast) -> Callable[..., str]:
    """`makes(function, meter)`: the address of an act of Chidi's."""

    def made(function: str, meter_number: str | None = PALM_STREET, reference: str = "act-0001", **more: Any) -> str:
        with app.app_context():
            wanted = Wanted(
                reference=reference, function=function, vending_point_id=cast.points["market"], operator_id=cast.users["chidi"],
                reason="The line was made stronger", meter_number=meter_number, operator_name="Chidi Test", **more,
            )  # fmt: skip
            record_id = make(wanted, cast.scope("chidi"), app.extensions["modules"])
            db.session.remove()
        return f"/engineering/acts/{record_id}"

    return made


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
        assert size == ["A4", "A4"] and '<article class="sheet"' in page
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


def test_papers_and_files_are_counted_and_bear_the_number_of_the_copy(
    chidi: FlaskClient, makes: Callable[..., str], app: Flask, cast: Cast
) -> None:
    change(app, Settings, 1, slip_copy_text="Not a new token")
    address = makes("maximum_power_limit", value=20_004)
    assert "COPY 1" not in text(chidi.get(f"{address}/paper"))
    asked = {"Accept": "application/json"}
    key = {"csrf_token": chidi.token(f"{address}/paper")}
    assert chidi.post(f"{address}/printed", data={"paper": "58mm", **key}, headers=asked).get_json() == {"copy": 0}
    assert 'data-paper="58mm"' in chidi.get(f"{address}/paper").get_data(as_text=True), "the paper is remembered"
    again = chidi.post(f"{address}/printed", data={"paper": "58mm", **key})
    assert "COPY 1 Not a new token" in text(again), text(again)
    for number, (paper, width) in enumerate((("58mm", 58), ("80mm", 80), ("a4", 210)), 2):
        file = chidi.post(f"{address}/slip.pdf", data={"paper": paper, "lang": "en", **key})
        assert file.headers["Content-Disposition"] == 'attachment; filename="E000001.pdf"'
        pages = PdfReader(io.BytesIO(file.data)).pages
        said = " ".join(pages[0].extract_text().split())
        assert len(pages) == 1 and round(float(pages[0].mediabox.width) / 72 * 25.4) == width
        assert f"COPY {number} Not a new token" in said and "20.004 kW" in said and "Achieng Wanjiru" in said
        digits = re.search(r'data-token="(\d{20})"', chidi.get(address).get_data(as_text=True))
        assert digits is not None and digits[1] in said.replace(" ", "")
    with app.app_context():
        printed = db.session.query(ActReprint).order_by(ActReprint.id).all()
        assert [(row.copy_number, row.user_id) for row in printed] == [(n, cast.users["chidi"]) for n in range(1, 6)]


def test_a_proposal_has_no_paper(chidi: FlaskClient, makes: Callable[..., str], app: Flask) -> None:
    address = makes("clear_credit")
    with app.app_context():
        assert db.session.query(EngineeringRecord).one().status == "proposed"
    key = {"csrf_token": chidi.token(address)}
    assert chidi.get(f"{address}/paper").status_code == 404
    for path in ("printed", "slip.pdf"):
        assert chidi.post(f"{address}/{path}", data=key).status_code == 404
    with app.app_context():
        assert db.session.query(ActReprint).count() == 0


@pytest.mark.parametrize("paper", ["58mm", "80mm", "a4"])
def test_a_set_of_four_fits_one_page_in_arabic(chidi: FlaskClient, makes: Callable[..., str], paper: str) -> None:
    address = makes(KEY_CHANGE, MILL, target=("201457", 2, 1))
    file = act(chidi, f"{address}/paper", f"{address}/slip.pdf", paper=paper, lang="ar")
    assert file.status_code == 200 and len(PdfReader(io.BytesIO(file.data)).pages) == 1
