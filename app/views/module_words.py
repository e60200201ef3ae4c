"""What a module's connect test says, in plain words: each step, and exactly what failed.

Codes are those of the interface (TokenApi 1.1) and of the network (`ENetwork`).  A code that
is not listed is worded by its family, and its own words stay beside it for an engineer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext

from app.sts.module import ModuleError
from app.views import figures

STEPS: Mapping[str, Any] = {
    "address": _l("Find the address"),
    "connect": _l("Open a connection"),
    "tls": _l("Encrypt (TLS) and check the certificate"),
    "ping": _l("Ping"),
    "sign_in": _l("Sign in"),
    "status": lazy_pgettext("connect test", "Ask for its status"),
    "keys": _l("Ask for its keys"),
}
WHY: Mapping[str, Any] = {
    "ENetwork.Name": _l("No computer of this name was found. Compare the address, letter by letter."),
    "ENetwork.Refused": _l("The computer answers, but nothing listens at this port. Compare the port, or start the module."),
    "ENetwork.Unreachable": _l("There is no way to this address. Ask who runs the network."),
    "ENetwork.Timeout": _l("No answer in time. The address may be wrong, a firewall may stand between, or the module may hang."),
    "ENetwork.Closed": _l("The connection was closed in the middle. Something else may listen at this port."),
    "ENetwork.Garbage": _l("The answer is not that of a security module. Something else may listen at this port."),
    "ENetwork.Tls": _l("No encrypted connection came about. The module may speak without TLS, or an old version of it."),
    "ENetwork.Certificate": _l("The certificate it presented is not one you trust."),
    "EMethod.Unknown": _l("The module does not know this question."),
    "ESignin.Version": _l("The module speaks another version of the interface; this program speaks 1.1."),
    "ESignin.Realm": _l("The module does not know the realm “local”."),
    "ESignin.Subject": _l("The module does not know this user name."),
    "ESignin.Authentication": _l("The module refused user name or password."),
    "ESignin.Permission": _l("The user may not sign in at the module. Ask who runs it."),
    "EAuthentication.Permission": _l("The user may sign in, but not ask this. Ask who runs the module."),
    "EAuthentication.Token": _l("The module forgot the sign-in. Test again."),
    "EService.Disabled": _l("The module has this switched off."),
    "EAnswer.Other": _l("The answer is not to the question that was asked. Something else may listen at this port."),
    "ECredentials": _l("The stored password cannot be opened. Type it again under “Change”."),
    "EKeystore.NotFound": _l("The module does not hold this key."),
}
FAMILIES: Mapping[str, Any] = {
    "ENetwork": _l("The network failed."),
    "ESignin": _l("The module refused the sign-in."),
    "EAuthentication": _l("The module refused the request."),
    "EService": _l("The module is busy or not well. Try again in a minute."),
}
# What a module warns of by itself: its own words, in English, stand beside ours.
ALERTS: Mapping[str, Any] = {
    "EKeystore.Expiring": _l("A vending key makes its last token soon. The meters under it need a key change before."),
    "ESts.VkExpired": _l("A vending key has expired and makes no more tokens. The meters under it need a key change."),
    "ESts.VkBeforeBdt": _l("The base date of a vending key has not begun. It makes no tokens yet."),
    "EKeystore.NotFound": _l("A vending key is not active yet. It makes no tokens before its first day."),
    "EService.Disabled": _l("The transaction licence is nearly used up. Load a new one, or the module stops making tokens."),
    "ETables.Training": _l("The module makes tokens for training only. No meter in the field accepts them."),
}
# Why a key makes no more tokens from a day on.
KEY_ENDS: Mapping[str, Any] = {
    "expiry": _l("its expiry number (KEN) is reached"),
    "base_date": _l("its base date ends"),
    "active_to": _l("its last day"),
}
# Why a module of ours did not take a key file: what its sentence holds, and ours.
KEY_FILE: Mapping[str, Any] = {
    "pass phrase": _l("The pass phrase does not open this file, or the file was changed."),
    "is older": _l("The file is older than the newest one that the module has loaded."),
    "held already": _l("The file names a key under a group and revision that the module holds with other facts."),
    "go back": _l("The file would take a key back to an earlier expiry number."),
    "in the future": _l("The file was made in the future. Look at the clocks of both computers."),
}
HARDWARE_FILE = _l(
    "This looks like an STS key load file from a key management centre. Those are for hardware modules only, and are"
    " loaded at the hardware itself. Choose a key file made by this program."
)
HARDWARE_ONLY = _l(
    "This module does not take key files from here: it is hardware, or the user may not load keys. Load them at the module itself and leave this empty."
)


@dataclass(frozen=True, slots=True)
class StepShown:
    """One step of a test as the page shows it: `state` is ok, bad or wait (not reached)."""

    title: Any
    state: str
    ms: int | None = None
    why: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AlertShown:
    """One warning of a module: our sentence, and its own words in English."""

    title: Any
    detail: str


def alerts_shown(lines: Iterable[str]) -> list[AlertShown]:
    """A module's warnings in words, where their code is known."""
    shown = []
    for line in lines:
        code, _colon, detail = line.partition(": ")
        title = ALERTS.get(code)
        shown.append(AlertShown(title or _("The module warns:"), detail if title else line))
    return shown


def why(code: str | None) -> str:
    """One sentence for a code."""
    if not code:
        return ""
    family = code.partition(".")[0]
    known = WHY.get(code) or FAMILIES.get(code) or FAMILIES.get(family)
    return str(known or _("The module answered “%(code)s”.", code=code))


def steps_shown(trial: Any, trust: str = "") -> list[StepShown]:
    """Every step of a test: those that went well, the one that failed, those never reached."""
    reached = {step.name: step for step in trial.steps}
    rows = []
    for name, title in STEPS.items():
        step = reached.get(name)
        if step is None:
            rows.append(StepShown(title, "wait"))
        elif step.ok:
            said = _("It does not tell its keys: it is hardware, or the user may not ask. Type them in.") if name == "keys" and trial.keys is None else ""
            rows.append(StepShown(title, "ok", step.ms, said))
        else:
            rows.append(StepShown(title, "bad", step.ms, _reason(step, trial, trust), step.detail or ""))
    return rows


def _reason(step: Any, trial: Any, trust: str) -> str:
    if step.code == "ENetwork.Certificate" and trust == "pinned" and trial.fingerprint:
        return _("The certificate it presented is not the one you trust, or none is trusted yet. Compare the fingerprint below with the module's own.")
    if step.code == "ENetwork.Certificate" and trust == "authority":
        return _("The certificate it presented was not signed by your authority for this address, or it is over.")
    return why(step.code)


def key_file_refused(error: ModuleError) -> str:
    """Why a key file was not taken, with the module's own words where ours say less."""
    known = next((words for part, words in KEY_FILE.items() if part in error.detail), None)
    if error.code == "EParamRange" and known is not None:
        return str(known)
    said = _("The module refused the file.") if error.code == "EParamRange" else why(error.code)
    return figures.bracketed(said, error.detail) if error.detail else said
