"""The log in front of the journal's tables: torn ends, damage, turning over, and taking it twice."""

from __future__ import annotations

import random
import shutil
import sqlite3
import threading
from pathlib import Path

import pytest

from app.sts.prism import journal_files, journal_log, journal_start
from app.sts.prism.journal import FileJournal
from tests.sts.prism.test_service_journal import DAY, NOON, crash, credit


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that are full after some entries."""
    monkeypatch.setattr(journal_files, "FULL", 3000)
    monkeypatch.setattr(journal_files, "_STEP", 1000)


def opened(path: Path) -> FileJournal:
    return FileJournal(path, grouped=True, clock=lambda: NOON)


def test_an_answer_outlives_a_crash_before_the_tables_have_it(path: Path) -> None:
    journal = opened(path)
    made = credit(journal, "a")
    journal.commit()
    assert journal.unsettled == 1
    crash(journal)
    again = opened(path)
    answer = again.answer("a")
    assert answer is not None
    assert answer.tokens == (made,)
    assert again.unsettled == 0
    assert again.counts(DAY, DAY) == [(DAY, 0, 0, 1)]
    assert credit(again, "b").token_id == made.token_id + 1  # type: ignore[operator]
    again.close()


def test_a_torn_end_was_never_made_and_all_before_it_was(path: Path, tmp_path: Path, seed: int) -> None:
    """A power cut leaves any part of the last write, and any garbage in the rest."""
    journal = opened(path)
    for name in ("a", "b", "torn"):
        credit(journal, name)
        journal.commit()
    end = journal._log._now.at
    crash(journal)
    whole = Path(f"{path}.log0").read_bytes()
    start = whole.rindex(b"\xf1STE")
    chance = random.Random(seed)
    for cut in [start, start + 1, start + 19, start + 20, end - 1, *chance.sample(range(start, end), 8)]:
        spoilt = bytearray(whole)
        spoilt[cut:end] = chance.randbytes(end - cut)
        here = tmp_path / f"cut{cut}"
        here.mkdir(exist_ok=True)
        shutil.copy(path, here / "journal.db")
        shutil.copy(f"{path}.log1", here / "journal.db.log1")
        (here / "journal.db.log0").write_bytes(spoilt)
        again = opened(here / "journal.db")
        assert [again.answer(name) is not None for name in ("a", "b", "torn")] == [True, True, False]
        credit(again, "torn")
        again.close()


def test_damage_before_the_end_is_not_taken_for_a_torn_end(path: Path) -> None:
    journal = opened(path)
    for name in ("a", "b", "c"):
        credit(journal, name)
        journal.commit()
    crash(journal)
    file = Path(f"{path}.log0")
    content = bytearray(file.read_bytes())
    content[content.index(b'"b"') + 1] ^= 1
    file.write_bytes(content)
    with pytest.raises(ValueError, match="entry 2 of the journal's log is missing, but 3 is there"):
        opened(path)


@pytest.mark.usefixtures("small_files")
def test_nothing_is_lost_when_the_files_turn_over_and_the_server_dies_at_any_time(path: Path, seed: int) -> None:
    chance, made = random.Random(seed), 0
    journal = opened(path)
    ids = []
    for _ in range(120):
        ids.append(credit(journal, f"m{made}").token_id)
        made += 1
        if chance.random() < 0.7:
            journal.commit()
            if chance.random() < 0.15:
                journal.settle()
            if chance.random() < 0.15:
                crash(journal)
                journal = opened(path)
    journal.close()
    again = opened(path)
    assert all(again.answer(f"m{number}") for number in range(made))
    assert ids == sorted(set(ids))
    assert again.counts(DAY, DAY) == [(DAY, 0, 0, made)]
    assert again.tokens_made() == made
    assert max(file.stat().st_size for file in journal_log.files_of(path)) <= 8000 + journal_log.START
    again.close()


@pytest.mark.usefixtures("small_files")
def test_a_log_without_room_fills_the_tables_first(path: Path) -> None:
    journal = opened(path)
    for number in range(40):  # nobody settles meanwhile
        credit(journal, f"m{number}")
        journal.commit()
    assert 0 < journal.unsettled < 20
    crash(journal)
    again = opened(path)
    assert again.tokens_made() == 40
    again.close()


def test_entries_that_the_tables_have_are_not_counted_again(path: Path) -> None:
    """The files of the log stay behind when the tables have taken them."""
    journal = opened(path)
    for name in ("a", "b"):
        credit(journal, name)
        journal.commit()
    journal.settle()
    credit(journal, "c")
    journal.commit()
    crash(journal)
    for _ in range(3):
        opened(path).close()
    again = opened(path)
    assert again.counts(DAY, DAY) == [(DAY, 0, 0, 3)]
    again.close()


def test_a_licence_counts_what_stands_in_the_log(path: Path) -> None:
    journal = opened(path)
    journal.add_licence("1", 10)
    for name in ("a", "b"):
        credit(journal, name)
        journal.commit()
    crash(journal)
    again = opened(path)
    assert again.transactions_left == 8
    again.close()


def test_a_journal_from_before_the_log_goes_on(path: Path) -> None:
    journal = FileJournal(path, clock=lambda: NOON)
    made = credit(journal, "a")
    journal.close()
    with sqlite3.connect(path) as before:
        before.execute("UPDATE fact SET value = 1 WHERE name = 'version'")
        before.execute("DELETE FROM fact WHERE name NOT IN ('version')")
    before.close()
    for file in journal_log.files_of(path):
        file.unlink()
    again = FileJournal(path, clock=lambda: NOON)
    assert again.answer("a").tokens == (made,)  # type: ignore[union-attr]
    assert credit(again, "b").token_id == made.token_id + 1  # type: ignore[operator]
    again.close()


@pytest.mark.usefixtures("small_files")
def test_a_copy_has_all_that_was_answered_when_it_was_begun(path: Path, tmp_path: Path) -> None:
    """While the module writes, and its files turn over."""
    journal, stop = opened(path), threading.Event()
    answered: list[str] = []

    def sell() -> None:
        while not stop.is_set():
            name = f"m{len(answered)}"
            credit(journal, name)
            journal.commit()
            answered.append(name)

    def settle() -> None:
        while not stop.wait(0.003):
            journal.settle()

    threads = [threading.Thread(target=work) for work in (sell, settle)]
    for thread in threads:
        thread.start()
    for number in range(6):
        known = list(answered)
        journal_start.copy(path, tmp_path / f"copy{number}.db")
        copied = opened(tmp_path / f"copy{number}.db")
        assert all(copied.answer(name) for name in known)
        assert copied.tokens_made() >= len(known)
        copied.close()
    stop.set()
    for thread in threads:
        thread.join()
    journal.close()


def test_a_full_disk_is_an_error_and_not_half_an_entry(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = opened(path)
    credit(journal, "a")
    monkeypatch.setattr(journal_files.os, "pwrite", lambda _handle, data, _at: len(data) // 2)
    with pytest.raises(OSError, match="bytes were written"):
        journal.commit()
    monkeypatch.undo()
    journal.close()
    again = opened(path)
    assert again.answer("a") is None
    again.close()


def test_files_are_for_their_owner_only(path: Path) -> None:
    opened(path).close()
    assert [file.stat().st_mode & 0o777 for file in journal_log.files_of(path)] == [0o600, 0o600]
