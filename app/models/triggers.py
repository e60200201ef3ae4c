"""Triggers that make the books append-only, on both databases.

Postings, debts, tokens, token answers, reprints, the lines of a sale, licences and what checks have found can be
inserted and never changed or deleted.  A sale moves once from reserved to issued or failed and then stays.
The audit log lets the sealer fill its three chain columns, once.  Nothing is put into a place
that was merged into another one, by whatever statement.

A batch migration on SQLite drops the triggers of its table: the same migration calls
`install` again, and a test compares what stands with this list.  Decision 0004.
"""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

FROZEN = (
    "posting", "token", "sale_line", "sale_fee", "reprint", "module_answer", "debt_entry", "licence",
    "book_check", "module_match", "set_clock", "act_reprint",
)  # fmt: skip
_MESSAGE = "the books are append-only"

# A sale may change only while it is reserved, and then only in what settling says of it.
_SALE_FACTS = (
    "id", "kind", "reference", "message_id", "reverses_id", "vending_point_id", "operator_id", "meter_id",
    "consumer_id", "point_region_id", "consumer_region_id", "plan_id", "meter_type", "shift_id", "reserved_at",
    "business_date", "currency", "currency_decimals", "by_quantity", "amount", "received", "token_units",
    "module_id", "request", "snapshot",
)  # fmt: skip
# An engineering act: what was wanted never changes, its request is written once, and its end is final.
_ACT_FACTS = (
    "id", "kind", "reference", "message_id", "function", "reason", "vending_point_id", "point_region_id",
    "operator_id", "meter_id", "details", "created_at",
)  # fmt: skip
_ACT_REQUEST = ("request", "module_id", "snapshot")
_AUDIT_FACTS = ("id", "at", "user_id", "actor", "action", "table_name", "row_id", "before", "after")


def _differs(columns: tuple[str, ...]) -> str:
    """NULL counts as a value.  NB: SQLite before 3.39 has no IS DISTINCT FROM, PostgreSQL no such IS NOT."""
    return " OR ".join(f"NEW.{name} {{differs}} OLD.{name}" for name in columns)


GUARDED = {
    "sale": f"OLD.status <> 'reserved' OR {_differs(_SALE_FACTS)}",
    "engineering_record": (
        f"OLD.status NOT IN ('proposed', 'reserved') OR {_differs(_ACT_FACTS)}"
        f" OR (OLD.request IS NOT NULL AND ({_differs(_ACT_REQUEST)}))"
    ),
    "audit_entry": f"OLD.chain_hash IS NOT NULL OR {_differs(_AUDIT_FACTS)}",
}
# What an earlier migration must wait for: a guarded table that existed before a column its guard names.
LATE = {"engineering_record": "request"}
DIFFERS = {"postgresql": "IS DISTINCT FROM", "sqlite": "IS NOT"}


# Who belongs to a place; the sale and its sums keep the place they were made in.
PLACED = ("consumer", "meter", "vending_point", "ab_user")
_GONE = "the place was merged into another one"
_PLACE_LIVES = f"""
    CREATE OR REPLACE FUNCTION place_lives() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE into_id integer;
    BEGIN
        SELECT merged_into_id INTO into_id FROM region WHERE id = NEW.region_id FOR KEY SHARE;
        IF into_id IS NOT NULL THEN
            RAISE EXCEPTION '{_GONE}' USING ERRCODE = 'foreign_key_violation';
        END IF;
        RETURN NEW;
    END $$"""  # noqa: S608  (own words)


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


def place_names() -> list[str]:
    """The triggers that keep merged places empty."""
    return [f"{table}_place_lives_{verb}" for table in PLACED for verb in ("insert", "update")]


def install_places(connection: Connection) -> None:
    """Refuse rows in a merged place, as a foreign key would: the answer is an IntegrityError.

    NB: on PostgreSQL the place is locked as its foreign key would lock it, and read after the
    wait: who merges it at this moment is waited for.
    """
    remove_places(connection)
    if connection.dialect.name == "postgresql":
        connection.execute(text(_PLACE_LIVES))
    for table in PLACED:
        for verb, when in (("insert", "INSERT"), ("update", "UPDATE OF region_id")):
            head = f"CREATE TRIGGER {table}_place_lives_{verb} BEFORE {when} ON {table} FOR EACH ROW"
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"{head} EXECUTE FUNCTION place_lives()"))
            else:
                gone = "EXISTS (SELECT 1 FROM region WHERE id = NEW.region_id AND merged_into_id IS NOT NULL)"
                connection.execute(text(f"{head} WHEN {gone} BEGIN SELECT RAISE(ABORT, '{_GONE}'); END"))


def remove_places(connection: Connection) -> None:
    """Drop them (before the column goes that they read)."""
    for table in PLACED:
        for verb in ("insert", "update"):
            where = f" ON {table}" if connection.dialect.name == "postgresql" else ""
            connection.execute(text(f"DROP TRIGGER IF EXISTS {table}_place_lives_{verb}{where}"))


def install(connection: Connection) -> None:
    """Create every trigger that is missing, on the tables that there are by now.

    NB: earlier migrations call this too, when later tables and columns do not exist yet.
    """
    tables = _ready(connection)
    if any(column["name"] == "merged_into_id" for column in inspect(connection).get_columns("region")):
        install_places(connection)
    if connection.dialect.name == "postgresql":
        connection.execute(
            text(
                "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ "
                f"BEGIN RAISE EXCEPTION '{_MESSAGE}'; END $$"
            )
        )
    for name, table, verb, condition in definitions():
        if table not in tables:
            continue
        told = condition.format(differs=DIFFERS[connection.dialect.name])
        when = f" WHEN ({told})" if told else ""
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"DROP TRIGGER IF EXISTS {name} ON {table}"))
            body = f"FOR EACH ROW{when} EXECUTE FUNCTION refuse_change()"
        else:
            connection.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
            body = f"FOR EACH ROW{when} BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"
        connection.execute(text(f"CREATE TRIGGER {name} BEFORE {verb} ON {table} {body}"))
    if connection.dialect.name == "postgresql":
        for table in tables.intersection((*FROZEN, *GUARDED)):
            connection.execute(text(f"DROP TRIGGER IF EXISTS {table}_no_truncate ON {table}"))
            body = "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            connection.execute(text(f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} {body}"))


def _ready(connection: Connection) -> set[str]:
    """The tables that there are, with every column that their triggers name."""
    found = inspect(connection)
    tables = set(found.get_table_names())
    for table, column in LATE.items():
        if table in tables and column not in {known["name"] for known in found.get_columns(table)}:
            tables.remove(table)
    return tables


def remove(connection: Connection) -> None:
    """Drop every trigger (downgrade)."""
    tables = set(inspect(connection).get_table_names())
    for name, table, _verb, _condition in definitions():
        if table not in tables:
            continue
        where = f" ON {table}" if connection.dialect.name == "postgresql" else ""
        connection.execute(text(f"DROP TRIGGER IF EXISTS {name}{where}"))
    if connection.dialect.name == "postgresql":
        for table in tables.intersection((*FROZEN, *GUARDED)):
            connection.execute(text(f"DROP TRIGGER IF EXISTS {table}_no_truncate ON {table}"))


def installed(connection: Connection) -> set[str]:
    """Names of the triggers that stand in the database."""
    if connection.dialect.name == "postgresql":
        query = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    else:
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    return set(connection.execute(text(query)).scalars())
