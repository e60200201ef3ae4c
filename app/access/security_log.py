"""The security log: who came in, who did not, what was refused, and what changed about the guards of an account.

One entry for each, with its time, the person, their session and address and the door (`app/logs.py` says how it
looks and how many a minute).  No entry holds what was typed: a name that nobody has could be a password in the
wrong field, so of it a keyed hash stands there, the same each time.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from typing import Any

from flask import current_app, g, request

from app.domain.errors import FourEyes, NotAllowed, Refusal
from app.models import AppUser

log = logging.getLogger("app.security")
TOLD = "_security_told"
# The answers that say no to somebody; another one is a page, or a form with a mistake.
REFUSALS = frozenset({400, 401, 403, 404, 405, 413, 429})
# These parts of an address are secrets themselves.
UNTOLD = frozenset({"secret"})
PART_MAX = 60


def tell(event: str, *, account: AppUser | None = None, typed: str | None = None, **facts: Any) -> None:
    """Write an entry: what happened, to whose `account`, under which `typed` name; `facts` are words of ours."""
    setattr(g, TOLD, True)
    bad = event.endswith(("_failed", "_locked", "refused"))
    told = _who() | _where() | facts
    if account is not None:
        told |= {"account": account.id, "account_name": account.username}
    if typed is not None:
        told["typed"] = hashed(typed)
    log.log(logging.WARNING if bad else logging.INFO, event, extra={"facts": told})


def tell_refusal(status: int) -> None:
    """Write down that this request was refused, unless its page has told why already."""
    if status not in REFUSALS or g.get(TOLD):
        return
    reason = g.get("refusal")
    tell("refused", status=status, **({"reason": reason} if reason else {}))


def tell_rule(refusal: Refusal) -> None:
    """Write down that somebody tried what a rule forbids: to be both of two people, to decide without the right."""
    if isinstance(refusal, FourEyes | NotAllowed):
        tell("rule_refused", reason=type(refusal).code)


def because(reason: str) -> None:
    """Why this request is refused, in one word of the program, for its entry."""
    g.refusal = reason


def hashed(typed: str) -> str:
    """A typed name as the log may hold it: the same name gives the same word, the word gives no name."""
    key = str(current_app.secret_key).encode()
    name = f"typed {typed.casefold().strip()}".encode("utf-8", "replace")
    return hmac.new(key, name, hashlib.sha256).hexdigest()[:16]


def _who() -> dict[str, Any]:
    """The signed-in person and their session, as the wall found them."""
    told: dict[str, Any] = {"address": request.remote_addr}
    if actor := g.get("actor"):
        told |= {"person": actor[0], "person_name": actor[1], "session": g.get("session_seen", (None,))[0]}
    return told


def _where() -> dict[str, Any]:
    """The door: its name and the row in its address.  NB: not the address, whose query may hold anything."""
    row = {name: str(part)[:PART_MAX] for name, part in (request.view_args or {}).items() if name not in UNTOLD}
    return {"method": request.method, "door": request.endpoint} | ({"row": row} if row else {})
