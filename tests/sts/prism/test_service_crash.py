"""Many clients at once, and a server that is killed while it issues: no id twice, every answer kept."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from app.sts import meter_number
from app.sts.prism import wire
from app.sts.prism.interface import API
from app.sts.prism.service import Settings
from tests.sts.prism.serving import Caller, Server, meter_config, prepared, process, served


def meters(count: int) -> list[Any]:
    bodies = (f"{number:010d}" for number in range(count))
    return [meter_config(drn=body + meter_number.check_digit(body)) for body in bodies]


def test_32_clients_share_no_token_id_and_each_is_answered_in_order(tmp_path: Path) -> None:
    made: dict[str, list[Any]] = {}
    few = meters(3)
    with served(prepared(tmp_path / "m"), Settings()) as server:
        first = server.caller()
        callers = []
        for _ in range(32):
            caller = server.caller(None)
            caller.access_token = first.access_token
            callers.append(caller)

        def sell(number: int) -> None:
            made[f"{number}"] = [
                callers[number].credit(f"{number}.{turn}", few[number % 3])[0] for turn in range(8)
            ]

        threads = [threading.Thread(target=sell, args=(number,)) for number in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(len(tokens) for tokens in made.values()) == 256
        ids = [(token.pan, token.tid) for tokens in made.values() for token in tokens]
        assert len(set(ids)) == len(ids)
        for tokens in made.values():
            assert [token.tid for token in tokens] == sorted(token.tid for token in tokens)
        rows = first("countsPerDay", fromDay="2020-01-01", toDay="2020-12-31")
        assert rows == []
        assert first("getStatus")[0].info["tokensIssued"] == "256"


FIRST_ANSWERS = 10  # of each life, however slow the machine, before it may end


@dataclass
class Book:
    """What clients asked and were answered, over all lives of the server."""

    asked: set[str] = field(default_factory=set)
    answered: dict[str, list[Any]] = field(default_factory=dict)
    lost: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def _sell_until_it_dies(caller: Caller, name: str, few: list[Any], chance: random.Random, book: Book) -> None:
    number = 0
    while True:
        message_id, meter = f"{name}.{number}", chance.choice(few)
        number += 1
        with book.lock:
            book.asked.add(message_id)
        try:
            tokens = caller.credit(message_id, meter)
        except (OSError, EOFError):
            book.lost += 1
            return
        with book.lock:
            book.answered[message_id] = tokens


def _one_life(server: Server, life: int, few: list[Any], chance: random.Random, book: Book) -> None:
    """Sell with six clients, then SIGKILL in the middle."""
    assert server.process is not None
    signed = server.caller()
    threads = []
    for number in range(6):
        caller = server.caller(None)
        caller.access_token = signed.access_token
        own = random.Random(chance.random())
        arguments = (caller, f"{life}.{number}", few, own, book)
        threads.append(threading.Thread(target=_sell_until_it_dies, args=arguments))
    enough, deadline = len(book.answered) + FIRST_ANSWERS, time.monotonic() + 60
    for thread in threads:
        thread.start()
    while len(book.answered) < enough and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(chance.random() * 0.3)
    server.process.kill()
    for thread in threads:
        thread.join()


def crash_trial(folder: Path, seed: int, kills: int) -> dict[str, int]:
    """Kill the server many times while it issues, then ask it what became of everything."""
    chance, book, few = random.Random(seed), Book(), meters(5)
    for life in range(kills):
        with process(folder) as server:
            _one_life(server, life, few, chance, book)
    with process(folder) as server:
        call = server.caller()
        found: dict[str, list[Any]] = {}
        codes = set()
        for message_id in sorted(book.asked):
            try:
                found[message_id] = call("fetchTokenResult", reqMessageId=message_id)
            except API.ApiException as refused:
                codes.add(refused.eCode)
        assert codes <= {"ECacheMiss"}
        # An answer that left is never forgotten, and never another.
        assert {one: found.get(one) for one in book.answered} == book.answered
        ids = [(token.pan, token.tid) for tokens in found.values() for token in tokens]
        assert len(set(ids)) == len(ids)
        highest = {pan: max(tid for other, tid in ids if other == pan) for pan, _ in ids}
        for number, meter in enumerate(few):
            [token] = call.credit(f"after.{number}", meter)
            assert token.tid > highest.get(token.pan, 0)
        counted = int(call("getStatus")[0].info["tokensIssued"])
        assert counted == len(ids) + len(few)
    unknown = len(found) - len(book.answered)
    return {
        "kills": kills, "asked": len(book.asked), "answered": len(book.answered),
        "made, answer lost": unknown, "never made": len(book.asked) - len(found),
    }  # fmt: skip


def test_a_kill_while_issuing_loses_no_answer_and_repeats_no_id(tmp_path: Path, seed: int) -> None:
    counts = crash_trial(prepared(tmp_path / "m"), seed, 3)
    assert counts["answered"] >= 3 * FIRST_ANSWERS


@pytest.mark.deep
@pytest.mark.one_database
def test_sixty_kills_while_issuing(tmp_path: Path, seed: int, deep_record: Any) -> None:
    deep_record("module server killed while issuing", **crash_trial(prepared(tmp_path / "m"), seed, 60))


def test_a_stop_lets_requests_finish(tmp_path: Path) -> None:
    with process(prepared(tmp_path / "m")) as server:
        assert server.process is not None
        call = server.caller()
        for number, (ms, echo) in enumerate(((0, "before"), (700, "done"))):
            call.send(wire.write_call("ping", number, sleepMs=ms, echo=echo))
        assert wire.read_reply(call.receive(), "ping") == "before"  # what was sent with it has arrived too
        time.sleep(0.1)
        began = time.monotonic()
        server.process.terminate()
        assert server.process.wait(10) == 0
        assert time.monotonic() - began < 8
        assert wire.read_reply(call.receive(), "ping") == "done"
