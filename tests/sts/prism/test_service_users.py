"""Who may call the module server: passwords, tries, permissions, access tokens that end."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from app.sts.prism import folder as places
from app.sts.prism import users
from app.sts.prism.users import Sessions, Tries, User, Users, UsersError
from tests.sts.prism.serving import PASSWORD, meter_config, prepared, refusal, served


def test_a_folder_is_prepared_once_and_then_left_alone(tmp_path: Path) -> None:
    first = places.prepare(tmp_path / "m")
    files = {file.name: file.read_bytes() for file in (tmp_path / "m").iterdir()}
    again = places.prepare(tmp_path / "m")
    assert first.password is not None
    assert (again.password, again.fingerprint) == (None, first.fingerprint)
    assert {file.name: file.read_bytes() for file in (tmp_path / "m").iterdir()} == files
    assert (tmp_path / "m").stat().st_mode & 0o777 == 0o700
    assert all(file.stat().st_mode & 0o077 == 0 for file in (tmp_path / "m").iterdir())
    assert first.password not in repr(first)


def test_no_password_stands_in_the_file(tmp_path: Path) -> None:
    users.put(tmp_path / "users.json", "amara", "correct horse", ["issue"])
    text = (tmp_path / "users.json").read_text()
    assert "correct horse" not in text
    assert json.loads(text)["cost"] == {"n": 16384, "r": 8, "p": 1}


@pytest.mark.parametrize(
    ("name", "password", "permissions"),
    [("", "long enough", []), ("a b", "long enough", []), ("a" * 41, "long enough", []), ("amara", "short", []),
     ("amara", "x" * 56, []), ("amara", "long enough", ["everything"])],
)  # fmt: skip
def test_a_user_that_cannot_be_is_refused(tmp_path: Path, name: str, password: str, permissions: list[str]) -> None:
    with pytest.raises(UsersError) as caught:
        users.put(tmp_path / "users.json", name, password, permissions)
    assert password not in str(caught.value)
    assert not (tmp_path / "users.json").exists()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": "sts-module-users", "version": 2}'])
def test_a_broken_file_of_users_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "users.json").write_text(content)
    with pytest.raises(UsersError):
        Users(tmp_path / "users.json")


def test_a_user_is_found_by_password_and_gone_when_removed(tmp_path: Path) -> None:
    path = tmp_path / "users.json"
    users.put(path, "amara", "correct horse", ["issue"])
    known = Users(path)
    assert known.check("amara", "correct horse") is not None
    assert known.check("amara", "correct horsE") is None
    assert known.check("bento", "correct horse") is None
    users.put(path, "amara", "another horse", ["verify"])
    known.refresh()
    assert known.check("amara", "correct horse") is None
    assert users.remove(path, "amara")
    assert not users.remove(path, "amara")
    known.refresh()
    assert known.find("amara") is None


def test_access_tokens_end_by_rest_age_and_number() -> None:
    sessions, user = Sessions(rest_s=10, most_s=25, limit=3), User("amara", frozenset(), b"", b"")
    token = sessions.begin(user, 0.0)
    assert sessions.user_name(token, 9.0) == "amara"
    assert sessions.user_name(token, 18.0) == "amara"
    assert sessions.user_name(token, 26.0) is None
    idle = sessions.begin(user, 0.0)
    assert sessions.user_name(idle, 11.0) is None
    several = [sessions.begin(user, 0.0) for _ in range(4)]
    assert [sessions.user_name(one, 1.0) for one in several] == [None, "amara", "amara", "amara"]
    assert sessions.user_name("", 1.0) is None


def test_wrong_tries_cost_ever_longer_waits() -> None:
    tries = Tries(free=3, first_wait_s=30, longest_wait_s=100)
    for _ in range(2):
        tries.wrong("amara", "10.0.0.1", 0.0)
    assert tries.wait_s("amara", "10.0.0.1", 0.0) == 0
    waits = []
    for _ in range(4):
        tries.wrong("amara", "10.0.0.1", 0.0)
        waits.append(tries.wait_s("amara", "10.0.0.1", 0.0))
    assert waits == [30, 60, 100, 100]
    assert tries.wait_s("amara", "10.0.0.2", 0.0) == 0
    tries.right("amara", "10.0.0.1")
    assert tries.wait_s("amara", "10.0.0.1", 0.0) == 0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = prepared(tmp_path_factory.mktemp("module"))
    places.add_user(folder, "seller", PASSWORD, ["issue"])
    places.add_user(folder, "engineer", PASSWORD, ["engineering"])
    places.add_user(folder, "watcher", PASSWORD, ["status"])
    with served(folder) as server:
        yield server


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"version": "1.0"}, "ESignin.Version"),
        ({"realm": "ldap"}, "ESignin.Realm"),
        ({"username": ""}, "ESignin.Subject"),
        ({"username": "x" * 65}, "ESignin.Subject"),
        ({"password": "x" * 56}, "ESignin.Subject"),
        ({"password": "wrong password"}, "ESignin.Authentication"),
        ({"username": "nobody"}, "ESignin.Authentication"),
    ],
)
def test_a_sign_in_is_refused_by_code(server: Any, changes: dict[str, str], code: str) -> None:
    call = server.caller(None)
    name, password = changes.pop("username", "seller"), changes.pop("password", PASSWORD)
    assert refusal(call.sign_in, name, password, **changes) == code


def test_after_five_wrong_tries_the_right_password_must_wait(server: Any) -> None:
    call = server.caller(None)
    for _ in range(5):
        assert refusal(call.sign_in, "watcher", "wrong password") == "ESignin.Authentication"
    assert refusal(call.sign_in, "watcher", PASSWORD) == "ESignin.Authentication"
    call.sign_in("engineer", PASSWORD)  # others are not kept out


def test_nobody_calls_without_signing_in(server: Any) -> None:
    call = server.caller(None)
    for token in ("", "x", "x" * 5000):
        call.access_token = token
        assert refusal(call.credit, "m") == "EAuthentication.Token"
        assert refusal(call, "getStatus") == "EAuthentication.Token"


@pytest.mark.parametrize(
    ("name", "may"),
    [
        ("seller", {"issueCreditToken", "fetchTokenResult", "verifyToken", "parseIdRecord"}),
        ("engineer", {"issueMseToken", "issueKeyChangeTokens", "issueMeterTestToken", "issueDitkChangeTokens",
                      "fetchTokenResult", "verifyToken", "parseIdRecord"}),
    ],
)  # fmt: skip
def test_each_user_may_what_their_permissions_say(server: Any, name: str, may: set[str]) -> None:
    from app.sts.prism.interface import API

    amount = {"subclass": 1, "transferAmount": 0.0, "tokenTime": 0, "flags": 0}
    new = API.MeterConfigAmendment(toSgc=201457, toKrn=2, toTi=1)
    calls: dict[str, dict[str, Any]] = {
        "getStatus": {}, "parseIdRecord": {"idRecord": ""}, "loadTransactionLicense": {"licenseText": ""},
        "issueCreditToken": {"meterConfig": meter_config(), **amount},
        "issueMeterTestToken": {"subclass": 0, "control": 0, "mfrcode": 0},
        "issueMseToken": {"meterConfig": meter_config(), **amount},
        "issueKeyChangeTokens": {"meterConfig": meter_config(), "newConfig": new},
        "verifyToken": {"meterConfig": meter_config(), "tokenDec": ""},
        "issueDitkChangeTokens": {"meterConfig": meter_config()},
        "fetchTokenResult": {"reqMessageId": "none"}, "ctsResetTidList": {"panPattern": "*"},
        "loadKeyFile": {"keyFile": "", "passphrase": ""}, "listKeys": {},
        "countsPerDay": {"fromDay": "2026-01-01", "toDay": "2026-01-01"},
    }  # fmt: skip
    assert set(calls) == set(API.ModuleAdmin.thrift_services) - {"ping", "signInWithPassword"}
    call = server.caller(name)
    allowed = set()
    for method, arguments in calls.items():
        try:
            call(method, messageId=f"{name}.{method}", **arguments)
            allowed.add(method)
        except API.ApiException as refused:
            if refused.eCode != "EAuthentication.Permission":
                allowed.add(method)
    assert allowed == may


def test_a_removed_user_is_out(tmp_path: Path) -> None:
    folder = prepared(tmp_path / "m")
    places.add_user(folder, "leaver", PASSWORD, ["status"])
    with served(folder) as server:
        call = server.caller("leaver")
        assert call("getStatus")
        users.remove(folder / places.USERS, "leaver")
        assert refusal(server.caller(None).sign_in, "leaver", PASSWORD) == "ESignin.Authentication"
        assert refusal(call, "getStatus") == "EAuthentication.Token"


def test_secrets_are_in_no_log_and_no_answer(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with served(prepared(tmp_path / "m")) as server:
        call = server.caller()
        said = [repr(call("getStatus")), repr(call("listKeys"))]
        refusal(call.sign_in, "vending", "a wrong secret word")
        refusal(call, "loadKeyFile", keyFile="{}", passphrase="a secret phrase")
        said += [caplog.text, call.access_token[:0]]
        token = call.access_token
    text = "\n".join(said)
    passphrase = (tmp_path / "m" / places.PASSPHRASE).read_text().strip()
    for secret in (PASSWORD, "a wrong secret word", "a secret phrase", token, passphrase, "abababab"):
        assert secret.lower() not in text.lower()
