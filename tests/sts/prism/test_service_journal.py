"""The module server's memory: one commit for many, ids that only rise, an answer never before its commit."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.sts import token_id
from app.sts.demonstration import demonstration_keys
from app.sts.journal import Drawing
from app.sts.module import IssuedToken, MeterConfig, ModuleError
from app.sts.prism import journal_files, journal_log, journal_tables, wire
from app.sts.prism.interface import API
from app.sts.prism.journal import FileJournal
from app.sts.prism.journal_start import raise_floor
from app.sts.prism.journal_tables import Batch
from app.sts.prism.limits import Limits
from app.sts.prism.service import Settings
from app.sts.software import SoftwareModule
from tests.sts.prism.serving import Caller, meter_config, patiently, prepared, refusal, served

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
METER = MeterConfig("600727000000000009", 7, 2, "201457", 1, 1, 255)
DAY = NOON.date().isoformat()


def module_on(journal: FileJournal) -> SoftwareModule:
    return SoftwareModule("soft", demonstration_keys(), journal, clock=lambda: NOON)


def credit(journal: FileJournal, message_id: str, at: datetime = NOON) -> IssuedToken:
    [token] = module_on(journal).credit_token(message_id, METER, 0, 10, at)
    return token


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[FileJournal]:
    made = FileJournal(path, clock=lambda: NOON)
    yield made
    made.close()


def test_the_file_is_for_its_owner_and_written_through(journal: FileJournal, path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    assert journal._writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert journal._writer.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


def test_everything_is_there_after_opening_again(path: Path) -> None:
    first = FileJournal(path, clock=lambda: NOON)
    made = credit(first, "a")
    first.close()
    again = FileJournal(path, clock=lambda: NOON)
    assert module_on(again).fetch("a") == (made,)
    assert credit(again, "b").token_id == made.token_id + 1  # type: ignore[operator]
    assert again.counts(DAY, DAY) == [(DAY, 0, 0, 2)]
    again.close()


def test_a_refused_request_leaves_no_trace(journal: FileJournal) -> None:
    def broken(_identifier: int) -> Any:
        raise ModuleError("ESm", permanent=False)

    with pytest.raises(ModuleError):
        journal.issue(Drawing("a", "digest", METER.pan, 14, lambda last: 7, broken))
    assert journal.answer("a") is None
    assert journal.staged == 0
    assert journal.issue(Drawing("a", "digest", METER.pan, 14, lambda last: last or 8, lambda identifier: ())) == ()


def logged(path: Path) -> list[str]:
    """The message ids that a crash would leave in the log, whatever memory says."""
    payloads = [payload for _, payload in journal_log.following(journal_log.read(path), 0)]
    return [row[0] for payload in payloads for row in json.loads(b"[%b]" % payload)]


def crash(journal: FileJournal) -> None:
    """The process ends here: nothing more is written."""
    journal._log.close()
    journal._reader.close()
    journal._writer.close()


def test_a_staged_answer_is_not_in_the_file_before_its_commit(path: Path) -> None:
    grouped = FileJournal(path, grouped=True, clock=lambda: NOON)
    made = [credit(grouped, f"m{number}") for number in range(3)]
    assert [token.token_id - made[0].token_id for token in made] == [0, 1, 2]  # type: ignore[operator]
    assert grouped.staged == 3
    assert grouped.is_staged("m0")
    assert logged(path) == []
    grouped.commit()
    assert not grouped.is_staged("m0")
    late = credit(grouped, "late")
    assert logged(path) == ["m0", "m1", "m2"]
    assert grouped.commits == 1
    assert late.token_id == made[-1].token_id + 1  # type: ignore[operator]
    grouped.close()
    again = FileJournal(path)
    assert again.answer("late") is not None
    again.close()


def test_what_was_staged_and_never_committed_was_never_made(path: Path) -> None:
    lost = FileJournal(path, grouped=True, clock=lambda: NOON)
    before = credit(lost, "lost")
    crash(lost)
    again = FileJournal(path, clock=lambda: NOON)
    assert again.answer("lost") is None
    assert credit(again, "new").token_id == before.token_id
    again.close()


def test_the_tables_themselves_refuse_an_id_that_goes_back(journal: FileJournal) -> None:
    spot = ("600727000000000009", 14)
    journal_tables.write(journal._writer, Batch(1, {"a": '["a","d",[],0]'}, {spot: 100}), 0)
    for identifier in (100, 99):
        with pytest.raises(sqlite3.IntegrityError, match="drawn twice"):
            journal_tables.write(journal._writer, Batch(2, {"b": '["b","d",[],0]'}, {spot: identifier}), 1)
    assert journal.answer("b") is None  # all or nothing


def test_a_second_program_on_one_journal_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_files, "_PATIENCE_S", 0.1)
    first = FileJournal(path, clock=lambda: NOON)
    credit(first, "a")
    with pytest.raises(OSError, match=r"another module server uses journal\.db\.log0"):
        FileJournal(path, clock=lambda: NOON)
    credit(first, "b")
    first.settle()
    first.close()
    again = FileJournal(path, clock=lambda: NOON)
    assert [again.answer(name) is not None for name in "ab"] == [True, True]
    again.close()


def test_tables_that_somebody_else_wrote_are_noticed(path: Path) -> None:
    first = FileJournal(path, clock=lambda: NOON)
    credit(first, "a")
    other = journal_tables.opened(path)
    journal_tables.set_fact(other, "applied", 1)
    other.close()
    with pytest.raises(sqlite3.IntegrityError, match="somebody else"):
        first.settle()
    with pytest.raises(ModuleError, match="cannot be written"):
        first.answer("b")
    first.close()


def test_the_floor_of_a_restore_lifts_every_id(path: Path) -> None:
    FileJournal(path, clock=lambda: NOON).close()
    floor = NOON + timedelta(days=3)
    raise_floor(path, floor)
    raise_floor(path, NOON)  # it never sinks
    lifted = FileJournal(path, clock=lambda: NOON)
    assert credit(lifted, "a").token_id == token_id.clock_minute(floor, 14) + 1
    other = MeterConfig("600727111111111153", 7, 2, "201457", 1, 1, 255)
    [token] = module_on(lifted).credit_token("b", other, 0, 10, NOON)
    assert token.token_id == token_id.clock_minute(floor, 14) + 1
    [later] = module_on(lifted).credit_token("c", other, 0, 10, floor + timedelta(days=1))
    assert later.token_id == token_id.clock_minute(floor, 14) + 1440
    lifted.close()


def test_a_floor_beyond_a_base_date_leaves_it_no_id_and_one_before_it_does_not_matter(path: Path) -> None:
    FileJournal(path).close()
    raise_floor(path, NOON)
    journal = FileJournal(path)
    assert journal._look("x", ("x", 35))[1] is None
    assert journal._look("x", ("x", 93))[1] == token_id.MAX_TOKEN_ID
    assert journal._look("x", ("x", 14 + token_id.RESERVED_ROW))[1] == token_id.clock_minute(NOON, 14)
    journal.close()


def test_another_version_of_the_file_is_refused(path: Path) -> None:
    FileJournal(path).close()
    connection = sqlite3.connect(path)
    with connection:
        journal_tables.set_fact(connection, "version", 99)
    connection.close()
    with pytest.raises(ValueError, match="version of the journal"):
        FileJournal(path)


def test_eight_threads_share_no_id_and_one_message_is_made_once(journal: FileJournal) -> None:
    made: list[IssuedToken] = []
    module = module_on(journal)

    def sell(seller: int) -> None:
        for number in range(10):
            made.extend(module.credit_token(f"{seller}.{number}", METER, 0, 10, NOON))
            module.credit_token("shared", METER, 0, 10, NOON)

    threads = [threading.Thread(target=sell, args=(seller,)) for seller in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({token.token_id for token in made}) == 80
    assert journal.counts(DAY, DAY) == [(DAY, 0, 0, 81)]


def test_ids_go_on_when_the_clock_jumps_back_between_two_runs(tmp_path: Path) -> None:
    folder = prepared(tmp_path / "m")
    with served(folder, Settings(clock=lambda: NOON)) as server:
        first = server.caller().credit("a")[0].tid
    with served(folder, Settings(clock=lambda: NOON - timedelta(days=700))) as server:
        call = server.caller()
        assert [call.credit(f"b{number}")[0].tid for number in range(3)] == [first + 1, first + 2, first + 3]


def test_two_servers_never_share_a_folder(tmp_path: Path) -> None:
    folder = prepared(tmp_path / "m")
    with served(folder), pytest.raises(OSError, match="another module server"), served(folder):
        pass


class SlowDisk:
    """Holds the commits of a server back until told otherwise."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.free = threading.Event(), threading.Event()
        self.writes, append = 0, journal_files.Log.append

        def slow(log: journal_files.Log, payload: bytes) -> int:
            self.begun.set()
            self.free.wait(20)
            self.writes += 1
            return append(log, payload)

        monkeypatch.setattr(journal_files.Log, "append", slow)


