"""Vending keys at rest: only the pass phrase opens them, and no key ever shows."""

import copy
import json
import logging
import pickle
import stat
import traceback
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.sts import errors, key_change, keys, keystore, token
from app.sts.demonstration import demonstration_keys, is_demonstration
from app.sts.journal import MemoryJournal, tokens_to_json
from app.sts.key_change import KeyChange
from app.sts.keyfile import KeyFile
from app.sts.keys import DecoderKey, KeyTarget, prepare
from app.sts.keystore import KeyStore, KeyStoreError, VendingKey
from app.sts.module import Amendment, MeterConfig, ModuleError
from app.sts.software import SoftwareModule

KEYS = (
    *demonstration_keys(),
    VendingKey("000001", 9, 3, 4, 35, 0, bytes(range(20)), datetime(2035, 1, 1, tzinfo=UTC), None),
)


DEAR = dict(keystore._COST)


def test_a_pass_phrase_is_dear_to_guess(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests open cheap files; a file of ours asks for 32 MiB and tens of milliseconds for each guess."""
    monkeypatch.setattr(keystore, "_COST", DEAR)
    KeyStore.create(tmp_path / "keystore.json", "correct horse", ())
    asked = json.loads((tmp_path / "keystore.json").read_text())["kdf"]
    assert (asked["name"], asked["n"] >= 2**15, asked["r"] >= 8) == ("scrypt", True, True)


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty milliseconds per opening would be most of this file's time."""
    monkeypatch.setattr(keystore, "_COST", {"n": 256, "r": 8, "p": 1})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "keystore.json"
    KeyStore.create(path, "correct horse", KEYS)
    return path


def test_the_keys_come_back_with_everything_said_of_them(path: Path) -> None:
    opened = KeyStore.open(path, "correct horse").keys
    assert opened == KEYS
    assert [key.material for key in opened] == [key.material for key in KEYS]


def test_only_its_owner_can_read_the_file(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["keystore.json"]


def test_no_key_stands_in_the_file(path: Path) -> None:
    text = path.read_text().upper()
    for key in KEYS:
        assert key.material.hex().upper() not in text
        assert f'"{key.sgc}"' not in text


def test_a_wrong_pass_phrase_opens_nothing(path: Path) -> None:
    with pytest.raises(KeyStoreError, match="wrong pass phrase, or the key file is damaged"):
        KeyStore.open(path, "correct horse ")


@pytest.mark.parametrize("part", ["tag", "keys", "version", "format", "kdf", "cipher"])
def test_every_part_of_the_envelope_is_guarded(path: Path, part: str) -> None:
    sealed = json.loads(path.read_text())
    value = sealed[part]
    if isinstance(value, dict):
        last = list(value)[-1]
        value[last] = ("0" if value[last][0] != "0" else "1") + value[last][1:]
    else:
        sealed[part] = 1 if value == 2 else "00" + value[2:]
    path.write_text(json.dumps(sealed))
    with pytest.raises(KeyStoreError):
        KeyStore.open(path, "correct horse")


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", "nothing", '{"tag": "zz", "keys": ""}', "[" * 100_000]
)
def test_what_is_no_key_file_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "other.json").write_text(content)
    with pytest.raises(KeyStoreError):
        KeyStore.open(tmp_path / "other.json", "x")


def test_a_file_cannot_ask_for_endless_work(path: Path) -> None:
    sealed = json.loads(path.read_text())
    sealed["kdf"]["n"] = 1 << 30
    path.write_text(json.dumps(sealed))
    with pytest.raises(KeyStoreError, match="too much work"):
        KeyStore.open(path, "correct horse")


def test_a_missing_file_is_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        KeyStore.open(tmp_path / "none.json", "x")


def test_the_pass_phrase_file_is_private_and_never_replaced(tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    phrase = keystore.create_passphrase(file)
    assert keystore.read_passphrase(file) == phrase
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        keystore.create_passphrase(file)
    file.chmod(0o644)
    with pytest.raises(KeyStoreError, match="0600"):
        keystore.read_passphrase(file)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"sgc": "12345"}, errors.SupplyGroupCodeOutOfRange),
        ({"krn": 0}, errors.KeyRevisionNumberOutOfRange),
        ({"key_type": 0}, errors.KeyTypeOutOfRange),
        ({"dkga": 1}, errors.UnknownKeyGeneration),
        ({"dkga": 3}, errors.UnknownKeyGeneration),
        ({"base_date": 92}, errors.UnknownBaseDate),
        ({"ken": 256}, errors.KeyExpiryNumberOutOfRange),
        ({"material": bytes(19)}, errors.InvalidKey),
        ({"material": bytes(8)}, errors.InvalidKey),
    ],
)
def test_what_no_vending_key_can_be_is_refused(
    changes: dict[str, object], error: type[errors.StsError]
) -> None:
    with pytest.raises(error):
        replace(KEYS[-1], **changes)


def test_weak_and_parity_broken_keys_are_accepted() -> None:
    for material in (bytes(8), b"\xff" * 8, b"\x01" * 8, bytes.fromhex("ABABABABABABABAA")):
        target = KeyTarget("600727000000000009", 7, "123456", 2, 1, 1, 93)
        assert prepare(2, material).decoder_key(target).ea == 7


def test_all_64_bits_of_a_vending_key_count() -> None:
    target = KeyTarget("600727000000000009", 7, "123456", 2, 1, 1, 93)
    odd, even = (prepare(2, bytes.fromhex("ABABABABABABAB" + last)) for last in ("AB", "AA"))
    assert odd.decoder_key(target) != even.decoder_key(target)


