"""The program: `python run.py` sets up, starts and watches everything; `run:app` is the WSGI app.

`flask` and gunicorn take `app` from here; it is built when it is first asked for, so that the
parent process stays small.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 (this is the place that says so)
    found = ".".join(map(str, sys.version_info[:2]))
    sys.exit(f"Python 3.11, 3.12 or 3.13 is needed; this is {found}.")

# An old Python must still reach the sentence above, so these come after it.
import fcntl
import os
import signal
import socket
import subprocess
import tempfile
from functools import partial
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import config
from app.module_process import LOOPBACK, answers, module_command, serves_module
from app.supervisor import Program, Supervisor

ROOT = Path(__file__).resolve().parent


def __getattr__(name: str) -> Any:
    """Build the WSGI application the first time somebody asks for `app`."""
    if name != "app":
        raise AttributeError(name)
    from app import create_app

    globals()["app"] = create_app()
    return globals()["app"]


class CannotStart(Exception):
    """One clear sentence for the person who typed `make run`."""


def _require_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise CannotStart(
            f"The folder {folder} cannot be written to ({error.strerror}): give yourself the "
            "right to, or choose another with INSTANCE_DIR=/path."
        ) from None


def _require_port(host: str, port: int, setting: str = "PORT") -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as error:
        raise CannotStart(
            f"The port {port} on {host} cannot be used ({error.strerror}): stop the other "
            f"program, or choose another port with {setting}={8081 if setting == 'PORT' else 9444} "
            "make run."
        ) from None


def _hold_folder(folder: Path) -> IO[bytes]:
    """One program per folder: a second one would move the first one's module to its own port.

    The lock is the open file's; it ends with this process, however that ends.
    """
    handle = os.open(folder / config.LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    file = os.fdopen(handle, "r+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise CannotStart(
            f"The program already runs on the folder {folder}: stop it, or choose another folder "
            "with INSTANCE_DIR=/path."
        ) from None
    return file


def _say_where(lock: IO[bytes]) -> None:
    """Links in letters that commands on this folder write lead here, though they know nothing of our PORT."""
    lock.truncate(0)  # the port of an earlier start is nobody's any more
    lock.write(config.load()["SITE_URL"].encode("ascii"))
    lock.flush()


def _require_queue(settings: dict[str, Any]) -> None:
    """A queue in Redis is there from the first moment; later it may go and come back (app/worker.py)."""
    if not settings["REDIS_URL"]:
        return
    import redis

    parts = urlsplit(settings["REDIS_URL"])  # NB: the whole of it holds the password
    try:
        redis.Redis.from_url(settings["REDIS_URL"], socket_connect_timeout=3, socket_timeout=3).ping()
    except (redis.RedisError, ValueError) as error:
        raise CannotStart(
            f"REDIS_URL is set, but Redis at {parts.hostname}:{parts.port or 6379} does not let us in ({error}): start "
            "it, or correct REDIS_URL. Without REDIS_URL the worker's queue is a file."
        ) from None


def _flask(*arguments: str) -> str:
    """One `flask` command to its end; what it printed.  Its failure ends the start."""
    command = [sys.executable, "-m", "flask", "--app", "run", *arguments]
    # A set-up by hand beside a running program must not move the module's port; ours may (app/setup_module.py).
    environment = {**os.environ, "RUN_PID": str(os.getpid())}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        print(done.stdout, end="")
        raise CannotStart(f"`flask {' '.join(arguments)}` failed; its own words stand above.")
    return done.stdout


def _web(settings: dict[str, Any], shown: str) -> Program:
    host, port = settings["HOST"], settings["PORT"]
    shared_memory = Path("/dev/shm")  # noqa: S108 (heartbeats must not wait for a disk)
    options = {
        "--bind": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        "--workers": str(settings["WORKERS"]),
        "--threads": str(settings["THREADS"]),
        "--worker-class": "gthread",
        "--timeout": "60",
        "--graceful-timeout": "8",
        "--limit-request-line": str(config.ADDRESS_MAX),
        "--log-level": "warning",
        "--logger-class": "app.logs_web.WebLog",
        "--chdir": str(ROOT),
    }
    if settings["TLS_CERTIFICATE"]:
        options |= {"--certfile": str(settings["TLS_CERTIFICATE"]), "--keyfile": str(settings["TLS_KEY"])}
    if shared_memory.is_dir():
        options["--worker-tmp-dir"] = str(shared_memory)
    flat = [word for pair in options.items() for word in pair]
    # The program is loaded once and its workers are forked from that: two start, and one that fell starts again, in a
    # moment.  It opens nothing and begins no thread before its first request.
    # NB: the control socket would be made in the home folder, and nobody here uses it.
    command = [sys.executable, "-m", "gunicorn", "--preload", "--no-control-socket", *flat, "run:app"]
    return Program("web server", command, is_up=lambda: answers(shown, port))


def _module(settings: dict[str, Any]) -> Program:
    up = partial(answers, LOOPBACK, settings["MODULE_PORT"])
    return Program("software module", module_command(settings), is_up=up)


def _worker() -> Program:
    command = [sys.executable, "-m", "app.worker"]
    return Program("worker", command, stop_signal=signal.SIGINT)


def _demonstration() -> Program:
    command = [sys.executable, "-m", "flask", "--app", "run", "demo", "load"]
    return Program("loading of the demonstration", command, once=True)


def _logins() -> str:
    """The demonstration's people, for whoever tries the program out."""
    from app.demo_data import PASSWORD, PEOPLE

    rows = [
        f"    {name:<8} {PASSWORD:<9} {first} {last}, {group}"
        for name, (first, last, group, *_) in PEOPLE.items()
    ]
    return "\n".join(["  Demonstration. Log in with a name and the password:", "", *rows, ""])


