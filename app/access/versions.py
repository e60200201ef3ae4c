"""Two people at one record: a save that comes too late is refused and shown against what is stored.

A form remembers what it showed at first (sealed, so that a browser cannot say otherwise).  When
the row was changed meanwhile, each field is compared three ways: what only the other one changed
is taken over, what only oneself changed stays, and where both did, the person chooses.  Nothing
typed is lost: what was given up for theirs can be taken back.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from flask import current_app
from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import and_, func, or_, select
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, Field, FileField, HiddenField, PasswordField

from app.extensions import db
from app.models import AuditEntry, UserGroup

# The buttons that choose for one field name it under these names.
TAKE, KEEP = "theirs", "mine"
WORDS_MAX = 300
NAMES = ("row_version", "row_base", "row_typed")
Said = str | bool


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of two versions in words.

    `was` is what stood there at first (None when that is not known), `by` who changed it: mine,
    theirs or both.  `in_form` says whose value stands in the form now, `given_up` that mine was
    given up for theirs and can be taken back.
    """

    name: str
    label: str
    was: Said | None
    mine: Said
    theirs: Said
    by: str
    in_form: str
    given_up: bool = False


@dataclass(frozen=True, slots=True)
class Versions:
    """Who stored the other version and when (where an entry tells it), and what differs."""

    actors: tuple[str, ...]
    at: datetime | None
    differences: tuple[Difference, ...]
    three_way: bool


def remember(form: Any, row: Any) -> None:
    """Let a form that was just filled from its row carry what it shows."""
    form.row_base.data = _seal(row, {"entry": _newest_entry(row), "was": _snapshot(form), "seen": None})


def show_both(mine: Any, theirs: Any, row: Any, posted: MultiDict[str, str]) -> Versions:
    """Set the form that was sent beside one filled from the stored row, and choose what was asked for.

    Afterwards `mine` carries the stored version and what is shown now, so that whoever saves again
    has seen it; a third person who saves in between is compared with that.
    """
    base = _unseal(mine, row)
    stored = _snapshot(theirs)
    typed = _typed(posted)
    if base is not None and posted.get("row_version", "") != str(row.version):
        since = base["seen"] or base["was"]
        for name, field in list(_compared(mine, theirs)):
            untouched = name in since and _digest(field) == since[name][0]
            if untouched and stored[name][0] != since[name][0]:
                _replace(mine, theirs, name)
        base["seen"] = stored
    _choose(mine, theirs, posted, typed)
    was = base["was"] if base is not None else {}
    rows = [
        _difference(field, theirs[name], was.get(name), typed.get(name)) for name, field in _compared(mine, theirs)
    ]
    told = _told(row, base)
    mine.row_version.data = str(row.version)
    if base is not None:
        mine.row_base.data = _seal(row, base)
    if "row_typed" in mine:
        mine.row_typed.data = json.dumps(typed)
    order = {"both": 0, "mine": 1, "theirs": 2}
    differences = sorted((row_ for row_ in rows if row_ is not None), key=lambda one: order[one.by])
    actors = tuple(dict.fromkeys(entry.actor for entry in told))
    return Versions(actors, told[0].at if told else None, tuple(differences), base is not None)


# --- choosing -----------------------------------------------------------------------------


def _choose(mine: Any, theirs: Any, posted: MultiDict[str, str], typed: dict[str, Any]) -> None:
    """Take theirs for one field and keep what was typed, or put what was typed back."""
    names = {name for name, _field in _compared(mine, theirs)}
    wanted, back = posted.get(TAKE, ""), posted.get(KEEP, "")
    if wanted in names:
        raw = {key: posted.getlist(key) for key in posted if key == wanted or key.startswith(f"{wanted}-")}
        typed[wanted] = {"raw": raw, "words": stated(mine[wanted])}
        _replace(mine, theirs, wanted)
    elif back in names and back in typed:
        raw = typed.pop(back)["raw"]
        mine[back].process(MultiDict([(key, value) for key, values in raw.items() for value in values]))


def _replace(mine: Any, theirs: Any, name: str) -> None:
    mine._fields[name] = theirs._fields[name]
    setattr(mine, name, theirs._fields[name])


def _typed(posted: MultiDict[str, str]) -> dict[str, Any]:
    """What was given up so far, as the page carried it; nonsense is nothing."""
    try:
        kept = json.loads(posted.get("row_typed") or "{}")
    except ValueError:
        return {}
    fits = isinstance(kept, dict) and all(isinstance(one, dict) and _is_raw(one.get("raw")) for one in kept.values())
    return {name: {"raw": one["raw"], "words": one.get("words", "")} for name, one in kept.items()} if fits else {}


def _is_raw(raw: Any) -> bool:
    return isinstance(raw, dict) and all(
        isinstance(values, list) and all(isinstance(value, str) for value in values) for values in raw.values()
    )


