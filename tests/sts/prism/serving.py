"""A module server in a thread or a process of its own, and the plainest of callers, for the tests of the service."""

from __future__ import annotations

import hashlib
import itertools
import socket
import ssl
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import pytest

from app.sts import keystore
from app.sts.demonstration import demonstration_keys
from app.sts.keystore import VendingKey, write_private
from app.sts.prism import folder as places
from app.sts.prism import journal_tables, wire
from app.sts.prism.interface import API
from app.sts.prism.service import Settings, serve

ROOT = Path(__file__).resolve().parents[3]
PASSWORD = "a password of the tests"


@dataclass
class Server:
    """Where a running server is; ``closed`` callers are closed with it."""

    folder: Path
    port: int
    process: subprocess.Popen[str] | None = None
    closed: list[Caller] = field(default_factory=list)

    def caller(self, name: str | None = places.FIRST_USER, password: str = PASSWORD) -> Caller:
        """A connection, signed in unless the name is None."""
        caller = Caller(self.folder, self.port)
        self.closed.append(caller)
        if name is not None:
            caller.sign_in(name, password)
        return caller


class Caller:
    """One TLS connection that trusts the folder's certificate only."""

    def __init__(self, folder: Path, port: int, timeout: float = 30.0) -> None:
        context = ssl.create_default_context(cafile=str(folder / places.CERTIFICATE))
        plain = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.sock = context.wrap_socket(plain, server_hostname="127.0.0.1")
        self._file = self.sock.makefile("rb")
        self._numbers = itertools.count(1)
        self.access_token = ""

    def sign_in(self, name: str, password: str, **changes: Any) -> None:
        """Get an access token for later calls."""
        options = API.SessionOptions(version=changes.pop("version", "1.1"))
        said = {"messageId": "in", "realm": "local", "username": name, "password": password}
        self.access_token = self("signInWithPassword", **(said | changes), sessionOpts=options).accessToken

    def __call__(self, method: str, **arguments: Any) -> Any:
        """Call a method; message id and access token are filled in where it takes them."""
        wanted = {item[1] for item in getattr(API.ModuleAdmin, f"{method}_args").thrift_spec.values()}
        number = next(self._numbers)
        filled = {"messageId": f"call.{number}", "accessToken": self.access_token}
        filled = {name: value for name, value in filled.items() if name in wanted}
        self.send(wire.write_call(method, number, **(filled | arguments)))
        return wire.read_reply(self.receive(), method)

    def credit(self, message_id: str, meter: Any = None, **changes: Any) -> list[Any]:
        """Ask for a credit token of 25.6 kWh."""
        asked = {"subclass": 0, "transferAmount": 256.0, "tokenTime": 0, "flags": 0} | changes
        made: list[Any] = self(
            "issueCreditToken", messageId=message_id, meterConfig=meter or meter_config(), **asked
        )
        return made

    def send(self, frame: bytes) -> None:
        """Send one frame."""
        self.sock.sendall(struct.pack(">i", len(frame)) + frame)

    def receive(self) -> bytes:
        """The next frame; EOFError when the server hung up."""
        head = self._file.read(4)
        if len(head) < 4:
            raise EOFError
        return self._file.read(struct.unpack(">i", head)[0])

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self.sock.close()


def meter_config(**changes: Any) -> Any:
    """The compliance meter under the demonstration's STS6 key; nothing is changed by itself."""
    plain = {
        "drn": "00000000000", "ea": 7, "tct": 2, "sgc": 201457, "krn": 1, "ti": 1, "ken": 255,
        "allowKrnUpdate": False, "allowKenUpdate": False,
    }  # fmt: skip
    return API.MeterConfigIn(**(plain | changes))


def refusal(work: Callable[..., Any], *arguments: Any, **named: Any) -> str:
    """The code of the ApiException that a call is answered with."""
    with pytest.raises(API.ApiException) as caught:
        work(*arguments, **named)
    assert caught.value.eMsgEn, "a refusal says why"
    return str(caught.value.eCode)


def prepared(folder: Path, keys: Iterable[VendingKey] | None = None) -> Path:
    """A folder with keys (the demonstration's) and the first user with a known password."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The journal first, as `prepare` makes it: one that is missing beside keys was lost.
    journal_tables.opened(folder / places.JOURNAL).close()
    for name, content in _made_once(demonstration_keys() if keys is None else tuple(keys)).items():
        write_private(folder / name, content)
    places.prepare(folder)
    return folder


_made: dict[str, dict[str, bytes]] = {}


def _made_once(keys: tuple[VendingKey, ...]) -> dict[str, bytes]:
    """The files whose making is dear on purpose (scrypt): once a run for the same keys.

    The key store says in itself how dear it is to open, and is cheap; that ours are dear is tested where they are made.
    """
    known = hashlib.sha256(repr([(key.facts(), bytes(key.material)) for key in keys]).encode()).hexdigest()
    if known not in _made:
        with TemporaryDirectory() as room, mock.patch.dict(keystore._COST, {"n": 16}):
            folder = Path(room)
            places.prepare(folder, vending_keys=keys)
            places.add_user(folder, places.FIRST_USER, PASSWORD, ("issue", "engineering", "verify", "status", "admin"))
            names = (places.PASSPHRASE, places.KEYSTORE, places.USERS)
            _made[known] = {name: (folder / name).read_bytes() for name in names}
    return _made[known]


@contextmanager
def served(folder: Path, settings: Settings | None = None) -> Iterator[Server]:
    """Serve a prepared folder in a thread."""
    stop, listening, ports = threading.Event(), threading.Event(), []
    troubles: list[BaseException] = []

    def heard(port: int) -> None:
        ports.append(port)
        listening.set()

    def run() -> None:
        try:
            serve(folder, "127.0.0.1", 0, stop, settings, heard)
        except BaseException as trouble:  # noqa: BLE001  told to the test below
            troubles.append(trouble)
        finally:
            listening.set()

    thread = threading.Thread(target=run, name="module server")
    thread.start()
    listening.wait()
    try:
        if not ports:
            raise troubles[0]
        server = Server(folder, ports[0])
        yield server
    finally:
        if ports:
            for caller in server.closed:
                caller.close()
        stop.set()
        thread.join()
    if troubles:
        raise troubles[0]


@contextmanager
def process(folder: Path, *options: str) -> Iterator[Server]:
    """Serve a prepared folder in a process, as `flask module serve` does."""
    command = [sys.executable, "-m", "app.sts.prism.service", "--folder", str(folder), "--port", "0", *options]
    running = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert running.stdout is not None
    line = running.stdout.readline()
    try:
        if not line:
            raise RuntimeError(running.communicate()[1])
        server = Server(folder, int(line.split()[-1]), running)
        yield server
        for caller in server.closed:
            caller.close()
    finally:
        running.kill()
        running.communicate()


def patiently(ask: Any) -> Any:
    """Ask again while the server says EService: on a busy machine a question may itself wait too long."""
    for _ in range(20):
        try:
            return ask()
        except API.ApiException as refused:
            if refused.eCode != "EService":
                raise
    return ask()
