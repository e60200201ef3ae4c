"""`python run.py`: one clear sentence when it cannot start, and a site when it can."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

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


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


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
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "run", "setup"],
        cwd=ROOT,
        env=environment(DATABASE_URL=f"postgresql://x@127.0.0.1:{free_port()}/x", INSTANCE_DIR=tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: the database cannot be used: ")
    assert done.stderr.count("\n") == 1


def test_redis_without_its_package_is_one_sentence(tmp_path):
    if importlib.util.find_spec("redis"):
        pytest.skip("the package redis is here")
    words = refusal(REDIS_URL="redis://127.0.0.1", PORT=free_port(), MODULE_PORT=0, INSTANCE_DIR=tmp_path)
    assert words.startswith("REDIS_URL is set, but the package redis is missing")
    assert words.count("\n") == 1


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


@pytest.mark.parametrize("version", ["2.7", "3.10", "3.14"])
def test_a_python_that_does_not_fit_is_one_sentence(tmp_path, version):
    stand_in = tmp_path / "python"
    stand_in.write_text(
        f"#!/bin/sh\ncase \"$2\" in *'print('*) echo {version};; *) exit 1;; esac\n"
    )
    stand_in.chmod(0o755)
    done = subprocess.run(
        ["sh", "tools/find_python.sh"],
        cwd=ROOT,
        env=environment(PYTHON=stand_in),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"Python 3.11, 3.12 or 3.13 is needed, but here is only {version}"
    )
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("proxies", "address"), [(0, "127.0.0.1"), (1, "192.0.2.7")])
def test_only_a_trusted_proxy_names_the_visitor(tmp_path, proxies, address):
    source = (
        "from flask import request; from run import app\n"
        "app.before_request_funcs = {None: [lambda: (request.remote_addr, 418)]}\n"
        "headers = {'X-Forwarded-For': '203.0.113.5, 192.0.2.7'}\n"
        "print(app.test_client().get('/', headers=headers).text)"
    )
    done = subprocess.run(
        [sys.executable, "-c", source],
        cwd=ROOT,
        env=environment(TRUSTED_PROXIES=proxies, INSTANCE_DIR=tmp_path, SECRET_KEY="k" * 40),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == address


@pytest.fixture
def started(tmp_path) -> Iterator[tuple[subprocess.Popen[str], int, list[str]]]:
    """The program, started from nothing, with what it printed until it was up."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "run.py"],
        cwd=ROOT,
        env=environment(PORT=port, INSTANCE_DIR=tmp_path / "instance", HOME=tmp_path / "home"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if "Efua" in line:  # the last of the demonstration's people
            break
    yield process, port, lines
    process.kill()
    process.wait()
    process.stdout.close()


def children_of(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children")
    direct = [int(word) for word in found.read_text().split()] if found.exists() else []
    return direct + [inner for child in direct for inner in children_of(child)]


def test_from_nothing_to_a_site_and_back(started, tmp_path):
    process, port, lines = started
    words = "".join(lines)
    assert f"runs on http://127.0.0.1:{port} " in words
    assert re.search(r"amara +demo +Amara", words)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/login/", timeout=60) as answer:
        assert answer.status == 200
    family = children_of(process.pid)
    assert len(family) >= 3  # the web server and its two workers
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    deadline = time.monotonic() + 5
    while any(Path(f"/proc/{pid}").exists() for pid in family) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [pid for pid in family if Path(f"/proc/{pid}").exists()] == []
    assert not (tmp_path / "home").exists(), "something was written into the home folder"
    private = [path for path in (tmp_path / "instance").iterdir() if path.stat().st_mode & 0o077]
    assert [path.name for path in private] == []
