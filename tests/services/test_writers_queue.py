"""SQLite's writers stand in a queue: nobody keeps the place who fails in it, and nobody waits for ever."""

from __future__ import annotations

import sqlite3
import threading
import time
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

import app.db as queue
from app.db import is_passing, retried, transaction
from app.extensions import db

pytestmark = pytest.mark.one_database  # PostgreSQL locks rows by itself


class Busy:
    """A driver whose file is busy `times` times, in one of SQLite's ways to be busy."""

    def __init__(self, times: int, code: int) -> None:
        self.times, self.code, self.said = times, code, list[str]()

    def execute(self, statement: str) -> None:
        """Note it; refuse to begin while there are times left."""
        self.said.append(statement)
        if statement == "BEGIN IMMEDIATE" and self.times:
            self.times -= 1
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = self.code
            raise error


@pytest.mark.parametrize("code", [sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY, sqlite3.SQLITE_BUSY_SNAPSHOT])
def test_a_busy_file_is_asked_again_also_while_it_recovers_from_a_crash(code: int) -> None:
    driver = Busy(3, code)
    queue._begin(driver, time.monotonic() + 5)
    assert driver.said.count("BEGIN IMMEDIATE") == 4
    assert driver.said[-1] == f"PRAGMA busy_timeout={queue.SQLITE_BUSY_MS}"  # FAB's own writes are patient again


@pytest.mark.parametrize(("code", "until"), [(sqlite3.SQLITE_BUSY, 0.0), (sqlite3.SQLITE_READONLY, 5.0)])
def test_it_gives_up_when_its_time_is_over_and_at_once_where_asking_helps_nothing(code: int, until: float) -> None:
    driver = Busy(99, code)
    with pytest.raises(OperationalError):
        queue._begin(driver, time.monotonic() + until)
    assert driver.said.count("BEGIN IMMEDIATE") == 1
    assert driver.said[-1] == f"PRAGMA busy_timeout={queue.SQLITE_BUSY_MS}"


def test_who_fails_in_the_place_leaves_it(app: Flask, monkeypatch: Any) -> None:
    monkeypatch.setattr(queue, "SQLITE_BUSY_MS", 200)

    def fail(_session: Any) -> None:
        raise KeyError

    with app.app_context():
        for _ in range(2):
            with pytest.raises(ZeroDivisionError), transaction():
                _ = 1 / 0
            with pytest.raises(KeyError), transaction(fail):
                raise AssertionError("not reached")
            with pytest.raises(IntegrityError), transaction() as session:
                session.execute(text("INSERT INTO region (id) VALUES (NULL)"))
        with transaction() as session:
            assert session.execute(text("SELECT 1")).scalar_one() == 1


def test_who_waits_too_long_is_refused_in_passing_and_comes_in_later(app: Flask, monkeypatch: Any) -> None:
    monkeypatch.setattr(queue, "SQLITE_BUSY_MS", 100)
    inside, leave, said = threading.Event(), threading.Event(), []

    def keep() -> None:
        with app.app_context(), transaction():
            inside.set()
            leave.wait(5)

    def write() -> None:
        with transaction() as session:
            session.execute(text("SELECT 1"))

    keeper = threading.Thread(target=keep)
    keeper.start()
    try:
        assert inside.wait(5)
        with app.app_context():
            with pytest.raises(OperationalError) as refused:
                write()
            said.append(is_passing(refused.value))
            db.session.rollback()  # the refused one left nothing open
            leave.set()
            retried(write)
    finally:
        leave.set()
        keeper.join()
    assert said == [True]
