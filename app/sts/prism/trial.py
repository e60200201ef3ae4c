"""The connect test: every step to a module by itself, so that the one that fails has a name.

It never raises for what is wrong at the other end, changes nothing there, and says nothing to a
server whose certificate is not the expected one.
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from app.sts.module import KeyFacts, ModuleError
from app.sts.prism import connection as wire
from app.sts.prism.connection import Connection, Unsent
from app.sts.prism.interface import API
from app.sts.prism.line import REALM, new_message_id
from app.sts.prism.place import Place
from app.sts.prism.requests import alert, key_facts

T = TypeVar("T")
ECHO = "is anybody there?"
CULPRIT_MAX = 200


@dataclass(frozen=True, slots=True)
class Step:
    """One step: 'address', 'connect', 'tls', 'ping', 'sign_in', 'status' or 'keys'.

    ``ms``: how long it took; ``code`` and ``detail``: what failed, an error code and engineers' words.
    """

    name: str
    ok: bool
    ms: int
    code: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """What a connect test found; the last step is the one that failed, if any did.

    ``keys`` None: not reached, or a module that does not tell them (hardware, or no right to ask).
    ``fingerprint``: SHA-256 of the certificate that was shown, also when it was refused.
    """

    steps: tuple[Step, ...]
    version: str | None = None
    keys: tuple[KeyFacts, ...] | None = None
    alerts: tuple[str, ...] = ()
    fingerprint: str | None = None

    @property
    def ok(self) -> bool:
        """Whether every step was taken."""
        return all(step.ok for step in self.steps)


class _Failed(Exception):
    """A step failed; the steps that were noted say which."""


class _Notes:
    """The steps as they are taken, and what they brought to light."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.found: dict[str, Any] = {}

    def take(self, name: str, work: Callable[[], T]) -> T:
        """Take one step and note it. Raises _Failed."""
        begun = time.monotonic()
        try:
            value = work()
        except ModuleError as error:
            self._note(name, begun, error)
            raise _Failed from None
        self._note(name, begun, None)
        return value

    def _note(self, name: str, begun: float, error: ModuleError | None) -> None:
        ms = round((time.monotonic() - begun) * 1000)
        detail = error.detail[:CULPRIT_MAX] if error else None
        self.steps.append(Step(name, error is None, ms, error.code if error else None, detail))


def connect_test(place: Place) -> Trial:
    """Try a module step by step. Never raises for trouble at the other end."""
    notes = _Notes()
    with contextlib.suppress(_Failed):  # the notes say where
        _walk(place, notes)
    return Trial(tuple(notes.steps), **notes.found)


def _walk(place: Place, notes: _Notes) -> None:
    until = time.monotonic() + place.connect_timeout_s
    addresses = notes.take("address", lambda: wire.addresses_of(place, until))
    plain = notes.take("connect", lambda: wire.connect(addresses, until))
    secured = notes.take("tls", lambda: _secured(place, plain, addresses, notes))
    line = Connection(secured)
    try:
        _talk(place, line, notes)
    finally:
        line.close()


def _secured(place: Place, plain: Any, addresses: list[Any], notes: _Notes) -> Any:
    until = time.monotonic() + place.connect_timeout_s
    try:
        secured = wire.secure(plain, place, wire.tls_context(place), until)
    except Unsent as error:
        plain.close()
        if error.code == wire.CERTIFICATE:
            notes.found["fingerprint"] = _shown(place, addresses)
        raise
    notes.found["fingerprint"] = wire.presented(secured)
    try:
        wire.require_pinned(secured, place)
    except Unsent:
        secured.close()
        raise
    return secured


def _shown(place: Place, addresses: list[Any]) -> str | None:
    """The certificate of a server that the authority did not sign: only looked at."""
    anybody = Place(place.address, place.port, "", "", "unchecked")
    until = time.monotonic() + place.connect_timeout_s
    try:
        secured = wire.secure(wire.connect(addresses, until), anybody, wire.tls_context(anybody), until)
    except Unsent:
        return None
    with secured:
        return wire.presented(secured)


def _talk(place: Place, line: Connection, notes: _Notes) -> None:
    def ask(method: str, *given: Any, service: Any = API.TokenApi) -> Any:
        return line.call(method, given, time.monotonic() + place.answer_timeout_s, service)

    def ping() -> None:
        if ask("ping", 0, ECHO) != ECHO:
            raise ModuleError("EAnswer.Other", permanent=False, detail="the echo is another")

    def sign_in() -> str:
        options = API.SessionOptions(version=API.ApiVersion)
        given = (new_message_id(), REALM, place.username, place.password, options)
        return str(ask("signInWithPassword", *given).accessToken)

    notes.take("ping", ping)
    token = notes.take("sign_in", sign_in)
    nodes = notes.take("status", lambda: ask("getStatus", new_message_id(), token))
    notes.found["version"] = next((node.info["version"] for node in nodes if "version" in node.info), None)
    notes.found["alerts"] = tuple(alert(said) for node in nodes for said in node.alerts)

    def keys() -> tuple[KeyFacts, ...] | None:
        try:
            said = ask("listKeys", new_message_id(), token, service=API.ModuleAdmin)
        except ModuleError as error:
            if error.code in {wire.UNKNOWN_METHOD, "EAuthentication.Permission"}:
                return None
            raise
        return tuple(key_facts(key) for key in said)

    notes.found["keys"] = notes.take("keys", keys)
