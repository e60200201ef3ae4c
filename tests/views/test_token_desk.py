"""The token desk in the browser: pasted digits, sentences at the fields, nothing told to strangers."""

from __future__ import annotations

import itertools

import pytest
from sqlalchemy import func, select

from app.access import attempts
from app.extensions import db
from app.models import AuditEntry, Token
from app.models.user import SignInFailure
from app.views import token_words
from app.views.figures import groups_of_four
from tests.cast import PALM_STREET, PIER
from tests.services.conftest import Counter
from tests.views.forms import act, send, text

pytestmark = pytest.mark.one_database
DESK = "/token-desk/"


@pytest.fixture
def digits(app, cast):
    """The token of a sale of Amara's."""
    with app.app_context():
        token = Counter(cast, app.extensions["modules"]).sells("palm_street", 20_00).tokens[0].digits
        db.session.remove()
    return token


def test_digits_may_come_as_they_like(amara, digits):
    for shape, between in itertools.product(("{}", " {}\r\n", "{0}\t"), ("", " ", "-", "\u2011", "\u00a0")):
        typed = shape.format(groups_of_four(digits).replace(" ", between))
        answer = act(amara, DESK, DESK, token=typed)
        assert answer.status_code == 200, repr(typed)
        told = text(answer)
        assert "The meter accepts it, once." in told and "MKT-000001" in told and "Amara Test" in told, repr(typed)
        assert "123456 · 1 · 01" in told and "Checked by the security module" in told, repr(typed)


@pytest.mark.parametrize(
    ("typed", "meter", "status", "said"),
    [
        ("", "", 422, "Fill this in."),
        ("12345", "", 422, "these are 5"),
        ("1" * 21, "", 422, "these are 21"),
        ("1234567890123456789x", "", 422, "only the digits 0 to 9"),
        ("²" * 20, "", 422, "only the digits 0 to 9"),
        ("9" * 20, "", 422, "No token begins so high"),
        ("1" * 20, "01000000017", 422, "One digit is mistyped."),
        ("1" * 20, "12", 422, "11 or 13 digits"),
        ("1" * 20, PIER, 404, "There is no such meter among yours."),
    ],
)
def test_what_is_no_token_or_no_meter_is_a_sentence_at_its_field(amara, look, typed, meter, status, said):
    answer = act(amara, DESK, DESK, token=typed, meter=meter)
    assert answer.status_code == status and said in text(answer)
    assert 'aria-invalid="true"' in answer.get_data(as_text=True)
    assert look(select(AuditEntry).where(AuditEntry.action == "look_up")) is None


def test_an_address_fills_the_form_in_and_asks_nothing(amara, digits, look):
    page = amara.get(f"{DESK}?token={digits}&meter={PALM_STREET}")
    assert f'value="{digits}"' in page.get_data(as_text=True) and "MKT-000001" not in text(page)
    assert look(select(AuditEntry).where(AuditEntry.action == "look_up")) is None
    with amara.session_transaction() as cookie:
        assert digits not in str(dict(cookie))


def test_a_stranger_reads_the_same_as_of_digits_of_nobody(signed_in, digits):
    bento = signed_in("bento")
    told = text(act(bento, DESK, DESK, token=digits))
    assert "not among the tokens that you may see" in told
    assert not [word for word in ("MKT", "Amara", "Market", PALM_STREET, "123456") if word in told]
    corin = text(act(signed_in("corin"), DESK, DESK, token=digits))
    assert "Market shop" in corin and "kWh" in corin
    assert not [word for word in ("MKT", "Amara", "123456", "0100 0000") if word in corin]


def test_every_look_up_is_in_the_audit_log(amara, efua, digits):
    act(amara, DESK, DESK, token=digits)
    told = text(efua.get("/audit/list/"))
    assert "looked up" in told and f"…{digits[-4:]}" in told and digits not in told
    assert "amara" in told.lower()


def test_nobody_finds_a_token_by_trying(make_app, cast, login):
    app = make_app(RATELIMIT_ENABLED=True, LOOK_UP_RATE_LIMIT="2 per minute")
    client = app.test_client()
    login(client, "amara")
    asked = [act(client, DESK, DESK, token="1" * 20).status_code for _ in range(3)]
    assert asked == [200, 200, 429]


def test_no_user_name_shares_the_count_of_a_persons_look_ups(make_app, cast, login):
    app = make_app(RATELIMIT_ENABLED=True, LOGIN_RATE_LIMIT="2 per minute")
    client, number = app.test_client(), cast.users["amara"]
    for name in (f"token desk {number}", f"token desk account:{number}", str(number)):
        for _ in range(3):
            act(client, "/login/", "/login/", username=name, password="wrong")
    with app.app_context():
        counted = set(db.session.scalars(select(SignInFailure.subject)))
    login(client, "amara")
    act(client, DESK, DESK, token="1" * 20)
    with app.app_context():
        assert not counted & set(attempts.subjects(str(number), "127.0.0.1", app.secret_key, door="token desk "))
        assert db.session.scalar(select(func.count()).where(SignInFailure.subject.not_in(counted))) == 2


def test_each_answer_has_its_words(app):
    with app.test_request_context():
        for says in token_words.Says:
            told = token_words.TOLD[says]
            assert str(told.title).endswith(".") and str(told.why) and str(told.next).endswith(".")


def test_an_engineering_token_says_its_function_and_value(chidi, look, cast):
    page = f"/engineering/meter/{PALM_STREET}/maximum-power-limit"
    send(chidi, page, page, value="20", reason="Asked for", point=str(cast.points["market"]))
    told = text(act(chidi, DESK, DESK, token=look(select(Token.digits)), meter=PALM_STREET))
    assert "Maximum power limit" in told and "20.004 kW" in told and "E000001" in told
