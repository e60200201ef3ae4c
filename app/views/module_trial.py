"""Asking a module on behalf of a page: the connect test, a key file, its keys and its own count.

Everything here waits for a network, for a few seconds at most, and with no transaction open.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from flask import current_app

from app.domain.errors import Refusal
from app.extensions import db
from app.models import ModuleHealth, SecurityModule
from app.services import health
from app.services.credentials import CannotUnseal, unseal
from app.sts.errors import StsError
from app.sts.module import KeyFacts, ModuleError
from app.sts.prism import admin
from app.sts.prism.place import Place
from app.sts.prism.trial import Step, Trial, connect_test

TIMEOUT_S = 3.0
UNKNOWN_METHOD = "EMethod.Unknown"
MANUFACTURER = 1  # class 1 tokens are the same for every meter and stand in no books


@dataclass(frozen=True, slots=True)
class Answer:
    """A test with what was stored of it; `count` is the module's own of today, where it counts."""

    trial: Trial
    health: ModuleHealth | None = None
    count: int | None = None

    @property
    def ok(self) -> bool:
        """Whether every step went well."""
        return passed(self.trial)


def passed(trial: Trial) -> bool:
    """Whether every step of a test went well."""
    return bool(trial.steps) and all(step.ok for step in trial.steps)


def try_place(place: Place) -> Trial:
    """The connect test of a place that is not stored yet."""
    db.session.rollback()
    return connect_test(place)


def place_of(row: SecurityModule) -> Place:
    """Where a stored module is, with its password, and with the short patience of a page.

    Raises ModuleError when the password cannot be opened.
    """
    try:
        password = unseal(row.sealed_password or "", current_app.config["CREDENTIALS_FILE"])
    except CannotUnseal as error:
        raise ModuleError("ECredentials", permanent=False, detail=str(error)) from error
    return Place(
        row.address or "",
        row.port or 0,
        row.username or "",
        password,
        trust=row.trust,
        fingerprint=row.fingerprint,
        authority=row.authority,
        connect_timeout_s=TIMEOUT_S,
        answer_timeout_s=TIMEOUT_S,
    )


def test_now(row: SecurityModule, day: date) -> Answer:
    """Test a stored module, keep how it answered, and ask for its own count of the day."""
    if row.kind == "software":
        trial = _inside(row)
        return Answer(trial, health.note(row.id, health.heard_in(trial)))
    try:
        module_id, place = row.id, place_of(row)
    except ModuleError as error:
        trial = Trial((Step("sign_in", ok=False, ms=0, code=error.code, detail=error.detail),))
        return Answer(trial, health.note(row.id, health.heard_in(trial)))
    found: list[Trial] = []

    def ask() -> Trial:
        found.append(connect_test(place))
        return found[0]

    stored = health.probe(module_id, ask)
    count = None
    if passed(found[0]) and found[0].keys is not None:
        try:
            count = sum(made for _day, kind, _subclass, made in admin.counts_per_day(place, day, day) if kind != MANUFACTURER)
        except ModuleError:
            count = None  # an older module of ours, or a user without the permission: the books count too
    return Answer(found[0], stored, count)


def told_keys(row: SecurityModule) -> tuple[KeyFacts, ...] | None:
    """The keys a module tells; None for hardware, which cannot.  Raises ModuleError, StsError, Refusal."""
    if row.kind == "software":
        return current_app.extensions["modules"].by_id(row.id).status().keys  # type: ignore[no-any-return]
    place = place_of(row)
    db.session.rollback()
    try:
        return tuple(admin.list_keys(place))
    except ModuleError as error:
        if error.code == UNKNOWN_METHOD:
            return None
        raise


def load_keys(place: Place, text: str, passphrase: str) -> tuple[KeyFacts, ...]:
    """Hand a key file to a module of ours; the keys it holds then.  Raises ModuleError."""
    db.session.rollback()
    return admin.load_key_file(place, text, passphrase)


def _inside(row: SecurityModule) -> Trial:
    """The module in this program has no address: its status is all there is to ask."""
    try:
        status = current_app.extensions["modules"].by_id(row.id).status()
    except (Refusal, StsError, OSError) as error:
        failed = Step("status", ok=False, ms=0, code=getattr(error, "code", "EKeystore"), detail=str(error))
        return Trial((failed,))
    done = tuple(Step(name, ok=True, ms=0) for name in ("status", "keys"))
    return Trial(done, status.version, status.keys, status.alerts)