@pytest.mark.parametrize("length", [0, 7, 9, 16, 20])
def test_an_odd_length_is_told_without_the_key(length: int) -> None:
    with pytest.raises(errors.InvalidKey) as caught:
        keys.prepare(2, b"\xab" * length)
    assert "ab" * 4 not in str(caught.value).lower()


def test_the_demonstration_keys_are_known_as_such() -> None:
    assert all(is_demonstration(key.kcv) for key in demonstration_keys())
    assert not is_demonstration(KEYS[-1].kcv)


def test_a_decoder_key_cannot_be_hashed() -> None:
    with pytest.raises(TypeError):
        hash(DecoderKey(7, bytes(8)))


HOLDERS = [
    DecoderKey(7, bytes(8)),
    prepare(2, bytes(8)),
    prepare(4, bytes(20)),
    KEYS[0],
    KEYS[0].material,
    KeyStore(Path("none"), KEYS),
    keystore.Contents(2, None, KEYS),
    KeyFile(datetime(2026, 1, 1, tzinfo=UTC), KEYS),
    KeyChange(DecoderKey(7, bytes(8)), "201457", 1, 2, 1, 255),
    SoftwareModule("soft", KEYS, MemoryJournal()),
]


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: type(holder).__name__)
@pytest.mark.parametrize("store", [pickle.dumps, copy.deepcopy, asdict])
def test_nothing_that_holds_a_key_is_pickled_or_copied(
    holder: object, store: Callable[[object], object]
) -> None:
    with pytest.raises(TypeError):
        store(holder)


def test_two_vending_keys_are_equal_with_equal_material_only() -> None:
    key = KEYS[-1]
    assert key == replace(key)
    assert hash(key) == hash(replace(key))
    assert key != replace(key, material=bytes(20))


def test_a_key_that_was_refused_has_a_repr() -> None:
    """Tracebacks that show variables meet half-made objects."""
    assert repr(object.__new__(DecoderKey)) == "DecoderKey(ea=None)"


@pytest.mark.parametrize("part", ["n", "r", "p"])
def test_a_file_that_asks_for_endless_numbers_is_refused(path: Path, part: str) -> None:
    sealed = json.loads(path.read_text())
    sealed["kdf"][part] = float("inf")
    path.write_text(json.dumps(sealed))
    with pytest.raises(KeyStoreError):
        KeyStore.open(path, "correct horse")


def test_a_pass_phrase_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    keystore.write_private(tmp_path / "phrase", b"\xff\xfe")
    with pytest.raises(KeyStoreError, match="UTF-8"):
        keystore.read_passphrase(tmp_path / "phrase")


def test_key_material_shows_nowhere(
    path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Run the life of a module, refusals included, and search every word it leaves behind."""
    caplog.set_level(logging.DEBUG)
    said: list[str] = []

    def attempt(work: object, *arguments: object) -> None:
        try:
            said.append(repr(work(*arguments)))
        except errors.StsError as error:
            said.extend((repr(error), str(error.__dict__), *traceback.format_exception(error)))

    store = KeyStore.open(path, "correct horse")
    module = SoftwareModule("soft", store.keys, MemoryJournal())
    noon = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    secrets = {bytes(key.material) for key in store.keys}
    for key in store.keys[:-1]:
        meter = MeterConfig("600727000000000009", 7, 2, key.sgc, key.krn, 1, 255)
        ready = prepare(key.dkga, key.material)
        target = KeyTarget(meter.pan, 7, key.sgc, key.key_type, key.krn, 1, key.base_date)
        decoder_key = ready.decoder_key(target)
        secrets.add(b"".join(word.to_bytes(4, "big") for word in decoder_key.words()))
        said += [repr(key), str(key), repr(ready), repr(decoder_key), repr(key.facts())]
        said += [repr(key.material), f"{key.material}"]
        attempt(module.credit_token, f"c{key.sgc}{key.krn}", meter, 0, 10, noon)
        attempt(module.credit_token, f"x{key.sgc}{key.krn}", meter, 0, -10, noon)
        attempt(module.key_change_tokens, f"k{key.sgc}{key.krn}", meter, Amendment(key.sgc, 2, 1))
        attempt(module.verify, meter, "00000000000000000000")
        attempt(decoder_key.encrypt, 2**64)
        first, second = decoder_key.words()
        for word in (first, first | 1 << 32):
            secrets.add(word.to_bytes(5, "big").lstrip(b"\0"))
            attempt(token.seal, 2, 1 << 48 | 3 << 44 | word)
            attempt(token.issue, 2, 1 << 48 | word, decoder_key)
            attempt(token.insert_class, 2, 1 << 64 | word << 16)
        attempt(key_change.encode_section, 3, 7, {"nkho": first | 1 << 32})
        attempt(key_change.encode_section, 4, 7, {"nklo": second << 1 | 1 << 40})
        secrets.add((second << 1 | 1 << 40).to_bytes(8, "big").lstrip(b"\0"))
        attempt(prepare, key.dkga, key.material + b"\0")
        attempt(DecoderKey, 7, key.material + b"\0")
    attempt(KeyStore.open, path, "wrong")
    said += [repr(store), repr(module), repr(module.status()), caplog.text, *capsys.readouterr()]
    [made] = module.credit_token("last", replace(meter, krn=1), 0, 10, noon)
    said += [repr(made), tokens_to_json((made,))]
    text = "\n".join(said)
    assert any(ModuleError.__name__ in line for line in said)
    for secret in secrets:
        for shown in (secret.hex(), str(secret)[2:-1], str(int.from_bytes(secret, "big"))):
            assert shown.lower() not in text.lower()
