"""The parent of every process that `make run` starts: start, watch, restart, end them all.

Guarantees: a child never outlives the parent (its own session, and on Linux a death signal
from the kernel, so that even `kill -9` of the parent ends them); Ctrl-C and SIGTERM end every
child, at the latest after `patience_s`; a child that falls over is started again, later each
time; one that never came up ends the program.  They come up one after another, in the order
given, so that each finds those before it.  Standard library only: the parent stays small.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType

PATIENCE_S = 10.0
BACK_OFF_S = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
STEADY_S = 60.0  # alive this long, a child has earned a quick restart again
PR_SET_PDEATHSIG = 1
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Program:
    """One child: its name in messages, its command, and how to see that it is up.

    `once`: it does one thing and is up when it has ended well; it is not started again.
    `stop_signal` asks it to finish what it does and end.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    is_up: Callable[[], bool] = lambda: True
    once: bool = False
    stop_signal: signal.Signals = signal.SIGTERM


@dataclass(slots=True)
class _Child:
    program: Program
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    due: float = 0.0
    falls: int = 0
    was_up: bool = False


def _die_with(parent: int) -> Callable[[], None]:
    """What the child does between fork and exec: ask the kernel to end it with its parent."""
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def prepare() -> None:
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:  # the parent died before the request stood
                os._exit(1)

    return prepare


class Supervisor:
    """Runs programs until a signal ends it or one of them cannot be started.

    `say` prints one line; `on_up` is called once, when all programs are up.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        say: Callable[[str], None],
        on_up: Callable[[], None] = lambda: None,
        patience_s: float = PATIENCE_S,
        back_off_s: Sequence[float] = BACK_OFF_S,
    ) -> None:
        self._children = [_Child(program) for program in programs]
        self._say = say
        self._on_up = on_up
        self._patience_s = patience_s
        self._back_off_s = back_off_s
        self._ending = False

    def run(self) -> int:
        """Start, watch and end the children; the exit code: 0 ended by a signal, 1 no start."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        os.set_blocking(reader, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in ENDING:
            signal.signal(number, self._end)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)  # only to wake the select
        try:
            return self._watch(reader)
        finally:
            self._stop_all()
            signal.set_wakeup_fd(-1)
            os.close(reader)
            os.close(writer)

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self._ending = True

    def _watch(self, reader: int) -> int:
        announced = False
        while not self._ending:
            for child in self._children:
                if not self._tend(child):
                    return 1
                if not child.was_up:
                    break  # those after it need it
            if not announced and all(child.was_up for child in self._children):
                announced = True
                self._on_up()
            _wait(reader, 1.0 if announced else 0.1)
        return 0

    def _tend(self, child: _Child) -> bool:
        """Start `child` when it is due, see whether it is up; False: it never came up."""
        now = time.monotonic()
        if child.process is None:
            if child.program.once and child.was_up:
                return True
            if now >= child.due:
                self._start(child)
            return True
        code = child.process.poll()
        if code is None:
            child.was_up = child.was_up or (not child.program.once and child.program.is_up())
            return True
        _kill_group(child.process)  # whatever it started and left behind
        child.process = None
        if child.program.once and code == 0:
            child.was_up = True
            return True
        if not child.was_up:
            what = "failed" if child.program.once else "did not start"
            self._say(f"The {child.program.name} {what}; its own words stand above.")
            return False
        child.falls = 0 if now - child.started > STEADY_S else child.falls
        pause = self._back_off_s[min(child.falls, len(self._back_off_s) - 1)]
        child.falls += 1
        child.due = now + pause
        self._say(f"The {child.program.name} ended ({_how(code)}); again in {pause:g} s.")
        return True

    def _start(self, child: _Child) -> None:
        child.started = time.monotonic()
        child.process = subprocess.Popen(
            list(child.program.command),
            env={**os.environ, **child.program.environment},
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C reaches the parent alone, which ends them in order
            preexec_fn=_die_with(os.getpid()),  # noqa: PLW1509 (the parent has one thread)
        )

    def _stop_all(self) -> None:
        running = [
            (child.program, child.process) for child in self._children if child.process is not None
        ]
        for program, process in running:
            process.send_signal(program.stop_signal)  # NB: quietly nothing when it has ended
        deadline = time.monotonic() + self._patience_s
        for _, process in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            _kill_group(process)
            process.wait()


def _wait(reader: int, seconds: float) -> None:
    """Sleep, but wake at once for a signal or the end of a child."""
    if select.select([reader], [], [], seconds)[0]:
        os.read(reader, 4096)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the child's whole session; nothing left there is no error."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
