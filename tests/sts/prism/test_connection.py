"""Opening a connection to a module: the addresses of a name share the time."""

from __future__ import annotations

import contextlib
import socket
import time

import pytest

from app.sts.prism import connection
from app.sts.prism.connection import Unsent


def test_a_silent_address_leaves_time_for_the_others_of_its_name() -> None:
    """A name may stand for an address that nobody answers at, and for one that works."""
    with contextlib.ExitStack() as end:
        full = end.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        good = end.enter_context(socket.create_server(("127.0.0.1", 0)))
        for _ in range(4):  # nobody takes these, so whoever comes next is kept waiting
            waiting = end.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        addresses = [
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", server.getsockname()) for server in (full, full, good)
        ]
        until = time.monotonic() + 1.8
        connection.connect(addresses, until).close()
        assert time.monotonic() < until
        with pytest.raises(Unsent, match="Timeout"):
            connection.connect(addresses[:2], time.monotonic() + 0.2)
