"""The receipt on the screen, on paper and as a file; what waits; copies."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pypdf import PdfReader

from app.db import transaction
from app.extensions import db
from app.models import AppUser, Consumer, Reprint, Sale, Settings
from app.sts.module import ModuleError
from tests.cast import MILL, PALM_STREET, Cast
from tests.views.counter_page import Counter, Page
from tests.views.forms import act, text

SignedIn = Callable[[str], FlaskClient]


@pytest.fixture
def counter(amara: FlaskClient, app: Flask) -> Counter:
    return Counter(amara, app)


def sold(counter: Counter, meter: str = PALM_STREET) -> str:
    """Sell for 20.00 and give the receipt's address."""
    return counter.sends(counter.asks(meter, "20.00", received="50").form).location


V4 = (
    "Time", "User number 10482", "User name Achieng Wanjiru", "ID number 27714471",
    "Region Market Town, Coast, Kenya", "Address 7 Palm Street", "Meter type Electricity, kWh",
    "Meter number", "SGC · KRN · TI 123456 · 1 · 01", "EA · TCT 07 · 02", "Credit token 92.5 kWh",
    "Of this, fees 1.50", "Amount received 50.00", "Change 30.00", "Tariff Home, two steps",
    "Receipt MKT-000001", "Vending point Market shop", "Operator Amara Test", "Fixed fee", "Step 1",
)  # fmt: skip

# What it asks of the database is tried on both by the services and by the walk through all pages.
pytestmark = pytest.mark.one_database


@pytest.mark.parametrize("paper", ["58mm", "80mm", "a4"])
def test_the_paper_carries_every_field_of_the_manual(counter: Counter, paper: str) -> None:
    page = counter.opens(f"{sold(counter)}/paper", paper=paper)
    for said in V4:
        assert said in page.words, said
    assert "DEMONSTRATION" in page.words
    assert page.body.count("<svg") >= 1


def height(page: Page, width: int) -> tuple[int, int]:
    """How long the roll is, for an original and for a copy."""
    found = re.findall(rf"@page {{ size: {width}mm (\d+)mm; margin: 3mm [45]mm; }}", page.body)
    assert len(found) == 2
    return int(found[0]), int(found[1])


def test_the_roll_has_its_height_from_the_server(counter: Counter) -> None:
    address = sold(counter)
    wide, copy = height(counter.opens(f"{address}/paper", paper="80mm"), 80)
    narrow, _copy = height(counter.opens(f"{address}/paper", paper="58mm"), 58)
    assert 180 < wide < copy < 320
    assert wide < narrow + 40
    assert "size: A4" in counter.opens(f"{address}/paper", paper="a4").body


def test_the_first_printing_is_the_original_and_later_ones_are_counted_copies(counter: Counter, app: Flask) -> None:
    address = sold(counter)
    page = counter.opens(f"{address}/paper")
    form = {"csrf_token": page.field("csrf_token"), "paper": "80mm"}
    assert "COPY" not in visible(page)
    marks = [
        counter.client.post(f"{address}/printed", data=form, headers={"Accept": "application/json"}).get_json()["copy"]
        for _ in range(3)
    ]
    assert marks == [0, 1, 2]
    again = counter.opens(f"{address}/paper")
    assert "COPY 3" in visible(again)
    plain = counter.client.post(f"{address}/printed", data=form).get_data(as_text=True)
    assert "COPY" in plain
    assert "data-now" in plain
    with app.app_context():
        assert db.session.query(Reprint).count() == 4


def visible(page: Page) -> str:
    """The words that are not hidden."""
    shown = Page(page.status, re.sub(r"<p[^>]*hidden>.*?</p>", "", page.body, flags=re.S), "")
    return shown.words


def test_who_sells_nothing_is_not_led_to_the_counter(counter: Counter, signed_in: SignedIn, app: Flask) -> None:
    sold = counter.sells(PALM_STREET, "20.00")
    assert "/counter/" in sold.body
    path = re.search(r"/receipts/\d+", sold.body)
    assert path
    for page in (path.group(), f"{path.group()}/paper"):
        seen = signed_in("dalia").get(page)
        assert seen.status_code == 200 and "/counter/" not in seen.get_data(as_text=True)


def test_looking_at_a_receipt_counts_nothing(counter: Counter, app: Flask) -> None:
    address = sold(counter)
    for path in (address, f"{address}/paper"):
        counter.client.get(path)
    with app.app_context():
        assert db.session.query(Reprint).count() == 0


def test_a_file_counts_like_a_printing_and_the_second_one_is_a_copy(counter: Counter, app: Flask) -> None:
    address = sold(counter)
    first, second = (
        PdfReader(io.BytesIO(act(counter.client, address, f"{address}/receipt.pdf").data)).pages[0].extract_text() for _ in "12"
    )
    assert "COPY" not in first and "COPY 1" in second
    assert "COPY 2" in text(act(counter.client, address, f"{address}/printed"))
    assert counter.client.get(f"{address}/receipt.pdf").status_code == 405
    with app.app_context():
        assert db.session.query(Reprint).count() == 3


def test_the_id_number_is_masked_where_the_setting_says_so(counter: Counter, app: Flask) -> None:
    with app.app_context(), transaction() as session:
        session.query(Settings).one().mask_id_number = True
    page = counter.opens(f"{sold(counter)}/paper")
    assert "ID number ••••4471" in page.words
    assert "27714471" not in page.body


