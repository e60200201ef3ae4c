"""The worker's queue on a real Redis: sales are resolved over it, and it may go and come back."""

from __future__ import annotations

import logging
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from app import worker
from app.domain.states import SaleStatus
from app.extensions import db
from app.models import Sale
from tests.cast import Cast, make_cast
from tests.fixtures.left_out import left_out
from tests.services.conftest import Counter
from tests.test_worker import Silent
from tools.redis_server import find_redis

pytestmark = pytest.mark.one_database


class RedisServer:
    """A Redis of the test's own that keeps nothing on the disk."""

    def __init__(self, program: str, folder: Path) -> None:
        with socket.socket() as some:
            some.bind(("127.0.0.1", 0))
            self.port = some.getsockname()[1]
        self._command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder)]
        self._command += ["--save", "", "--appendonly", "no", "--daemonize", "no"]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        waited_for(self._answers)

    def stop(self) -> None:
        """Take it away at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            return bool(redis.Redis(port=self.port).ping())
        except redis.ConnectionError:
            return False


def waited_for(happened: Callable[[], bool], seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.05)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    program = find_redis()
    if program is None:
        left_out("no Redis server (apt install redis-server)")
    made = RedisServer(program, tmp_path)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def cast(context) -> Cast:
    return make_cast()


@pytest.fixture
def working(context, server, monkeypatch, tmp_path) -> Iterator[None]:
    """The worker's own consumer, in threads of this process."""
    monkeypatch.setattr(worker, "RESOLVE_EVERY_S", 0.2)
    monkeypatch.setattr(worker, "LOST_AFTER_S", 1.0)
    context.config["AUDIT_KEY_FILE"] = tmp_path / "none"
    queue = worker.make_queue({"SECRET_KEY": "k" * 64, "REDIS_URL": server.url})
    consumer = worker.make_consumer(context, queue)
    signals = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    consumer.start()
    yield
    consumer.stop(graceful=True)
    for number, handler in signals.items():
        signal.signal(number, handler)
    db.session.remove()


def waiting_sale(cast: Cast, context, meter: str) -> int:
    """A sale that a silent module left waiting three minutes ago."""
    clock = datetime.now(UTC) - timedelta(minutes=3)
    Counter(cast, Silent(context.extensions["modules"]), clock=clock).sells(
        meter, 20_00, reference=f"waiting-of-{meter}"
    )
    return int(db.session.query(Sale).order_by(Sale.id.desc()).first().id)


def issued(sale_id: int) -> bool:
    db.session.rollback()
    return db.session.get_one(Sale, sale_id).status is SaleStatus.ISSUED


def test_waiting_sales_are_resolved_over_redis_also_after_it_was_away(context, cast, server, working, caplog):
    sale = waiting_sale(cast, context, "palm_street")
    waited_for(lambda: issued(sale))
    server.stop()
    waited_for(lambda: any("huey" in record.name for record in caplog.records))
    sale = waiting_sale(cast, context, "mill")
    time.sleep(0.5)
    assert not issued(sale)
    server.start()
    waited_for(lambda: issued(sale))


def test_what_is_queued_for_redis_is_signed(server):
    """Whoever can write to Redis cannot have the worker run what he likes."""
    settings = {"SECRET_KEY": "k" * 64, "REDIS_URL": server.url}
    queue = worker.make_queue(settings)
    ran = []
    task = queue.task(name="mark")(lambda: ran.append(1))
    task()
    stranger = worker.make_queue(settings | {"SECRET_KEY": "x" * 64})
    stranger.task(name="mark")(lambda: ran.append(2))()
    own = queue.dequeue()
    assert own is not None
    queue.execute(own)
    with pytest.raises(ValueError, match="ignature"):
        queue.dequeue()
    assert ran == [1]


def test_a_redis_that_is_away_is_one_line_a_minute():
    clock = [0.0]
    terse = worker.Terse(lambda: clock[0])
    away = redis.ConnectionError("Error 111 connecting to 127.0.0.1:6379. Connection refused.")

    def said(name: str, error: BaseException) -> logging.LogRecord | None:
        record = logging.LogRecord(name, logging.ERROR, "", 0, "Error reading", (), (type(error), error, None))
        return record if terse.filter(record) else None

    first = said("huey.consumer.Worker", away)
    assert first is not None
    assert first.getMessage() == f"the queue in Redis does not answer: {away}"
    assert first.exc_info is None
    assert said("huey.consumer.Worker", away) is None
    assert said("huey", OSError("another trouble")) is not None
    assert said("app.worker", away) is not None
    clock[0] = worker.LATER_MAX_S
    assert said("huey.consumer.Scheduler", away) is not None
