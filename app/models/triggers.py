"""Triggers that make the books append-only, on both databases.

Postings, tokens, token answers, reprints and the lines of a sale can be inserted and never
changed or deleted.  A sale moves once from reserved to issued or failed and then stays.
The audit log lets the sealer fill its three chain columns, once.

A batch migration on SQLite drops the triggers of its table: the same migration calls
`install` again, and a test compares what stands with this list.  Decision 0004.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

FROZEN = ("posting", "token", "sale_line", "sale_fee", "reprint", "module_answer")
_MESSAGE = "the books are append-only"

# A sale may change only while it is reserved, and never what it says it is.
_SALE_CHANGED = (
    "OLD.status <> 'reserved' OR NEW.id <> OLD.id OR NEW.reference <> OLD.reference"
    " OR NEW.message_id <> OLD.message_id OR NEW.amount <> OLD.amount"
    " OR NEW.meter_id <> OLD.meter_id OR NEW.vending_point_id <> OLD.vending_point_id"
    " OR NEW.operator_id <> OLD.operator_id OR NEW.currency <> OLD.currency"
    " OR NEW.business_date <> OLD.business_date OR NEW.snapshot <> OLD.snapshot"
)
_AUDIT_CHANGED = (
    "OLD.chain_hash IS NOT NULL OR NEW.id <> OLD.id OR NEW.at <> OLD.at OR NEW.actor <> OLD.actor"
    " OR NEW.action <> OLD.action OR NEW.table_name <> OLD.table_name OR NEW.row_id <> OLD.row_id"
    " OR NEW.before <> OLD.before OR NEW.after <> OLD.after"
)
GUARDED = {"sale": _SALE_CHANGED, "audit_entry": _AUDIT_CHANGED}


def definitions() -> list[tuple[str, str, str, str]]:
    """Every trigger as (name, table, 'UPDATE' or 'DELETE', condition)."""
    made = []
    for table in FROZEN:
        made.append((f"{table}_no_update", table, "UPDATE", ""))
        made.append((f"{table}_no_delete", table, "DELETE", ""))
    for table, condition in GUARDED.items():
        made.append((f"{table}_guard_update", table, "UPDATE", condition))
        made.append((f"{table}_no_delete", table, "DELETE", ""))
    return made


def install(connection: Connection) -> None:
    """Create every trigger that is missing."""
    if connection.dialect.name == "postgresql":
        connection.execute(
            text(
                "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ "
                f"BEGIN RAISE EXCEPTION '{_MESSAGE}'; END $$"
            )
        )
    for name, table, verb, condition in definitions():
        when = f" WHEN ({condition})" if condition else ""
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"DROP TRIGGER IF EXISTS {name} ON {table}"))
            body = f"FOR EACH ROW{when} EXECUTE FUNCTION refuse_change()"
        else:
            connection.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
            body = f"FOR EACH ROW{when} BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"
        connection.execute(text(f"CREATE TRIGGER {name} BEFORE {verb} ON {table} {body}"))


def remove(connection: Connection) -> None:
    """Drop every trigger (downgrade)."""
    for name, table, _verb, _condition in definitions():
        where = f" ON {table}" if connection.dialect.name == "postgresql" else ""
        connection.execute(text(f"DROP TRIGGER IF EXISTS {name}{where}"))


def installed(connection: Connection) -> set[str]:
    """Names of the triggers that stand in the database."""
    if connection.dialect.name == "postgresql":
        query = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    else:
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    return set(connection.execute(text(query)).scalars())
