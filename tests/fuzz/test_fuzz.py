"""No bad request breaks the program, tells of a foreign row, changes one, or writes by a GET."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.extensions import db
from app.models import AppUser, UserSession
from app.models.base import now
from tests.cast import password_hash
from tests.fixtures.application import let_in
from tests.fuzz.attacker import Attacker
from tests.fuzz.watch import Watch
from tests.world import World, make_world

PEOPLE = {"operator": "amara", "manager": "chidi", "auditor": "dalia", "region administrator": "rada", "administrator": "efua"}


@pytest.fixture
def world(app) -> World:
    return make_world(app)


@pytest.fixture
def attack(app, world, seed):
    """An attacker with a browser for each kind of person and one of nobody's."""
    with app.app_context():
        efua = db.session.scalars(select(AppUser).where(AppUser.username == "efua")).one()
        db.session.add(AppUser(
            username="rada", first_name="Rada", last_name="Test", email="rada@example.org", active=True,
            password=password_hash(), group_id=efua.group_id, region_id=world.cast.regions["coast"],
        ))  # fmt: skip
        db.session.commit()
        db.session.remove()
    clients = {kind: app.test_client() for kind in PEOPLE} | {"anonymous": app.test_client()}
    for kind, name in PEOPLE.items():
        let_in(app, clients[kind], name)
    with app.app_context():  # so that no GET has to note that somebody is still there
        db.session.execute(update(UserSession).values(seen=now() + timedelta(hours=12)))
        db.session.commit()
        db.session.remove()
    watch = Watch(app, world)
    attacker = Attacker(app, clients, world.rows, watch, seed)
    watch.remember()
    yield attacker
    watch.close()
    watch.forget()


def figures(attack: Attacker) -> dict[str, object]:
    kinds = sorted((status // 100, count) for status, count in attack.answers.items())
    by_family = {family: sum(count for found, count in kinds if found == family) for family, _ in kinds}
    return {
        "requests": sum(attack.tried.values()), "visitors": len(attack.tried), "routes with methods": len(attack.routes),
        "forms": sum(map(len, attack.forms.values())),
        **{f"answers {family}xx": count for family, count in by_family.items()}, "faults": len(attack.faults),
    }  # fmt: skip


def clean(attack: Attacker) -> None:
    assert not attack.faults, "\n".join(f"{kind}\n    {where}" for kind, where in sorted(attack.faults.items()))


@pytest.mark.one_database
def test_some_hundred_bad_requests(attack):
    attack.run(200)
    clean(attack)
    assert len(attack.forms["manager"]) > 20, "no forms were found: nothing was tried"


@pytest.mark.deep
@pytest.mark.one_database
@pytest.mark.parametrize("part", [1, 2, 3])
def test_twenty_thousand_bad_requests(attack, deep_record, part):
    attack.rng.seed(attack.rng.random() + part)
    attack.run(7_000)
    deep_record(f"fuzz of forms and routes, {part} of 3", **figures(attack))
    clean(attack)
