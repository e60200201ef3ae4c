"""What comes on a connection while nothing is asked; that an ended one is replaced, services/test_statements.py tries."""

from __future__ import annotations

import socket
from types import SimpleNamespace

import psycopg
import pytest
from psycopg.pq import ConnStatus

from app.postgresql import has_ended


class Wire(SimpleNamespace):
    """A connection as libpq shows it, with a peer that can say something."""

    def __init__(self, *, tls: bool) -> None:
        self.near, self.far = socket.socketpair()
        super().__init__(ssl_in_use=tls, status=ConnStatus.OK, socket=self.near.fileno())

    def consume_input(self) -> None:
        """As libpq: what came is read; where nothing more will come it fails."""
        if not self.near.recv(4096):
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    def close(self) -> None:
        """Both ends."""
        self.near.close()
        self.far.close()


@pytest.mark.parametrize(("tls", "ended"), [(False, True), (True, False)])
def test_what_comes_unasked_is_a_farewell_unless_tls_sends_it(tls, ended):
    wire = Wire(tls=tls)
    assert not has_ended(wire)
    wire.far.send(b"something")
    assert has_ended(wire) is ended
    wire.close()


def test_a_peer_that_is_gone_is_seen_inside_tls_too():
    wire = Wire(tls=True)
    wire.far.send(b"farewell")
    wire.far.close()
    assert has_ended(wire)
    wire.close()
