"""Failed sign-ins on a page: whose account, how often, what the answer was; for one's own people, and without what was typed."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.domain.states import SignInAnswer
from app.extensions import db
from app.models import FailedSignIn
from app.models.base import now
from app.services import failed_sign_ins
from tests.access.test_people import cast  # noqa: F401  (with Rada, who keeps the coast)
from tests.access.test_second_factor import halfway, post, set_up
from tests.access.test_sign_in import change, send

SECRET = "Plum-Orchard-1987"


def rows(page: str) -> list[str]:
    """The rows of a list as words."""
    told = re.findall(r"<tr>.*?</tr>", page.partition("<tbody>")[2], re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", one).split()) for one in told]


def listed(client, query: str = "") -> list[str]:
    answer = client.get(f"/failed-sign-ins/list/{query}")
    assert answer.status_code == 200
    page = answer.get_data(as_text=True)
    assert SECRET not in page, "a password that was typed as a name"
    return rows(page)


@pytest.mark.one_database
def test_administrators_see_at_whose_account_somebody_tried_and_the_answer(make_app, app, cast, login):  # noqa: F811
    door = make_app(RATELIMIT_ENABLED=True, LOGIN_RATE_LIMIT="3 per minute")
    change(app, "corin", active=False)
    for name, password in (
        *[("amara", "wrong")] * 4, ("bento@example.org", "wrong"), ("CORIN", "demo"), (SECRET, "demo"), ("nobody", "x"),
    ):  # fmt: skip
        send(door.test_client(), name, password)
    login(chief := app.test_client(), "efua")
    told = listed(chief)
    assert len(told) == 5
    assert [line for line in told if line.startswith("Amara Test (amara) Refused The password was not right 3 ")]
    assert [line for line in told if line.startswith("Amara Test (amara) Locked Too many attempts failed before 1 ")]
    assert [line for line in told if line.startswith("Corin Test (corin) Refused The person may not sign in 1 ")]
    assert [line for line in told if line.startswith("Unknown name Refused Nobody has the name 2 ")], "two names, one row"
    assert "from the same address as now (127.0.0.1)" in told[0]
    login(rada := app.test_client(), "rada")
    told = listed(rada)
    assert len(told) == 3 and not [line for line in told if "bento" in line or "Unknown" in line], told
    login(manager := app.test_client(), "chidi")
    assert manager.get("/failed-sign-ins/list/").status_code == 403
    assert "3 Show" not in chief.get(f"/users/show/{cast.users['bento']}").get_data(as_text=True)
    assert "4 in the last 30 days" in chief.get(f"/users/show/{cast.users['amara']}").get_data(as_text=True)


@pytest.mark.one_database
def test_a_whole_address_that_is_locked_is_shown_to_who_sees_everything_and_opened_by_them(make_app, app, cast, login):  # noqa: F811
    door = make_app(RATELIMIT_ENABLED=True, LOGIN_RATE_LIMIT="1 per minute")
    login(chief := door.test_client(), "efua")
    login(rada := door.test_client(), "rada")
    for number in range(10):
        assert send(door.test_client(), f"nobody{number}", "x").status_code == 401
    assert send(door.test_client(), "amara").status_code == 429
    page = chief.get("/failed-sign-ins/list/").get_data(as_text=True)
    assert "Locked addresses" in page and 'name="address" value="127.0.0.1"' in page
    assert "Locked addresses" not in rada.get("/failed-sign-ins/list/").get_data(as_text=True)
    assert post(rada, "/failed-sign-ins/unlock", "/account/", address="127.0.0.1").status_code == 403
    post(chief, "/failed-sign-ins/unlock", "/account/", address="192.0.2.1")
    assert "not locked any more" in chief.get("/failed-sign-ins/list/").get_data(as_text=True)
    assert send(door.test_client(), "amara").status_code == 429
    post(chief, "/failed-sign-ins/unlock", "/account/", address="127.0.0.1")
    page = chief.get("/failed-sign-ins/list/").get_data(as_text=True)
    assert "Locked addresses" not in page and "People at 127.0.0.1 can sign in again at once." in page
    assert send(door.test_client(), "amara").status_code == 302
    assert "Address of the computer 127.0.0.1" in chief.get("/audit/list/").get_data(as_text=True)


@pytest.mark.one_database
def test_a_browser_that_guesses_at_ones_own_password_is_signed_out_and_the_owners_others_are_not(make_app, cast, login):  # noqa: F811
    door = make_app(RATELIMIT_ENABLED=True, LOGIN_RATE_LIMIT="3 per minute")
    login(amara := door.test_client(), "amara")
    login(own := door.test_client(), "amara")
    login(chief := door.test_client(), "efua")

    def proves(browser, password, new="Plum-Orchard-1988"):
        return post(browser, "/account/password", "/account/password", old=password, new=new, again=new)

    said = [proves(amara, SECRET) for _ in range(3)]
    assert all("This is not your password until now." in one.get_data(as_text=True) for one in said)
    out = proves(amara, "demo")
    assert (out.status_code, out.location) == (303, "/login/"), "the right one is too late, too"
    assert "Too many wrong passwords. This browser is signed out." in amara.get("/login/").get_data(as_text=True)
    assert amara.get("/account/").status_code == 302
    told = listed(chief)
    assert [line for line in told if line.startswith("Amara Test (amara) Refused The password was not right 3 ")], told
    assert [line for line in told if line.startswith("Amara Test (amara) Locked Too many attempts failed before 1 ")], told
    assert "The password was not right" in own.get("/account/log").get_data(as_text=True)
    assert "Locked until" not in chief.get(f"/users/show/{cast.users['amara']}").get_data(as_text=True), "nobody is locked"
    assert proves(own, "demo").status_code == 303, "nor the owner's own browser"
    assert send(door.test_client(), "amara", "Plum-Orchard-1988").status_code == 302


@pytest.mark.one_database
def test_the_page_is_searched_and_says_when_nothing_failed(client, app, cast, login):  # noqa: F811
    login(client, "efua")
    assert "No sign-in failed in the last 30 days." in client.get("/failed-sign-ins/list/").get_data(as_text=True)
    for name in ("amara", "bento", "who"):
        send(app.test_client(), name, "wrong")
    assert len(listed(client, "?_flt_0_user_id=amara")) == len(listed(client, "?_flt_0_user_id=Amar")) == 1
    assert len(listed(client, "?_flt_0_answer=unknown")) == 1
    assert len(listed(client, "?_flt_0_address=127.0.0")) == 3
    assert len(listed(client, f"?_flt_1_last_at={now().date() + timedelta(days=2)}")) == 3
    assert "Nothing matches" in client.get("/failed-sign-ins/list/?_flt_0_user_id=zzz").get_data(as_text=True)


@pytest.mark.one_database
def test_a_wrong_code_counts_and_everybody_sees_the_attempts_at_their_own_account(client, app, cast, login):  # noqa: F811
    login(client, "amara")
    set_up(client, app, "amara")
    assert post(halfway(app, login, "amara"), "/login/code", "/login/code", code="000000").status_code == 401
    send(app.test_client(), "bento", "wrong")
    page = client.get("/account/log").get_data(as_text=True)
    told = rows(page.partition("Failed sign-ins at your account")[2])
    assert len(told) == 1 and "The code of the second factor was not right 1 from the same address" in told[0]
    login(bento := app.test_client(), "bento")
    assert "The password was not right" in bento.get("/account/log").get_data(as_text=True)


def test_attempts_of_an_hour_are_one_row_and_a_flood_from_many_addresses_fills_no_disk(app, cast, monkeypatch):  # noqa: F811
    monkeypatch.setattr(failed_sign_ins, "HOUR_ROWS_MAX", 3)
    with app.app_context():
        amara = cast.users["amara"]
        for _each in range(3):
            failed_sign_ins.note(amara, "192.0.2.1", SignInAnswer.PASSWORD)
        failed_sign_ins.note(None, "192.0.2.1", SignInAnswer.UNKNOWN)
        for number in range(2, 7):
            failed_sign_ins.note(None, f"192.0.2.{number}", SignInAnswer.UNKNOWN)
        found = db.session.execute(select(FailedSignIn.user_id, FailedSignIn.address, FailedSignIn.times).order_by(FailedSignIn.id)).all()
        assert [tuple(row) for row in found] == [(amara, "192.0.2.1", 3), (None, "192.0.2.1", 1), (None, "192.0.2.2", 1), (None, "", 4)]
        assert failed_sign_ins.times_of(db.session(), amara) == 3
        db.session.execute(update(FailedSignIn).where(FailedSignIn.user_id.is_(None)).values(last_at=now() - failed_sign_ins.KEPT * 2))
        db.session.commit()
        assert failed_sign_ins.clean() == 3
        assert db.session.scalars(select(FailedSignIn.user_id)).all() == [amara]
