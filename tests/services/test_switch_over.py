"""A meter that changes its security module: token ids go on above those of the module before."""

from __future__ import annotations

from datetime import timedelta

from app.db import transaction
from app.domain.engineering import ActStatus
from app.domain.states import SaleStatus
from app.extensions import db
from app.models import Meter, Sale, SecurityModule, SupplyGroupKey, Token
from app.services.desk import Place, read_desk
from app.services.engineering_tokens import resolve_act
from app.services.ledger_check import differences
from app.services.resolve import Patience, resolve_all
from app.services.switch_over import minute_to_ask
from app.sts import token_id
from app.sts.demonstration import demonstration_keys
from app.sts.journal import MemoryJournal
from app.sts.module import ModuleError
from app.sts.software import SoftwareModule
from tests.services.test_engineering import Desk

PATIENCE = Patience()


class TwoModules:
    """Two modules that know nothing of one another's tokens; the answers of `mute` ones are lost."""

    def __init__(self):
        self.made, self.mute = {}, set()

    def by_id(self, module_id, offset_minutes=0):
        """One object for each row."""
        if module_id not in self.made:
            self.made[module_id] = SoftwareModule(str(module_id), demonstration_keys(), MemoryJournal())
        module = self.made[module_id]
        return Unheard(module) if module_id in self.mute else module

    def require_alive(self, *_facts):
        """Both always are."""


class Unheard:
    """It makes the token, and its answer is lost on the way."""

    def __init__(self, module):
        self.module = module

    def credit_token(self, *asked):
        """The token is made, and nobody hears of it."""
        self.module.credit_token(*asked)
        raise ModuleError("ENetwork.Timeout", permanent=False)

    def management_token(self, *asked):
        """As with credit."""
        self.module.management_token(*asked)
        raise ModuleError("ENetwork.Timeout", permanent=False)

    def fetch(self, message_id):
        """Silent still."""
        raise ModuleError("ENetwork.Timeout", permanent=False)


def switch_over(session) -> None:
    """Another module with the same keys serves from now on."""
    old = session.query(SecurityModule).filter_by(active=True).one()
    new = SecurityModule(name=f"Module after {old.id}", serves_legacy=True, serves_sts6=True, active=False)
    session.add(new)
    session.flush()
    for key in session.query(SupplyGroupKey).filter_by(module_id=old.id).all():
        facts = {n: getattr(key, n) for n in ("sgc", "krn", "key_type", "dkga", "base_date", "ken", "kcv")}
        session.add(SupplyGroupKey(module_id=new.id, **facts))
    old.active = False
    session.flush()
    new.active = True


def test_the_new_module_gives_no_id_that_the_old_one_gave_and_none_below(counter):
    counter.modules = TwoModules()
    for amount in (2_00, 3_00, 4_00):
        counter.sells("palm_street", amount)  # within one minute: the ids run ahead of the clock
    with transaction() as session:
        switch_over(session)
    for amount in (5_00, 6_00):
        counter.sells("palm_street", amount)
    tokens = db.session.query(Token).order_by(Token.id).all()
    assert len({token.module_id for token in tokens}) == 2
    ids = [token.token_id for token in tokens]
    assert ids == sorted(set(ids)) and len(ids) == 5
    assert {token.issued_at for token in tokens} == {counter.clock}, "the clock is told, not the minute asked for"
    assert differences() == []


def switch_back(session) -> None:
    """The module before serves again."""
    new, old = session.query(SecurityModule).order_by(SecurityModule.active.desc(), SecurityModule.id).limit(2)
    new.active = False
    session.flush()
    old.active = True


def all_ids_differ():
    """Every waiting sale gets its token in the end, and no meter a token id twice."""
    tokens = db.session.query(Token).all()
    assert len({(token.base_date, token.token_id) for token in tokens}) == len(tokens)
    assert db.session.query(Sale).filter_by(status=SaleStatus.RESERVED).count() == 0
    assert differences() == []


def test_a_sale_that_waits_for_the_old_module_keeps_its_token_id_to_itself(counter):
    """The old module made the token, only its answer was lost: the new one must not give that id too."""
    counter.modules = modules = TwoModules()
    counter.sells("palm_street", 2_00)
    old = db.session.query(SecurityModule).one().id
    modules.mute.add(old)
    counter.sells("palm_street", 3_00)
    counter.sells("palm_street", 4_00)
    with transaction() as session:
        switch_over(session)
    for amount in (5_00, 6_00):
        counter.sells("palm_street", amount)
    modules.mute.clear()
    assert resolve_all(modules, PATIENCE, lambda: counter.clock + PATIENCE.wait) == {SaleStatus.ISSUED: 2}
    all_ids_differ()


def test_an_engineering_token_that_waits_for_the_old_module_keeps_its_token_id_to_itself(counter):
    """It takes the meter's next minute like a sale's."""
    counter.modules = modules = TwoModules()
    counter.sells("palm_street", 2_00)
    modules.mute.add(db.session.query(SecurityModule).one().id)
    chidi = Desk(counter.cast, modules)
    chidi.clock = counter.clock
    record = chidi.makes("maximum_power_limit", value=1_000)
    assert record.status == ActStatus.RESERVED
    with transaction() as session:
        switch_over(session)
    for amount in (5_00, 6_00):
        counter.sells("palm_street", amount)
    modules.mute.clear()
    assert resolve_act(record.id, modules, PATIENCE, lambda: counter.clock + PATIENCE.wait) is ActStatus.ISSUED
    all_ids_differ()


def test_there_and_back_with_sales_waiting_on_both_sides(counter):
    counter.modules = modules = TwoModules()
    for amount in range(2_00, 9_00, 50):
        counter.sells("palm_street", amount)  # the ids run ahead of the clock
    first = db.session.query(SecurityModule).one().id
    modules.mute.add(first)
    counter.sells("palm_street", 10_00)
    with transaction() as session:
        switch_over(session)
    second = db.session.query(SecurityModule).filter_by(active=True).one().id
    modules.mute.add(second)
    for amount in (11_00, 12_00):
        counter.sells("palm_street", amount)
    modules.mute.remove(first)
    with transaction() as session:
        switch_back(session)
    for amount in (13_00, 14_00):
        counter.sells("palm_street", amount)
    modules.mute.clear()
    assert set(resolve_all(modules, PATIENCE, lambda: counter.clock + PATIENCE.wait)) == {SaleStatus.ISSUED}
    all_ids_differ()


def test_ids_of_another_base_date_count_too(counter):
    """A key change may come with the next token: then its id counts from the new key's base date."""
    counter.modules = TwoModules()
    for amount in (2_00, 3_00, 4_00):
        counter.sells("palm_street", amount)
    newest = db.session.query(Token).order_by(Token.id.desc()).first()
    with transaction() as session:
        switch_over(session)
        moved = session.query(SupplyGroupKey).filter_by(sgc=newest.sgc, krn=newest.krn)
        moved.update({"base_date": 93 if newest.base_date != 93 else 14})
    number = db.session.query(Meter.meter_number).filter_by(id=newest.meter_id).scalar()
    desk = read_desk(db.session, number, Place(counter.cast.points["market"]), counter.clock, timedelta(days=9))
    given = token_id.issue_time(newest.token_id, newest.base_date)
    assert minute_to_ask(db.session, desk, counter.clock) == given + timedelta(minutes=1)