def _difference(mine: Field, theirs: Field, was: Any, typed: Any) -> Difference | None:
    own, other = _digest(mine), _digest(theirs)
    before = was[0] if was else None
    given_up = typed is not None and own == other
    if own == other and not given_up and (before is None or other == before):
        return None
    if given_up:
        by = "both" if before is None or other != before else "mine"
    elif own == other:
        by = "theirs"
    else:
        by = "both" if before is None or other != before else "mine"
    return Difference(
        mine.name, str(mine.label.text), was[1] if was else None,
        _as_said(typed["words"]) if given_up else stated(mine), stated(theirs), by,
        "theirs" if own == other else "mine", given_up,
    )  # fmt: skip


def _as_said(words: Any) -> Said:
    if isinstance(words, bool):
        return words
    text = str(words)
    return text if len(text) <= WORDS_MAX else f"{text[:WORDS_MAX]}…"


# --- what a field holds -------------------------------------------------------------------


def stated(field: Any) -> Said:
    """What a field holds as people read it; yes and no stay booleans."""
    if hasattr(field, "in_words"):
        return str(field.in_words or "")
    if isinstance(field, BooleanField):
        return bool(field.data)
    if hasattr(field, "iter_choices"):
        chosen = [str(c[1]) for c in field.iter_choices() if c[2] and str(c[0]) not in ("", "__None")]
        return ", ".join(chosen)
    if hasattr(field, "text"):
        return str(field.text or "")
    return str(field._value() or "")  # noqa: SLF001  (WTForms' own word for what a control shows)


def _snapshot(form: Any) -> dict[str, list[Any]]:
    """Of each field a short hash to compare by, and its words."""
    fields = {name: field for name, field in form._fields.items() if _seen(field)}
    return {name: [_digest(field), _as_said(stated(field))] for name, field in fields.items()}


def _digest(field: Field) -> str:
    plain = json.dumps(_plain(getattr(field, "counted", field.data)), sort_keys=True, default=str)
    return hashlib.blake2b(plain.encode(), digest_size=9).hexdigest()


def _plain(value: Any) -> Any:
    """A value by which the same is the same, whether it came from the row or was typed."""
    if value is None or value == "":
        return None
    if hasattr(value, "__tablename__"):
        return f"{value.__tablename__} {value.id}"
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bool):
        return value
    if isinstance(value, Decimal | int):
        return format(Decimal(value).normalize(), "f")
    if isinstance(value, datetime):  # a form shows minutes
        return value.replace(second=0, microsecond=0).isoformat()
    if isinstance(value, set | frozenset):
        return sorted(str(_plain(one)) for one in value)
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return {key: _plain(one) for key, one in value.items()} if isinstance(value, dict) else str(value)


def _compared(mine: Any, theirs: Any) -> list[tuple[str, Field]]:
    return [(name, field) for name, field in mine._fields.items() if name in theirs and _seen(field)]


def _seen(field: Field) -> bool:
    # NB: a browser sends a chosen file once only; after a refusal it is chosen again.
    return not isinstance(field, HiddenField | PasswordField | FileField)


# --- what the form carries ----------------------------------------------------------------


def _sealer(row: Any) -> URLSafeSerializer:
    return URLSafeSerializer(current_app.secret_key or "", salt=f"row-base {row.__tablename__} {row.id}")


def _seal(row: Any, base: Mapping[str, Any]) -> str:
    return str(_sealer(row).dumps(dict(base)))


def _unseal(form: Any, row: Any) -> dict[str, Any] | None:
    """What the form showed at first; None when it does not say, or not in our hand."""
    sealed = form.row_base.data if "row_base" in form else None
    if not sealed:
        return None
    try:
        base: dict[str, Any] = _sealer(row).loads(sealed)
    except BadSignature:
        return None
    return base


def _of(row: Any) -> Any:
    """The entries about a row; a group's rights are told of its role."""
    own = and_(AuditEntry.table_name == row.__tablename__, AuditEntry.row_id == str(row.id))
    if isinstance(row, UserGroup):
        return or_(own, and_(AuditEntry.table_name == "ab_role", AuditEntry.row_id == str(row.role_id)))
    return own


def _newest_entry(row: Any) -> int:
    return int(db.session.scalar(select(func.coalesce(func.max(AuditEntry.id), 0)).where(_of(row))) or 0)


def _told(row: Any, base: Mapping[str, Any] | None) -> list[AuditEntry]:
    """The entries since the form was filled, the newest first; without its word, the row's last one."""
    if base is not None:
        told = select(AuditEntry).where(_of(row), AuditEntry.id > base["entry"])
        return list(db.session.scalars(told.order_by(AuditEntry.id.desc()).limit(20)))
    if not hasattr(row, "changed_at"):
        return []
    # NB: what changed below the row (a plan's steps) has entries of its own; an old one is not blamed for it.
    last = select(AuditEntry).where(_of(row), AuditEntry.action == "change", AuditEntry.at >= row.changed_at)
    return list(db.session.scalars(last.order_by(AuditEntry.id.desc()).limit(1)))
