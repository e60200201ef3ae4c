"""System > Security modules: adding in the manual's order, the connect test and what it says."""

from __future__ import annotations

import io
import re
import socket
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.extensions import db
from app.models import AuditEntry, ModuleHealth, SecurityModule
from app.sts import keyfile
from app.sts.demonstration import demonstration_keys
from tests.fixtures.ports import free_port
from tests.views.forms import text
from tests.views.module_server import PASSWORD, SECOND, post, serving

pytestmark = pytest.mark.one_database


# --- the connect test ---------------------------------------------------------------------


def test_a_test_shows_every_step_and_then_asks_for_the_name(efua, server, look):
    answer = post(efua, server.typed(), "test")
    said = text(answer)
    assert answer.status_code == 200
    for step in ("Find the address", "Open a connection", "Ping", "Sign in", "Ask for its keys"):
        assert step in said
    assert "All well" in said and "not reached" not in said and re.search(r"\d+ ms", said)
    assert "Module name" in said and "Legacy is served by “Software module” now." in said
    assert look(select(SecurityModule.id).where(SecurityModule.kind == "prism")) is None


def test_a_first_test_presents_the_certificate_and_says_it_is_not_trusted_yet(efua, server):
    first = post(efua, server.typed(fingerprint=""), "test")
    page = first.get_data(as_text=True)
    assert "none is trusted yet" in text(first) and f'name="presented" value="{server.fingerprint}"' in page
    assert "Module name" not in text(first)
    pinned = post(efua, server.typed(fingerprint="", presented=server.fingerprint), "pin")
    assert "All well" in text(pinned) and server.fingerprint in pinned.get_data(as_text=True)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"address": "no-such-computer.invalid"}, "No computer of this name was found."),
        ({"port": "closed"}, "nothing listens at this port"),
        ({"fingerprint": "0" * 64}, "not the one you trust"),
        ({"password": "wrong"}, "The module refused user name or password."),
        ({"trust": "authority", "authority": "own"}, "not signed by your authority"),
    ],
)
def test_what_failed_is_said_in_plain_words_and_nothing_typed_is_lost(efua, server, typed, said, monkeypatch):
    resolved = socket.getaddrinfo
    monkeypatch.setattr(  # the name server of a test is none
        socket, "getaddrinfo",
        lambda host, *rest, **named: resolved(host, *rest, **named) if host[:1].isdigit() else (_ for _ in ()).throw(socket.gaierror("not known")),
    )  # fmt: skip
    if typed.get("port"):
        typed = {"port": str(free_port())}
    if typed.get("authority"):
        other = server.folder.parent / "other"
        with serving(other):
            typed = {**typed, "authority": (other / "certificate.pem").read_text()}
    answer = post(efua, server.typed(**typed), "test")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert said in text(answer) and "Failed" in text(answer)
    assert f'value="{typed.get("address", "127.0.0.1")}"' in page and 'value="vending"' in page
    assert "Module name" not in text(answer)


def test_a_port_that_accepts_and_says_nothing_is_given_up_after_three_seconds(efua, server):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        answer = post(efua, server.typed(port=str(mute.getsockname()[1])), "test")
    assert "No answer in time." in text(answer)


def test_a_certificate_that_is_not_checked_is_shown_in_red(efua, server, added, app):
    said = post(efua, server.typed(trust="unchecked"), "test").get_data(as_text=True)
    assert 'class="note bad"' in said and "The certificate is not checked." in said


NO_PLACE = (
    ("address", "", "Fill this in."),
    ("address", "two words", "A name or number of a computer"),
    ("port", "0", "At least 1."),
    ("port", "70000", "At most 65,535."),
    ("port", "abc", "This is not a number."),
    ("trust", "nobody", "Choose one of the list."),
    ("fingerprint", "12:34", "A fingerprint has 64 digits"),
    ("password", "", "Fill this in."),
    ("password", "x" * 56, "At most 55 characters."),
    ("username", "", "Fill this in."),
)


def test_what_cannot_be_a_place_is_said_at_its_field(efua, server):
    for field, typed, said in NO_PLACE:
        answer = post(efua, server.typed(**{field: typed}), "test")
        assert answer.status_code == 422, field
        assert said in text(answer), field
        assert re.search(rf'id="{field}"[^>]*aria-invalid="true"', answer.get_data(as_text=True)), field


def test_an_authority_needs_its_certificate(efua, server):
    assert "Fill this in." in text(post(efua, server.typed(trust="authority"), "test"))
    said = text(post(efua, server.typed(trust="authority", authority="-----BEGIN nonsense"), "test"))
    assert "This is no certificate." in said


# --- adding -------------------------------------------------------------------------------


