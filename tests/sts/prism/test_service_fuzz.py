"""Broken frames and garbage against a module server in a process of its own, and how much it grows by."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.sts.prism import wire
from app.sts.prism.interface import API
from tests.sts.prism.serving import PASSWORD, Server, meter_config, prepared, process

#: What the server's process may grow by in a fuzz, in MiB: docs/module_server.md states the same bound.
GROWTH_MIB = 64


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared(tmp_path_factory.mktemp("module"))


def _mutated(chance: random.Random, frame: bytes) -> bytes:
    data = bytearray(frame)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        way, at = chance.randrange(5), chance.randrange(len(data) or 1)
        if way == 0 and data:
            data[at] = chance.randrange(256)
        elif way == 1:
            del data[at : at + chance.randrange(1, 9)]
        elif way == 2:
            data[at:at] = chance.randbytes(chance.randrange(1, 9))
        elif way == 3:
            data[at : at + 4] = struct.pack(">i", chance.choice((-1, 0, 2**31 - 1, -(2**31), 65536, 255)))
        else:
            data[at:at] = data[chance.randrange(len(data) or 1) :][:40]
    return bytes(data)


def _samples(access_token: str) -> list[bytes]:
    signed = {"messageId": "fuzz", "accessToken": access_token}
    amount = {"subclass": 0, "transferAmount": 1.0, "tokenTime": 0, "flags": 0}
    new = API.MeterConfigAmendment(toSgc=201457, toKrn=2, toTi=1)
    config = meter_config(newConfig=new, doe="2901")
    return [
        wire.write_call("ping", 1, sleepMs=0, echo="hello"),
        wire.write_call("getStatus", 2, **signed),
        wire.write_call("issueCreditToken", 3, **signed, meterConfig=config, **amount),
        wire.write_call("issueKeyChangeTokens", 4, **signed, meterConfig=config, newConfig=new),
        wire.write_call("verifyToken", 5, **signed, meterConfig=config, tokenDec="1" * 20),
        wire.write_call("parseIdRecord", 6, **signed, idRecord="1" * 35),
        wire.write_call("countsPerDay", 7, **signed, fromDay="2026-01-01", toDay="2026-02-01"),
        wire.write_call("loadTransactionLicense", 8, **signed, licenseText="STS-TRANSACTION-LICENCE 1\n"),
    ]


def _resident_mib(server: Server) -> int:
    assert server.process is not None
    text = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(text.split("VmHWM:")[1].split()[0]) // 1024


def fuzz(server: Server, chance: random.Random, frames: int) -> dict[str, int]:
    """Send broken frames; count what came of them."""
    counts = {"frames": frames, "answered": 0, "hung up": 0}
    call = server.caller()
    samples = _samples(call.access_token)
    for _ in range(frames):
        frame = _mutated(chance, chance.choice(samples))
        lie = chance.random() < 0.05
        length = chance.choice((-1, 0, 2**31 - 1, len(frame) + 3)) if lie else len(frame)
        try:
            call.sock.settimeout(0.1)  # a mutated ping may sleep for a minute
            call.sock.sendall(struct.pack(">i", length) + frame)
            if length > len(frame):  # the server waits for the rest; hang up in the middle
                raise EOFError  # noqa: TRY301
            call.receive()
            counts["answered"] += 1
        except (OSError, EOFError):
            counts["hung up"] += 1
            call.close()
            call = server.caller(None)
    garbage: list[Callable[[], bytes]] = [lambda: chance.randbytes(200), lambda: b"\x16\x03\x01\0\x80" + chance.randbytes(128)]
    for _ in range(max(3, frames // 100)):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", server.port)) as sock:
            sock.sendall(chance.choice(garbage)())
    return counts


def _fuzz_a_process(folder: Path, seed: int, frames: int) -> dict[str, Any]:
    with process(folder) as server:
        assert server.process is not None
        call = server.caller()
        before = _resident_mib(server)
        counts: dict[str, Any] = fuzz(server, random.Random(seed), frames)
        assert server.process.poll() is None
        assert counts["answered"] > frames // 4
        call.sign_in("vending", PASSWORD)
        assert call.credit(f"after.{seed}")
        counts["peak MiB"] = _resident_mib(server)
        counts["grown MiB"] = counts["peak MiB"] - before
        assert counts["grown MiB"] < GROWTH_MIB
    return counts


def test_broken_frames_are_answered_or_hung_up_on(folder: Path, seed: int) -> None:
    _fuzz_a_process(folder, seed, 500)


@pytest.mark.deep
@pytest.mark.one_database
def test_thirty_thousand_broken_frames(folder: Path, seed: int, deep_record: Any) -> None:
    deep_record("fuzz of the module server's port", **_fuzz_a_process(folder, seed, 30_000))
