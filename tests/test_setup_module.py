"""Where the software module lives, and that it stays where it is."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest
from sqlalchemy import delete, select

import config
import run
from app import demo
from app.db import transaction
from app.extensions import db
from app.models import Sale, SecurityModule, SupplyGroupKey
from app.module_process import LOOPBACK, answers, module_for_a_while, serves_module
from app.services.credentials import unseal
from app.setup import NotForService, run_setup
from app.sts.prism import folder as module_folder
from tests.fixtures.ports import free_ports

pytestmark = pytest.mark.one_database


@pytest.fixture
def bare(make_app, tmp_path):
    """`bare(**settings)`: an application on books that know of no module."""

    def make(**settings):
        return make_app(INSTANCE_DIR=tmp_path, **settings)

    with make().app_context(), transaction() as session:
        session.execute(delete(SupplyGroupKey))
        session.execute(delete(SecurityModule))
    return make


def the_row(app) -> SecurityModule:
    with app.app_context():
        return db.session.execute(select(SecurityModule)).scalar_one()


def programs(folder: Path, **environ: object) -> list[str]:
    settings = config.load({"INSTANCE_DIR": str(folder)} | {key: str(value) for key, value in environ.items()})
    return [program.name for program in run._programs(settings, "127.0.0.1")]


def test_an_empty_installation_gets_a_module_of_its_own(bare, tmp_path):
    app = bare(MODULE_PORT=19_500)
    assert "software module registered on 127.0.0.1 port 19500, with 5 keys" in run_setup(app)
    row = the_row(app)
    assert (row.kind, row.address, row.port, row.trust) == ("prism", "127.0.0.1", 19_500, "pinned")
    assert row.memory_hours > 24 * 365, "it remembers for longer than a sale waits"
    folder = tmp_path / "module"
    assert row.fingerprint == module_folder.fingerprint(folder)
    password = unseal(row.sealed_password, tmp_path / "credentials.key")
    assert len(password) >= 20
    assert password not in row.sealed_password
    with app.app_context():
        facts = {(key.sgc, key.krn, key.kcv) for key in db.session.query(SupplyGroupKey)}
    assert facts == {(key.sgc, key.krn, key.kcv) for key in module_folder.open_keys(folder).keys}
    assert not (tmp_path / "keystore.json").exists(), "keys lie in one place only"
    assert run_setup(app) == [], "the second time changes nothing"
    assert programs(tmp_path) == ["software module", "loading of the demonstration", "web server", "worker"]


def test_its_row_follows_the_port(bare, tmp_path):
    run_setup(bare(MODULE_PORT=19_500))
    assert run_setup(bare(MODULE_PORT=19_501)) == ["Software module listens on port 19501 now"]
    assert the_row(bare()).port == 19_501


def test_a_set_up_by_hand_beside_the_running_program_moves_no_port(bare, tmp_path, monkeypatch):
    """In a shell that does not know the program's settings: sales would go where nobody listens."""
    run_setup(bare(MODULE_PORT=19_500))
    with run._hold_folder(tmp_path):
        [said] = run_setup(bare(MODULE_PORT=19_501))
        assert said.startswith("NB: the program runs on this folder, and Software module listens on port 19500")
        assert the_row(bare()).port == 19_500
        monkeypatch.setenv("RUN_PID", str(os.getppid()))  # as run.py's own set-up is started
        assert run_setup(bare(MODULE_PORT=19_501)) == ["Software module listens on port 19501 now"]


def test_a_module_of_somebody_else_on_this_machine_is_left_alone(bare, tmp_path):
    app = bare(MODULE_PORT=19_500)
    run_setup(app)
    with app.app_context(), transaction() as session:
        session.query(SecurityModule).one().fingerprint = "ab" * 32
    assert run_setup(bare(MODULE_PORT=19_501)) == []
    assert the_row(app).port == 19_500


