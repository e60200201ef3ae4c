"""A log that is missing, cut, emptied, old or another's: the server does not start, and says why."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from app.sts import token_id
from app.sts.prism import folder as places
from app.sts.prism import journal_files, journal_log, journal_start, journal_tables
from app.sts.prism.journal import FileJournal
from app.sts.prism.service import Settings
from tests.sts.prism.serving import prepared, served
from tests.sts.prism.test_service_journal import NOON, crash, credit

NAMES = "abcdef"


def opened(path: Path, *, accept_loss: bool = False) -> FileJournal:
    return FileJournal(path, grouped=True, clock=lambda: NOON, accept_loss=accept_loss)


def answers(journal: FileJournal, *names: str) -> None:
    for name in names:
        credit(journal, name)
        journal.commit()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal that crashed: a and b are in its tables, c to f in the log alone, and an older log is kept apart."""
    path = tmp_path / "journal.db"
    journal = opened(path)
    answers(journal, "x")
    journal.close()
    shutil.copy(f"{path}.log0", tmp_path / "older")
    journal = opened(path)
    answers(journal, "a", "b")
    journal.settle()
    answers(journal, *"cdef")
    crash(journal)
    return path


def places_of(path: Path) -> dict[str, tuple[int, int]]:
    """Where each entry of the first file begins and ends."""
    content = Path(f"{path}.log0").read_bytes()
    [first, *_] = journal_log.read(path)
    assert first.header is not None
    found = {}
    for number, payload in first.entries.items():
        packed = journal_log.entry(first.header.run, number, payload)
        at = content.index(packed)
        found[payload[2:3].decode()] = at, at + len(packed)
    return found


def edited(path: Path, change: Callable[[bytearray], None]) -> None:
    file = Path(f"{path}.log0")
    content = bytearray(file.read_bytes())
    change(content)
    file.write_bytes(content)


def zeroed(content: bytearray, start: int, end: int) -> None:
    content[start:end] = bytes(end - start)


def flipped(content: bytearray, *at: int) -> None:
    for place in at:
        content[place] ^= 0x40


def put_older_tables(path: Path) -> None:
    for end in ("", "-wal", "-shm"):
        Path(f"{path}{end}").unlink(missing_ok=True)
    journal_tables.opened(path).close()


def put_anothers_log(path: Path) -> None:
    other = path.parent / "other.db"
    opened(other).close()
    shutil.copy(f"{other}.log0", f"{path}.log0")


def remove(path: Path, *ends: str) -> None:
    for end in ends:
        Path(f"{path}{end}").unlink()


def spoil(path: Path, how: str) -> None:
    at = places_of(path)
    ways: dict[str, Callable[[], object]] = {
        "first gone": lambda: remove(path, ".log0"),
        "second gone": lambda: remove(path, ".log1"),
        "both gone": lambda: remove(path, ".log0", ".log1"),
        "emptied": lambda: edited(path, lambda content: content.clear()),
        "zeros": lambda: edited(path, lambda content: zeroed(content, 0, len(content))),
        "cut behind d": lambda: edited(path, lambda content: content.__delitem__(slice(at["d"][1], None))),
        "zeros from a on": lambda: edited(path, lambda content: zeroed(content, at["a"][0], len(content))),
        "an older log": lambda: shutil.copy(path.parent / "older", f"{path}.log0"),
        "another's log": lambda: put_anothers_log(path),
        "the last two": lambda: edited(path, lambda content: flipped(content, at["e"][1] - 3, at["f"][1] - 3)),
        "one in between": lambda: edited(path, lambda content: flipped(content, at["d"][0] + 20)),
        "older tables": lambda: put_older_tables(path),
    }
    ways[how]()


REFUSALS = {
    "first gone": r"the journal's log is not whole: journal\.db\.log0 should be there",
    "second gone": r"journal\.db\.log1 should be there",
    "both gone": r"journal\.db\.log0 and journal\.db\.log1 should be there",
    "emptied": r"journal\.db\.log0 of the journal's log is empty",
    "zeros": r"journal\.db\.log0 of the journal's log is empty",
    "cut behind d": r"journal\.db\.log0 of the journal's log was cut",
    "zeros from a on": r"ends before entry 3, which journal\.db has",
    "an older log": r"journal\.db\.log0 of the journal's log is an older one",
    "another's log": r"log of another journal",
    "the last two": r"more than one entry of the journal's log is damaged, from 6 on",
    "one in between": r"entry 5 of the journal's log is missing, but 6 is there",
    "older tables": r"log of another journal",
}


@pytest.mark.parametrize("how", REFUSALS)
def test_a_log_that_is_not_the_one_the_tables_know_is_refused(path: Path, how: str) -> None:
    spoil(path, how)
    for _ in range(2):  # nothing is mended behind one's back
        with pytest.raises(journal_log.Damaged, match=REFUSALS[how]) as refused:
            opened(path)
        assert "restore the last backup" in str(refused.value)
    with pytest.raises(journal_log.Damaged, match=REFUSALS[how]):  # nor does a backup hide it
        journal_start.copy(path, path.with_name("copy.db"))


