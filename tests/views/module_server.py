"""A security module of ours behind a port, for tests of pages: started in a thread, stopped at the end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.sts import keystore
from app.sts.demonstration import demonstration_keys
from app.sts.keystore import VendingKey
from app.sts.prism import folder as folders
from app.sts.prism import service, users

PASSWORD = "open-sesame"
HARDWARE_USER = "plain"  # may not ask for keys: to the pages it looks like hardware


# Step two of the form, as a person fills it in for a stand-by.
SECOND = {"name": "Basement", "serves_sts6": "y", "standing": "standby", "memory_hours": ""}


def post(client: FlaskClient, typed: dict[str, Any], button: str, path: str = "/modules/add", **more: Any) -> TestResponse:
    """Press a button of the form with what was typed; None leaves a field out."""
    form = {**typed, "act": button, "csrf_token": client.token(path), **more}  # type: ignore[attr-defined]
    return client.post(path, data={name: value for name, value in form.items() if value is not None})


@dataclass(frozen=True)
class Served:
    """Where it listens, and what a person types to reach it."""

    folder: Path
    port: int
    fingerprint: str

    def typed(self, **more: str) -> dict[str, str]:
        """Step one of the form."""
        return {
            "address": "127.0.0.1", "port": str(self.port), "username": "vending", "password": PASSWORD,
            "trust": "pinned", "fingerprint": self.fingerprint, "authority": "",
        } | more  # fmt: skip


@contextmanager
def serving(folder: Path, keys: tuple[VendingKey, ...] | None = None, port: int = 0) -> Iterator[Served]:
    """A module on any free port of loopback; both users are in it."""
    with mock.patch.dict(keystore._COST, {"n": 16}):  # the file says how dear it is to open: cheap
        folders.prepare(folder, vending_keys=demonstration_keys() if keys is None else keys)
    folders.add_user(folder, "vending", PASSWORD, users.PERMISSIONS)
    folders.add_user(folder, HARDWARE_USER, PASSWORD, [word for word in users.PERMISSIONS if word != "admin"])
    stop, there, ports = threading.Event(), threading.Event(), []

    def listening(number: int) -> None:
        ports.append(number)
        there.set()

    thread = threading.Thread(
        target=service.serve, args=(folder, "127.0.0.1", port, stop), kwargs={"listening": listening}, daemon=True
    )
    thread.start()
    assert there.wait(10), "the module did not begin to listen"
    try:
        yield Served(folder, ports[0], folders.fingerprint(folder))
    finally:
        stop.set()
        thread.join(10)