def test_a_module_is_added_with_its_keys_and_its_password_is_nowhere_to_be_read(efua, server, added, app, look):
    page = efua.get(f"/modules/{added}").get_data(as_text=True)
    assert "201457" in page and f"127.0.0.1:{server.port}" in page and PASSWORD not in page
    row = look(select(SecurityModule).where(SecurityModule.id == added))
    assert row.sealed_password and PASSWORD not in row.sealed_password and not row.active
    assert look(select(ModuleHealth).where(ModuleHealth.module_id == added)).up
    with app.app_context():
        entries = db.session.scalars(select(AuditEntry).where(AuditEntry.table_name == "security_module")).all()
        told = " ".join(entry.after for entry in entries)
    assert PASSWORD not in told and row.sealed_password not in told
    assert efua.get(f"/modules/{added}/change").get_data(as_text=True).count('type="password" ') == 1
    assert "Basement" in text(efua.get("/modules/"))


def test_a_key_file_is_loaded_when_the_module_is_added(efua, tmp_path, look):
    words = keyfile.write(demonstration_keys()[3:], "a long pass phrase", datetime.now(UTC))
    with serving(tmp_path / "empty", keys=()) as empty:
        typed = empty.typed(**SECOND, key_passphrase="a wrong pass phrase")
        wrong = post(efua, typed, "save", key_file=(io.BytesIO(words.encode()), "keys.json"))
        assert wrong.status_code == 422 and "The pass phrase does not open this file" in text(wrong)
        assert look(select(SecurityModule.id).where(SecurityModule.name == "Basement")) is None
        typed["key_passphrase"] = "a long pass phrase"
        answer = post(efua, typed, "save", key_file=(io.BytesIO(words.encode()), "keys.json"))
        assert answer.status_code == 303
        assert "201457" in text(efua.get(answer.headers["Location"]))


def test_a_key_load_file_of_hardware_is_refused_with_its_sentence(efua, server, look):
    for content in (b"95000289050716STS04A600404\n9520", b"<?xml version='1.0'?><KeyLoadFile/>"):
        answer = post(efua, server.typed(**SECOND), "save", key_file=(io.BytesIO(content), "keys.klf"))
        assert answer.status_code == 422 and "for hardware modules only" in text(answer)
    answer = post(efua, server.typed(**SECOND), "save", key_file=(io.BytesIO(b"{}"), "keys.json"))
    assert "This is not a key file of this program" in text(answer)
    assert look(select(SecurityModule.id).where(SecurityModule.name == "Basement")) is None


def test_an_algorithm_has_one_active_module_and_the_page_says_which(efua, server, look):
    typed = server.typed(**SECOND | {"standing": "active"})
    refused = post(efua, typed, "save")
    page = refused.get_data(as_text=True)
    assert refused.status_code == 422
    assert "STS6 meters are served by “Software module”." in text(refused)
    assert 'value="Basement"' in page and re.search(r'id="standing"[^>]*aria-invalid="true"', page)
    taken = post(efua, typed | {"take_over": "y"}, "save")
    assert taken.status_code == 303
    software = look(select(SecurityModule).where(SecurityModule.name == "Software module"))
    assert software.active and software.serves_legacy and not software.serves_sts6
    assert look(select(SecurityModule).where(SecurityModule.name == "Basement")).active


NO_MODULE = (
    ({"name": ""}, "Fill this in."),
    ({"name": "Software module"}, "Another module has this name."),
    ({"serves_sts6": None}, "A module serves Legacy meters, STS6 meters or both."),
    ({"standing": "maybe"}, "Choose one of the list."),
    ({"memory_hours": "0"}, "At least 1."),
    ({"name": "x" * 61}, "At most 60 characters."),
)


def test_step_two_says_what_is_wrong_at_its_field(efua, server, look):
    for typed, said in NO_MODULE:
        answer = post(efua, server.typed(**SECOND | typed), "save")
        assert answer.status_code == 422 and said in text(answer), typed
    assert look(select(SecurityModule.id).where(SecurityModule.kind == "prism")) is None


def test_saving_tests_again_and_a_failed_test_stores_nothing(efua, server, look):
    answer = post(efua, server.typed(**SECOND, password="wrong"), "save")
    assert answer.status_code == 422 and "The module refused user name or password." in text(answer)
    assert 'value="Basement"' in answer.get_data(as_text=True)
    assert look(select(SecurityModule.id).where(SecurityModule.name == "Basement")) is None


def test_in_production_a_demonstration_key_is_refused_however_it_comes(efua, server, added, app, look):
    app.config["MODE"] = "production"
    page = post(efua, server.typed(**SECOND) | {"name": "Attic"}, "save")
    assert page.status_code == 422
    assert "everybody has those" in page.get_data(as_text=True)
    told = efua.post(f"/module-keys/{added}/refresh", data={"csrf_token": efua.token("/modules/add")}, follow_redirects=True)
    assert "everybody has those" in told.get_data(as_text=True)
