"""Training meters in the browser: typed once, refused twice, nobody else's, and away where they are switched off."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.extensions import db
from app.models import TrainingState
from app.services.training import Done
from app.sts.virtual_meter import Result
from app.views import training_words as words
from tests.cast import PALM_STREET, PIER
from tests.services.conftest import Counter
from tests.views.forms import act, send, text

pytestmark = pytest.mark.one_database
METER = f"/training/{PALM_STREET}"


@pytest.fixture
def sold(app, cast):
    """The token of a sale of Amara's, and its tenths."""
    with app.app_context():
        receipt = Counter(cast, app.extensions["modules"]).sells("palm_street", 20_00)
        db.session.remove()
    return receipt.tokens[0].digits, receipt.carried_units


def test_a_slip_is_accepted_once_and_the_second_time_used(amara, sold):
    digits, tenths = sold
    assert "TRAINING" in text(amara.get(METER)) and "Fill in" in text(amara.get(METER))
    typed = f" {digits[:4]}-{digits[4:8]} {digits[8:]}\r\n"
    assert send(amara, METER, f"{METER}/enter", token=typed).status_code == 303
    told = text(amara.get(METER))
    assert "Accepted." in told and f"→ {tenths / 10:.1f} kWh" in told
    send(amara, METER, f"{METER}/enter", token=digits)
    assert "USED: this token was entered before" in text(amara.get(METER))


def test_a_second_click_is_not_a_second_entry(amara, sold, look):
    data = {"token": sold[0], "turn": "0"}
    for _ in range(2):
        act(amara, METER, f"{METER}/enter", **data)
    assert "Accepted." in text(amara.get(METER)) and look(select(TrainingState.turn)) == 1


@pytest.mark.parametrize(
    ("to", "typed", "said"),
    [
        ("enter", {"token": ""}, "Type the twenty digits"),
        ("enter", {"token": "123"}, "these are 3"),
        ("enter", {"token": "x" * 20}, "digits 0 to 9 only"),
        ("consume", {"units": ""}, "A number of units like"),
        ("consume", {"units": "-5"}, "A number of units like"),
        ("consume", {"units": "1.55"}, "A number of units like"),
    ],
)
def test_what_no_meter_takes_is_a_sentence_at_its_field(amara, look, to, typed, said):
    answer = act(amara, METER, f"{METER}/{to}", turn="0", **typed)
    assert answer.status_code == 422 and said in text(answer)
    assert 'aria-invalid="true"' in answer.get_data(as_text=True) and look(select(TrainingState)) is None


def test_units_are_used_the_cover_is_opened_and_the_meter_begins_anew(amara, sold):
    send(amara, METER, f"{METER}/enter", token=sold[0])
    act(amara, METER, f"{METER}/consume", units="1", turn="1")
    assert "Units were used." in text(amara.get(METER))
    act(amara, METER, f"{METER}/open-cover", turn="2")
    told = text(amara.get(METER))
    assert "TAMPER: the cover is open." in told and "supply off" in told
    act(amara, METER, f"{METER}/consume", pick="10", turn="3")
    assert "The supply is off: nothing was used." in text(amara.get(METER))
    assert act(amara, METER, f"{METER}/reset").status_code == 303
    told = text(amara.get(METER))
    assert "A new training meter hangs here" in told and "Cover open" not in told
    act(amara, METER, f"{METER}/enter", token="56493153725450313471", turn="0")
    assert "Display KRN" in text(amara.get(METER))


def test_a_strangers_training_meter_does_not_exist(amara, sold):
    for answer in (amara.get(f"/training/{PIER}"), amara.get("/training/12"), act(amara, METER, f"/training/{PIER}/reset")):
        assert answer.status_code == 404
    with amara.session_transaction() as cookie:
        assert PIER not in str(dict(cookie)), "a page that does not exist is no way back"
    listed = text(amara.get("/training/"))
    assert "0100 0000" in listed and PIER not in amara.get("/training/").get_data(as_text=True)
    assert "No demonstration meter is found" in text(amara.get(f"/training/?q={PIER}"))
    assert PALM_STREET in amara.get(f"/training/?q={PALM_STREET}").get_data(as_text=True)


def test_an_address_fills_the_token_in_and_types_nothing(amara, sold, look):
    page = amara.get(f"{METER}?token={sold[0]}").get_data(as_text=True)
    assert sold[0][:4] + " " + sold[0][4:8] in page and look(select(TrainingState)) is None
    desk = act(amara, "/token-desk/", "/token-desk/", token=sold[0])
    assert f"{METER}?token={sold[0]}" in desk.get_data(as_text=True)


def test_an_auditor_looks_on(signed_in, sold):
    dalia = signed_in("dalia")
    page = dalia.get(METER).get_data(as_text=True)
    assert "Inside the meter" in page and "data-keypad" not in page
    assert act(dalia, "/account/", f"{METER}/enter", token=sold[0]).status_code == 403


def test_where_they_are_switched_off_there_is_neither_page_nor_line(app, amara, sold):
    assert "Training meters" in amara.get("/").get_data(as_text=True)
    app.config["TRAINING"] = False
    assert amara.get(METER).status_code == amara.get("/training/").status_code == 404
    assert act(amara, "/account/", f"{METER}/enter", token=sold[0]).status_code == 404
    assert "Training meters" not in amara.get("/").get_data(as_text=True)
    assert "training meter" not in text(act(amara, "/token-desk/", "/token-desk/", token=sold[0]))


def test_each_answer_of_a_meter_has_its_words(app):
    assert words.RESULTS.keys() >= {result.value for result in Result}
    with app.test_request_context():
        for said in (*Result, "used", "off", "tampered"):
            done = Done(at=None, what="token", said=said, shown=(), changed=(), units=0, tail="")
            tone, sentence = words.result(done)
            assert tone in {"ok", "warn", "bad"} and str(sentence).endswith(".")
