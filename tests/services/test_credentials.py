"""Passwords at rest: opened by the key beside the database only."""

from __future__ import annotations

import stat

import pytest

from app.services.credentials import CannotUnseal, make_key_file, seal, unseal


def test_a_password_comes_back_and_is_not_to_be_read_in_between(tmp_path):
    key = tmp_path / "instance" / "credentials.key"
    make_key_file(key)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    sealed = seal("pässword 12", key)
    assert unseal(sealed, key) == "pässword 12"
    assert "ssword" not in sealed
    assert seal("pässword 12", key) != sealed


def test_the_key_file_is_made_once(tmp_path):
    key = tmp_path / "credentials.key"
    make_key_file(key)
    before = key.read_bytes()
    make_key_file(key)
    assert key.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["credentials.key"]


def test_another_key_a_changed_text_or_no_key_opens_nothing(tmp_path):
    key, other = tmp_path / "a.key", tmp_path / "b.key"
    make_key_file(key)
    make_key_file(other)
    sealed = seal("secret", key)
    other_last = sealed[:-2] + ("A" if sealed[-2] != "A" else "B") + sealed[-1:]
    for text, file in ((sealed, other), (other_last, key), ("v1:", key), ("nonsense", key), (sealed, tmp_path / "no.key")):
        with pytest.raises(CannotUnseal):
            unseal(text, file)
    key.write_bytes(b"short")
    with pytest.raises(CannotUnseal):
        seal("secret", key)
