"""A backup cannot be read, changed, cut or mixed by whoever finds it."""

from __future__ import annotations

import io

import pytest

from app.services import backup_file
from app.services.backup_file import TAG, BadBackup, Opener, Sealer

PHRASE = "correct horse battery"
DEAR = dict(backup_file._COST)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Small pieces and a quick pass phrase."""
    monkeypatch.setattr(backup_file, "PIECE", 64)
    monkeypatch.setattr(backup_file, "_COST", {"n": 16, "r": 8, "p": 1})


def sealed(content: bytes, phrase: str = PHRASE) -> bytes:
    target = io.BytesIO()
    sealer = Sealer(target, phrase)
    for at in range(0, len(content), 50):
        sealer.write(content[at : at + 50])
    sealer.finish()
    return target.getvalue()


def opened(file: bytes, phrase: str = PHRASE) -> bytes:
    return io.BufferedReader(Opener(io.BytesIO(file), phrase)).read()


def pieces(file: bytes) -> tuple[bytes, list[bytes]]:
    """The head, and the pieces as they lie in the file."""
    start = 12 + int.from_bytes(file[8:12], "big")
    body = file[start:]
    return file[:start], [body[at : at + 64 + TAG] for at in range(0, len(body), 64 + TAG)]


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 128, 1000])
def test_what_was_sealed_is_what_is_opened(size):
    content = bytes(number % 251 for number in range(size))
    file = sealed(content)
    assert opened(file) == content
    assert size < 8 or content[:8] not in file


def test_a_pass_phrase_is_dear_to_guess():
    assert b'"name": "scrypt"' in pieces(sealed(b"x"))[0]
    assert DEAR["n"] >= 2**17 and DEAR["r"] >= 8


def test_another_pass_phrase_opens_nothing():
    with pytest.raises(BadBackup, match="pass phrase"):
        opened(sealed(b"secret" * 50), "correct horse batterx")


def test_every_byte_counts():
    file = sealed(b"x" * 150)
    for at in range(len(file)):
        broken = bytearray(file)
        broken[at] ^= 1
        with pytest.raises(BadBackup):
            opened(bytes(broken))


def test_every_cut_is_noticed_also_between_two_pieces():
    file = sealed(b"x" * 200)
    for length in range(len(file)):
        with pytest.raises(BadBackup):
            opened(file[:length])


def test_pieces_cannot_be_swapped_repeated_left_out_or_added():
    head, parts = pieces(sealed(bytes(range(250))))
    other_head, others = pieces(sealed(bytes(range(250))))
    a, b, c, d = parts
    for mixed in ([b, a, c, d], [a, a, b, c, d], [a, c, d], [a, b, c, d, d], [a, others[1], c, d]):
        with pytest.raises(BadBackup):
            opened(head + b"".join(mixed))
    with pytest.raises(BadBackup):
        opened(other_head + b"".join(parts))


def test_what_is_no_backup_or_of_another_time_says_so():
    with pytest.raises(BadBackup, match="no backup"):
        opened(b"PK\x03\x04 something else")
    newer = sealed(b"x").replace(b'"version": 1', b'"version": 2')
    with pytest.raises(BadBackup, match="version 2"):
        opened(newer)


def test_a_file_cannot_ask_for_endless_work():
    greedy = sealed(b"x").replace(b'"n": 16', b'"n": 99999999')
    greedy = greedy[:8] + (int.from_bytes(greedy[8:12], "big") + 6).to_bytes(4, "big") + greedy[12:]
    with pytest.raises(BadBackup, match="too much work"):
        opened(greedy)


def test_a_short_pass_phrase_is_refused():
    with pytest.raises(ValueError, match="12 characters"):
        Sealer(io.BytesIO(), "elevenchars")
