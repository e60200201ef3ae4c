"""The audit log cannot be changed unnoticed by somebody who holds the database alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, func, select, text, update

from app.db import transaction
from app.extensions import db
from app.models import AuditEntry, triggers
from app.services import audit_chain
from app.services.audit_chain import Finding, Seal

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def write(count: int) -> None:
    with transaction() as session:
        for number in range(count):
            session.add(
                AuditEntry(
                    at=NOON + timedelta(microseconds=number), actor="éfua", action="add", table_name="region",
                    row_id=str(number), after='{"name": "Kisumu"}',
                )
            )  # fmt: skip


def tamper(*statements: object) -> None:
    """Do to the log what an administrator of the database can do, triggers or not."""
    db.session.rollback()
    with db.engine.begin() as connection:
        triggers.remove(connection)
        for statement in statements:
            connection.execute(statement)  # type: ignore[call-overload]


def at(place: int) -> int:
    return db.session.execute(select(AuditEntry.id).where(AuditEntry.chain_no == place)).scalar_one()


@pytest.fixture
def by(context, tmp_path) -> Seal:
    """A log with twelve sealed entries and more."""
    write(12)
    made = Seal(b"k" * 32, tmp_path / "audit.head")
    assert audit_chain.seal(made) >= 12
    return made


def first_wrong(by: Seal) -> Finding | None:
    return audit_chain.verify(by).finding


def test_a_log_nobody_touched_is_whole_and_the_tail_is_counted(by):
    sealed = audit_chain.verify(by).sealed
    assert audit_chain.seal(by) == 0
    write(3)
    seen = audit_chain.verify(by)
    assert (seen.sealed, seen.unsealed, seen.finding) == (sealed, 3, None)
    assert audit_chain.seal(by) == 3
    assert audit_chain.verify(by).sealed == sealed + 3


def test_more_than_one_batch_is_one_chain(by, monkeypatch):
    monkeypatch.setattr(audit_chain, "BATCH", 4)
    write(10)
    assert audit_chain.seal(by) == 10
    assert audit_chain.verify(by).finding is None


@pytest.mark.parametrize("column", ["actor", "after", "row_id", "at", "user_id"])
def test_an_altered_entry_is_named(by, column):
    value = {"at": NOON, "user_id": None}.get(column, "someone else")
    entry = at(5)
    if column == "user_id":
        from app.models import AppUser

        value = db.session.execute(select(AppUser.id)).scalars().first()
    tamper(update(AuditEntry).where(AuditEntry.id == entry).values({column: value}))
    assert first_wrong(by) == Finding("altered", 5, entry)


def test_a_removed_entry_is_named_also_when_the_rest_moves_up(by):
    tamper(delete(AuditEntry).where(AuditEntry.chain_no == 5))
    assert first_wrong(by) == Finding("removed", 5, None)
    entry = at(6)
    for place in range(6, audit_chain.verify(by).unsealed + 13):
        tamper(update(AuditEntry).where(AuditEntry.chain_no == place).values(chain_no=place - 1))
    assert first_wrong(by) == Finding("removed", 5, entry)


def test_two_entries_that_changed_places_are_named(by):
    fifth, sixth = at(5), at(6)
    tamper(
        update(AuditEntry).where(AuditEntry.id == fifth).values(chain_no=-1),
        update(AuditEntry).where(AuditEntry.id == sixth).values(chain_no=5),
        update(AuditEntry).where(AuditEntry.id == fifth).values(chain_no=6),
    )
    assert first_wrong(by) == Finding("reordered", 5, sixth)


def test_a_cut_at_the_end_is_named_and_nothing_is_sealed_on_top(by):
    last = audit_chain.verify(by).sealed
    tamper(delete(AuditEntry).where(AuditEntry.chain_no == last))
    assert first_wrong(by) == Finding("removed", last, None)
    write(1)
    with pytest.raises(audit_chain.ChainBroken, match=f"sealed entry {last} "):
        audit_chain.seal(by)
    by.head_file.unlink()
    assert not audit_chain.verify(by).head_known


def test_a_log_sealed_anew_after_a_change_is_still_found_out(by):
    """All chain columns emptied, one entry changed, and the sealer left to do its work."""
    nothing = {"chain_no": None, "chain_before": None, "chain_hash": None}
    tamper(update(AuditEntry).values(nothing | {"actor": "someone else"}))
    with pytest.raises(audit_chain.ChainBroken):
        audit_chain.seal(by)


def test_a_forged_head_and_another_key_are_refused(by, tmp_path):
    other = Seal(b"o" * 32, tmp_path / "none")
    assert first_wrong(other) == Finding("altered", 1, at(1))
    by.head_file.write_text("1 abc def")
    with pytest.raises(audit_chain.ChainBroken, match=r"audit\.head"):
        audit_chain.verify(by)


def test_the_database_itself_refuses_to_change_what_is_sealed(by):
    db.session.rollback()
    statement = update(AuditEntry).where(AuditEntry.chain_no == 1).values(chain_hash="0" * 64)
    with pytest.raises(Exception, match="append-only"), db.engine.begin() as connection:
        connection.execute(statement)
    assert first_wrong(by) is None


def test_the_key_must_be_there_and_nobody_elses(tmp_path):
    key = tmp_path / "audit.key"
    with pytest.raises(audit_chain.NoKey, match="missing"):
        audit_chain.read_seal(key)
    key.write_bytes(b"k" * 64)
    key.chmod(0o640)
    with pytest.raises(audit_chain.NoKey, match="0600"):
        audit_chain.read_seal(key)
    key.chmod(0o600)
    assert audit_chain.read_seal(key) == Seal(b"k" * 64, tmp_path / "audit.head")
    key.write_bytes(b"k")
    with pytest.raises(audit_chain.NoKey, match="short"):
        audit_chain.read_seal(key)


def test_two_sealers_at_once_make_one_chain(by, app):
    from concurrent.futures import ThreadPoolExecutor

    write(40)
    db.session.rollback()

    def work(_number: int) -> int:
        with app.app_context():
            return audit_chain.seal(by)

    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(work, range(3))) == 40
    assert audit_chain.verify(by).finding is None
    assert db.session.execute(select(func.count(AuditEntry.id)).where(text("chain_no IS NULL"))).scalar_one() == 0