def test_a_later_change_of_a_name_does_not_rewrite_the_slip(counter: Counter, app: Flask, cast: Cast) -> None:
    address = sold(counter)
    with app.app_context(), transaction() as session:
        session.get_one(Consumer, cast.consumers["achieng"]).name = "Somebody Else"
    assert "User name Achieng Wanjiru" in counter.opens(f"{address}/paper").words


@pytest.mark.parametrize("path", ["", "/paper"])
def test_a_foreign_receipt_does_not_exist(counter: Counter, signed_in: SignedIn, app: Flask, path: str) -> None:
    address = sold(counter)
    bento = Counter(signed_in("bento"), app)
    assert bento.opens(address + path).status == 404
    assert bento.opens("/receipts/999999" + path).status == 404
    assert bento.opens("/receipts/99999999999999999999" + path).status == 404


def test_a_stranger_can_neither_print_nor_resolve(counter: Counter, signed_in: SignedIn, app: Flask) -> None:
    address = sold(counter)
    bento = Counter(signed_in("bento"), app)
    form = {"csrf_token": bento.opens("/").field("csrf_token") if "csrf_token" in bento.opens("/").body else ""}
    number = address.rsplit("/", 1)[1]
    for path in ("printed", "receipt.pdf"):
        assert bento.client.post(f"{address}/{path}", data=form).status_code == 404
    assert bento.client.post(f"/resolve/{number}", data=form).status_code == 404


@pytest.mark.parametrize(("language", "said"), [("en", "Achieng Wanjiru"), ("fr", "Kouamé N'Guessan Ébène")])
def test_the_file_holds_the_same_and_its_fonts(
    counter: Counter, app: Flask, cast: Cast, language: str, said: str
) -> None:
    with app.app_context(), transaction() as session:
        session.get_one(AppUser, cast.users["amara"]).language = language
        session.get_one(Consumer, cast.consumers["achieng"]).name = said
    address = counter.sends(counter.asks(MILL, "20,00" if language == "fr" else "20.00").form).location
    answer = act(counter.client, address, f"{address}/receipt.pdf")
    assert answer.mimetype == "application/pdf"
    assert 'filename="MKT-000001.pdf"' in answer.headers["Content-Disposition"]
    [page] = PdfReader(io.BytesIO(answer.data)).pages
    text = page.extract_text()
    digits = re.search(r'data-token="([0-9]{20})"', counter.opens(address).body)
    assert digits
    assert " ".join(digits.group(1)[i : i + 4] for i in range(0, 20, 4)) in text
    assert said in text
    fonts = [font.get_object() for font in page["/Resources"]["/Font"].values()]
    assert fonts
    embedded = [font for font in fonts if "/FontFile2" in str(font.get("/FontDescriptor", {}))]
    assert any("DejaVu" in str(font["/BaseFont"]) for font in embedded)


@pytest.fixture
def silent(app: Flask, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A security module that does not answer, until the patch is undone."""

    class Silent:
        def by_id(self, module_id: int, offset_minutes: int = 0) -> Silent:
            return self

        def require_alive(self, *_module: object) -> None:
            pass

        def known_dead(self, *_module: object) -> bool:
            return False

        def credit_token(self, *_request: object, **_more: object) -> None:
            raise ModuleError("EService", permanent=False)

        def fetch(self, _message_id: str) -> None:
            raise ModuleError("EService", permanent=False)

    monkeypatch.setitem(app.extensions, "modules", Silent())
    return monkeypatch


def test_a_sale_without_an_answer_waits_with_a_pending_slip_and_is_resolved(
    counter: Counter, app: Flask, silent: pytest.MonkeyPatch
) -> None:
    address = sold(counter)
    page = counter.opens(address)
    assert "This sale waits for its token." in page.words
    assert "USD 20.00 is held for it and cannot be taken twice." in page.words
    slip = counter.opens(f"{address}/paper").words
    assert "PENDING SLIP" in slip
    assert "The token has not come yet." in slip
    home = counter.opens("/")
    assert "A sale waits for its token." in home.words
    assert "Resolve" in home.words
    number = address.rsplit("/", 1)[1]
    form = {"csrf_token": home.field("csrf_token")}
    assert "waits for its token" in Counter(counter.client, app).opens(address).words
    counter.client.post(f"/resolve/{number}", data=form)
    assert counter.stored() == (1, 0)
    silent.undo()
    app.config["MODULE_WAIT_S"] = 0
    assert counter.client.post(f"/resolve/{number}", data=form).status_code == 303
    assert counter.stored() == (1, 1)
    assert "Sold." in counter.opens(address).words
    assert "A sale waits" not in counter.opens("/").words
    with app.app_context():
        assert db.session.query(Sale).one().receipt_number == 1


def test_today_and_the_last_sales_stand_on_the_home_page(counter: Counter) -> None:
    sold(counter)
    home = counter.opens("/").words
    assert "Taken today 20.00" in home
    assert "000001" in home
    assert "92.5 kWh" in home


def test_a_stranger_sees_nothing_of_it_on_the_home_page(counter: Counter, signed_in: SignedIn, app: Flask) -> None:
    sold(counter)
    home = Counter(signed_in("bento"), app).opens("/").words
    assert "Taken today 0.00" in home
    assert "Achieng" not in home


def test_an_administrator_is_led_through_the_set_up(signed_in: SignedIn, app: Flask) -> None:
    with app.app_context(), transaction() as session:
        session.query(Settings).one().version = 1
    home = Counter(signed_in("efua"), app).opens("/")
    assert "Set up before the first sale" in home.words
    assert "7 of 8 done" in home.words
    assert home.body.count("btn-primary") == 1
    assert "Set up before" not in Counter(signed_in("amara"), app).opens("/").words
