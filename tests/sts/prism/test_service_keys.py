"""Key files and licences: taken whole or refused whole, with the reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app import cli_module
from app.sts import keyfile, keystore
from app.sts.keystore import KeyStore, KeyStoreError, VendingKey
from app.sts.prism import folder as places
from app.sts.prism import licence
from app.sts.prism.interface import API
from app.sts.prism.licence import Licence, LicenceError
from tests.sts.prism.serving import meter_config, prepared, refusal, served

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PHRASE = "correct horse battery"
HELD = VendingKey("201457", 1, 2, 4, 14, 200, bytes(range(20)))
OTHER = VendingKey("201457", 2, 2, 4, 35, 255, bytes(range(1, 21)), NOW, NOW + timedelta(days=365), (7,))
KLF = "95000289050716STS04A600404040404040404E5502AECA2F3\n9520"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keystore, "_COST", {"n": 256, "r": 8, "p": 1})


def store(*held: VendingKey, issued_at: datetime | None = None) -> KeyStore:
    return KeyStore(Path("none"), held, issued_at)


def test_a_key_file_comes_back_with_everything_said_of_each_key() -> None:
    text = keyfile.write([HELD, OTHER], PHRASE, NOW)
    read = keyfile.read(text, PHRASE, NOW)
    assert read == keyfile.KeyFile(NOW, (HELD, OTHER))
    assert [key.material for key in read.keys] == [HELD.material, OTHER.material]
    assert read.keys[1].eas == (7,)
    assert HELD.material.hex() not in text.lower()
    assert keyfile.inspect(text)["issued_at"] == NOW.isoformat()


def test_a_new_key_is_added_and_facts_of_a_held_one_renewed() -> None:
    renewed = replace(HELD, ken=255, active_to=NOW)
    assert keyfile.merge(store(HELD), keyfile.KeyFile(NOW, (renewed, OTHER))) == (renewed, OTHER)
    assert keyfile.merge(store(HELD, issued_at=NOW), keyfile.KeyFile(NOW, (OTHER,))) == (HELD, OTHER)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (keyfile.KeyFile(NOW - timedelta(seconds=1), (OTHER,)), "is older than the one loaded"),
        (keyfile.KeyFile(NOW, (OTHER, replace(HELD, material=bytes(20)))), "201457/1 is held already with another check value"),
        (keyfile.KeyFile(NOW, (OTHER, replace(HELD, base_date=35))), "another base date"),
        (keyfile.KeyFile(NOW, (OTHER, replace(HELD, key_type=1))), "another key type"),
        (keyfile.KeyFile(NOW, (OTHER, replace(HELD, ken=199))), "would go back from 200 to 199"),
    ],
)
def test_what_goes_back_or_replaces_is_refused(file: keyfile.KeyFile, words: str) -> None:
    with pytest.raises(KeyStoreError, match=words):
        keyfile.merge(store(HELD, issued_at=NOW), file)


def changed(**changes: Any) -> Callable[[], str]:
    """Written in the test itself: at import it would be sealed at the full cost, by every process that collects."""
    return lambda: json.dumps(json.loads(keyfile.write([HELD], PHRASE, NOW)) | changes)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (changed(version=1), "version 2 is needed, this is 1"),
        (changed(version=3), "version 2 is needed, this is 3"),
        (changed(version=None), "version 2 is needed"),
        (changed(format="else"), "no key file of this program"),
        (changed(tag="00" * 16), "wrong pass phrase, or the key file is damaged"),
        (changed(keys=""), "wrong pass phrase, or the key file is damaged"),
        (changed(issued_at=(NOW + timedelta(days=1)).isoformat()), "wrong pass phrase, or the key file is damaged"),
        (changed(kdf={}), "wrong pass phrase, or the key file is damaged"),
        (changed(kdf={"n": 2**30, "r": 8, "p": 1, "salt": ""}), "too much work"),
        ("", "no key file of this program"),
        ("[]", "no key file of this program"),
        ("[" * 40_000, "no key file of this program"),
        ("x" * 50_000, "at most 49152 characters"),
        (KLF, "hardware only"),
        ("\0\x01binary", "hardware only"),
        ("<KLF xmlns='STS600-4-2'></KLF>", "hardware only"),
        ("-----BEGIN PKCS7-----", "hardware only"),
    ],
)
def test_a_file_that_is_none_is_refused_with_the_reason(text: str | Callable[[], str], words: str) -> None:
    text = text if isinstance(text, str) else text()
    with pytest.raises(KeyStoreError, match=words):
        keyfile.read(text, PHRASE, NOW)


def test_a_wrong_pass_phrase_a_far_clock_and_a_key_twice_are_refused() -> None:
    text = keyfile.write([HELD], PHRASE, NOW)
    with pytest.raises(KeyStoreError, match="wrong pass phrase"):
        keyfile.read(text, PHRASE + ".", NOW)
    with pytest.raises(KeyStoreError, match="issued in the future"):
        keyfile.read(text, PHRASE, NOW - timedelta(days=2))
    with pytest.raises(KeyStoreError, match="stands twice"):
        keyfile.write([HELD, replace(OTHER, krn=1)], PHRASE, NOW)
    with pytest.raises(KeyStoreError, match="at least one key"):
        keyfile.write([], PHRASE, NOW)
    with pytest.raises(KeyStoreError, match="at least 8"):
        keyfile.write([HELD], "short", NOW)


def test_a_check_value_that_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    row = keystore._to_row(HELD) | {"kcv": "000000"}
    monkeypatch.setattr(keystore, "_to_row", lambda key: row)
    text = keyfile.write([HELD], PHRASE, NOW)
    with pytest.raises(KeyStoreError, match="check value of vending key 201457/1"):
        keyfile.read(text, PHRASE, NOW)


def test_a_store_of_version_1_still_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = {name: value for name, value in keystore._to_row(HELD).items() if name not in {"kcv", "eas"}}
    monkeypatch.setattr(keystore, "_to_row", lambda key: row)
    monkeypatch.setattr(keystore, "VERSION", 1)
    KeyStore.create(tmp_path / "old", PHRASE, [HELD])
    assert KeyStore.open(tmp_path / "old", PHRASE).keys == (HELD,)


def test_a_module_takes_a_file_whole_and_keeps_it(tmp_path: Path) -> None:
    folder = prepared(tmp_path / "m", [HELD])
    now = datetime.now(UTC)
    new = replace(OTHER, base_date=14, active_from=None, active_to=None, eas=(7, 11))
    good = keyfile.write([new], PHRASE, now)
    bad = keyfile.write([replace(OTHER, sgc="000001"), replace(HELD, ken=1)], PHRASE, now)
    with served(folder) as server:
        call = server.caller()
        before = (folder / places.KEYSTORE).read_bytes()
        for text, phrase in ((bad, PHRASE), (good, "wrong phrase"), (KLF, ""), (good[:-9], PHRASE), ("{}", "")):
            assert refusal(call, "loadKeyFile", keyFile=text, passphrase=phrase) == "EParamRange"
            assert (folder / places.KEYSTORE).read_bytes() == before
            assert len(call("listKeys")) == 1
        with pytest.raises(API.ApiException, match="hardware only"):
            call("loadKeyFile", keyFile=KLF, passphrase="")
        assert [(key.sgc, key.krn) for key in call("loadKeyFile", keyFile=good, passphrase=PHRASE)] == [(201457, 1), (201457, 2)]
        assert call.credit("new", meter_config(krn=2))[0].vkKcv == new.kcv
        older = keyfile.write([new], PHRASE, now - timedelta(days=1))
        assert refusal(call, "loadKeyFile", keyFile=older, passphrase=PHRASE) == "EParamRange"
    with served(folder) as server:
        assert len(server.caller()("listKeys")) == 2


def test_a_key_is_used_for_its_algorithms_only(tmp_path: Path) -> None:
    with served(prepared(tmp_path / "m", [replace(HELD, eas=(11,))])) as server:
        call = server.caller()
        assert refusal(call.credit, "a", meter_config(ea=7)) == "EParamRange"
        assert call.credit("b", meter_config(ea=11))


def test_the_shell_makes_and_reads_key_files(tmp_path: Path) -> None:
    from click.testing import CliRunner

    run, file, phrase = CliRunner(), tmp_path / "keys.json", tmp_path / "phrase"
    phrase.touch(mode=0o600)
    phrase.write_text(PHRASE)
    group = cli_module._keyfile()
    key = "600000/3,dkga=2,bdt=1993,ken=254,from=2020-01-01"
    typed = f"{'ab' * 8}\n{PHRASE}\n{PHRASE}\n"
    made = run.invoke(group, ["create", str(file), "--key", key], input=typed)
    assert made.exit_code == 0, made.output
    assert "600000/3 KT 2 DKGA02 EA07 base date 93 KEN 254 KCV C33F45 active 2020-01-01 to -" in made.output
    assert "abab" not in made.output.lower()
    assert file.stat().st_mode & 0o777 == 0o600
    assert "version: 2" in run.invoke(group, ["inspect", str(file)]).output
    checked = run.invoke(group, ["check", str(file), "--passphrase-file", str(phrase)])
    assert "KCV C33F45" in checked.output
    wrong = run.invoke(group, ["check", str(file)], input="not the phrase\n")
    assert (wrong.exit_code, "wrong pass phrase" in wrong.output) == (1, True)
    (tmp_path / "klf").write_text(KLF)
    assert "hardware only" in run.invoke(group, ["inspect", str(tmp_path / "klf")]).output
    assert "exists already" in run.invoke(group, ["create", str(file), "--demonstration"], input=f"{PHRASE}\n" * 2).output
    for spec in ("1/1", "600000/x", "600000/3,colour=red", "600000/0"):
        refused = run.invoke(group, ["create", str(tmp_path / "no"), "--key", spec, "--random"])
        assert refused.exit_code == 2, spec
    assert not (tmp_path / "no").exists()


def test_a_licence_is_read_back_and_no_other_text_is_one() -> None:
    key = "00" * 32
    text = licence.write(key, "soft", Licence("A.1", 50))
    assert licence.read(key, "soft", text) == Licence("A.1", 50)
    assert licence.read(key, "soft", text.replace("\n", "\r\n")) == Licence("A.1", 50)
    lies: tuple[Callable[[str], str], ...] = (
        lambda said: said.replace("50", "51"), lambda said: said.replace("A.1", "A.2"), lambda said: said[:-3],
        lambda said: said + "more\n", lambda said: "", lambda said: said.replace("LICENCE 1", "LICENCE 2"),
    )  # fmt: skip
    for lie in lies:
        with pytest.raises(LicenceError):
            licence.read(key, "soft", lie(text))
    with pytest.raises(LicenceError, match="for the module 'soft'"):
        licence.read(key, "hard", text)
    with pytest.raises(LicenceError):
        licence.read("01" * 32, "soft", text)
    with pytest.raises(LicenceError):
        licence.write(key, "soft", Licence("A", 2_000_000_000))


def test_a_licence_counts_requests_down_and_survives(tmp_path: Path) -> None:
    folder = prepared(tmp_path / "m")
    key = (folder / places.LICENCE_KEY).read_text()
    with served(folder) as server:
        call = server.caller()
        call.credit("free")
        assert call("getStatus")[0].info["transactionsLeft"] == "unlimited"
        text = licence.write(key, "software", Licence("one", 2))
        assert call("loadTransactionLicense", licenseText=text) is True
        assert call("loadTransactionLicense", licenseText=text) is False
        assert refusal(call, "loadTransactionLicense", licenseText=text.replace(" 2", " 9")) == "EParamRange"
        first = call.credit("a")
        assert call.credit("a") == first  # a repeat costs nothing
    with served(folder) as server:
        call = server.caller()
        [status] = call("getStatus")
        assert status.info["transactionsLeft"] == "1"
        assert any(alert.eCode == "EService.Disabled" for alert in status.alerts)
        call.credit("b")
        assert refusal(call.credit, "c") == "EService.Disabled"
        assert refusal(call, "fetchTokenResult", reqMessageId="c") == "ECacheMiss"
        assert call("fetchTokenResult", reqMessageId="b")
        assert call("loadTransactionLicense", licenseText=licence.write(key, "software", Licence("two", 1)))
        assert call.credit("c")
