"""Credit tokens per second of the module server: TLS over loopback, durable journal, 1 and 32 connections.

    .venv/bin/python bench/module.py [--quick] [--folder DIR]

The server and the caller are two processes; the caller sends the next request of a connection when its answer has
come.  Beside each row stands what bounds it: how many commits a second this disk takes, measured just before with
the same statements, how many requests shared a commit, and the processor time that both sides spent on a token.
A second pass keeps the folder in memory (/dev/shm), where a commit costs next to nothing: that is the program's
own bound.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import selectors
import socket
import ssl
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from app.sts import meter_number  # noqa: E402
from app.sts.demonstration import demonstration_keys  # noqa: E402
from app.sts.prism import folder as places  # noqa: E402
from app.sts.prism import journal_files, wire  # noqa: E402
from app.sts.prism.interface import API  # noqa: E402

TARGETS = {1: 1_500, 32: 5_000}
PASSWORD = "a password for benches"  # noqa: S105
_ID = b"m" + b"0" * 11


def frame_of(name: str, **arguments: Any) -> bytes:
    frame = wire.write_call(name, 1, **arguments)
    return struct.pack(">i", len(frame)) + frame


class Line:
    """One connection of the caller, with one request under way."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        plain = socket.create_connection(("127.0.0.1", port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = context.wrap_socket(plain)
        self.inbox, self.sent_at = b"", 0.0

    def call(self, name: str, **arguments: Any) -> Any:
        self.sock.sendall(frame_of(name, **arguments))
        while (answer := self.answer()) is None:
            pass
        return wire.read_reply(answer, name)

    def ask(self, frame: bytes) -> None:
        self.sent_at = time.perf_counter()
        self.sock.sendall(frame)

    def answer(self) -> bytes | None:
        """The answer, when it is whole."""
        self.inbox += self.sock.recv(16384)
        if len(self.inbox) < 4 or len(self.inbox) < 4 + struct.unpack_from(">i", self.inbox)[0]:
            return None
        answer, self.inbox = self.inbox[4:], b""
        return answer


def requests(access_token: str, start: int) -> Any:
    """Frames of credit requests for ever new messages, on a thousand meters."""
    meters = []
    for number in range(1000):
        body = f"{number:010d}"
        config = API.MeterConfigIn(
            drn=body + meter_number.check_digit(body), ea=7, tct=2, sgc=123456, krn=1, ti=1, ken=255,
            allowKrnUpdate=False, allowKenUpdate=False,
        )  # fmt: skip
        meters.append(
            frame_of(
                "issueCreditToken", messageId=_ID.decode(), accessToken=access_token, meterConfig=config,
                subclass=0, transferAmount=256.0, tokenTime=0, flags=0,
            )
        )  # fmt: skip
    number = start
    while True:
        yield meters[number % 1000].replace(_ID, b"m%011d" % number, 1)
        number += 1


def processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def commits(line: Line, access_token: str) -> int:
    """How many commits the server has made."""
    status = line.call("getStatus", messageId="commits", accessToken=access_token)
    return int(status[0].info["commits"])


def measure(
    server: subprocess.Popen[str], lines: list[Line], frames: Any, access_token: str, seconds: float
) -> dict[str, float]:
    """Keep one request under way on each line for a while."""
    before = commits(lines[0], access_token)
    selector = selectors.DefaultSelector()
    for line in lines:
        selector.register(line.sock, selectors.EVENT_READ, line)
    own, theirs = time.process_time(), processor_s(server.pid)
    answers, waits = [], []
    began = time.perf_counter()
    for line in lines:
        line.ask(next(frames))
    under_way = len(lines)
    while under_way:
        for key, _ in selector.select():
            line = key.data
            if (answer := line.answer()) is None:
                continue
            now = time.perf_counter()
            answers.append(answer)
            waits.append(now - line.sent_at)
            if now - began < seconds:
                line.ask(next(frames))
            else:
                under_way -= 1
    took = time.perf_counter() - began
    own, theirs = time.process_time() - own, processor_s(server.pid) - theirs
    tokens = [wire.read_reply(answer, "issueCreditToken")[0] for answer in answers]
    if len({(token.pan, token.tid) for token in tokens}) != len(tokens):
        sys.exit("a token id was given twice")
    waits.sort()
    shared = len(answers) / (commits(lines[0], access_token) - before)
    return {
        "shared": shared,
        "rate": len(answers) / took, "median_ms": 1000 * statistics.median(waits), "count": len(answers),
        "p99_ms": 1000 * waits[int(len(waits) * 0.99)], "server_us": 1e6 * theirs / len(answers),
        "caller_us": 1e6 * own / len(answers),
    }  # fmt: skip