@pytest.fixture
def slow_disk(monkeypatch: pytest.MonkeyPatch) -> SlowDisk:
    return SlowDisk(monkeypatch)


def asked_beside(call: Caller, message_id: str, answers: dict[str, Any]) -> threading.Thread:
    """Ask for a credit token in a thread; the request is on its way when this returns."""
    sent, send = threading.Event(), call.send

    def sends(frame: bytes) -> None:
        send(frame)
        sent.set()

    def ask() -> None:
        try:
            answers[message_id] = call.credit(message_id)
        except Exception as error:  # noqa: BLE001  compared below
            answers[message_id] = error

    call.send = sends  # type: ignore[method-assign]
    thread = threading.Thread(target=ask)
    thread.start()
    assert sent.wait(20)
    return thread


def test_no_answer_leaves_before_the_commit_and_one_commit_serves_many(tmp_path: Path, slow_disk: SlowDisk) -> None:
    answers: dict[str, Any] = {}
    with served(prepared(tmp_path / "m"), Settings(clock=lambda: NOON)) as server:
        callers = [server.caller() for _ in range(12)]  # the disk holds up those who come now
        threads = [asked_beside(call, f"m{number}", answers) for number, call in enumerate(callers)]
        assert slow_disk.begun.wait(20)
        threads[0].join(0.2)
        assert answers == {}
        slow_disk.free.set()
        for thread in threads:
            thread.join()
        assert len({made[0].tid for made in answers.values()}) == 12
        assert slow_disk.writes <= 3