@pytest.mark.parametrize("how", REFUSALS)
def test_who_accepts_the_loss_goes_on_with_later_ids(path: Path, how: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    spoil(path, how)
    left = opened(path, accept_loss=True)
    floor = token_id.clock_minute(NOON + journal_start.MARGIN, 14)
    assert credit(left, "new").token_id > floor  # type: ignore[operator]
    known = "".join(name for name in NAMES if left.answer(name))
    left.close()
    what_is_left = {"second gone": "abcdef", "one in between": "abc", "the last two": "abcd", "cut behind d": "abcd"}
    assert known == what_is_left.get(how, "" if how == "older tables" else "ab")
    opened(path).close()


@pytest.mark.parametrize("at", ["payload", "magic", "run", "number", "length", "checksum"])
def test_a_damaged_last_entry_is_told_and_no_id_goes_back(
    path: Path, at: str, caplog: pytest.LogCaptureFixture
) -> None:
    start, _ = places_of(path)["f"]
    place = {"magic": 0, "run": 6, "number": 19, "length": 23, "checksum": 24, "payload": 40}[at]
    edited(path, lambda content: flipped(content, start + place))
    journal_start.copy(path, path.with_name("copy.db"))  # a crash does this too: a backup is made
    assert "is torn" in caplog.text
    caplog.clear()
    again = opened(path)
    assert [name for name in NAMES if again.answer(name)] == list("abcde")
    assert "the last entry of the journal's log is torn" in caplog.text
    assert credit(again, "new").token_id > token_id.clock_minute(NOON + journal_start.MARGIN, 14)  # type: ignore[operator]
    again.close()


def test_meters_ahead_of_the_clock_skip_what_they_may_have_had(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    journal = opened(path)
    names = [f"more{number}" for number in range(40)]
    answers(journal, *names)
    journal.settle()
    answers(journal, "lost")
    crash(journal)
    lost = token_id.clock_minute(NOON, 14) + 47  # behind seven of the journal and forty more
    edited(path, lambda content: flipped(content, content.rindex(b'"lost"')))
    again = opened(path)
    assert again.answer("lost") is None
    assert credit(again, "new").token_id == lost + 15
    again.close()


def test_a_whole_log_after_a_crash_raises_nothing(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    again = opened(path)
    assert all(again.answer(name) for name in NAMES)
    assert credit(again, "new").token_id == token_id.clock_minute(NOON, 14) + 7
    assert caplog.text == ""
    again.close()


def test_damage_in_what_the_tables_have_hinders_nobody(path: Path) -> None:
    edited(path, lambda content: flipped(content, places_of(path)["a"][0] + 40))
    again = opened(path)
    assert all(again.answer(name) for name in NAMES)
    again.close()


def test_a_crash_at_any_step_of_a_start_is_followed_by_a_start(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each write of the files, and each note in the tables, may be the last one."""
    real, note = journal_files.os.pwrite, journal_tables.set_fact
    steps = [0]

    def counted(work: Callable[..., object]) -> Callable[..., object]:
        def step(*given: object) -> object:
            steps[0] -= 1
            if steps[0] == 0:
                raise OSError("the power is gone")
            return work(*given)

        return step

    monkeypatch.setattr(journal_files.os, "pwrite", counted(real))
    monkeypatch.setattr(journal_tables, "set_fact", counted(note))
    for last in range(1, 7):
        steps[0] = last
        with pytest.raises(OSError, match="the power is gone"):
            opened(path)
    steps[0] = 0
    again = opened(path)
    assert all(again.answer(name) for name in NAMES)
    assert credit(again, "new").token_id == token_id.clock_minute(NOON, 14) + 7
    again.close()


def test_a_copy_of_a_stopped_module_is_a_journal_of_its_own(path: Path) -> None:
    copy = path.with_name("copy.db")
    journal_start.copy(path, copy)
    again = opened(copy)
    assert all(again.answer(name) for name in NAMES)
    again.close()
    shutil.copy(f"{path}.log0", f"{copy}.log0")
    with pytest.raises(journal_log.Damaged, match="another journal"):
        opened(copy)


def test_a_log_of_the_version_before_is_taken(path: Path) -> None:
    """It had entries alone, and the tables said nothing of it."""
    [first, _] = journal_log.read(path)
    old = b""
    for number, payload in first.entries.items():
        checksum = journal_log.zlib.crc32(payload, journal_log.zlib.crc32(number.to_bytes(8, "big")))
        old += journal_log._OLD_HEAD.pack(b"STSJ", number, len(payload), checksum) + payload
    Path(f"{path}.log0").write_bytes(old + bytes(5000))
    Path(f"{path}.log1").write_bytes(b"")
    connection = journal_tables.opened(path)
    journal_tables.forget_log(connection)
    journal_tables.set_fact(connection, "version", 2)
    connection.close()
    again = opened(path)
    assert all(again.answer(name) for name in NAMES)
    again.close()


def test_the_second_server_is_refused_although_somebody_removed_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_files, "_PATIENCE_S", 0.1)
    folder = prepared(tmp_path / "m")
    with served(folder) as server:
        server.caller().credit("a")
        (folder / places.LOCK).unlink()
        with pytest.raises(OSError, match=r"uses journal\.db\.log0"), served(folder):
            pass
        server.caller().credit("b")


def test_keys_without_their_journal_are_not_served_unless_asked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    folder = prepared(tmp_path / "m")
    with served(folder, Settings(clock=lambda: NOON)) as server:
        before = server.caller().credit("a")[0].tid
    for file in folder.glob("journal.db*"):
        file.unlink()
    places.prepare(folder)  # as the command does at each start
    for _ in range(2):
        with pytest.raises(FileNotFoundError, match=r"memory of this module, is missing.*--accept-loss"), served(folder):
            pass
    with served(folder, Settings(clock=lambda: NOON - timedelta(minutes=2), accept_loss=True)) as server:
        assert server.caller().credit("a")[0].tid > before
    with served(folder, Settings(clock=lambda: NOON)) as server:
        server.caller().credit("b")
