"""The parent of all processes, tried with small programs of our own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
GREETING = "all up"


def a_parent(children: str, folder: Path, **options: float | tuple[float, ...]) -> str:
    """A program that supervises `children`, an expression; each notes its process id."""
    return textwrap.dedent(f"""
        import signal, sys
        from app.supervisor import Program, Supervisor
        folder = {str(folder)!r}
        note = "import os, sys, time, signal; open(sys.argv[1], 'a').write(f'{{os.getpid()}}\\\\n');"
        def child(name, then, **more):
            return Program(name, [sys.executable, "-c", note + then, folder + "/" + name], **more)
        say = lambda line: print(line, flush=True)
        sys.exit(Supervisor({children}, say=say, on_up=lambda: say("{GREETING}"), **{options}).run())
    """)


@contextmanager
def running(source: str) -> Iterator[subprocess.Popen[str]]:
    parent = subprocess.Popen(
        [sys.executable, "-c", source], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        yield parent
    finally:
        parent.kill()
        parent.wait()
        assert parent.stdout is not None
        parent.stdout.close()


def words(parent: subprocess.Popen[str]) -> str:
    assert parent.stdout is not None
    return parent.stdout.readline().strip()


def pids(note: Path, at_least: int = 1) -> list[int]:
    """The process ids that a child has noted, as soon as there are enough."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = note.read_text().split() if note.exists() else []
        if len(found) >= at_least:
            return [int(word) for word in found]
        time.sleep(0.02)
    raise AssertionError(f"{note.name} has not started {at_least} times")


def is_gone(pid: int, within_s: float = 5) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        status = Path(f"/proc/{pid}/status")
        if status.exists() and "State:\tZ" in status.read_text():
            return True  # dead, and nobody has asked for its exit code yet
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_every_child(tmp_path, number):
    children = "[child('web', 'time.sleep(60)'), child('worker', 'time.sleep(60)')]"
    with running(a_parent(children, tmp_path)) as parent:
        assert words(parent) == GREETING
        started = pids(tmp_path / "web") + pids(tmp_path / "worker")
        parent.send_signal(number)
        assert parent.wait(10) == 0
        assert all(is_gone(pid) for pid in started)


def test_a_child_that_does_not_listen_is_ended_all_the_same(tmp_path):
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN); open(sys.argv[1], 'a').write('1 '); time.sleep(60)"
    with running(a_parent(f"[child('deaf', {deaf!r})]", tmp_path, patience_s=0.5)) as parent:
        assert words(parent) == GREETING
        pid, _listens_no_more = pids(tmp_path / "deaf", at_least=2)
        parent.terminate()
        assert parent.wait(10) == 0
        assert is_gone(pid)


def test_what_a_child_started_ends_with_it(tmp_path):
    forks = "os.fork(); open(sys.argv[1], 'a').write(f'{os.getpid()}\\\\n'); time.sleep(60)"
    with running(a_parent(f'[child("web", "{forks}")]', tmp_path)) as parent:
        started = pids(tmp_path / "web", at_least=3)
        parent.terminate()
        assert parent.wait(10) == 0
        assert all(is_gone(pid) for pid in started)


@pytest.mark.skipif(sys.platform != "linux", reason="the death signal is a gift of Linux")
def test_children_do_not_outlive_a_parent_that_was_killed(tmp_path):
    with running(a_parent("[child('web', 'time.sleep(60)')]", tmp_path)) as parent:
        assert words(parent) == GREETING
        (pid,) = pids(tmp_path / "web")
        parent.kill()
        assert is_gone(pid)


def test_a_child_that_falls_over_is_started_again_later_each_time(tmp_path):
    source = a_parent("[child('web', 'time.sleep(0.5)')]", tmp_path, back_off_s=(0.1, 0.2))
    with running(source) as parent:
        assert words(parent) == GREETING
        assert words(parent) == "The web ended (exit code 0); again in 0.1 s."
        assert words(parent) == "The web ended (exit code 0); again in 0.2 s."
        assert len(pids(tmp_path / "web", at_least=3)) >= 3


def test_a_child_that_never_came_up_ends_the_program(tmp_path):
    source = a_parent("[child('web', 'sys.exit(3)')]", tmp_path).replace(
        'folder + "/" + name], **more)', 'folder + "/" + name], is_up=lambda: False)'
    )
    with running(source) as parent:
        assert words(parent) == "The web did not start; its own words stand above."
        assert parent.wait(10) == 1


def test_one_is_started_only_when_those_before_it_are_up(tmp_path):
    first = "time.sleep(0.4); open(sys.argv[1] + '.up', 'w'); time.sleep(60)"
    children = (
        f"[child('first', \"{first}\", is_up=lambda: os.path.exists(folder + '/first.up')),"
        " child('second', 'assert os.path.exists(sys.argv[1][:-6] + \"first.up\"); open(sys.argv[1], \"a\").write(\"1 \"); time.sleep(60)')]"
    )
    with running("import os\n" + a_parent(children, tmp_path)) as parent:
        assert words(parent) == GREETING
        assert pids(tmp_path / "second", at_least=2)[1:] == [1], "the first was not up"
        parent.terminate()
        assert parent.wait(10) == 0


def test_what_is_done_once_is_waited_for_and_not_done_again(tmp_path):
    children = "[child('load', 'time.sleep(0.3)', once=True), child('web', 'time.sleep(60)')]"
    with running(a_parent(children, tmp_path, back_off_s=(0.05, 0.05))) as parent:
        assert words(parent) == GREETING
        pids(tmp_path / "web")
        time.sleep(0.4)
        assert len(pids(tmp_path / "load")) == 1
        parent.terminate()
        assert parent.wait(10) == 0


def test_what_is_done_once_and_fails_ends_the_program(tmp_path):
    children = "[child('load', 'sys.exit(3)', once=True), child('web', 'time.sleep(60)')]"
    with running(a_parent(children, tmp_path)) as parent:
        assert words(parent) == "The load failed; its own words stand above."
        assert parent.wait(10) == 1
    assert not (tmp_path / "web").exists()


def test_each_is_asked_to_end_by_its_own_signal(tmp_path):
    told = "signal.signal(signal.{0}, lambda *_: (open(sys.argv[1], 'a').write('0 '), sys.exit())); open(sys.argv[1], 'a').write('1 '); time.sleep(60)"
    children = (
        f"[child('web', {told.format('SIGTERM')!r}),"
        f" child('worker', {told.format('SIGINT')!r}, stop_signal=signal.SIGINT)]"
    )
    with running(a_parent(children, tmp_path)) as parent:
        assert words(parent) == GREETING
        pids(tmp_path / "web", at_least=2), pids(tmp_path / "worker", at_least=2)  # they listen
        parent.send_signal(signal.SIGINT)
        assert parent.wait(10) == 0
    assert (pids(tmp_path / "web")[1:], pids(tmp_path / "worker")[1:]) == ([1, 0], [1, 0])
