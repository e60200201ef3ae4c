"""Alembic's environment: the application's database, one metadata, batch mode on SQLite.

On SQLite a batch change copies a table, which foreign keys would forbid: they are off
while migrations run, set before the transaction begins, and checked afterwards.
"""

from __future__ import annotations

from typing import Any

from alembic import context
from flask import current_app
from sqlalchemy import Connection, text

target = current_app.extensions["migrate"].db.metadata


def _render(kind: str, item: Any, _context: Any) -> str | bool:
    """Write our exact types as the plain types they are stored as."""
    if kind == "type" and type(item).__module__ == "app.models.base":
        return "sa.DateTime()" if type(item).__name__ == "UTCDateTime" else "sa.BigInteger()"
    return False


def _configure(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=target,
        render_as_batch=True,
        render_item=_render,
        compare_type=False,
    )


def _run(connection: Connection) -> None:
    sqlite = connection.dialect.name == "sqlite"
    if sqlite:
        connection.execute(text("PRAGMA foreign_keys=OFF"))
        connection.commit()
        connection.execute(text("BEGIN IMMEDIATE"))
    _configure(connection)
    before = context.get_context().get_current_heads()
    with context.begin_transaction():
        context.run_migrations()
    # NB: every start comes by here; to look millions of sales up takes minutes, and only a change breaks what they name
    if sqlite and context.get_context().get_current_heads() != before:
        broken = connection.execute(text("PRAGMA foreign_key_check")).all()
        if broken:
            connection.rollback()
            raise RuntimeError(f"a migration broke foreign keys: {broken[:3]}")
    connection.commit()
    if sqlite:
        connection.execute(text("PRAGMA foreign_keys=ON"))
    connection.commit()


given = context.config.attributes.get("connection")
if given is not None:
    _run(given)
else:
    with current_app.extensions["migrate"].db.engine.connect() as opened:
        _run(opened)
