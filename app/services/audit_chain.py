"""The audit log as a chain: each sealed entry carries a keyed hash over itself and the one before.

The hash is HMAC-SHA-256 under a key that only the host holds, so whoever can write to the
database alone can neither change, remove, nor move a sealed entry unnoticed.  Beside the key
lies the head, how far the chain has come, so that cutting off its end is noticed as well.
Entries are sealed in the order of their ids among those committed; unsealed ones are the tail.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from app.db import retried, transaction
from app.extensions import db
from app.models import AuditEntry

BEGINNING = "0" * 64
BATCH = 1_000
KEY_BYTES_MIN = 32
LOCK_NUMBER = 7_311_967  # any number, the same for every sealer of the installation

# What the hash covers, in this order, after the hash of the entry before.
SEALED = ("id", "at", "user_id", "actor", "action", "table_name", "row_id", "before", "after")


class ChainBroken(Exception):
    """The log ends before the head: sealed entries are gone, and none is added on top of that."""


class NoKey(Exception):
    """The key of the chain is missing, too short, or readable by others."""


@dataclass(frozen=True, slots=True)
class Seal:
    """The key of the chain, and the file that says how far it has come."""

    key: bytes
    head_file: Path


@dataclass(frozen=True, slots=True)
class Head:
    """The newest sealed entry that was noted outside the database."""

    chain_no: int
    chain_hash: str


@dataclass(frozen=True, slots=True)
class Finding:
    """The first thing wrong: 'removed', 'altered' or 'reordered', at which place of the chain.

    `entry_id` is the row that stands there now; None when none does.
    """

    kind: str
    chain_no: int
    entry_id: int | None


@dataclass(frozen=True, slots=True)
class Verification:
    """How many sealed entries are as they were sealed, what is wrong first, and the unsealed tail.

    `head_known` is False when the head file is missing: a cut at the end would not be noticed.
    """

    sealed: int
    unsealed: int
    finding: Finding | None
    head_known: bool


def read_seal(key_file: Path) -> Seal:
    """The seal of an installation; the head lies beside the key.  Raises NoKey."""
    try:
        if key_file.stat().st_mode & 0o077:
            raise NoKey(f"{key_file.name} must be readable by its owner only (0600)")
        key = key_file.read_bytes().strip()
    except FileNotFoundError:
        raise NoKey(f"{key_file.name} is missing: run `flask setup`, or restore it") from None
    if len(key) < KEY_BYTES_MIN:
        raise NoKey(f"{key_file.name} is too short")
    return Seal(key, key_file.with_name("audit.head"))


def seal(by: Seal) -> int:
    """Seal every committed entry that is not yet sealed; gives how many.  Raises ChainBroken."""
    session = db.session()
    session.rollback()  # a fresh look, and the lock for writing only when there is something to write
    # NB: the unique index on the place in the chain finds the tail, however long the log is.
    if session.execute(select(AuditEntry.id).where(AuditEntry.chain_no.is_(None)).limit(1)).first() is None:
        return 0
    total = 0
    while True:
        count, head = retried(lambda: _seal_batch(by))
        if head is not None:
            _write_head(by, head)
        total += count
        if count < BATCH:
            return total


def _seal_batch(by: Seal) -> tuple[int, Head | None]:
    with transaction() as session:
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": LOCK_NUMBER})
        last = session.execute(
            select(AuditEntry).where(AuditEntry.chain_no.is_not(None)).order_by(AuditEntry.chain_no.desc()).limit(1)
        ).scalar_one_or_none()
        number, before = (last.chain_no or 0, last.chain_hash or "") if last else (0, BEGINNING)
        _require_head(session, by, number)
        rows = session.execute(
            select(AuditEntry).where(AuditEntry.chain_no.is_(None)).order_by(AuditEntry.id).limit(BATCH)
        ).scalars()
        values: list[dict[str, Any]] = []
        for entry in rows:
            own = _hash(by.key, before, entry)
            number += 1
            values.append({"id": entry.id, "chain_no": number, "chain_before": before, "chain_hash": own})
            before = own
        if values:
            session.execute(update(AuditEntry), values, execution_options={"synchronize_session": False})
    return len(values), Head(number, before) if number else None


def _require_head(session: Session, by: Seal, last: int) -> None:
    """Refuse to go on when what the head knows is no longer there as it was."""
    head = _read_head(by)
    if head is None:
        return
    there = session.execute(
        select(AuditEntry.chain_hash).where(AuditEntry.chain_no == head.chain_no)
    ).scalar_one_or_none()
    if there != head.chain_hash:
        raise ChainBroken(
            f"sealed entry {head.chain_no} is gone or changed (the log now ends at {last}); "
            "`flask audit verify` says more"
        )


def verify(by: Seal, tell: Callable[[int], None] | None = None) -> Verification:
    """Follow the chain from its beginning to the first thing that is wrong.

    `tell` hears how many entries were looked at, between the batches: it may write.
    """
    session = db.session()
    session.rollback()  # a fresh look
    head = _read_head(by)
    finding, sealed = _follow(session, by, head, tell)
    unsealed = session.execute(
        select(func.count(AuditEntry.id)).where(AuditEntry.chain_no.is_(None))
    ).scalar_one()
    return Verification(sealed, int(unsealed), finding, head is not None or sealed == 0)


def _follow(
    session: Session, by: Seal, head: Head | None, tell: Callable[[int], None] | None
) -> tuple[Finding | None, int]:
    before, count = BEGINNING, 0
    for entry in _in_order(session, tell):
        place = count + 1
        if entry.chain_no != place:
            return Finding("removed", place, None), count
        if not hmac.compare_digest(entry.chain_hash or "", _hash(by.key, entry.chain_before or "", entry)):
            return Finding("altered", place, entry.id), count
        if entry.chain_before != before:
            return Finding(_why_not_here(session, entry), place, entry.id), count
        if head and head.chain_no == place and head.chain_hash != entry.chain_hash:
            return Finding("altered", place, entry.id), count
        before, count = entry.chain_hash or "", place
    if head and head.chain_no > count:
        return Finding("removed", count + 1, None), count
    return None, count


def _in_order(session: Session, tell: Callable[[int], None] | None) -> Iterator[AuditEntry]:
    last: int | None = None
    while True:
        statement = select(AuditEntry).order_by(AuditEntry.chain_no).limit(BATCH)
        after = AuditEntry.chain_no.is_not(None) if last is None else AuditEntry.chain_no > last
        rows = list(session.execute(statement.where(after)).scalars())
        yield from rows
        if len(rows) < BATCH:
            return
        last = rows[-1].chain_no
        for row in rows:
            session.expunge(row)  # the log may be long
        if tell is not None:
            tell(last or 0)


def _why_not_here(session: Session, entry: AuditEntry) -> str:
    """A genuine entry follows the wrong one: does its true forerunner still stand somewhere?"""
    forerunner = session.execute(
        select(func.count(AuditEntry.id)).where(AuditEntry.chain_hash == entry.chain_before)
    ).scalar_one()
    return "reordered" if forerunner or entry.chain_before == BEGINNING else "removed"


def _hash(key: bytes, before: str, entry: AuditEntry) -> str:
    facts = [before, *(getattr(entry, name) for name in SEALED)]
    facts[1 + SEALED.index("at")] = entry.at.isoformat()
    said = json.dumps(facts, ensure_ascii=True, separators=(",", ":"))
    return hmac.new(key, said.encode("ascii"), hashlib.sha256).hexdigest()


def _head_mark(key: bytes, number: int, chain_hash: str) -> str:
    return hmac.new(key, f"head {number} {chain_hash}".encode("ascii"), hashlib.sha256).hexdigest()


def _read_head(by: Seal) -> Head | None:
    """What was noted last, or None for a missing file.  Raises ChainBroken for a forged one."""
    try:
        number, chain_hash, mark = by.head_file.read_text(encoding="ascii").split()
        genuine = hmac.compare_digest(mark, _head_mark(by.key, int(number), chain_hash))
    except FileNotFoundError:
        return None
    except ValueError:
        genuine = False
    if not genuine:
        raise ChainBroken(f"{by.head_file.name} was not written under this key")
    return Head(int(number), chain_hash)


def _write_head(by: Seal, head: Head) -> None:
    """Note the head after the commit: behind the log it does no harm, ahead it would."""
    known = _read_head(by)
    if known is not None and known.chain_no >= head.chain_no:
        return
    line = f"{head.chain_no} {head.chain_hash} {_head_mark(by.key, head.chain_no, head.chain_hash)}\n"
    draft = by.head_file.with_name(f".{by.head_file.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(by.head_file)
    finally:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
