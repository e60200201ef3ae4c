"""Slips on every paper and in the consumer's language: fields, order, heights, what the utility says."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
import zxingcpp
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from pypdf import PdfReader

from app.db import transaction
from app.extensions import db
from app.models import AppUser, Consumer, Meter, Settings, VendingPoint
from app.services import reversals, slip_logo
from tests.cast import PALM_STREET, PUMP, Cast
from tests.services.test_slip_logo import picture
from tests.views.counter_page import Counter, Page
from tests.views.forms import act
from tests.views.test_receipts import V4, silent, sold  # noqa: F401  (a fixture)

SignedIn = Callable[[str], FlaskClient]
PAPERS = ("58mm", "80mm", "a4")
MM = 25.4 / 72
# It says nothing about databases.
pytestmark = pytest.mark.one_database


@pytest.fixture
def counter(amara: FlaskClient, app: Flask) -> Counter:
    return Counter(amara, app)


def change(app: Flask, model: Any, key: int, **facts: Any) -> None:
    with app.app_context(), transaction() as session:
        row = session.get_one(model, key)
        for name, value in facts.items():
            setattr(row, name, value)


def article(page: Page) -> str:
    """The words of the paper alone."""
    return Page(200, page.body[page.body.index('<article class="s') : page.body.index("</article>")], "").words


def pdf(counter: Counter, address: str, paper: str, **query: str) -> Any:
    answer = act(counter.client, address, f"{address}/receipt.pdf", paper=paper, **query)
    assert answer.mimetype == "application/pdf"
    return PdfReader(io.BytesIO(answer.data))


def words_of(reader: Any) -> str:
    return " ".join(" ".join(page.extract_text() for page in reader.pages).replace("\u00a0", " ").split())


def digits_of(page: Page) -> list[str]:
    return re.findall(r'data-token="([0-9]{20})"', page.body)


def spoken(digits: str) -> str:
    return " ".join(digits[at : at + 4] for at in range(0, 20, 4))


# --- the file says what the paper says ----------------------------------------------------


@pytest.mark.parametrize("paper", PAPERS)
def test_what_the_same_money_buys_next_month_stands_on_paper_and_in_the_file(counter: Counter, paper: str) -> None:
    sold(counter)
    address = counter.sends(counter.asks(PALM_STREET, "60.00").form).location
    said = article(counter.opens(f"{address}/paper", paper=paper))
    assert re.search(r"From 1 [A-Z][a-z]+ the same money buys [0-9.]+ kWh\.", said)
    assert "New month: step 1 starts again." in words_of(pdf(counter, address, paper))
    assert "the same money buys" not in article(counter.opens(f"{sold(counter, PUMP)}/paper", paper=paper))


@pytest.mark.parametrize("paper", PAPERS)
def test_the_file_carries_every_field_on_every_paper(counter: Counter, paper: str) -> None:
    address = sold(counter)
    reader = pdf(counter, address, paper)
    said = words_of(reader)
    for field in V4:
        if field != "Meter number":
            # A narrow column wraps what a wide one holds in one line.
            assert re.search(r"\s*".join(map(re.escape, field.split())), said), field
    [token] = digits_of(counter.opens(address))
    assert spoken(token) in said
    assert "Meter number 0100 0000 016" in said
    assert "Up to 100 kWh" in said and "1.50 once a month" in said
    assert "Bought in this month with this purchase: 92.5 kWh." in said
    [page] = reader.pages
    width, height = float(page.mediabox.width) * MM, float(page.mediabox.height) * MM
    if paper == "a4":
        assert (round(width), round(height)) == (210, 297)
    else:
        assert round(width) == int(paper[:2])
        assert 150 < height < 320


def test_the_code_in_the_file_is_the_token(counter: Counter) -> None:
    address = sold(counter)
    [token] = digits_of(counter.opens(address))
    for paper in PAPERS:
        [image] = pdf(counter, address, paper).pages[0].images
        with Image.open(io.BytesIO(image.data)) as seen:
            [code] = zxingcpp.read_barcodes(seen.convert("L"))
        assert code.text == token
        assert code.format is zxingcpp.BarcodeFormat.QRCode, "a Micro QR is not read by many telephones"


# --- several tokens -----------------------------------------------------------------------


def test_a_key_change_comes_first_numbered_and_with_its_order_in_words(counter: Counter, app: Flask, cast: Cast) -> None:
    change(app, Meter, cast.meters["palm_street"], ken=200)
    address = sold(counter)
    page = counter.opens(address)
    tokens = digits_of(page)
    order = "in the order of their numbers, from 1 to 3, each with Enter. The meter takes token 3 only after those before it."
    assert len(tokens) == 3 and order in page.words
    for paper in PAPERS:
        for said in (article(counter.opens(f"{address}/paper", paper=paper)), words_of(pdf(counter, address, paper))):
            places = [said.index(part) for part in (
                "1. Key change", spoken(tokens[0]), "2. Key change", spoken(tokens[1]), "3. Credit token 92.5 kWh", spoken(tokens[2]),
            )]  # fmt: skip
            assert places == sorted(places)
            assert order in said and said.index(order) < places[0]
            assert "If it shows USED" not in said


def test_a_set_that_was_handed_out_before_says_what_to_do_when_the_meter_has_it(counter: Counter, app: Flask, cast: Cast) -> None:
    change(app, Meter, cast.meters["palm_street"], ken=200)
    first = sold(counter)
    address = counter.sends(counter.asks(PALM_STREET, "30").form).location
    again = counter.opens(address)
    assert digits_of(again)[:2] == digits_of(counter.opens(first))[:2], "the same set"
    told = "If the meter refuses token 1 because the key change is in already, type token 3 at once."
    assert told in again.words and told not in counter.opens(first).words
    for paper in PAPERS:
        assert told in article(counter.opens(f"{address}/paper", paper=paper))
        assert told in words_of(pdf(counter, address, paper)) and told not in words_of(pdf(counter, first, paper))


def test_the_slip_tells_the_key_that_the_change_brings(counter: Counter, app: Flask, cast: Cast) -> None:
    address = sold(counter)
    assert "After the key change" not in counter.opens(address).words
    change(app, Meter, cast.meters["palm_street"], ti=2, pending_sgc="123456", pending_krn=1, pending_ti=1, pending_ken=255)
    address = counter.sends(counter.asks(PALM_STREET, "30").form).location
    both = "SGC · KRN · TI 123456 · 1 · 02 After the key change 123456 · 1 · 01"
    assert both in counter.opens(address).words and both in words_of(pdf(counter, address, "80mm"))


def test_a_key_change_and_its_credit_keep_to_one_page_of_a4(counter: Counter, app: Flask, cast: Cast) -> None:
    change(app, Meter, cast.meters["palm_street"], ken=200)
    address = sold(counter)
    assert [len(pdf(counter, address, "a4", lang=code).pages) for code in ("en", "fr", "ar")] == [1, 1, 1]


# --- a sale that waits --------------------------------------------------------------------


def test_a_pending_slip_has_the_reference_the_money_and_what_happens_next_and_no_token(
    counter: Counter, app: Flask, silent: pytest.MonkeyPatch  # noqa: F811
) -> None:
    address = sold(counter)
    assert counter.client.get(f"{address}/state").get_json() == {"status": "reserved"}
    shown = counter.opens(address)
    assert f'data-waits="{address}/state"' in shown.body
    reference = re.search(r"Reference ((?:[0-9a-f]{4} ?){8})", article(counter.opens(f"{address}/paper")))
    assert reference
    for paper in PAPERS:
        papers = (article(counter.opens(f"{address}/paper", paper=paper)), words_of(pdf(counter, address, paper)))
        for said in papers:
            assert re.search("(?i)pending slip", said)
            assert reference.group(1).strip().replace(" ", "") in said.replace(" ", "")
            for part in ("Amount received 50.00", "Change 30.00", "The token has not come yet.", "cannot be taken twice", "is asked again by itself"):
                assert part in said, part
            assert not re.search(r"(?:\d{4} ){4}\d{4}", said), "twenty digits"
        assert 'class="qr"' not in counter.opens(f"{address}/paper", paper=paper).body
    silent.undo()
    app.config["MODULE_WAIT_S"] = 0
    form = {"csrf_token": shown.field("csrf_token")}
    counter.client.post(f"/resolve/{address.rsplit('/', 1)[1]}", data=form)
    assert counter.client.get(f"{address}/state").get_json() == {"status": "issued"}
    real = article(counter.opens(f"{address}/paper"))
    assert "PENDING" not in real and "Receipt MKT-000001" in real and "Credit token 92.5 kWh" in real


def test_a_reversed_sale_says_so_everywhere_and_shows_its_token_nowhere(counter: Counter, app: Flask, cast: Cast) -> None:
    change(app, Settings, 1, slip_footer="Keep this slip until the token is in the meter.")
    address = sold(counter)
    [token] = digits_of(counter.opens(address))
    with app.app_context():
        sale_id = int(address.rsplit("/", 1)[1])
        reversals.propose(sale_id, "Wrong meter", cast.scope("amara"), not_handed_over=True)
        reversals.approve(sale_id, reversals.requests_on(sale_id)[0].id, cast.scope("chidi"))
    page = counter.opens(address)
    assert "This sale was reversed. USD 20.00 went back to the customer." in page.words.replace("\u00a0", " ")
    assert "Sold." not in page.words and "give 30.00" not in page.words
    for paper in PAPERS:
        for said in (article(counter.opens(f"{address}/paper", paper=paper)), words_of(pdf(counter, address, paper))):
            assert "REVERSED: this sale was undone and its money given back." in said
            assert "it is shown to nobody any more" in said and "Fees only" not in said
            assert spoken(token) not in said and token not in said
            assert "Keep this slip" not in said, "there is no token to keep it for"
    assert 'class="qr"' not in page.body


# --- language -----------------------------------------------------------------------------


def test_the_slip_speaks_the_consumers_language_and_the_page_the_operators(counter: Counter, app: Flask, cast: Cast) -> None:
    change(app, Consumer, cast.consumers["achieng"], language="fr")
    address = sold(counter)
    page = counter.opens(f"{address}/paper")
    assert "Confirm printing" in page.words and '<html lang="en"' in page.body
    assert 'lang="fr" dir="ltr"' in page.body
    assert "Code de recharge 92,5 kWh" in article(page)
    assert "Code de recharge 92,5 kWh" in words_of(pdf(counter, address, "80mm"))
    assert "Français" in counter.opens(address).words, "the operator sees that the slip is in another language"
    switched = counter.opens(f"{address}/paper", lang="en")
    assert "Credit token 92.5 kWh" in article(switched)
    assert 'name="lang" value="en"' in switched.body
    for odd in ("xx", "../en", ""):
        assert "Code de recharge" in article(counter.opens(f"{address}/paper", lang=odd))


def test_without_a_language_of_their_own_the_installations_counts(counter: Counter, app: Flask, cast: Cast) -> None:
    change(app, Settings, 1, default_language="fr")
    change(app, Consumer, cast.consumers["achieng"], language=None)
    address = sold(counter)
    assert "Code de recharge" in article(counter.opens(f"{address}/paper"))
    change(app, Settings, 1, default_language="xx")
    assert "Credit token" in article(counter.opens(f"{address}/paper"))


def test_a_slip_from_right_to_left_keeps_figures_and_tokens_in_order(
    counter: Counter, app: Flask, cast: Cast
) -> None:
    change(app, Consumer, cast.consumers["achieng"], language="ar", name="فاطمة الزهراء")
    address = sold(counter)
    [token] = digits_of(counter.opens(address))
    for paper in PAPERS:
        page = counter.opens(f"{address}/paper", paper=paper)
        assert 'lang="ar" dir="rtl"' in page.body
        assert "فاطمة الزهراء" in article(page) and "رمز شحن" in article(page)
        assert not re.search("[٠-٩]", article(page)), "digits are those of the meter"
        assert "\u2066123456 · 1 · 01\u2069" in page.body
        said = words_of(pdf(counter, address, paper))
        assert spoken(token) in said, "the groups stand in the order in which they are typed"
        assert any("\ufb50" <= sign <= "\ufeff" or "\u0600" <= sign <= "\u06ff" for sign in said)


# --- paper --------------------------------------------------------------------------------


def chosen(page: Page) -> str:
    found = re.search(r'href="[^"]*[?]paper=(\w+)[^"]*" aria-current', page.body)
    assert found
    return found.group(1)


def test_the_paper_last_printed_on_is_offered_again(counter: Counter, app: Flask, cast: Cast) -> None:
    address = sold(counter)
    page = counter.opens(f"{address}/paper")
    assert chosen(page) == "80mm"
    assert chosen(counter.opens(f"{address}/paper", paper="58mm")) == "58mm"
    assert chosen(counter.opens(f"{address}/paper")) == "80mm", "looking changes nothing"
    form = {"csrf_token": page.field("csrf_token"), "paper": "58mm"}
    counter.client.post(f"{address}/printed", data=form)
    assert chosen(counter.opens(f"{address}/paper")) == "58mm"
    assert "58 mm" in counter.opens(address).words
    counter.client.post(f"{address}/printed", data={**form, "paper": "papyrus"})
    assert chosen(counter.opens(f"{address}/paper")) == "58mm"
    # The point gets a printer of this width: then it is nobody's own choice any more.
    change(app, VendingPoint, cast.points["market"], slip_paper="58mm")
    counter.client.post(f"{address}/printed", data=form)
    change(app, VendingPoint, cast.points["market"], slip_paper="a4")
    assert chosen(counter.opens(f"{address}/paper")) == "a4"
    with app.app_context():
        assert db.session.get_one(AppUser, cast.users["amara"]).slip_paper is None


@pytest.mark.parametrize("paper", PAPERS)
def test_who_may_not_print_sees_the_paper_and_no_button(counter: Counter, signed_in: SignedIn, app: Flask, paper: str) -> None:
    address = sold(counter)
    seen = Counter(signed_in("dalia"), app).opens(f"{address}/paper", paper=paper)
    assert "Credit token" in article(seen)
    assert "Confirm printing" not in seen.body


# --- what the utility says ----------------------------------------------------------------


def test_messages_go_by_the_meter_and_an_old_slip_keeps_its_words_and_logo(counter: Counter, app: Flask) -> None:
    with app.app_context(), transaction() as session:
        row = session.query(Settings).one()
        row.slip_message, row.slip_message_electricity, row.slip_message_water = "For all.", "For lamps.", "For taps."
        row.slip_copy_text = "Not valid for tax"
        logo = slip_logo.accept(picture(), "logo.png")
        slip_logo.keep(session, logo)
        row.slip_logo = logo.digest
    lamp, tap = sold(counter), sold(counter, PUMP)
    change(app, Settings, 1, slip_message="Changed since.", slip_logo=None)
    for paper in PAPERS:
        page = counter.opens(f"{lamp}/paper", paper=paper)
        said, file = article(page), pdf(counter, lamp, paper)
        for text in (said, words_of(file)):
            assert "For all." in text and "For lamps." in text
            assert "For taps." not in text and "Changed since." not in text
        assert 'class="slip-logo" src="data:image/png;base64,' in page.body
        assert len(file.pages[0].images) == 2, "the logo and the code"
    assert "For taps." in article(counter.opens(f"{tap}/paper"))
    form = {"csrf_token": counter.opens(f"{lamp}/paper").field("csrf_token")}
    for _time in range(2):
        again = counter.client.post(f"{lamp}/printed", data=form).get_data(as_text=True)
    assert "COPY 4 Not valid for tax" in article(Page(200, again, "")), "three files went before"
    assert "COPY 5 Not valid for tax" in words_of(pdf(counter, lamp, "58mm"))


# --- the page after the sale --------------------------------------------------------------


def test_the_page_after_the_sale_leads_on_and_back(counter: Counter) -> None:
    address = sold(counter)
    page = counter.opens(address)
    for word in ("Sold.", "USD 20.00 taken, give 30.00 change", "Print slip F8", "Send as PDF", "New sale Esc", "What the customer does", "Not right?",
                 "Reverse this sale, if the token was not handed over", "The meter refuses it: open in the token desk",
                 "Try it on the training meter", "All purchases of this meter"):  # fmt: skip
        assert word in page.words.replace("\u00a0", " "), word
    assert 'class="paper-only"' in page.body and "@page { size: 80mm" in page.body
    assert page.body.count("btn-primary") == 1
    [token] = digits_of(page)
    desk = counter.opens("/token-desk/", token=token, meter=PALM_STREET)
    assert f'href="/token-desk/?token={token}&amp;meter={PALM_STREET}"' in page.body and desk.status == 200
    trial = f"/training/{PALM_STREET}"
    assert f'href="{trial}?token={token}"' in page.body and counter.opens(trial, token=token).status == 200
    meter = re.search(r'href="(/meters/show/\d+)\?tab=purchases"', page.body)
    assert meter and "MKT-000001" in counter.opens(meter.group(1), tab="purchases").words
