"""The drill: a site is lost and comes back from its backup, on both databases."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask
from sqlalchemy import func, inspect, select, table, text

from app.db import transaction
from app.domain.states import SaleStatus
from app.extensions import db
from app.models import BackupMade, RestoreDone, Sale, SecurityModule, Token
from app.services import audit_chain, backup_file
from app.services.ledger_check import differences
from app.services.resolve import Patience, resolve_all
from app.setup import run_setup
from app.sts import token_id
from app.sts.journal import Drawing
from app.sts.module import ModuleError
from app.sts.prism import folder as module_folder
from app.sts.prism.journal import FileJournal
from tests.cast import make_cast
from tests.fixtures import postgresql
from tests.fixtures.application import build
from tests.services.conftest import Counter

PHRASE = "correct horse battery staple"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """A pass phrase that costs no tenth of a second."""
    monkeypatch.setattr(backup_file, "_COST", {"n": 16, "r": 8, "p": 1})


@pytest.fixture
def phrase(tmp_path) -> str:
    path = tmp_path / "phrase"
    path.touch(mode=0o600)
    path.write_text(PHRASE)
    return str(path)


@pytest.fixture
def site(make_app, shared, tmp_path) -> Flask:
    """An installation with people, sales and a module folder, in a folder of its own."""
    shutil.copytree(shared / "instance", tmp_path / "site")  # what set-up made beside the database
    app = make_app(INSTANCE_DIR=tmp_path / "site")
    with app.app_context():
        counter = Counter(make_cast(), app.extensions["modules"], clock=datetime.now(UTC) - timedelta(hours=2))
        for value in (20_00, 30_00):
            counter.sells("palm_street", value)
        audit_chain.seal(audit_chain.read_seal(tmp_path / "site" / "audit.key"))
        db.session.remove()
    (tmp_path / "site" / "module").mkdir(mode=0o700)
    FileJournal(tmp_path / "site" / "module" / "journal.db").close()
    return app


@pytest.fixture
def elsewhere(database_url, backend, shared, worker, tmp_path) -> Iterator[Callable[..., Flask]]:
    """Another machine: an empty database, and no instance folder at all."""
    made: list[Flask] = []
    url = f"sqlite:///{tmp_path / 'other' / 'vending.db'}"
    if backend == "postgresql":
        server = postgresql.server_url(shared)
        name = f"{shared.name.replace('-', '_')}_{worker}_other"
        postgresql.administer(server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', f'CREATE DATABASE "{name}"')
        url = server.set(database=name).render_as_string(hide_password=False)

    def make() -> Flask:
        made.append(build(url, tmp_path / "other"))
        return made[-1]

    yield make
    for app in made:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()
    if backend == "postgresql":
        postgresql.administer(server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def run(app: Flask, *words: str) -> SimpleNamespace:
    done = app.test_cli_runner().invoke(args=list(words))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return SimpleNamespace(code=done.exit_code, said=done.output)


def back_up(site: Flask, tmp_path: Path, phrase: str) -> Path:
    file = tmp_path / "site.backup"
    done = run(site, "backup", "--to", str(file), "--passphrase-file", phrase)
    assert done.code == 0, done.said
    return file


def contents(app: Flask) -> dict[str, list[str]]:
    """Every row of every table but the few that backup and restore write."""
    with app.app_context(), db.engine.connect() as connection:
        names = set(inspect(connection).get_table_names()) - {"backup_made", "restore_done", "module_token_id"}
        rows = {name: connection.execute(select(text("*")).select_from(table(name))).all() for name in sorted(names)}
        return {name: sorted(repr(tuple(row)) for row in found) for name, found in rows.items()}


def test_what_comes_back_is_what_was_there(site, elsewhere, tmp_path, phrase):
    file = back_up(site, tmp_path, phrase)
    other = elsewhere()
    done = run(other, "restore", str(file), "--passphrase-file", phrase)
    assert done.code == 0, done.said
    assert contents(other) == contents(site)
    for name in ("keystore.json", "passphrase", "audit.key", "audit.head", "credentials.key"):
        assert (tmp_path / "other" / name).read_bytes() == (tmp_path / "site" / name).read_bytes()
    loose = [path for path in (tmp_path / "other").rglob("*") if path.stat().st_mode & 0o077]
    assert loose == []
    assert run_setup(other) == []
    with other.app_context():
        assert differences() == []
        assert audit_chain.verify(audit_chain.read_seal(tmp_path / "other" / "audit.key")).finding is None


def test_the_restored_site_sells_on_and_no_token_id_comes_again(site, elsewhere, tmp_path, phrase):
    """Tokens sold after the backup are lost, also some that ran ahead of the clock: none is repeated."""
    file = back_up(site, tmp_path, phrase)
    with site.app_context():
        lost = Counter(_cast(), site.extensions["modules"])
        for number in range(5):
            lost.sells("palm_street", 20_00, reference=f"after-the-backup-{number}")
        given_out = set(db.session.execute(select(Token.token_id)).scalars())
    other = elsewhere()
    assert run(other, "restore", str(file), "--passphrase-file", phrase).code == 0
    with other.app_context():
        counter = Counter(_cast(), other.extensions["modules"])
        for number in range(3):
            counter.sells("palm_street", 20_00, reference=f"after-the-restore-{number}")
        counter.sells("mill", 20_00, reference="a-meter-that-never-bought")
        again = list(db.session.execute(select(Token.token_id).order_by(Token.id.desc()).limit(4)).scalars())
        assert not given_out & set(again)
        assert min(again) > max(given_out)
        assert differences() == []


@pytest.mark.postgresql_long
def test_the_journal_of_the_modules_process_starts_later_than_the_restore(site, elsewhere, tmp_path, phrase):
    running = FileJournal(tmp_path / "site" / "module" / "journal.db", grouped=True)
    running.keep("answered", "digest", lambda: ())
    running.commit()  # in the log only: a backup must not forget it
    file = back_up(site, tmp_path, phrase)
    running.close()
    other = elsewhere()
    run(other, "restore", str(file), "--passphrase-file", phrase)
    now = token_id.clock_minute(datetime.now(UTC), 14)
    module = tmp_path / "other" / "module"
    assert [path.name for path in module.iterdir()] == ["journal.db"]
    journal = FileJournal(module / "journal.db")
    assert journal.answer("answered") is not None
    drawn: list[int] = []
    journal.issue(Drawing("m", "d", "600727000000000009", 14, lambda last: drawn.append(last) or last + 1, lambda _: ()))
    journal.close()
    assert now + 14 <= drawn[0] <= now + 15
    (tmp_path / "site" / "module" / "journal.db.log0").unlink()  # nobody serves it: answers would be missing
    refused = run(site, "backup", "--to", str(tmp_path / "b"), "--passphrase-file", phrase)
    assert (refused.code, "journal.db.log0 should be there" in refused.said) == (1, True)


@pytest.mark.postgresql_long
def test_modules_that_a_backup_does_not_hold_are_named_by_it_and_by_the_restore(site, elsewhere, tmp_path, phrase):
    inside = module_folder.prepare(tmp_path / "site" / "second").fingerprint
    place = {"kind": "prism", "address": "hsm.example", "port": 9443}
    with site.app_context(), transaction() as session:
        session.add(SecurityModule(name="Second", fingerprint=inside, **place))
        session.add(SecurityModule(name="Hardware", fingerprint="0" * 64, **place))
        session.add(SecurityModule(name="By authority", trust="authority", **place))
    file = tmp_path / "site.backup"
    made = run(site, "backup", "--to", str(file), "--passphrase-file", phrase)
    missing = "By authority (hsm.example port 9443), Hardware (hsm.example port 9443)"
    assert f"NOT in it are the keys and token ids of {missing}: " in made.said
    came = run(elsewhere(), "restore", str(file), "--passphrase-file", phrase)
    assert f"The keys and token ids of {missing} were not in the backup." in came.said
    assert (tmp_path / "other" / "second" / "keystore.json").exists()


def _cast():
    from app.models import AppUser, Meter, VendingPoint
    from tests.cast import MILL, PALM_STREET, Cast

    meters = {row.meter_number: row.id for row in db.session.query(Meter)}
    return Cast(
        {"market": db.session.query(VendingPoint).filter_by(code="MKT").one().id},
        {row.username: row.id for row in db.session.query(AppUser)},
        {},
        {"palm_street": meters[PALM_STREET], "mill": meters[MILL]},
        {},
        {},
    )


@pytest.mark.postgresql_long
def test_a_sale_that_waited_through_the_restore_is_not_sent_again(site, elsewhere, tmp_path, phrase):
    """It may have got its token between the backup and the loss: a person decides."""
    with site.app_context():
        silent = SimpleNamespace(
            by_id=lambda *_: _Silent(), require_alive=lambda *_: None, probe=lambda *_: None
        )
        Counter(_cast(), silent).sells("mill", 20_00, reference="it-waits-for-a-token")
        waiting = db.session.execute(select(Sale.id).where(Sale.status == SaleStatus.RESERVED)).scalar_one()
    file = back_up(site, tmp_path, phrase)
    other = elsewhere()
    run(other, "restore", str(file), "--passphrase-file", phrase)
    later = Patience(timedelta(0), timedelta(hours=24))
    soon = datetime.now(UTC) + timedelta(minutes=5)
    with other.app_context():
        assert resolve_all(other.extensions["modules"], later, lambda: soon) == {SaleStatus.RESERVED: 1}
        with transaction() as session:
            session.query(RestoreDone).delete()
        assert resolve_all(other.extensions["modules"], later, lambda: soon) == {SaleStatus.ISSUED: 1}
        assert db.session.get_one(Sale, waiting).status is SaleStatus.ISSUED


class _Silent:
    """A module that answers nothing."""

    def credit_token(self, *_: object) -> None:
        raise ModuleError("ENetwork.Timeout", permanent=False)

    fetch = credit_token


def test_a_backup_while_everybody_sells_is_of_one_moment(site, elsewhere, tmp_path, phrase):
    stop = threading.Event()

    def sell() -> None:
        with site.app_context():
            counter = Counter(_cast(), site.extensions["modules"])
            number = 0
            while not stop.is_set():
                number += 1
                counter.sells("palm_street", 20_00, reference=f"meanwhile-{number:05d}")
            db.session.remove()

    seller = threading.Thread(target=sell)
    seller.start()
    try:
        file = back_up(site, tmp_path, phrase)
    finally:
        stop.set()
        seller.join()
    other = elsewhere()
    assert run(other, "restore", str(file), "--passphrase-file", phrase).code == 0
    with other.app_context():
        assert differences() == []
        assert db.session.execute(select(func.count(Sale.id)), execution_options={"unscoped": True}).scalar_one() >= 2


def test_an_installation_that_is_not_empty_is_left_alone(site, elsewhere, tmp_path, phrase):
    file = back_up(site, tmp_path, phrase)
    before = contents(site)
    done = run(site, "restore", str(file), "--passphrase-file", phrase)
    assert (done.code, "not empty" in done.said) == (1, True)
    assert contents(site) == before
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "keystore.json").write_text("somebody's")
    done = run(elsewhere(), "restore", str(file), "--passphrase-file", phrase)
    assert (done.code, "keystore.json" in done.said) == (1, True)
    assert (tmp_path / "other" / "keystore.json").read_text() == "somebody's"


def test_a_restore_that_fails_leaves_the_place_as_empty_as_it_was(site, elsewhere, tmp_path, phrase, monkeypatch):
    file = back_up(site, tmp_path, phrase)
    other = elsewhere()
    damaged = bytearray(file.read_bytes())
    damaged[-1] ^= 1
    (tmp_path / "damaged").write_bytes(bytes(damaged))
    done = run(other, "restore", str(tmp_path / "damaged"), "--passphrase-file", phrase)
    assert (done.code, "damaged" in done.said) == (1, True)

    from app.services import backup_restore

    def power_cut(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(backup_restore, "_mark", power_cut)
        done = other.test_cli_runner().invoke(args=["restore", str(file), "--passphrase-file", phrase])
        assert "no space left" in str(done.exception)
    assert list((tmp_path / "other").iterdir()) == []
    assert run(other, "restore", str(file), "--passphrase-file", phrase).code == 0


@pytest.mark.one_database
def test_a_backup_is_noted_private_and_never_written_over(site, tmp_path, phrase):
    file = back_up(site, tmp_path, phrase)
    assert file.stat().st_mode & 0o777 == 0o600
    with site.app_context():
        row = db.session.query(BackupMade).one()
        assert (row.file_name, row.size) == ("site.backup", file.stat().st_size)
    whole = file.read_bytes()
    done = run(site, "backup", "--to", str(file), "--passphrase-file", phrase)
    assert (done.code, "there already" in done.said) == (1, True)
    assert file.read_bytes() == whole
    assert b"Achieng" not in whole
    assert not [path for path in tmp_path.rglob(".*") if "backup" in path.name]
    done = run(site, "backup", "--passphrase-file", phrase)
    assert done.code == 0
    assert len(list((tmp_path / "site" / "backups").iterdir())) == 1


@pytest.mark.one_database
def test_a_pass_phrase_must_be_private_long_and_the_same(site, elsewhere, tmp_path, phrase):
    file = back_up(site, tmp_path, phrase)
    Path(phrase).chmod(0o644)
    done = run(site, "backup", "--to", str(tmp_path / "b"), "--passphrase-file", phrase)
    assert (done.code, "0600" in done.said) == (1, True)
    Path(phrase).chmod(0o600)
    Path(phrase).write_text("short")
    done = run(site, "backup", "--to", str(tmp_path / "b"), "--passphrase-file", phrase)
    assert (done.code, "12 characters" in done.said) == (1, True)
    Path(phrase).write_text("another horse battery staple")
    done = run(elsewhere(), "restore", str(file), "--passphrase-file", phrase)
    assert (done.code, "pass phrase is another" in done.said) == (1, True)
    assert not (tmp_path / "b").exists()


@pytest.mark.one_database
def test_a_file_in_use_is_copied_whole_and_passing_things_are_left_out(site, elsewhere, tmp_path, phrase):
    """What is still in the write-ahead log of the module's journal comes along."""
    module = tmp_path / "site" / "module"
    writer = sqlite3.connect(module / "journal.db")
    writer.execute("INSERT INTO last_id VALUES ('600727000000000009', 14, 7)")
    writer.commit()
    (module / "lock").touch()
    (tmp_path / "site" / "queue.db").write_bytes(b"tasks")
    file = back_up(site, tmp_path, phrase)
    writer.close()
    assert run(elsewhere(), "restore", str(file), "--passphrase-file", phrase).code == 0
    other = tmp_path / "other"
    copy = sqlite3.connect(other / "module" / "journal.db")
    assert copy.execute("SELECT token_id FROM last_id").fetchall() == [(7,)]
    copy.close()
    assert not (other / "module" / "lock").exists()
    assert not (other / "queue.db").exists()
    assert json.loads((other / "keystore.json").read_text())
