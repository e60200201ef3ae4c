"""The fast ciphers agree with the naive ones, and EA07 follows the table file it is given."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from app.sts import errors
from app.sts.ciphers import cipher, sta
from tests.sts import naive

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "ciphers.json").read_text())[
    "vectors"
]


@pytest.mark.parametrize("vector", VECTORS[:2], ids=lambda vector: vector["id"])
def test_the_naive_rounds_are_those_of_the_standard(vector: dict[str, dict[str, str]]) -> None:
    given = vector["in"]
    steps = naive.sta_rounds(int(given["key"], 16), int(given["data"], 16), given["tables"])
    shown = [
        tuple(int(row[part], 16) for part in ("key", "sub", "perm"))
        for row in vector["mid"]["rounds"]
    ]  # type: ignore[index]
    assert steps == shown


def disagreements(count: int, source: random.Random) -> int:
    """Compare both ciphers, both ways, on random keys and blocks."""
    found = 0
    ea07, ea11 = cipher(7), cipher(11)
    for _ in range(count):
        short, long, block = source.randbytes(8), source.randbytes(16), source.getrandbits(64)
        number, slow = int.from_bytes(short, "big"), naive.Misty1(long)
        found += ea07.encrypt(short, block) != naive.sta_encrypt(number, block)
        found += ea07.decrypt(short, block) != naive.sta_decrypt(number, block)
        found += ea11.encrypt(long, block) != slow.encrypt(block)
        found += ea11.decrypt(long, block) != slow.decrypt(block)
    return found


def test_the_ciphers_agree_with_the_naive_ones(seed: int) -> None:
    assert disagreements(100, random.Random(seed)) == 0


@pytest.mark.deep
def test_the_ciphers_agree_with_the_naive_ones_at_length(
    seed: int, deep_record: Callable[..., None]
) -> None:
    figures = {
        "keys_and_blocks": 50_000,
        "disagreements": disagreements(50_000, random.Random(seed)),
    }
    print(figures)
    deep_record("ciphers against the naive ones", **figures)
    assert figures["disagreements"] == 0


def test_the_sample_tables_are_another_cipher() -> None:
    key, block = bytes(range(8)), 0x0123456789ABCDEF
    number = int.from_bytes(key, "big")
    assert cipher(7, "sample").encrypt(key, block) == naive.sta_encrypt(number, block, "sample")
    assert cipher(7, "sample").encrypt(key, block) != cipher(7).encrypt(key, block)


def test_the_tables_can_be_any_file_of_that_form(tmp_path: Path) -> None:
    tables = sta.load()
    own = tmp_path / "own.json"
    own.write_text(json.dumps({"s1": tables.s2, "s2": tables.s1, "perm": tables.perm}))
    key, block = bytes(range(8)), 0x0123456789ABCDEF
    loaded = cipher(7, str(own))
    assert loaded.encrypt(key, block) != cipher(7).encrypt(key, block)
    assert loaded.decrypt(key, loaded.encrypt(key, block)) == block
    assert not sta.load(str(own)).training_only


def test_without_the_production_file_the_sample_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = Path(sta.__file__).parent / "sta_sample.json"
    (tmp_path / "sta_sample.json").write_text(sample.read_text())
    monkeypatch.setattr(sta, "_HERE", tmp_path)
    assert sta.load("production").training_only


@pytest.mark.parametrize(
    "content",
    [
        "{}",
        "[]",
        "no json",
        '{"s1": [], "s2": [], "perm": []}',
        json.dumps({"s1": [0] * 16, "s2": list(range(16)), "perm": list(range(64))}),
        json.dumps({"s1": list(range(16)), "s2": list(range(16)), "perm": "x"}),
        json.dumps({"s1": [*range(15), 15.0], "s2": list(range(16)), "perm": list(range(64))}),
        json.dumps(
            {"s1": [False, True, *range(2, 16)], "s2": list(range(16)), "perm": list(range(64))}
        ),
        "[" * 100_000,
    ],
)
def test_a_file_without_good_tables_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "bad.json").write_text(content)
    with pytest.raises(errors.InvalidFormat):
        sta.load(str(tmp_path / "bad.json"))


def test_the_sample_tables_are_known_under_any_name(tmp_path: Path) -> None:
    sample = sta.load("sample")
    parts = {"s1": sample.s1, "s2": sample.s2, "perm": sample.perm}
    for extra in ({}, {"name": "mine"}, {"name": ["odd"], "provenance": 7}):
        (tmp_path / "copy.json").write_text(json.dumps(parts | extra))
        copy = sta.load(str(tmp_path / "copy.json"))
        assert copy.training_only
        assert copy.name in ("copy", "mine")
    assert not sta.load("production").training_only


@pytest.mark.parametrize("name", [None, 7, [], b"production"])
def test_a_set_of_tables_is_named_by_text(name: str) -> None:
    with pytest.raises(errors.InvalidFormat):
        sta.load(name)


@pytest.mark.parametrize(("ea", "length"), [(7, 8), (11, 16)])
def test_keys_and_blocks_of_a_wrong_size_are_refused(ea: int, length: int) -> None:
    for work in (cipher(ea).encrypt, cipher(ea).decrypt):
        for key in (bytes(length - 1), bytes(length + 1), b"", "x" * length):
            with pytest.raises(errors.InvalidKey):
                work(key, 0)  # type: ignore[arg-type]
        for block in (-1, 2**64, 1.0, None):
            with pytest.raises(errors.BlockOutOfRange):
                work(bytes(length), block)  # type: ignore[arg-type]


@pytest.mark.parametrize("ea", [0, 1, 9, 12, "7", None, 7.0, True])
def test_other_algorithms_are_not_offered(ea: int) -> None:
    with pytest.raises(errors.UnknownAlgorithm):
        cipher(ea)
