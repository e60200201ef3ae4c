"""The schema comes from migrations, goes both ways, and the triggers come along."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import current_app
from flask_appbuilder.security.sqla.models import PermissionView, Role
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import IntegrityError

from app.access.roles import sync
from app.extensions import db
from app.models import NamesTwice, triggers


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


def test_names_that_stand_twice_stop_the_upgrade_before_it_changes_anything_and_are_told(context):
    def run(statement):
        with db.engine.begin() as connection:
            return connection.execute(text(statement))

    db.session.remove()
    downgrade(revision="0038")
    stamp = "CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, 1"
    for name in ("Twice", "tWICE", "Once"):
        run(f"INSERT INTO manufacturer (name, created_at, changed_at, version) VALUES ('{name}', {stamp})")  # noqa: S608
    with pytest.raises(NamesTwice, match=r"manufacturer: “Twice” .*, “tWICE” .*Nothing was changed"):
        upgrade()
    assert not alike_indexes()
    run("UPDATE manufacturer SET name = 'Other' WHERE name = 'tWICE'")
    upgrade()
    assert alike_indexes() == {index.name for table in db.metadata.tables.values() for index in table.indexes if index.name.endswith("_alike")}
    with pytest.raises(IntegrityError):
        run("UPDATE manufacturer SET name = 'TWICE' WHERE name = 'Other'")


def alike_indexes() -> set[str]:
    """The indexes over names in big and small letters: not every database tells of them when its tables are compared."""
    names = "SELECT name FROM sqlite_master" if db.engine.dialect.name == "sqlite" else "SELECT indexname FROM pg_indexes"
    with db.engine.connect() as connection:
        return {name for name in connection.scalars(text(names)) if name.endswith("_alike")}


def test_a_group_that_sees_the_desk_and_prints_receipts_goes_on_printing_slips_of_acts(context, roles):
    """Groups of one's own get nothing from set-up; one without either right gets nothing here."""
    desk, receipts = ("can_read", "EngineeringView"), ("can_print", "ReceiptView")
    made = {name: roles(name, rights) for name, rights in (("Both", (desk, receipts)), ("Desk", (desk,)), ("Till", (receipts,)))}
    db.session.remove()
    downgrade(revision="0030")
    upgrade()
    given = {name: ("can_print", "EngineeringView") in rights() for name, rights in made.items()}
    assert given == {"Both": True, "Desk": False, "Till": False}


@pytest.fixture
def roles(context):
    """`roles(name, pairs)`: a role with these permissions; what it gives tells which ones it has now."""
    sync(current_app.appbuilder.sm)

    def make(name, pairs):
        rows = {(row.permission.name, row.view_menu.name): row for row in db.session.scalars(select(PermissionView))}
        db.session.add(Role(name=name, permissions=[rows[pair] for pair in pairs]))
        db.session.commit()

        def has():
            role = db.session.scalars(select(Role).where(Role.name == name)).one()
            return {(row.permission.name, row.view_menu.name) for row in role.permissions}

        return has

    return make
