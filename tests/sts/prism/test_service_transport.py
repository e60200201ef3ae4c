"""The port of the module server against strangers: it answers or hangs up, and never dies or swells."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from thriftpy2.thrift import TApplicationException

from app.sts.prism import wire
from app.sts.prism.channel import Channel
from app.sts.prism.interface import API
from app.sts.prism.limits import Limits
from app.sts.prism.service import Settings
from tests.sts.prism.serving import (
    Caller,
    Server,
    meter_config,
    prepared,
    served,
)

SHORT = Limits(
    connections=6, frame_bytes=4096, backlog_bytes=8192, handshake_s=0.6, frame_s=0.6, write_s=0.6, idle_s=1.2
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared(tmp_path_factory.mktemp("module"))


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose bounds of time and number are far away: what is hung up on is so for another reason."""
    far = replace(SHORT, connections=100, handshake_s=600, frame_s=600, write_s=600, idle_s=600)
    with served(prepared(tmp_path_factory.mktemp("patient")), Settings(limits=far)) as server:
        yield server


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    with served(folder, Settings(limits=SHORT)) as server:
        yield server


def hung_up(sock: socket.socket, within_s: float) -> bool:
    """Whether the other end closes the connection in time."""
    sock.settimeout(within_s)
    try:
        while sock.recv(4096):
            pass
    except TimeoutError:
        return False
    except OSError:  # reset is as good as closed
        return True
    return True


def plain(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=5)


def still_serves(server: Server) -> None:
    call = server.caller(None)
    assert call("ping", sleepMs=0, echo="well") == "well"
    call.close()


@pytest.mark.parametrize("length", [-1, 0, -(2**31), 2**31 - 1, 4097, 0x16030100])
def test_a_wrong_length_is_hung_up_on_at_once(patient: Server, length: int) -> None:
    call = patient.caller(None)
    call.sock.sendall(struct.pack(">i", length))
    assert hung_up(call.sock, 20)
    still_serves(patient)


def test_the_largest_frame_is_answered(patient: Server) -> None:
    call = patient.caller(None)
    room = 4096 - len(wire.write_call("ping", 1, sleepMs=0, echo=""))
    assert call("ping", sleepMs=0, echo="x" * room) == "x" * room


@pytest.mark.parametrize(
    "frame",
    [b"x", b"\x80\x01\0\x01", b"\x80\x01\0\x01\x7f\xff\xff\xff", b"\x80\x01\0\x01\0\0\0\x04\xff\xff\xff\xff\0\0\0\0", b"\0" * 100],
)
def test_a_frame_without_a_head_is_hung_up_on(patient: Server, frame: bytes) -> None:
    call = patient.caller(None)
    call.send(frame)
    assert hung_up(call.sock, 20)
    still_serves(patient)


HEAD = b"\x80\x01\0\x01\0\0\0\x04ping\0\0\0\x07"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "cut off"),
        (b"\x0b\0\x02\x7f\xff\xff\xff", "longer than its message"),
        (b"\x0b\0\x02\xff\xff\xff\xff", "longer than its message"),
        (b"\x0b\0\x02\0\0\0\x02\xff\xfe\0", "cut off"),
        (b"\x0f\0\x63\x0c\x7f\xff\xff\xff", "more elements"),
        (b"\x0f\0\x63\x01\x7f\xff\xff\xff", "more elements"),
        (b"\x0f\0\x63\x01\0\0\0\x01\0", "no type"),
        (b"\x0d\0\x63\x0c\x0c\xff\xff\xff\xff", "more elements"),
        (b"\x0c\0\x63" * 1000, "without end"),
        (b"\x08\0\x01\0\0\0", "cut off"),
        (b"\0\0", "bytes after"),
        (b"\x7f\0\x01", "no type"),
    ],
)
def test_a_broken_body_is_answered_as_one_and_the_line_stays(patient: Server, body: bytes, words: str) -> None:
    call = patient.caller(None)
    call.send(HEAD + body)
    with pytest.raises(TApplicationException) as caught:
        wire.read_reply(call.receive(), "ping")
    assert caught.value.type == TApplicationException.PROTOCOL_ERROR
    assert words in caught.value.message
    assert call("ping", sleepMs=0, echo="on") == "on"


def test_answers_and_shouts_are_no_calls(patient: Server) -> None:
    for kind in (2, 3, 4):
        call = patient.caller(None)
        call.send(b"\x80\x01\0" + bytes([kind]) + HEAD[4:] + b"\0")
        with pytest.raises(TApplicationException):
            wire.read_reply(call.receive(), "ping")


def test_many_frames_at_once_are_answered_in_their_order(patient: Server) -> None:
    call = patient.caller()
    frames = [wire.write_call("ping", number, sleepMs=number % 3, echo=str(number)) for number in range(40)]
    call.sock.sendall(b"".join(struct.pack(">i", len(frame)) + frame for frame in frames))
    assert [wire.read_reply(call.receive(), "ping") for _ in frames] == [str(number) for number in range(40)]


def test_too_much_sent_ahead_is_hung_up_on(server: Server) -> None:
    call = server.caller(None)
    call.send(wire.write_call("ping", 1, sleepMs=30_000, echo=""))
    with contextlib.suppress(OSError):
        for _ in range(20):
            call.send(b"x" * 1000)
            time.sleep(0.01)
    assert hung_up(call.sock, 1)
    still_serves(server)


