"""The books and the log of changes looked over: now, in the background, every day; what came of it stays.

`flask ledger check`, `flask audit verify`, the page and the worker all come through here, so that
the newest row of each kind is what was last known, whoever asked.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from app.access.scope import Scope, criterion
from app.db import retried, transaction
from app.extensions import db
from app.models import (
    AuditEntry,
    BookCheck,
    CashAccount,
    Consumer,
    Posting,
    PurchaseDay,
    Region,
    Sale,
    SaleDay,
    Settings,
    VendingPoint,
)
from app.models.base import now
from app.services import audit_chain, ledger_check
from app.services.differences import Difference

LEDGER, AUDIT, MATCH = "ledger", "audit", "match"
KINDS = (LEDGER, AUDIT, MATCH)
DAILY = timedelta(hours=24)
# The worker looks every day: what is older than this was not looked at when it should have been.
OLD_AFTER = timedelta(days=3)
FINDINGS_KEPT = 200
# Fewer rows than this are looked at while somebody waits; about half a second of work.
AT_ONCE = 3_000
EVERYTHING = {"unscoped": True}
Tell = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Due:
    """What the home page says of one kind: 'wrong' (with how much), 'old' or 'never'."""

    kind: str
    why: str
    at: datetime | None
    wrong: int = 0


def ledger(actor: str, tell: Tell | None = None, clock: Callable[[], datetime] = now) -> list[Difference]:
    """Recount the books and write down what was found."""
    begun, counts = clock(), ledger_counts()
    found = ledger_check.found(tell)
    keep(LEDGER, actor, begun, len(found), [one.plain() for one in found], counts)
    return found


def audit(
    actor: str, key_file: Path, tell: Tell | None = None, clock: Callable[[], datetime] = now
) -> audit_chain.Verification:
    """Follow the chain of the log and write down what was found, also that it cannot be followed.

    Raises NoKey, and ChainBroken for a forged head.
    """
    begun = clock()
    try:
        seen = audit_chain.verify(audit_chain.read_seal(key_file), tell)
    except (audit_chain.NoKey, audit_chain.ChainBroken) as error:
        code = "no_key" if isinstance(error, audit_chain.NoKey) else "forged_head"
        keep(AUDIT, actor, begun, 1, [{"code": code}], {})
        raise
    findings: list[dict[str, Any]] = []
    if seen.finding is not None:
        wrong = seen.finding
        findings.append({"code": wrong.kind, "place": wrong.chain_no, "row": wrong.entry_id})
    elif not seen.head_known:
        findings.append({"code": "no_head"})
    counts = {"sealed": seen.sealed, "unsealed": seen.unsealed} | _sealed_until(seen.sealed)
    keep(AUDIT, actor, begun, len(findings), findings, counts)
    return seen


def _sealed_until(sealed: int) -> dict[str, str]:
    """When the last entry that is as it was sealed was written."""
    at = db.session().execute(select(AuditEntry.at).where(AuditEntry.chain_no == sealed)).scalar_one_or_none()
    return {} if at is None else {"until": at.isoformat()}


def keep(
    kind: str, actor: str, begun: datetime, wrong: int, findings: list[dict[str, Any]], counts: dict[str, Any]
) -> None:
    """Write down what a look has found."""

    def work() -> None:
        with transaction() as session:
            session.add(
                BookCheck(
                    kind=kind, actor=actor, started_at=begun, finished_at=now(), wrong=wrong,
                    findings=json.dumps(findings[:FINDINGS_KEPT]), counts=json.dumps(counts),
                )
            )  # fmt: skip

    retried(work)


def last(kind: str) -> BookCheck | None:
    """The newest look of a kind."""
    newest = select(BookCheck).where(BookCheck.kind == kind).order_by(BookCheck.id.desc()).limit(1)
    row: BookCheck | None = db.session().execute(newest).scalar_one_or_none()
    return row


def is_due(kind: str, instant: datetime | None = None) -> bool:
    """Whether a day has passed since the last look."""
    row = last(kind)
    return row is None or (instant or now()) - row.started_at >= DAILY


def ledger_counts() -> dict[str, int]:
    """What a recount goes through."""
    session = db.session()
    tables = {"sales": Sale, "postings": Posting, "points": CashAccount}
    counts = {
        name: int(session.execute(select(func.count()).select_from(table), execution_options=EVERYTHING).scalar_one())
        for name, table in tables.items()
    }
    days = [session.execute(select(func.count()).select_from(table)).scalar_one() for table in (SaleDay, PurchaseDay)]
    session.rollback()
    return counts | {"sums": sum(map(int, days))}


def is_large(kind: str) -> bool:
    """Whether a look takes longer than somebody waits; by the newest ids, which cost nothing to ask."""
    newest = select(func.max(AuditEntry.id if kind == AUDIT else Sale.id))
    return (db.session().execute(newest, execution_options=EVERYTHING).scalar_one() or 0) > AT_ONCE


def newest() -> dict[str, BookCheck]:
    """The newest look of each kind."""
    ids = select(func.max(BookCheck.id)).group_by(BookCheck.kind)
    return {row.kind: row for row in db.session().execute(select(BookCheck).where(BookCheck.id.in_(ids))).scalars()}


def attention(instant: datetime | None = None, known: dict[str, BookCheck] | None = None) -> list[Due]:
    """What of these looks (`known`: the newest ones) needs a person: it found something, is old or never was."""
    session, at = db.session(), instant or now()
    rows = newest() if known is None else known
    begun = session.execute(select(Settings.created_at).where(Settings.id == 1)).scalar_one_or_none()
    due = []
    for kind in KINDS:
        row = rows.get(kind)
        if row is not None and row.wrong:
            due.append(Due(kind, "wrong", row.started_at, row.wrong))
        elif at - (row.started_at if row is not None else begun or at) > OLD_AFTER:
            due.append(Due(kind, "old" if row is not None else "never", row.started_at if row is not None else None))
    return due


def mine(findings: list[dict[str, Any]], scope: Scope) -> list[dict[str, Any]]:
    """The findings about rows that this person may see, in their order: sums of others' are not theirs to read."""
    if scope.sees_all:
        return findings
    session = db.session()
    path = scope.region_path or ""
    places: Any = select(Region.id).where(Region.path >= path, Region.path < path[:-1] + "0")
    owners = {"sale": Sale, "point": VendingPoint, "consumer": Consumer}
    own: set[tuple[str, int]] = set()
    for about in {one.get("about") for one in findings}:
        ids = {one["row"] for one in findings if one.get("about") == about}
        if about in owners:
            model: Any = owners[about]
            found = select(model.id).where(model.id.in_(ids), criterion(model, scope))
        elif about == "region" and path:
            found = places.where(Region.id.in_(ids))
        else:
            continue
        own |= {(about, row) for row in session.execute(found).scalars()}
    return [one for one in findings if (one.get("about"), one.get("row")) in own]
