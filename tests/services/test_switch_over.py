"""A meter that changes its security module: token ids go on above those of the module before."""

from __future__ import annotations

from app.db import transaction
from app.extensions import db
from app.models import SecurityModule, SupplyGroupKey, Token
from app.services.ledger_check import differences
from app.sts.demonstration import demonstration_keys
from app.sts.journal import MemoryJournal
from app.sts.software import SoftwareModule


class TwoModules:
    """Two modules that know nothing of one another's tokens."""

    def __init__(self):
        self.made = {}

    def by_id(self, module_id, offset_minutes=0):
        """One object for each row."""
        if module_id not in self.made:
            self.made[module_id] = SoftwareModule(str(module_id), demonstration_keys(), MemoryJournal())
        return self.made[module_id]

    def require_alive(self, *_facts):
        """Both always are."""


def switch_over(session) -> None:
    """Another module with the same keys serves from now on."""
    old = session.query(SecurityModule).one()
    new = SecurityModule(name="Second module", serves_legacy=True, serves_sts6=True, active=False)
    session.add(new)
    session.flush()
    for key in session.query(SupplyGroupKey).all():
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
