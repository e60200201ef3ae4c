"""The second factor: RFC 6238's own numbers, each code once, and nobody past it with the password alone."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from app.extensions import db
from app.models import AppUser, AuditEntry, MailRequest, RecoveryCode, UserGroup, UserSession
from app.models.base import now
from app.services import password_links, second_factor

RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
pytestmark = pytest.mark.one_database


def key_file(app) -> Path:
    return Path(app.config["CREDENTIALS_FILE"])


def code_now(app, name: str, steps: int = 0) -> str:
    """What the person's app shows; the newest that was used is forgotten, so that a test need not wait."""
    with app.app_context():
        user = db.session.scalars(select(AppUser).where(AppUser.username == name)).one()
        user.totp_step = None
        secret = second_factor.secret_of(user, key_file(app))
        db.session.commit()
    assert secret
    return second_factor.code_of(secret, int(now().timestamp()) // 30 + steps)


def post(client, path: str, form_at: str = "/account/factor/", **data):
    return client.post(path, data=data | {"csrf_token": client.token(form_at)})


def set_up(client, app, name: str) -> list[str]:
    """Go the whole way; gives the recovery codes."""
    assert post(client, "/account/factor/begin", password="demo").status_code == 303
    page = client.get("/account/factor/").get_data(as_text=True)
    assert "data:image/svg+xml" in page
    answer = post(client, "/account/factor/confirm", code=code_now(app, name))
    assert answer.status_code == 200
    return re.findall(r"<li>([A-Z2-7-]{32})</li>", answer.get_data(as_text=True))


def halfway(app, login, name: str):
    """A browser in which the password was right."""
    client = app.test_client()
    answer = login(client, name)
    assert answer.headers["Location"] == "/login/code"
    return client


@pytest.mark.parametrize(("at", "code"), [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")])
def test_the_numbers_of_the_standard(at, code):
    """RFC 6238, appendix B, the last six of its eight digits."""
    assert second_factor.code_of(RFC_SECRET, at // 30) == code
    when = datetime.fromtimestamp(at, UTC)
    assert second_factor.step_of(RFC_SECRET, code, when + timedelta(seconds=30)) == at // 30
    assert second_factor.step_of(RFC_SECRET, code, when + timedelta(seconds=90)) is None
    assert second_factor.step_of(RFC_SECRET, "٢٨٧٠٨٢", when) is None


def test_the_password_alone_opens_nothing(client, app, cast, login):
    login(client, "amara")
    set_up(client, app, "amara")
    half = halfway(app, login, "amara")
    assert half.get("/account/").status_code == 302
    assert half.get("/account/").headers["Location"].startswith("/login/")
    assert post(half, "/login/code", "/login/code", code="000000").status_code == 401
    answer = post(half, "/login/code", "/login/code", code=code_now(app, "amara"))
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert half.get("/account/").status_code == 200
    with app.app_context():
        secret = password_links.make(db.session(), cast.users["amara"], password_links.RESET, password_links.GIVEN)
        db.session.commit()
    reset, words = app.test_client(), "good words of my own"
    reset.get(f"/password/link/{secret}")
    answer = post(reset, "/password/choose", "/password/choose", new=words, again=words)
    assert answer.headers["Location"] == "/login/", "nor does a link for a new password"
    answer = post(reset, "/login/", "/login/", username="amara", password=words)
    assert answer.headers["Location"].startswith("/login/code") and reset.get("/account/").status_code == 302


def test_a_code_works_once(client, app, cast, login):
    login(client, "amara")
    set_up(client, app, "amara")
    first, second = halfway(app, login, "amara"), halfway(app, login, "amara")
    code = code_now(app, "amara")
    assert post(first, "/login/code", "/login/code", code=code).status_code == 302
    assert post(second, "/login/code", "/login/code", code=code).status_code == 401
    with app.app_context():
        user_id = cast.users["amara"]
        older = second_factor.code_of(
            second_factor.secret_of(db.session.get(AppUser, user_id), key_file(app)), int(now().timestamp()) // 30 - 1
        )
        assert not second_factor.take(user_id, older, key_file(app)), "nor the one before it"


def test_the_first_code_is_not_taken_again_at_the_sign_in(client, app, cast, login):
    login(client, "amara")
    post(client, "/account/factor/begin", password="demo")
    code = code_now(app, "amara")
    assert post(client, "/account/factor/confirm", code=code).status_code == 200
    assert post(halfway(app, login, "amara"), "/login/code", "/login/code", code=code).status_code == 401


def test_a_recovery_code_opens_once_and_is_kept_as_a_hash(client, app, cast, login):
    login(client, "amara")
    codes = set_up(client, app, "amara")
    assert len(codes) == len(set(codes)) == 10
    assert post(halfway(app, login, "amara"), "/login/code", "/login/code", code=codes[0].lower().replace("-", " ")).status_code == 302
    assert post(halfway(app, login, "amara"), "/login/code", "/login/code", code=codes[0]).status_code == 401
    with app.app_context():
        kept = db.session.scalars(select(RecoveryCode.code_hash)).all()
    assert not {code.replace("-", "") for code in codes} & set(kept)
    renewed = post(client, "/account/factor/codes", password="demo").get_data(as_text=True)
    assert codes[1] not in renewed
    assert post(halfway(app, login, "amara"), "/login/code", "/login/code", code=codes[1]).status_code == 401


@pytest.mark.one_database
def test_a_recovery_code_of_before_still_opens_until_it_is_renewed(client, app, cast, login):
    login(client, "amara")
    set_up(client, app, "amara")
    with app.app_context():
        first = db.session.scalars(select(RecoveryCode).order_by(RecoveryCode.id)).first()
        first.code_hash = hashlib.sha256(b"ABCDEFGH234567QR").hexdigest()
        db.session.commit()
    assert post(halfway(app, login, "amara"), "/login/code", "/login/code", code="abcd-efgh-2345-67qr").status_code == 302


def test_guesses_at_the_code_are_counted(make_app, app, client, cast, login):
    login(client, "amara")
    set_up(client, app, "amara")
    door = make_app(RATELIMIT_ENABLED=True, LOGIN_RATE_LIMIT="3 per minute")
    half = halfway(door, login, "amara")
    answers = [post(half, "/login/code", "/login/code", code=f"{n:06d}").status_code for n in range(3)]
    assert answers == [401] * 3
    assert post(half, "/login/code", "/login/code", code=code_now(app, "amara")).status_code == 429


def test_half_a_sign_in_grows_old_and_dies_with_the_password(client, app, cast, login):
    login(client, "amara")
    set_up(client, app, "amara")
    half = halfway(app, login, "amara")
    with half.session_transaction() as session:
        assert set(session) <= {"half", "csrf_token", "_flashes", "locale"}
        kept = dict(session["half"])
        session["half"] = kept | {"at": kept["at"] - 301}
    assert half.get("/login/code").headers["Location"] == "/login/"
    half = halfway(app, login, "amara")
    with app.app_context():
        db.session.execute(update(AppUser).where(AppUser.username == "amara").values(password="scrypt:other"))
        db.session.commit()
    assert half.get("/login/code").headers["Location"] == "/login/"


def test_setting_it_up_asks_for_the_password_and_ends_other_browsers(client, app, cast, login):
    login(client, "amara")
    other = app.test_client()
    login(other, "amara")
    assert post(client, "/account/factor/begin", password="wrong").status_code == 422
    assert post(client, "/account/factor/confirm", code="123456").status_code == 303, "nothing was begun"
    set_up(client, app, "amara")
    assert other.get("/account/").status_code == 302
    assert client.get("/account/").status_code == 200
    assert post(client, "/account/factor/drop", password="").status_code == 422
    assert post(client, "/account/factor/drop", password="demo").status_code == 303
    login(app.test_client(), "amara")
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(RecoveryCode)) == 0


def test_a_group_can_make_it_compulsory(client, app, cast, login):
    with app.app_context():
        db.session.execute(update(UserGroup).where(UserGroup.name == "Operator").values(second_factor=True))
        db.session.commit()
    login(client, "amara")
    for path in ("/", "/counter/", "/account/", "/account/log"):
        assert client.get(path).headers["Location"] == "/account/factor/"
    set_up(client, app, "amara")
    assert client.get("/counter/").status_code == 200


def test_an_administrator_takes_a_lost_one_away_and_the_log_says_so(client, app, cast, login):
    login(client, "amara")
    set_up(client, app, "amara")
    chief = app.test_client()
    login(chief, "efua")
    amara = cast.users["amara"]
    assert post(chief, f"/users/drop_factor/{amara}", f"/users/show/{amara}").status_code == 303
    assert client.get("/account/").status_code == 302, "every session ends"
    login(app.test_client(), "amara")
    with app.app_context():
        entries = db.session.scalars(select(AuditEntry).where(AuditEntry.table_name == "ab_user")).all()
        told = [entry for entry in entries if entry.actor == "efua" and "totp_since" in entry.after]
        everything = "".join(entry.before + entry.after for entry in entries)
        assert len(told) == 1
        assert '"factor_off"' in "".join(db.session.scalars(select(MailRequest.facts))), "and it is told by mail"
        assert db.session.scalars(select(UserSession).where(UserSession.user_id == amara, UserSession.ended.is_(None))).all()
    assert "v1:" not in everything, "nor is the sealed secret in it"
    assert post(chief, f"/users/drop_factor/{cast.users['efua']}", f"/users/show/{amara}").status_code == 403, "not one's own"
