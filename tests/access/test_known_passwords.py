"""Passwords that others try first: the list that comes with the program, and one of the installation's own."""

from __future__ import annotations

import hashlib

import pytest

from app.access.known_passwords import COMMON_FILE, RECORD, is_breached, is_common
from app.models import AppUser
from app.views.passwords import password_fault

OURS = AppUser(username="amara", first_name="Amara", last_name="Okafor", email="a.okafor@example.org", phone="+254 712 345 678 90")
EASY = "Too easy to guess. Use several words."
STOLEN = "Strangers know this password from a theft somewhere. Choose another."


@pytest.fixture
def fault(make_app):
    """What is wrong with a password, in an installation with these settings."""
    made = {}

    def ask(password, **settings):
        if repr(settings) not in made:
            made[repr(settings)] = make_app(**settings)
        with made[repr(settings)].test_request_context("/"):
            return password_fault(password, OURS)

    return ask


def hashes(folder, *passwords, count=":3"):
    """A file as Have I Been Pwned hands it out."""
    lines = sorted(hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper() for password in passwords)
    path = folder / "hashes.txt"
    path.write_text("".join(f"{line}{count}\r\n" for line in lines), encoding="ascii")
    return path


def test_the_list_is_in_order_and_longer_than_asked():
    data = COMMON_FILE.read_bytes()
    records = [data[at : at + RECORD] for at in range(0, len(data), RECORD)]
    assert records == sorted(set(records))
    assert len(records) > 40_000  # ASVS 6.2.4 asks for 3 000 that our own rules let through


@pytest.mark.parametrize("password", ["1q2w3e4r5t6y", "Administrator", "finalfantasy", "StarWars1138", "systemofadow"])
def test_a_common_password_is_known_in_big_and_small_letters(password):
    assert is_common(password)


def test_a_password_of_ones_own_is_not_known():
    assert not any(is_common(password) for password in ("four brown horses run", "nine lemons under a roof", "", "\ud800" * 12, "ü" * 320))


def test_every_line_of_a_list_is_found_and_nothing_else(tmp_path):
    listed = [f"stolen word {number}" for number in range(300)]
    path = hashes(tmp_path, *listed)
    assert all(is_breached(password, path) for password in listed)
    assert not any(is_breached(f"kept word {number}", path) for number in range(300))


@pytest.mark.parametrize(("listed", "count"), [([], ""), (["one"], ""), (["one", "two"], ":1")])
def test_short_lists_are_searched_too(tmp_path, listed, count):
    path = hashes(tmp_path, *listed, count=count)
    assert [is_breached(password, path) for password in ("one", "two", "three")] == ["one" in listed, "two" in listed, False]


@pytest.mark.one_database
def test_what_others_would_try_is_refused_and_any_signs_are_taken(fault):
    for easy in (
        "1q2w3e4r5t6y", "abcdabcdabcd", "123456789012", "zyxwvutsrqponm", "0100000000008", "0100 0000 0000 8", "+254 712 345 678 90",
        "password1234", "myprepaid2026", "our utility 12",
    ):  # fmt: skip
        assert fault(easy) == EASY, easy
    for good in ("830274615599", "        four spaces ", "ngoma ya maji ya jioni", "水水水 火山 木土金 日月星辰", "!!??##%%&&//", "Ünïcödé-passphrase"):
        assert fault(good) is None, good


@pytest.mark.one_database
def test_an_installation_has_words_and_a_list_of_its_own(fault, tmp_path):
    assert fault("kilifi power 1") is None
    assert fault("kilifi power 1", FORBIDDEN_WORDS=frozenset({"kilifi power"})) == EASY
    path = hashes(tmp_path, "four brown horses run")
    assert fault("four brown horses run", BREACHED_PASSWORDS_FILE=path) == STOLEN
    assert fault("four brown horses walk", BREACHED_PASSWORDS_FILE=path) is None
