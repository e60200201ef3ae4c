"""`python run.py`: one clear sentence when it cannot start, and a site when it can."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from flask import request

import config
import run
from tests.fixtures.application import build
from tests.fixtures.ports import free_port, free_ports
from tests.sts.prism.certificates import make_certificate
from tools import fastest_python

ROOT = Path(__file__).resolve().parents[1]


def environment(**settings: object) -> dict[str, str]:
    """The settings given, and nothing else: an empty home folder too."""
    return {"PATH": os.environ["PATH"], **{name: str(value) for name, value in settings.items()}}


def refusal(**settings: object) -> str:
    done = subprocess.run(
        [sys.executable, "run.py"],
        cwd=ROOT,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    return done.stderr


def test_a_busy_port_is_one_sentence(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        words = refusal(PORT=port, INSTANCE_DIR=tmp_path)
    assert words.startswith(f"The port {port} on 127.0.0.1 cannot be used")
    assert words.count("\n") == 1


def test_a_busy_port_of_the_module_is_one_sentence_that_names_its_setting(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        words = refusal(PORT=free_port(), MODULE_PORT=port, INSTANCE_DIR=tmp_path)
    assert words.startswith(f"The port {port} on 127.0.0.1 cannot be used")
    assert "MODULE_PORT=" in words
    assert words.count("\n") == 1


def test_a_database_of_another_make_is_one_sentence():
    assert refusal(DATABASE_URL="mysql://x") == (
        "The setting DATABASE_URL is 'mysql://x': it must begin with postgresql:// or sqlite://.\n"
    )


def test_a_database_that_does_not_answer_is_one_sentence(tmp_path):
    address = f"postgresql://x@127.0.0.1:{free_port()}/x"
    done = build(address, tmp_path).test_cli_runner().invoke(args=["setup"])
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: the database cannot be used: ")
    assert done.stderr.count("\n") == 1


def test_a_redis_that_is_not_there_is_one_sentence_without_its_password(tmp_path):
    port = free_port()
    words = refusal(
        REDIS_URL=f"redis://:secret@127.0.0.1:{port}/0", PORT=free_port(), MODULE_PORT=0, INSTANCE_DIR=tmp_path
    )
    assert words.startswith(f"REDIS_URL is set, but Redis at 127.0.0.1:{port} does not let us in (")
    assert "Connection refused" in words
    assert "secret" not in words
    assert words.count("\n") == 1


def test_an_address_that_is_none_of_redis_is_one_sentence(tmp_path):
    words = refusal(REDIS_URL="http://127.0.0.1", PORT=free_port(), MODULE_PORT=0, INSTANCE_DIR=tmp_path)
    assert words.startswith("REDIS_URL is set, but Redis at 127.0.0.1:6379 does not let us in (")
    assert words.count("\n") == 1


def test_a_folder_that_another_one_runs_on_is_one_sentence(tmp_path):
    """Else the second would move the first one's module to its own port."""
    with (tmp_path / "run.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        words = refusal(PORT=free_port(), MODULE_PORT=free_port(), INSTANCE_DIR=tmp_path)
    assert words.startswith(f"The program already runs on the folder {tmp_path}")
    assert words.count("\n") == 1
    assert not (tmp_path / "vending.db").exists()


def test_an_unwritable_folder_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    words = refusal(INSTANCE_DIR=tmp_path / "file" / "instance")
    assert words.startswith("The folder ")
    assert "INSTANCE_DIR" in words
    assert words.count("\n") == 1


def test_a_wrong_setting_is_one_sentence():
    assert refusal(PORT="http") == (
        "The setting PORT is 'http': it must be a whole number from 1 to 65535.\n"
    )


def stand_in(path, version):
    """A Python of this version, which does not fit."""
    path.write_text(f"#!/bin/sh\ncase \"$2\" in *'print('*) echo {version} $0;; *) exit 1;; esac\n")
    path.chmod(0o755)


def found_python(**settings):
    return subprocess.run(
        ["/bin/sh", "tools/find_python.sh"], cwd=ROOT, env=environment(**settings), capture_output=True, text=True, check=False
    )


def test_a_python_that_does_not_fit_is_one_sentence(tmp_path):
    for version in ("2.7", "3.10", "3.14"):
        stand_in(tmp_path / "python", version)
        done = found_python(PYTHON=tmp_path / "python")
        assert done.returncode == 1
        assert done.stderr.startswith(f"Python 3.11, 3.12 or 3.13 is needed, but here is only {version}:")
        assert done.stderr.count("\n") == 1
    missing = found_python(PYTHON=tmp_path / "nothing")
    assert (missing.returncode, missing.stderr.count("\n")) == (1, 1)
    assert missing.stderr.startswith(f"PYTHON names {tmp_path / 'nothing'}, and there is no Python")


def test_the_first_python_on_the_path_is_taken_unless_another_is_much_faster(tmp_path, monkeypatch):
    looks = {"slow": iter((1000, 1400, 1100, 1000)), "fast": iter((1300, 790, 1200, 1200)), "like": iter((990, 810, 900, 900))}
    monkeypatch.setattr(fastest_python, "microseconds", lambda python: next(looks[python]))
    assert fastest_python.fastest(["slow", "fast"]) == "fast"
    looks["slow"] = iter((1000, 1400, 1100, 1000))
    assert fastest_python.fastest(["slow", "like"]) == "slow"
    # Under two names it is one, and with none to compare it with it is taken at once.
    for name in ("python3", "python"):
        (tmp_path / name).symlink_to(sys.executable)
    done = found_python(PATH=tmp_path, PYTHON="python3 python")
    assert (done.stdout.strip(), done.stderr) == (str(tmp_path / "python3"), "")


@pytest.mark.parametrize(("trusted", "visitor"), [(0, "127.0.0.1"), (1, "192.0.2.7")])
def test_only_a_trusted_proxy_names_the_visitor(tmp_path, monkeypatch, trusted, visitor):
    for name, value in {"INSTANCE_DIR": tmp_path, "SECRET_KEY": "k" * 40, "TRUSTED_PROXIES": trusted}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr(run, "app", None, raising=False)  # as nobody had asked for it, and nobody after us does
    app = run.__getattr__("app")
    app.before_request_funcs = {None: [lambda: (request.remote_addr, 418)]}
    assert app.test_client().get("/", headers={"X-Forwarded-For": "203.0.113.5, 192.0.2.7"}).text == visitor


class Site(NamedTuple):
    """The program, started from nothing, with what it printed until it was up."""

    process: subprocess.Popen[str]
    port: int
    module_port: int
    lines: list[str]
    folder: Path


def until_up(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if "Efua" in line:  # the last of the demonstration's people
            break
    return lines


def test_with_a_certificate_the_web_server_speaks_tls_and_nothing_in_the_clear(tmp_path):
    made, port = make_certificate(tmp_path, "web"), free_port()
    told = {"PORT": port, "WORKERS": 1, "INSTANCE_DIR": tmp_path, "TLS_CERTIFICATE": made.file, "TLS_KEY": made.key_file}
    program = run._web(config.load({name: str(value) for name, value in told.items()}), "127.0.0.1")
    command = [*program.command[:-1], "wsgiref.simple_server:demo_app"]  # the server is tried, not what it serves
    process = subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    trusting = ssl.create_default_context(cafile=str(made.file))
    try:
        assert wait_for(program.is_up)
        with urllib.request.urlopen(f"https://127.0.0.1:{port}/", context=trusting, timeout=10) as answer:
            assert b"Hello world" in answer.read() and answer.status == 200
        with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
            plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert b"Hello world" not in plain.recv(1000)
    finally:
        process.terminate()
        process.wait()


@contextmanager
def running(folder: Path, **settings: object) -> Iterator[Site]:
    port, module_port = free_ports(2)
    process = subprocess.Popen(
        [sys.executable, "run.py"],
        cwd=ROOT,
        env=environment(
            **({"PORT": port, "MODULE_PORT": module_port, "INSTANCE_DIR": folder, "HOME": folder.parent / "home", "DEMO_SIZE": "small"}
            | settings)
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield Site(process, port, module_port, until_up(process), folder)
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def children_of(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children")
    direct = [int(word) for word in found.read_text().split()] if found.exists() else []
    return direct + [inner for child in direct for inner in children_of(child)]


def command_of(pid: int) -> str:
    line = Path(f"/proc/{pid}/cmdline")
    return line.read_text().replace("\0", " ") if line.exists() else ""


def the_one(pid: int, words: str) -> int | None:
    found = [child for child in children_of(pid) if words in command_of(child)]
    return found[0] if found else None


def wait_for(what: Callable[[], object], within_s: float = 20) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if what():
            return True
        time.sleep(0.05)
    return False


def rows(folder: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder / "vending.db")) as books:
        return books.execute(query).fetchall()


def answers(port: int) -> bool:
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="it looks at processes through /proc")
def test_from_nothing_to_a_site_and_back(tmp_path):
    with running(tmp_path / "instance", WORKERS=1) as site:
        words = "".join(site.lines)
        assert f"runs on http://127.0.0.1:{site.port} " in words
        assert f"registered on 127.0.0.1 port {site.module_port}, with 5 keys" in words
        assert re.search(r"amara +demo +Amara", words)
        with urllib.request.urlopen(f"http://127.0.0.1:{site.port}/login/", timeout=60) as answer:
            assert answer.status == 200
        with urllib.request.urlopen(f"http://127.0.0.1:{site.port}/login/?next={'/' * 8_000}", timeout=60) as answer:
            assert answer.status == 200  # as long an address as a report's filters make
        # A command in a shell that knows only the folder writes links that lead here.
        assert config.load({"INSTANCE_DIR": str(site.folder)})["SITE_URL"] == f"http://127.0.0.1:{site.port}"
        # The demonstration was sold through the module's own process.
        (kind,) = rows(site.folder, "SELECT kind FROM security_module")
        assert kind == ("prism",)
        assert rows(site.folder, "SELECT count(*) FROM module_answer") == [(0,)]
        assert rows(site.folder, "SELECT DISTINCT status FROM sale") == [("issued",)]
        # The worker says that it lives, and that the module does.
        assert wait_for(lambda: rows(site.folder, "SELECT name FROM sign_of_life"))
        assert wait_for(lambda: rows(site.folder, "SELECT 1 FROM module_health WHERE up"))
        # A module that is killed is started again.
        first = the_one(site.process.pid, "prism.service")
        assert first is not None
        os.kill(first, signal.SIGKILL)
        assert wait_for(lambda: the_one(site.process.pid, "prism.service") not in (None, first))
        assert wait_for(lambda: answers(site.module_port))
        family = children_of(site.process.pid)
        assert len(family) >= 4  # module, worker, the web server and its own worker
        site.process.send_signal(signal.SIGINT)
        assert site.process.wait(30) == 0
        assert wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in family), 5)
    assert not (tmp_path / "home").exists(), "something was written into the home folder"
    private = [path for path in site.folder.rglob("*") if path.stat().st_mode & 0o077]
    assert [path.name for path in private] == []
