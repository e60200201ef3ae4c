"""Attempts counted in a real Redis: the same answers as in the table, and a Redis that goes away stops nobody."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app.access import attempts
from app.extensions import db
from app.models import SignInFailure
from tests.fixtures.left_out import left_out
from tests.test_queue_on_redis import RedisServer
from tools.redis_server import find_redis

pytestmark = pytest.mark.one_database
LIMIT = "3 per minute"


@pytest.fixture
def server(context, tmp_path):
    program = find_redis()
    if program is None:
        left_out("no Redis server (apt install redis-server)")
    made = RedisServer(program, tmp_path)
    made.start()
    attempts.keep_in(db.engine, made.url)
    yield made
    attempts.keep_in(db.engine, "")
    made.stop()


def who(name: str, address: str = "10.0.0.1"):
    return attempts.subjects(name, address, "k" * 32)


def in_table() -> int:
    return db.session.scalar(select(func.count()).select_from(SignInFailure))


def test_it_counts_locks_tells_and_opens(server):
    amara = who("amara")
    assert [attempts.note_attempt(amara, LIMIT) for _ in range(4)] == [None, None, None, timedelta(minutes=1)]
    assert attempts.note_attempt(who("bento"), LIMIT) is None, "others of the same address go on"
    assert in_table() == 0
    assert list(attempts.locked_until([amara[0], who("bento")[0]], LIMIT)) == [amara[0]]
    attempts.release([amara[0]])
    assert attempts.locked_until([amara[0]], LIMIT) == {}
    assert attempts.note_attempt(amara, LIMIT) is None
    attempts.forgive(amara)
    assert [attempts.note_attempt(amara, LIMIT) for _ in range(3)] == [None] * 3


def test_one_address_that_guesses_at_many_accounts_must_wait(server):
    most = 3 * attempts.ADDRESS_FACTOR
    assert [attempts.note_attempt(who(f"nobody{n}"), LIMIT) for n in range(most)] == [None] * most
    assert attempts.note_attempt(who("amara"), LIMIT) is not None
    assert attempts.note_attempt(who("amara", "10.0.0.2"), LIMIT) is None


def test_a_redis_that_goes_away_leaves_the_counting_to_the_table(server, caplog):
    attempts.note_attempt(who("amara"), LIMIT)
    server.stop()
    assert [attempts.note_attempt(who("amara"), LIMIT) for _ in range(4)][-1] is not None
    assert in_table() == 6
    assert who("amara")[0] in attempts.locked_until([who("amara")[0]], LIMIT)
    attempts.release([who("amara")[0]])
    assert attempts.note_attempt(who("amara"), LIMIT) is None
    assert "amara" not in caplog.text