def test_a_set_up_that_was_stopped_half_way_goes_on(bare, tmp_path):
    """The folder was made, the books never heard of it: its first password is lost."""
    module_folder.prepare(tmp_path / "module")
    app = bare(MODULE_PORT=19_500)
    run_setup(app)
    password = unseal(the_row(app).sealed_password, tmp_path / "credentials.key")
    assert module_folder.users.Users(tmp_path / "module" / "users.json").check("vending", password)


def test_the_old_way_keeps_the_module_inside_and_goes_on_so(bare, tmp_path):
    app = bare(MODULE_PORT=0)
    assert "software module registered inside the web processes, with 5 keys" in run_setup(app)
    assert (the_row(app).kind, the_row(app).port) == ("software", None)
    # Also when nothing is said about it later on.
    assert run_setup(bare(MODULE_PORT=19_500)) == []
    assert the_row(app).kind == "software"
    assert programs(tmp_path) == ["loading of the demonstration", "web server", "worker"]


def test_where_no_software_module_is_allowed_none_is_made_or_started(bare, tmp_path):
    app = bare(MODULE_PORT=19_500, SOFTWARE_MODULE_ALLOWED=False)
    run_setup(app)
    with app.app_context():
        assert db.session.query(SecurityModule).count() == 0
    assert not (tmp_path / "module").exists()
    assert programs(tmp_path, MODE="production") == ["web server", "worker"]
    assert not serves_module(config.load({"INSTANCE_DIR": str(tmp_path), "MODE": "production"}))


def test_in_production_it_starts_without_keys(bare, tmp_path):
    run_setup(bare(MODULE_PORT=19_500, MODE="production", SOFTWARE_MODULE_ALLOWED=True))
    assert module_folder.open_keys(tmp_path / "module").keys == ()


def test_two_who_load_the_demonstration_at_once_load_it_once(make_app):
    apps = [make_app(), make_app()]
    said: list[list[str]] = []

    def load(app) -> None:
        with app.app_context():
            said.append(demo.load_alone(app.config, app.extensions["modules"], days=1))
            db.session.remove()

    both = [threading.Thread(target=load, args=(app,)) for app in apps]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    # Who had to wait may be the first to say so.
    first, second = sorted(said, key=len, reverse=True)
    assert second == ["the database is not empty: nothing was loaded"]
    with apps[0].app_context():
        sales = db.session.query(Sale).count()
    assert sales > 0
    assert first[1] == f"{sales} sales in 1 days"


def test_the_demonstration_is_loaded_by_hand_through_a_module_that_ends_with_it(bare, make_app, tmp_path):
    [port] = free_ports(1)
    app = bare(MODULE_PORT=port)
    run_setup(app)
    with socket.create_server((LOOPBACK, port)):  # somebody else's program
        told = app.test_cli_runner().invoke(args=["demo", "load", "--small"])
    assert told.exit_code == 1
    assert f"Error: the security module Software module does not answer on port {port}" in told.output
    app = make_app(INSTANCE_DIR=tmp_path, MODULE_PORT=port)
    with app.app_context(), module_for_a_while(app.config):
        [told] = demo.load_alone(app.config, app.extensions["modules"], days=1)
        assert told == f"{db.session.query(Sale).count()} sales in 1 days"
    app.extensions["modules"].close()
    assert not answers(LOOPBACK, port)


def test_in_production_demonstration_keys_stop_the_start(bare):
    run_setup(bare(MODULE_PORT=19_500))  # a demonstration
    in_service = bare(MODULE_PORT=19_500, MODE="production", DEMO=False, TRAINING=False, SOFTWARE_MODULE_ALLOWED=True)
    with pytest.raises(NotForService, match="demonstration keys"):
        run_setup(in_service)
    told = in_service.test_cli_runner().invoke(args=["setup"])
    assert told.exit_code == 1
    assert told.output.startswith("Error: MODE is production, but this installation holds demonstration keys")
