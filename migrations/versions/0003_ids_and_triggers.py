"""No id is used twice on SQLite, and the triggers watch every fact of a sale.

SQLite gives the id of the newest deleted row to the next one; what was noted of the old row (in
the audit log, or the prices that a process keeps ready) would then speak of the new one.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

from app.models import triggers

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# What a person may delete.
TABLES = (
    "region", "manufacturer", "product", "vending_point", "user_group", "ab_user", "ab_role", "tariff",
    "tariff_plan", "tariff_step", "tariff_fine", "tariff_fee", "tariff_tax", "tariff_levy", "security_module",
    "supply_group_key", "currency", "consumer", "meter",
)  # fmt: skip


def upgrade() -> None:
    """Go forward."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        for table in TABLES:
            _rebuild(connection, table, _never_again)
    triggers.install(connection)


def downgrade() -> None:
    """Go back; the triggers of this release also fit the one before."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        for table in TABLES:
            _rebuild(connection, table, _again)


def _never_again(table: str, made_by: str) -> str:
    made_by = re.sub(rf",\s*CONSTRAINT pk_{table} PRIMARY KEY \(id\)", "", made_by)
    return made_by.replace("id INTEGER NOT NULL", "id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL", 1)


def _again(table: str, made_by: str) -> str:
    made_by = made_by.replace("id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL", "id INTEGER NOT NULL", 1)
    return f"{made_by.rstrip()[:-1].rstrip()},\n\tCONSTRAINT pk_{table} PRIMARY KEY (id)\n)"


def _rebuild(connection: sa.Connection, table: str, change: object) -> None:
    """Make the table anew with its rows, constraints, indexes and triggers.

    NB: Alembic's own batch mode would drop the CHECK constraints, which it does not read.
    """
    beside = connection.exec_driver_sql(
        "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND type IN ('index', 'trigger') AND sql IS NOT NULL",
        (table,),
    ).scalars().all()  # fmt: skip
    made_by = connection.exec_driver_sql(
        "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)
    ).scalar_one()
    changed = change(table, made_by)  # type: ignore[operator]
    if changed == made_by:
        raise RuntimeError(f"the table {table} is not as expected")
    name = re.compile(rf'^CREATE TABLE "?{table}"?')
    connection.exec_driver_sql(name.sub(f'CREATE TABLE "_new_{table}"', changed, count=1))
    connection.exec_driver_sql(f'INSERT INTO "_new_{table}" SELECT * FROM "{table}"')  # noqa: S608 (own names)
    connection.exec_driver_sql(f'DROP TABLE "{table}"')
    connection.exec_driver_sql(f'ALTER TABLE "_new_{table}" RENAME TO "{table}"')
    for statement in beside:
        connection.exec_driver_sql(statement)
