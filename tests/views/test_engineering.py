"""The engineering desk and reversals in the browser: by form, by two people, with everything typed kept."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app.extensions import db
from app.models import EngineeringRecord, Meter, ReversalRequest, Sale, Token, VendingPoint
from app.views.figures import groups_of_four, meter_number
from tests.cast import PALM_STREET, PIER
from tests.services.conftest import Counter
from tests.services.test_reversals import opened, reverse
from tests.views.forms import act, fields, send, text

pytestmark = pytest.mark.one_database
METER = f"/engineering/meter/{PALM_STREET}"
WHY = "The line was made stronger"


@pytest.fixture
def market(cast):
    """What a manager without a vending point chooses."""
    return {"point": str(cast.points["market"])}


def test_a_manager_limits_the_power_and_reads_twenty_digits(chidi, look, market):
    found = text(chidi.get(f"/engineering/?q={PALM_STREET}"))
    assert meter_number(PALM_STREET) in found
    page = f"{METER}/maximum-power-limit"
    answer = send(chidi, page, page, value="20", reason=WHY, **market)
    assert answer.status_code == 303
    token = look(select(Token))
    made = text(chidi.get(answer.location))
    assert token.amount == 20_004 and groups_of_four(token.digits).replace(" ", "") in re.sub(r"\s", "", made)
    page = chidi.get(f"{answer.location}/paper")
    paper, [height, _copied] = text(page), re.findall(r"size: 80mm (\d+)mm", page.get_data(as_text=True))
    assert 120 < int(height) < 240, "no roll feeds a whole sheet"
    assert "ENGINEERING" in paper and "20 kW" in paper and "DEMONSTRATION" in paper


def test_another_value_from_the_same_page_is_told_as_another_act(chidi, market):
    page = f"{METER}/maximum-power-limit"
    form = {"value": "20", "reason": WHY, "reference": "a-page-0001", **market}
    assert send(chidi, page, page, **form).status_code == 303
    refused = send(chidi, page, page, **(form | {"value": "21"}))
    assert refused.status_code == 409
    assert "Another act was asked for from this page already. Nothing further was made." in text(refused)


@pytest.mark.parametrize(
    ("typed", "said"),
    [("", "Fill this in."), ("a lot", "A number of kilowatts"), ("20000", "At most 18201 kW."), ("-1", "A number of kilowatts")],
)
def test_a_limit_that_is_none_is_refused_at_its_field_and_the_reason_stays(chidi, look, market, typed, said):
    page = f"{METER}/maximum-power-limit"
    answer = send(chidi, page, page, value=typed, reason=WHY, **market)
    assert answer.status_code == 422
    assert said in text(answer) and WHY in answer.get_data(as_text=True)
    assert look(select(EngineeringRecord)) is None


def test_clearing_a_balance_takes_two_people(chidi, efua, look, market):
    page = f"{METER}/clear-credit"
    answer = send(chidi, page, page, value="65535", reason=WHY, **market)
    shown = answer.location
    assert "another person has to approve it" in text(chidi.get(shown))
    assert look(select(Token)) is None
    assert act(chidi, shown, f"{shown}/approve").status_code in (400, 409, 422)
    assert "Waiting for a second person" in text(efua.get("/engineering/"))
    assert act(efua, shown, f"{shown}/approve").status_code == 303
    assert look(select(Token)) is not None
    assert "Approved by" in text(chidi.get(shown))


def test_the_same_once_more_takes_a_tick(app, cast, chidi, efua, market, look):
    page = f"{METER}/clear-credit"
    first = send(chidi, page, page, value="65535", reason=WHY, **market).location
    warned = send(chidi, page, page, value="65535", reason=WHY, **market)
    assert warned.status_code == 409
    assert "The same waits for a second person already" in text(warned) and WHY in warned.get_data(as_text=True)
    assert f'href="{first}"' in warned.get_data(as_text=True)
    assert send(chidi, page, page, value="0", reason=WHY, **market).status_code == 303, "another value is another act"
    again = re.search(r'name="again" value="([0-9]+)"', warned.get_data(as_text=True))[1]
    assert send(chidi, page, page, value="65535", reason=WHY, again=again, **market).status_code == 303
    assert look(select(func.count(EngineeringRecord.id))) == 3
    assert "Approve and make" in text(efua.get(first))
    assert "3 engineering acts wait for a second person." in text(efua.get("/")).partition("Waits for somebody else")[0]
    with app.app_context():
        opened(cast, (timedelta(0), "give_link", "efua", "chidi", "{}"))
    apart = text(efua.get(first))
    assert "You can approve this from" in apart and "Decline" in apart and "Approve and make" not in apart
    mine, _, others = text(efua.get("/")).partition("Waits for somebody else")
    assert "engineering acts" not in mine and "3 engineering acts wait for a second person. Somebody else has to approve; you can from" in others
    limit = f"{METER}/maximum-power-limit"
    assert send(chidi, limit, limit, value="20", reason=WHY, **market).status_code == 303
    assert "The same was made for this meter at" in text(send(chidi, limit, limit, value="20", reason=WHY, **market))


def test_an_operator_makes_test_tokens_and_nothing_else(amara, look):
    assert amara.get(METER).status_code == 200
    assert amara.get(f"{METER}/clear-credit").status_code in (302, 403)
    page = "/engineering/tests"
    refused = send(amara, page, page, maker="00", reason=WHY)
    assert refused.status_code == 422 and "Choose at least one function." in text(refused)
    answer = send(amara, page, page, maker="00", tests="0", reason=WHY)
    assert answer.status_code == 303
    assert look(select(Token.digits)) == "56493153725450313471"
    assert "Initiate meter test" in text(amara.get(answer.location))


def test_a_key_change_is_confirmed_on_the_meters_page(app, chidi, look, market, cast):
    with app.app_context():
        meter = db.session.get_one(Meter, cast.meters["palm_street"])
        meter.sgc = "888888"
        db.session.commit()
    page = f"{METER}/key-change"
    choice = re.search(r'<option value="([0-9]+)"[^>]*>888888, revision 2', chidi.get(page).get_data(as_text=True))
    answer = send(chidi, page, page, key=choice[1], ti="07", reason=WHY, **market)
    assert answer.status_code == 303
    assert "A key change is under way" in text(chidi.get(METER))
    shown = fields(chidi.get(METER).get_data(as_text=True), "/confirm")["of"]
    own = fields(chidi.get(f"/meters/show/{cast.meters['palm_street']}").get_data(as_text=True), "/confirm")
    assert (own["of"], own["from"]) == (shown, "meter") and shown.startswith("888888/2/7/1/")
    for stale in (shown.replace("/7/", "/8/"), ""):
        told = act(chidi, METER, f"{METER}/confirm", outcome="taken", of=stale)
        assert told.status_code == 409
        assert "Under way now: a key change to 888888, revision 2, tariff index 7, handed out so far: 1." in text(told)
    assert act(chidi, METER, f"{METER}/confirm", outcome="taken", of=shown).status_code == 303
    meter = look(select(Meter).where(Meter.meter_number == PALM_STREET))
    assert (meter.sgc, meter.krn, meter.ti, meter.pending_sgc) == ("888888", 2, 7, None)
    assert "A key change is under way" not in text(chidi.get(METER))


def test_an_act_names_its_meter_where_that_is_another_regions_by_now(app, amara, chidi, market, cast):
    page = f"{METER}/maximum-power-limit"
    made = send(chidi, page, page, value="20", reason=WHY, **market).location
    with app.app_context():
        elsewhere = db.session.scalar(select(Meter.region_id).where(Meter.meter_number == PIER))
        db.session.get_one(Meter, cast.meters["palm_street"]).region_id = elsewhere
        db.session.commit()
    assert amara.get(METER).status_code == 404
    shown, listed = text(amara.get(made)), text(amara.get("/engineering/"))
    assert f"For meter {meter_number(PALM_STREET)}" in shown and "Back to the meter" not in shown
    assert "For any meter" not in shown
    assert meter_number(PALM_STREET) in listed


def test_records_of_acts_speak_words_and_name_their_meter(chidi, market, cast):
    page = f"{METER}/maximum-power-limit"
    send(chidi, page, page, value="20", reason=WHY, **market)
    send(chidi, f"{METER}/clear-tamper", f"{METER}/clear-tamper", reason=WHY, **market)
    for address in ("/engineering-records/list/", f"/meters/show/{cast.meters['palm_street']}?tab=engineering"):
        said = text(chidi.get(address))
        assert "Maximum power limit" in said and "maximum_power" not in said and "clear_tamper" not in said
        assert "Made" in said and "Sold" not in said and "Proposed" in said and "proposed" not in said
    assert meter_number(PALM_STREET) in text(chidi.get("/engineering-records/list/"))
    assert meter_number(PALM_STREET) in text(chidi.get("/engineering-records/show/1"))


def test_a_strangers_meter_does_not_exist_here(chidi):
    for address in (f"/engineering/meter/{PIER}", f"/engineering/meter/{PIER}/clear-credit", "/engineering/acts/99"):
        assert chidi.get(address).status_code == 404


def bare(answer):
    """The page without what groups digits."""
    assert answer.status_code == 200
    return re.sub(r"<[^>]*>|[\s\u00a0\u202f]", "", answer.get_data(as_text=True).partition("<main")[2])


def test_a_sale_is_reversed_by_two_people_and_its_receipt_says_so(app, amara, chidi, efua, look, cast):
    with app.app_context():
        sale_id = Counter(cast, app.extensions["modules"]).sells("palm_street", 20_00).sale_id
        db.session.remove()
    page, digits = f"/reversals/{sale_id}", look(select(Token.digits))
    shows = [f"/receipts/{sale_id}", f"/receipts/{sale_id}/paper", f"/sales/show/{sale_id}", "/tokens/list/",
             f"/meters/show/{cast.meters['palm_street']}?tab=tokens"]  # fmt: skip
    assert all(digits in bare(amara.get(one)) for one in shows)
    assert "Reverse" in text(amara.get(f"/receipts/{sale_id}"))
    refused = send(amara, page, f"{page}/propose", reason="")
    assert refused.status_code == 422 and "Fill this in." in text(refused)
    silent = send(amara, page, f"{page}/propose", reason=WHY)
    assert silent.status_code == 422 and "Say that it was not handed over." in text(silent) and WHY in silent.get_data(as_text=True)
    assert send(amara, page, f"{page}/propose", reason=WHY, not_handed_over="y").status_code == 303
    assert look(select(ReversalRequest.not_handed_over)) is True
    home = chidi.get("/").get_data(as_text=True)
    assert "asks to reverse a sale." in home and page in home and "Waits for somebody else" not in home
    assert "says that the token was not handed over. No slip was printed or sent as a file." in text(chidi.get(page))
    assert act(amara, f"/receipts/{sale_id}", f"/receipts/{sale_id}/receipt.pdf").status_code == 200
    assert "This slip was printed or sent as a file once." in text(chidi.get(page))
    request_id = re.search(r'name="request" value="([0-9]+)"', chidi.get(page).get_data(as_text=True))[1]
    with app.app_context():
        opened(cast, (timedelta(0), "give_link", "efua", "amara", "{}"))
    apart = text(efua.get(page))
    assert "You can approve this from" in apart and "Decline" in apart and "Approve and give" not in apart
    mine, _, others = text(efua.get("/")).partition("Waits for somebody else")
    assert "asks for" not in mine and "asks for 1 reversal." in others and "Somebody else has to approve; you can from" in others
    assert "asks to reverse a sale." in text(chidi.get("/")) and "Waits for somebody else" not in text(chidi.get("/"))
    refused = act(efua, page, f"{page}/approve", request=request_id)
    assert refused.status_code == 422 and "could act for both. Nothing was changed." in text(refused)
    assert "Approve and give" in text(chidi.get(page))
    answer = act(chidi, page, f"{page}/approve", request=request_id)
    assert answer.status_code == 303
    assert look(select(Sale.reverses_id).where(Sale.reverses_id == sale_id)) == sale_id
    told = text(chidi.get(answer.location))
    assert "Reversed." in told and f"This undoes receipt MKT-000001: {WHY}" in told and "Given back USD 20.00" in told
    assert "Paid" not in told
    assert "REVERSAL" in text(chidi.get(f"{answer.location}/paper"))
    assert "REVERSED: this sale was undone" in text(amara.get(f"/receipts/{sale_id}/paper"))
    assert "REVERSED: this sale was undone" in text(amara.get(f"/receipts/{sale_id}/paper?paper=a4"))
    assert act(amara, f"/receipts/{sale_id}", f"/receipts/{sale_id}/receipt.pdf").status_code == 200
    assert "it was reversed before" in text(amara.get(page))
    # A meter would still take the token: nobody sees it any more.
    assert not any(digits in bare(amara.get(one)) for one in (*shows, f"/receipts/{sale_id}/paper?paper=a4"))
    assert look(select(VendingPoint)) is not None


def test_lists_tell_a_reversal_from_its_sale_with_a_minus(app, amara, cast):
    with app.app_context():
        counter = Counter(cast, app.extensions["modules"])
        reverse(counter, counter.sells("palm_street", 20_00).sale_id)
        units = counter.sells("palm_street", 20_00).carried_units
        db.session.remove()
    for page in ("/", "/sales/list/", "/sale-records/list/"):
        rows = re.findall(r"<tr>.*?</tr>", amara.get(page).get_data(as_text=True).rpartition("<tbody>")[2], re.S)
        told = [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in rows]
        states = {row.split()[-1]: row for row in told}
        assert {*states} == {"Sold", "Reversal", "Reversed"}, page
        assert [name for name, row in states.items() if "\u221220.00" in row] == ["Reversal"], page
        assert f"\u2212{units / 10:.1f}" in states["Reversal"], page
    home = text(amara.get("/"))
    assert "Taken today 20.00 USD" in home or "Taken today $20.00 USD" in home