def test_who_hangs_up_is_forgotten_with_what_they_had_sent_ahead(patient: Server) -> None:
    watcher, call = patient.caller(), patient.caller()
    config = {"meterConfig": meter_config(), "subclass": 0, "transferAmount": 1.0, "tokenTime": 0, "flags": 0}
    call.send(wire.write_call("ping", 1, sleepMs=300, echo=""))
    call.send(
        wire.write_call("issueCreditToken", 2, messageId="ahead", accessToken=call.access_token, **config)
    )
    time.sleep(0.1)
    call.close()
    time.sleep(0.5)
    with pytest.raises(API.ApiException, match="never taken"):
        watcher("fetchTokenResult", reqMessageId="ahead")


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n\r\n", b"\0" * 400, b"\x16\x03\x01\xff\xff" + b"\x01" * 300])
def test_garbage_instead_of_tls_is_hung_up_on(server: Server, garbage: bytes) -> None:
    sock = plain(server)
    sock.sendall(garbage)
    assert hung_up(sock, 1.5)
    sock.close()
    still_serves(server)


def test_old_tls_is_refused(server: Server) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with pytest.warns(DeprecationWarning, match="TLS"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with plain(server) as sock, pytest.raises(OSError):
        context.wrap_socket(sock)


def test_a_silent_stranger_is_cut_off(server: Server) -> None:
    sock = plain(server)
    assert hung_up(sock, 1.5)
    sock.close()


def test_slow_bytes_are_cut_off_however_steadily_they_drip(server: Server) -> None:
    call = server.caller(None)
    frame = wire.write_call("ping", 1, sleepMs=0, echo="x" * 100)
    with pytest.raises(OSError):  # noqa: PT012  before the last byte, which would take six seconds and more
        for byte in struct.pack(">i", len(frame)) + frame:
            call.sock.sendall(bytes([byte]))
            time.sleep(0.05)
    still_serves(server)


def test_an_answer_that_nobody_takes_is_given_up(server: Server) -> None:
    call = server.caller(None)
    call.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    frame = wire.write_call("ping", 1, sleepMs=0, echo="x" * 3900)
    data = struct.pack(">i", len(frame)) + frame
    began = time.monotonic()
    with contextlib.suppress(OSError):
        call.sock.settimeout(3)
        while time.monotonic() - began < 8:
            call.sock.sendall(data)
    assert time.monotonic() - began < 8
    still_serves(server)


def test_an_idle_line_is_closed_and_a_busy_one_is_not(server: Server) -> None:
    idle, busy = server.caller(None), server.caller(None)
    assert busy("ping", sleepMs=2000, echo="awake") == "awake"
    assert hung_up(idle.sock, 0.2)
    assert busy("ping", sleepMs=0, echo="awake") == "awake"


def test_sleepers_make_room_for_callers(folder: Path) -> None:
    limits = replace(SHORT, idle_s=60, sleeper_s=0.3)
    with served(folder, Settings(limits=limits)) as server:
        sleepers = [server.caller(None) for _ in range(limits.connections - 1)]
        busy = server.caller(None)
        busy.send(wire.write_call("ping", 1, sleepMs=800, echo="busy"))
        time.sleep(0.5)
        still_serves(server)
        assert wire.read_reply(busy.receive(), "ping") == "busy"
        assert sum(hung_up(sleeper.sock, 0.1) for sleeper in sleepers) == 1


def test_single_bytes_cost_no_more_memory_than_they_weigh() -> None:
    class Drip:
        def recv(self, _size: int) -> bytes:
            return b"x"

        def pending(self) -> int:
            return 0

    class Ground:
        limits, heard_at, stalled = Limits(), 0.0, False

    channel = Channel(Drip(), "peer", Ground())  # type: ignore[arg-type]
    channel.busy = True
    for _ in range(20_000):
        channel._read()
    assert len(channel._arrivals) < 100


def test_connections_are_limited_and_free_again(server: Server) -> None:
    callers = [server.caller(None) for _ in range(SHORT.connections)]
    with pytest.raises(OSError):
        Caller(server.folder, server.port, timeout=2)
    assert callers[0]("ping", sleepMs=0, echo="in") == "in"
    callers[1].close()
    for _ in range(50):  # the server hears of it as soon as it gets to run
        with contextlib.suppress(OSError, EOFError):
            still_serves(server)
            return
        time.sleep(0.1)
    still_serves(server)


class QuickClient:
    """A socket whose client sends its next frame the moment it has an answer."""

    FRAME = struct.pack(">I", 1) + b"x"

    def __init__(self) -> None:
        self.waiting = [self.FRAME]

    def do_handshake(self) -> None:
        """Done."""

    def pending(self) -> int:
        """Nothing is decrypted ahead."""
        return 0

    def recv(self, _size: int) -> bytes:
        """What the client has sent."""
        if not self.waiting:
            raise ssl.SSLWantReadError
        return self.waiting.pop()

    def send(self, content: memoryview) -> int:
        """An answer, upon which the client asks again."""
        self.waiting.append(self.FRAME)
        return len(content)


class StalledLoop:
    """A loop whose last pass took long."""

    limits, stalled, heard_at = SHORT, True, 0.0

    def __init__(self) -> None:
        self.handled = 0

    def watch(self, *_what: object, **_for: bool) -> None:
        """Nothing to watch."""

    def drop(self, _channel: Channel, why: str) -> None:
        """A connection is lost."""
        raise AssertionError(why)

    def handle(self, request: object) -> None:
        """Answer at once."""
        self.handled += 1
        assert self.handled < 50, "it never comes to the next pass"
        request.answer(b"y")  # type: ignore[attr-defined]


def test_what_a_client_sends_upon_an_answer_is_not_taken_for_what_came_before_a_stall() -> None:
    loop = StalledLoop()
    Channel(QuickClient(), "peer", loop).ready()  # type: ignore[arg-type]
    assert loop.handled == 1