def test_what_waited_for_a_stuck_disk_is_not_begun_and_never_called_unknown(
    tmp_path: Path, slow_disk: SlowDisk
) -> None:
    """Its caller may long have given it up, and been told elsewhere that nothing was made."""
    answers: dict[str, Any] = {}
    settings = Settings(clock=lambda: NOON, limits=Limits(answer_s=1.0))
    with served(prepared(tmp_path / "m"), settings) as server:
        running, late, fetch = server.caller(), server.caller(), server.caller()
        threads = [asked_beside(running, "running", answers)]
        assert slow_disk.begun.wait(20)
        threads.append(asked_beside(late, "late", answers))
        number = next(fetch._numbers)
        said = {"messageId": "f", "accessToken": fetch.access_token, "reqMessageId": "running"}
        fetch.send(wire.write_call("fetchTokenResult", number, **said))
        time.sleep(1.3)
        assert answers == {}
        slow_disk.free.set()
        for thread in threads:
            thread.join()
        with pytest.raises(API.ApiException) as refused:
            wire.read_reply(fetch.receive(), "fetchTokenResult")
        assert refused.value.eCode == "EService"  # passing, and never "never taken"
        [token] = answers["running"]
        assert answers["late"].eCode == "EService"
        assert patiently(lambda: fetch("fetchTokenResult", reqMessageId="running")) == [token]
        with pytest.raises(API.ApiException) as refused:
            patiently(lambda: fetch("fetchTokenResult", reqMessageId="late"))
        assert refused.value.eCode == "ECacheMiss"
        assert patiently(lambda: fetch.credit("running")) == [token]


def test_a_disk_that_fails_ends_the_server_and_answers_nobody_wrongly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, answers, first = prepared(tmp_path / "m"), {}, []

    def fails(*_arguments: Any) -> None:
        raise OSError("disk full")

    def sell_until_it_fails() -> None:
        with served(folder, Settings(clock=lambda: NOON)) as server:
            first.extend(server.caller().credit("good"))
            monkeypatch.setattr(journal_files.Log, "append", fails)
            asked_beside(server.caller(), "bad", answers).join()

    with pytest.raises(OSError, match="disk full"):
        sell_until_it_fails()
    assert answers["bad"].eCode == "EService"
    monkeypatch.undo()
    with served(folder, Settings(clock=lambda: NOON)) as server:
        call = server.caller()
        assert call("fetchTokenResult", reqMessageId="good") == first
        assert refusal(call, "fetchTokenResult", reqMessageId="bad") == "ECacheMiss"


def test_meters_are_asked_by_their_own_configuration(tmp_path: Path) -> None:
    with served(prepared(tmp_path / "m"), Settings(clock=lambda: NOON)) as server:
        call = server.caller()
        assert call.credit("a", meter_config(sgc=123456))[0].vkKcv == "C33F45"
