"""The schema comes from migrations, goes both ways, and the triggers come along."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect

from app.extensions import db
from app.models import triggers


def standing() -> set[str]:
    with db.engine.connect() as connection:
        return triggers.installed(connection)


WANTED = {name for name, *_ in triggers.definitions()} | set(triggers.place_names())


def test_the_migrations_make_exactly_what_the_models_say(context):
    with db.engine.connect() as connection:
        found = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(found, db.metadata) == []


def test_every_trigger_stands_after_upgrade_and_after_down_and_up(context):
    assert standing() >= WANTED
    db.session.remove()
    downgrade(revision="base")
    assert not standing() & WANTED
    assert set(inspect(db.engine).get_table_names()) <= {"alembic_version"}
    upgrade()
    assert standing() >= WANTED