def start() -> int:
    """Check, set up, then run until a signal; the exit code."""
    os.umask(0o077)  # keys, books and secrets are nobody else's
    settings = config.load()
    host, port = settings["HOST"], settings["PORT"]
    _require_folder(settings["INSTANCE_DIR"])
    _require_port(host, port)
    if serves_module(settings):
        _require_port(LOOPBACK, settings["MODULE_PORT"], "MODULE_PORT")
    _require_queue(settings)
    with _hold_folder(settings["INSTANCE_DIR"]) as lock:
        _say_where(lock)
        _say("Setting up ...")
        done = _flask("setup")
        print(done, end="")
        shown = LOOPBACK if host in ("0.0.0.0", "::") else host  # noqa: S104 (asked for by HOST)
        return Supervisor(
            _programs(settings, shown), say=_say, on_up=lambda: _announce(settings, shown, done)
        ).run()


def _programs(settings: dict[str, Any], shown: str) -> list[Program]:
    """What runs, in the order in which it comes up."""
    programs = [_web(settings, shown), _worker()]
    if settings["DEMO"]:
        programs.insert(0, _demonstration())
    if serves_module(settings) and settings["MODULE_DIR"].exists():
        programs.insert(0, _module(settings))
    return programs


def _announce(settings: dict[str, Any], shown: str, done: str) -> None:
    scheme = "https" if settings["TLS_CERTIFICATE"] else "http"
    _say(f"\n  STS Vending runs on {scheme}://{shown}:{settings['PORT']}  (Ctrl-C stops it)\n")
    if settings["DEMO"]:
        _say(_logins())
    elif first := [line for line in done.splitlines() if line.startswith("first administrator")]:
        _say(f"  {first[0]}\n  The home page leads through the set-up (docs/setting-up.md).\n")


def _say(line: str) -> None:
    print(line, flush=True)


def main() -> int:
    """Start the program; whatever stands in the way is one sentence and exit code 1."""
    try:
        return start()
    except (CannotStart, config.SettingsError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # during setup, before the supervisor listens
        return 1


if __name__ == "__main__":
    sys.exit(main())
