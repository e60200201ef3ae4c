"""A hardware module through the pages: it tells no keys, they are typed in, and every answer is held against them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from app.extensions import db
from app.models import Meter, Sale, SecurityModule, SupplyGroupKey, Token
from app.models.base import now
from app.services.ledger_check import differences
from app.services.resolve import Patience, resolve_all
from app.sts import keyfile
from app.sts.demonstration import demonstration_keys
from tests.cast import PALM_STREET
from tests.services.conftest import Counter
from tests.sts.prism.certificates import make_certificate
from tests.sts.prism.hardware import PASSWORD, USERNAME, Hardware
from tests.views.forms import act, send, text
from tests.views.module_server import post

pytestmark = pytest.mark.one_database


@pytest.fixture
def safe(tmp_path) -> Iterator[SimpleNamespace]:
    """A module that speaks plain TokenApi and nothing of ours, and what a person types to reach it."""
    certificate = make_certificate(tmp_path, "safe")
    hardware = Hardware(certificate)
    with hardware.served() as port:
        typed = {
            "address": "127.0.0.1", "port": str(port), "username": USERNAME, "password": PASSWORD,
            "trust": "pinned", "fingerprint": certificate.fingerprint, "authority": "", "name": "Safe",
            "serves_legacy": "y", "serves_sts6": "y", "standing": "active", "take_over": "y", "memory_hours": "1",
        }  # fmt: skip
        yield SimpleNamespace(hardware=hardware, typed=typed)


@pytest.fixture
def letter(look) -> dict[str, str]:
    """The key letter of the key that Palm Street's meter is under."""
    meter = look(select(Meter).where(Meter.meter_number == PALM_STREET))
    key = look(select(SupplyGroupKey).where(SupplyGroupKey.sgc == meter.sgc, SupplyGroupKey.krn == meter.krn))
    facts = {name: str(getattr(key, name)) for name in ("sgc", "krn", "kcv", "dkga", "base_date", "key_type", "ken")}
    return facts | {"active_from": "", "active_to": ""}


@pytest.fixture
def added(app, efua, safe, look) -> Iterator[int]:
    """Efua has added it, and it serves; what it tells of its keys is: nothing."""
    answer = post(efua, safe.typed, "save")
    assert answer.status_code == 303 and answer.headers["Location"].endswith("/add"), text(answer)
    yield look(select(SecurityModule.id).where(SecurityModule.name == "Safe"))
    app.extensions["modules"].close()


def test_a_sale_under_a_mistyped_check_value_waits_and_is_settled_once_it_is_right(
    app, cast, efua, safe, added, letter, look
):
    wrong = letter | {"kcv": "ABCDEF"}
    assert send(efua, f"/module-keys/{added}/add", **wrong).status_code == 303
    with app.app_context():
        counter = Counter(cast, app.extensions["modules"])
        sale = counter.sells("palm_street", 2000)
        assert sale.status.value == "reserved" and counter.account.held == 2000
        db.session.remove()
    assert len(safe.hardware.made) == 1
    path = f"/module-keys/{added}/add"
    noted = send(efua, path, **letter)
    assert noted.status_code == 422 and "Correct the noted key" in text(noted)
    assert send(efua, path, **letter, correct="yes").status_code == 303
    with app.app_context():
        resolve_all(app.extensions["modules"], Patience())
        counter.sells("palm_street", 3000)
        assert {sale.status.value for sale in db.session.query(Sale)} == {"issued"}
        tokens = db.session.query(Token).order_by(Token.id).all()
        assert [token.kcv for token in tokens] == [letter["kcv"]] * 2
        assert differences() == []
        db.session.remove()
    assert len(safe.hardware.made) == 2, "each sale was sent once"


def test_after_its_memory_has_ended_nothing_is_sent_again_and_two_people_decide(
    app, cast, chidi, efua, safe, added, letter, look
):
    assert send(efua, f"/module-keys/{added}/add", **letter).status_code == 303
    safe.hardware.fails_with, safe.hardware.fails_after_making = ["EService"], True
    safe.hardware.forgets = True  # what it made, and what it answered
    with app.app_context():
        counter = Counter(cast, app.extensions["modules"], clock=now() - timedelta(hours=2))
        sale = counter.sells("palm_street", 2000)
        sale_id, state = sale.sale_id, sale.status.value
        db.session.remove()
    assert (state, len(safe.hardware.made)) == ("reserved", 1)
    with app.app_context():
        resolve_all(app.extensions["modules"], Patience())
        db.session.remove()
    assert len(safe.hardware.made) == 1, "never heard of it proves nothing any more"
    assert look(select(Sale.status).where(Sale.id == sale_id)).value == "reserved"
    assert "Decide" in text(chidi.get("/"))
    assert chidi.get(f"/decisions/{sale_id}").status_code == 200


def test_what_only_our_own_module_knows_is_said_to_be_hardware_s_own(efua, safe, added):
    page = text(act(efua, f"/modules/{added}", f"/modules/{added}/test"))
    assert "It does not tell its keys: it is hardware" in page and "its own count" not in page
    assert "The module warns: EKey: a key is about to expire" in page
    path = f"/module-keys/{added}/file"
    words = keyfile.write(demonstration_keys(), "a long pass phrase", now()).encode()
    refused = send(efua, path, key_file=(io.BytesIO(words), "keys.json"), key_passphrase="a long pass phrase")
    assert refused.status_code == 422 and "it is hardware" in text(refused)