def commits_a_second(folder: Path, seconds: float) -> float:
    """Durable commits of one answer each, as the journal makes them, without a server."""
    log = journal_files.Log(folder / f"floor-{time.time_ns()}")
    log.begin(0, journal=1, generation=1)
    payload, done, began = bytes(700), 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        log.applied = log.append(payload)
        done += 1
    log.close()
    return done / (time.perf_counter() - began)


def passes(folder: Path, where: str, seconds: float, repeats: int) -> list[str]:
    """Serve from a folder and measure each number of connections."""
    places.prepare(folder, vending_keys=demonstration_keys())
    places.add_user(folder, "bench", PASSWORD, ["issue", "status"])
    command = [sys.executable, "-m", "app.sts.prism.service", "--folder", str(folder), "--port", "0"]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None  # noqa: S101
    rows = []
    try:
        port = int(server.stdout.readline().split()[-1])
        context = ssl.create_default_context(cafile=str(folder / places.CERTIFICATE))
        context.check_hostname = False
        lines = [Line(port, context) for _ in range(max(TARGETS))]
        options = API.SessionOptions(version="1.1")
        signed = lines[0].call(
            "signInWithPassword", messageId="in", realm="local", username="bench",
            password=PASSWORD, sessionOpts=options,
        )  # fmt: skip
        frames = requests(signed.accessToken, 0)
        measure(server, lines, frames, signed.accessToken, seconds / 4)  # warm
        for count, target in TARGETS.items():
            floor = commits_a_second(folder, seconds / 4)
            runs = [measure(server, lines[:count], frames, signed.accessToken, seconds) for _ in range(repeats)]
            runs.sort(key=lambda run: run["rate"])
            run, best = runs[len(runs) // 2], runs[-1]["rate"]
            rows.append(
                f"| {where} | {count} | {run['rate']:,.0f} ({best:,.0f}) | {target:,} | {run['median_ms']:.1f} / {run['p99_ms']:.1f} "
                f"| {floor:,.0f} | {run['shared']:.1f} | {run['server_us']:.0f} | {run['caller_us']:.0f} |"
            )
        peak = Path(f"/proc/{server.pid}/status").read_text().split("VmHWM:")[1].split()[0]
        print(f"{where}: the server's largest memory {int(peak) // 1024} MiB")
    finally:
        server.terminate()
        server.wait()
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--folder", type=Path, help="a disk to measure; the temporary folder by default")
    given = parser.parse_args()
    seconds, repeats = (1.0, 1) if given.quick else (4.0, 5)
    rows = []
    with contextlib.ExitStack() as end:
        disk = Path(end.enter_context(tempfile.TemporaryDirectory(dir=given.folder)))
        rows += passes(disk / "module", "disk", seconds, repeats)
        if Path("/dev/shm").is_dir():  # noqa: S108  memory is what is wanted
            memory = Path(end.enter_context(tempfile.TemporaryDirectory(dir="/dev/shm")))
            rows += passes(memory / "module", "memory", seconds, repeats)
    print(
        "| journal on | connections | tokens /s, median (best) | aim | answer ms, median / p99 "
        "| commits /s alone | tokens a commit | server us a token | caller us a token |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|"
    )
    print("\n".join(rows))


if __name__ == "__main__":
    main()
