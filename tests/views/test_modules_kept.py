"""System > Security modules, once one is there: hardware's keys, tests, switching over, changing, deleting."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.models import ModuleHealth, SecurityModule, SupplyGroupKey
from app.services.credentials import make_key_file
from app.sts import keyfile
from app.sts.demonstration import demonstration_keys
from tests.fixtures.ports import free_port
from tests.views.forms import act, fields, send, text
from tests.views.module_server import HARDWARE_USER, PASSWORD, SECOND, post, serving
from tests.views.test_two_versions import rows

pytestmark = pytest.mark.one_database

# --- hardware -----------------------------------------------------------------------------

LETTER = {
    "sgc": "600675", "krn": "1", "kcv": "a1b2c3", "dkga": "4", "base_date": "14", "key_type": "2", "ken": "255",
    "active_from": "", "active_to": "",
}  # fmt: skip


def test_hardware_does_not_tell_its_keys_and_they_are_typed_in(efua, server, look):
    added = post(efua, server.typed(**SECOND, username=HARDWARE_USER), "save")
    assert added.status_code == 303 and added.headers["Location"].endswith("/add")
    assert send(efua, added.headers["Location"], **LETTER).status_code == 303
    key = look(select(SupplyGroupKey).where(SupplyGroupKey.sgc == "600675"))
    assert (key.kcv, key.dkga, key.base_date, key.ken) == ("A1B2C3", 4, 14, 255)
    again = send(efua, added.headers["Location"], **LETTER)
    assert again.status_code == 422 and "This key is noted already." in text(again)
    for field, typed, said in (
        ("sgc", "12345", "Six digits."), ("kcv", "xyz", "Six digits from 0 to 9 and A to F."), ("krn", "10", "At most 9."),
        ("ken", "256", "At most 255."), ("base_date", "", "Fill this in."), ("active_to", "2020", "A date and time like"),
    ):  # fmt: skip
        wrong = send(efua, added.headers["Location"], **LETTER | {field: typed})
        assert wrong.status_code == 422 and said in text(wrong), field
    page = f"/modules/{key.module_id}"
    assert act(efua, page, f"/module-keys/{key.module_id}/forget/{key.id}").status_code == 303
    assert look(select(SupplyGroupKey.id).where(SupplyGroupKey.sgc == "600675")) is None


def test_a_module_that_tells_its_keys_takes_none_by_hand(efua, added):
    answer = send(efua, f"/module-keys/{added}/add", **LETTER)
    assert answer.status_code == 422 and "This module tells its keys itself." in text(answer)


# --- afterwards ---------------------------------------------------------------------------


def test_test_now_keeps_how_it_answered_and_shows_its_own_count(efua, server, added, look):
    answer = act(efua, f"/modules/{added}", f"/modules/{added}/test")
    said = text(answer)
    assert answer.status_code == 200 and "Test of just now" in said and "its own count: 0" in said
    assert look(select(ModuleHealth).where(ModuleHealth.module_id == added)).version
    expired = "A vending key has expired and makes no more tokens. The meters under it need a key change."
    assert f"{expired} vending key 888888/1 has expired" in said, "in the reader's language, with the module's own words"
    assert '<bdi dir="ltr" lang="en">vending key 888888/1' in answer.get_data(as_text=True)


def test_a_module_that_went_down_says_since_when_and_why_also_at_home(efua, amara, tmp_path, look):
    with serving(tmp_path / "short") as served:
        typed = served.typed(**SECOND | {"standing": "active", "take_over": "y"})
        assert post(efua, typed, "save").status_code == 303
    key = look(select(SecurityModule.id).where(SecurityModule.name == "Basement"))
    said = text(act(efua, f"/modules/{key}", f"/modules/{key}/test"))
    assert "Down since" in said and "nothing listens at this port" in said
    for person in (efua, amara):
        assert "The security module “Basement” is down since" in text(person.get("/"))
    assert "Open the module" in text(efua.get("/")) and "Open the module" not in text(amara.get("/"))


def test_switching_over_takes_the_algorithm_and_keeps_the_other_one(efua, added, look):
    software = look(select(SecurityModule.id).where(SecurityModule.name == "Software module"))
    blind = act(efua, f"/modules/{added}", f"/modules/{added}/activate")
    assert blind.status_code == 409 and "STS6 meters are served by “Software module”." in text(blind)
    done = act(efua, f"/modules/{added}", f"/modules/{added}/activate", **{"from": str(software)})
    assert done.status_code == 303
    old = look(select(SecurityModule).where(SecurityModule.id == software))
    assert old.active and old.serves_legacy and not old.serves_sts6
    assert act(efua, f"/modules/{added}", f"/modules/{added}/stand-down").status_code == 303
    assert "No module serves STS6 meters." in text(efua.get("/modules/"))


def test_changing_asks_for_the_password_again_when_the_place_changes(efua, server, added, look):
    path = f"/modules/{added}/change"
    renamed = send(efua, path, name="Cellar", act="save")
    assert renamed.status_code == 303
    moved = send(efua, path, port=str(free_port()), act="save")
    assert moved.status_code == 422 and "Type the password again" in text(moved)
    failed = send(efua, path, port=str(free_port()), password=PASSWORD, act="save")
    assert failed.status_code == 422 and "Save although the test failed" in text(failed)
    anyway = send(efua, path, port="19556", password=PASSWORD, untested="y", act="save")
    assert anyway.status_code == 303
    assert look(select(SecurityModule.port).where(SecurityModule.id == added)) == 19556


def test_two_people_change_one_module_and_the_slower_sees_both_and_can_go_on(efua, signed_in, added, look):
    path = f"/modules/{added}/change"
    stale = fields(efua.get(path).get_data(as_text=True))
    assert send(signed_in("efua"), path, name="Cellar", memory_hours="9", act="save").status_code == 303
    answer = efua.post(path, data={**stale, "name": "Attic", "take_over": "y", "act": "save"})
    both = rows(answer.get_data(as_text=True))
    assert answer.status_code == 422 and "efua changed this record meanwhile" in text(answer)
    assert both["Module name"][1:] == ("Attic", "Cellar", "Both of you")
    assert both["Remembers its answers for"][1:] == ("not touched", "9", "Only they: taken over")
    assert "Take over from the module that serves now" not in both, "what is asked for is not a fact of two versions"
    shown = fields(answer.get_data(as_text=True))
    assert (shown["name"], shown["memory_hours"], shown["take_over"]) == ("Attic", "9", "y")
    taken = efua.post(path, data={**shown, "theirs": "name"})
    assert taken.status_code == 200 and fields(taken.get_data(as_text=True))["name"] == "Cellar"
    back = fields(efua.post(path, data={**fields(taken.get_data(as_text=True)), "mine": "name"}).get_data(as_text=True))
    assert back["name"] == "Attic"
    assert efua.post(path, data={**back, "act": "save"}).status_code == 303
    row = look(select(SecurityModule).where(SecurityModule.id == added))
    assert (row.name, row.memory_hours) == ("Attic", 9)


def test_the_module_inside_the_program_has_a_name_and_algorithms_only(efua, look):
    key = look(select(SecurityModule.id).where(SecurityModule.kind == "software"))
    page = efua.get(f"/modules/{key}/change").get_data(as_text=True)
    assert 'name="address"' not in page and 'name="password"' not in page
    late = efua.post(f"/modules/{key}/change", data={**fields(page), "row_version": "0", "name": "Mine", "act": "save"})
    assert late.status_code == 422 and "changed this record meanwhile" in text(late)
    assert send(efua, f"/modules/{key}/change", name="Own module", act="save").status_code == 303
    said = text(act(efua, f"/modules/{key}", f"/modules/{key}/test"))
    assert "All well" in said
    assert act(efua, f"/modules/{key}", f"/module-keys/{key}/refresh").status_code == 303


def test_a_module_with_meters_is_not_deleted_and_says_what_depends_on_it(efua, added, look):
    key = look(select(SecurityModule.id).where(SecurityModule.kind == "software"))
    assert "4 meters" in text(efua.get(f"/modules/{key}"))
    kept = act(efua, f"/modules/{key}", f"/modules/{key}/delete")
    assert kept.status_code == 409 and "depend on this module" in text(kept)
    assert act(efua, f"/modules/{added}", f"/modules/{added}/delete").status_code == 303
    assert look(select(SecurityModule.id).where(SecurityModule.id == added)) is None
    assert efua.get(f"/modules/{added}").status_code == 404


def test_a_later_key_file_is_loaded_on_a_page_of_its_own(efua, tmp_path, look):
    with serving(tmp_path / "later", keys=()) as served:
        assert post(efua, served.typed(**SECOND), "save").status_code == 303
        key = look(select(SecurityModule.id).where(SecurityModule.name == "Basement"))
        path = f"/module-keys/{key}/file"
        assert "Choose the key file." in text(send(efua, path))
        words = keyfile.write(demonstration_keys()[3:], "a long pass phrase", datetime.now(UTC))
        file = (io.BytesIO(words.encode()), "keys.json")
        assert send(efua, path, key_file=file, key_passphrase="a long pass phrase").status_code == 303
        assert "The module holds 2 keys now." in efua.get(f"/modules/{key}").get_data(as_text=True)
        hardware = send(efua, path, key_file=(io.BytesIO(b"9500028905"), "k"), key_passphrase="x")
        assert hardware.status_code == 422 and "for hardware modules only" in text(hardware)


def test_keys_that_meters_need_and_a_stand_by_lacks_are_named(efua, server, look, tmp_path):
    with serving(tmp_path / "poor", keys=()) as poor:
        assert post(efua, poor.typed(**SECOND), "save").status_code == 303
    key = look(select(SecurityModule.id).where(SecurityModule.name == "Basement"))
    said = text(efua.get(f"/modules/{key}"))
    assert "Key 201457, revision 1 is missing here." in said


def test_a_password_that_cannot_be_opened_any_more_is_asked_for_again(efua, added, app, server):
    app.config["CREDENTIALS_FILE"].unlink()
    make_key_file(app.config["CREDENTIALS_FILE"])
    said = text(act(efua, f"/modules/{added}", f"/modules/{added}/test"))
    assert "The stored password cannot be opened." in said
    refused = send(efua, f"/modules/{added}/change", name="Cellar", act="save")
    assert refused.status_code == 422 and "The stored password cannot be opened. Type it again." in text(refused)
    assert send(efua, f"/modules/{added}/change", name="Cellar", password=PASSWORD, act="save").status_code == 303
    assert "All well" in text(act(efua, f"/modules/{added}", f"/modules/{added}/test"))
