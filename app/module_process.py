"""The software module's own process: whether there is one here, how it is started, and one for a while."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

LOOPBACK = "127.0.0.1"
UP_WITHIN_S = 30.0


def serves_module(settings: Mapping[str, Any]) -> bool:
    """Whether the software module runs in a process of its own, here.

    It does not in an installation whose keys still lie beside the books (docs/operations.md).
    """
    if not (settings["MODULE_PORT"] and settings["SOFTWARE_MODULE_ALLOWED"]):
        return False
    return bool(settings["MODULE_DIR"].exists() or not settings["KEYSTORE_FILE"].exists())


def module_command(settings: Mapping[str, Any]) -> list[str]:
    """The command line of that process."""
    return [
        sys.executable, "-m", "app.sts.prism.service", "--folder", str(settings["MODULE_DIR"]),
        "--address", LOOPBACK, "--port", str(settings["MODULE_PORT"]), "--tables", settings["STA_TABLES"],
    ]  # fmt: skip


def answers(host: str, port: int) -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection((host, port), timeout=0.5).close()
    except OSError:
        return False
    return True


@contextmanager
def module_for_a_while(settings: Mapping[str, Any]) -> Iterator[None]:
    """A module for what is done by hand while the program does not run; where one answers, that one.

    Raises `RuntimeError` with the reason in a sentence when it does not come up.
    """
    port = settings["MODULE_PORT"]
    if not serves_module(settings) or not settings["MODULE_DIR"].exists() or answers(LOOPBACK, port):
        yield
        return
    with subprocess.Popen(module_command(settings)) as process:
        try:
            _wait(process, port)
            yield
        finally:
            process.terminate()


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + UP_WITHIN_S
    while not answers(LOOPBACK, port):
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"The software module did not come up on port {port}; its own words stand above.")
        time.sleep(0.1)
