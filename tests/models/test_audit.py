"""The audit log: every change of the set-up is told, whichever way it was made."""

from __future__ import annotations

import json

import pytest

from app.db import transaction
from app.extensions import db
from app.models import (
    AppUser,
    AuditEntry,
    Consumer,
    Meter,
    Region,
    SecurityModule,
    UserGroup,
    VendingPoint,
)
from tests.cast import make_cast


@pytest.fixture
def cast(context):
    return make_cast()


def newest(table: str) -> tuple[dict, dict]:
    db.session.rollback()
    entry = db.session.query(AuditEntry).filter_by(table_name=table).order_by(AuditEntry.id.desc()).first()
    return json.loads(entry.before), json.loads(entry.after)


@pytest.mark.parametrize(
    ("model", "which", "relation", "to"),
    [
        (AppUser, {"username": "amara"}, "group", {"name": "Manager"}),
        (AppUser, {"username": "amara"}, "vending_point", {"name": "Corner shop"}),
        (Meter, {"meter_number": "01000000013"}, "consumer", {"name": "Pier cafe"}),
    ],
)
def test_a_change_made_through_a_relation_is_told_by_its_key(cast, model, which, relation, to):
    with transaction() as session:
        row = session.query(model).filter_by(**which).first() or session.query(model).first()
        target = {"group": UserGroup, "vending_point": VendingPoint, "consumer": Consumer}[relation]
        old = getattr(row, f"{relation}_id")
        other = session.query(target).filter(target.id != old).first()
        new = other.id
        setattr(row, relation, other)
    before, after = newest(model.__tablename__)
    assert (before[f"{relation}_id"], after[f"{relation}_id"]) == (old, new)


def test_rights_given_and_taken_are_told_by_name(cast):
    with transaction() as session:
        role = session.query(UserGroup).filter_by(name="Operator").one().role
        taken = role.permissions.pop()
        name = str(taken)
    assert newest("ab_role") == ({"permissions": [name]}, {"permissions": []})


def test_a_new_and_a_deleted_row_are_told_with_their_key(context):
    with transaction() as session:
        session.add(Region(name="Gone soon"))
    with transaction() as session:
        row = session.query(Region).filter_by(name="Gone soon").one()
        key = str(row.id)
        session.delete(row)
    entries = db.session.query(AuditEntry).filter_by(table_name="region", row_id=key).all()
    assert [entry.action for entry in entries] == ["add", "delete"]
    assert json.loads(entries[1].before)["name"] == "Gone soon"


def test_a_sealed_password_is_told_to_have_changed_and_nothing_more(context):
    with transaction() as session:
        module = session.query(SecurityModule).first()
        module.sealed_password = "sealed-and-secret"
    before, after = newest("security_module")
    assert (before, after) == ({}, {"sealed_password": "changed"})
