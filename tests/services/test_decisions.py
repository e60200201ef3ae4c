"""A sale that no module remembers: one proposes, another approves, and the money is right afterwards."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from app.db import transaction
from app.domain import errors
from app.domain.states import SaleStatus
from app.extensions import db
from app.models import AuditEntry, RestoreDone, Sale, SaleDecision, SecurityModule, Token
from app.models.base import now
from app.services import decisions
from app.services.issue import ask
from app.services.ledger_check import differences
from app.services.receipts import receipt_for
from app.services.reserved import read_reserved
from app.services.resolve import Patience, ask_once_more, resolve
from app.sts.module import MeterConfig, ModuleError

MEMORY = timedelta(hours=24)
PATIENCE = Patience()
OTHER = MeterConfig("600727000000000009", 7, 2, "123456", 1, 1, 255)
WHY = "Asked the engineer of the module: its journal was lost."


class Deaf:
    """A module that answers nothing, until `hears`; and that may have lost its memory."""

    def __init__(self, modules):
        self.modules, self.hears, self.forgets = modules, False, False

    def __getattr__(self, name):
        return getattr(self.modules, name)

    def by_id(self, module_id, offset_minutes=0):
        """The module, behind an ear that may be deaf."""
        return _Ear(self, self.modules.by_id(module_id, offset_minutes))


class _Ear:
    def __init__(self, deaf, module):
        self.deaf, self.module = deaf, module

    def __getattr__(self, name):
        if not self.deaf.hears:
            raise ModuleError("ENetwork.Timeout", permanent=False)
        if name == "fetch" and self.deaf.forgets:
            return self.forgotten
        return getattr(self.module, name)

    def forgotten(self, message_id):
        raise ModuleError("ECacheMiss", permanent=False)


@pytest.fixture
def deaf(context):
    return Deaf(context.extensions["modules"])


@pytest.fixture
def waiting(counter, deaf):
    """Amara's sale of four days ago, which still waits."""
    counter.modules, counter.clock = deaf, now() - timedelta(hours=96)
    receipt = counter.sells("palm_street", 2000)
    assert receipt.status is SaleStatus.RESERVED and counter.account.held == 2000
    return receipt.sale_id


def forgot(deaf):
    """The module is back, and knows nothing of the sale."""
    deaf.hears = deaf.forgets = True


def status(sale_id):
    db.session.rollback()
    return db.session.get_one(Sale, sale_id).status


def propose(cast, sale_id, kind, who="chidi"):
    decisions.propose(sale_id, kind, WHY, cast.scope(who), MEMORY)
    return decisions.decisions_on(sale_id)[-1].id


def test_a_release_by_two_people_gives_the_money_back_and_the_receipt_tells_it(cast, counter, deaf, waiting):
    first = propose(cast, waiting, decisions.RELEASE)
    assert status(waiting) is SaleStatus.RESERVED and counter.account.held == 2000
    forgot(deaf)
    assert decisions.approve(waiting, first, cast.scope("efua"), deaf, PATIENCE) is SaleStatus.FAILED
    assert counter.account.held == 0 and counter.account.balance == 0
    told = decisions.release_of(waiting)
    assert (told.proposer, told.decider, told.reason) == ("Chidi Test", "Efua Test", WHY)
    assert receipt_for(waiting, cast.scope("amara")).status is SaleStatus.FAILED
    assert db.session.get_one(Sale, waiting).failure == decisions.RELEASED
    assert differences() == []


def test_money_is_not_given_back_while_the_module_is_silent_unless_it_was_switched_off(cast, counter, deaf, waiting):
    first = propose(cast, waiting, decisions.RELEASE)
    with pytest.raises(errors.StillSilent):
        decisions.approve(waiting, first, cast.scope("efua"), deaf, PATIENCE)
    assert status(waiting) is SaleStatus.RESERVED and counter.account.held == 2000
    assert decisions.decisions_on(waiting)[-1].status == "proposed"
    with transaction() as session:
        session.query(SecurityModule).one().active = False
    assert decisions.approve(waiting, first, cast.scope("efua"), deaf, PATIENCE) is SaleStatus.FAILED
    assert counter.account.held == 0


def test_nobody_approves_what_they_proposed_themselves(cast, counter, deaf, waiting):
    first = propose(cast, waiting, decisions.RELEASE)
    with pytest.raises(errors.FourEyes):
        decisions.approve(waiting, first, cast.scope("chidi"), deaf, PATIENCE)
    assert status(waiting) is SaleStatus.RESERVED and decisions.decisions_on(waiting)[0].open
    row = db.session.get_one(SaleDecision, first)
    row.status, row.decided_by, row.decided_at = "done", row.proposed_by, now()
    with pytest.raises(IntegrityError):  # the database holds it too
        db.session.commit()
    db.session.rollback()


def test_asking_again_sends_the_same_request_under_the_same_message_id(cast, counter, deaf, waiting):
    before = db.session.get_one(Sale, waiting).message_id
    first = propose(cast, waiting, decisions.ASK_AGAIN)
    deaf.hears = True
    assert decisions.approve(waiting, first, cast.scope("efua"), deaf, PATIENCE) is SaleStatus.ISSUED
    db.session.rollback()
    assert db.session.get_one(Sale, waiting).message_id == before
    assert len(db.session.scalars(select(Token).where(Token.sale_id == waiting)).all()) == 1
    assert counter.account.held == 0 and counter.account.balance == -2000


def test_asking_a_silent_module_again_leaves_the_sale_waiting_and_its_memory_begins_anew(cast, deaf, waiting):
    first = propose(cast, waiting, decisions.ASK_AGAIN)
    deaf.hears, deaf.forgets = True, True
    real, deaf.modules = deaf.modules, _Mute(deaf.modules)
    assert decisions.approve(waiting, first, cast.scope("efua"), deaf, PATIENCE) is SaleStatus.RESERVED
    with pytest.raises(errors.StillRemembered):
        propose(cast, waiting, decisions.RELEASE)
    deaf.modules, deaf.forgets = real, False
    assert resolve(waiting, cast.scope("chidi"), deaf) is SaleStatus.RESERVED  # it never took the message


class _Mute:
    """Modules that take a request and give no answer."""

    def __init__(self, modules):
        self.modules = modules

    def by_id(self, module_id, offset_minutes=0):
        module = self.modules.by_id(module_id, offset_minutes)

        class Mute:
            fetch = staticmethod(module.fetch)

            def credit_token(self, *given):
                raise ModuleError("ENetwork.Timeout", permanent=False)

        return Mute()


def test_a_token_that_the_module_does_know_is_given_even_when_a_release_was_approved(cast, counter, deaf, waiting):
    first = propose(cast, waiting, decisions.ASK_AGAIN)
    deaf.hears = True
    decisions.approve(waiting, first, cast.scope("efua"), deaf, PATIENCE)
    assert status(waiting) is SaleStatus.ISSUED
    # The same with a release: the module answered meanwhile, nobody had asked it.
    counter.clock = now() - timedelta(hours=95)
    deaf.hears = False
    other = counter.sells("palm_street", 1000).sale_id
    sale = db.session.get_one(Sale, other)
    second = propose(cast, other, decisions.RELEASE)
    deaf.hears = True
    ask(read_reserved(db.session(), sale.id), deaf)
    assert decisions.approve(other, second, cast.scope("efua"), deaf, PATIENCE) is SaleStatus.ISSUED


def test_a_proposal_that_the_answer_overtook_is_closed(cast, counter, deaf, waiting):
    first = propose(cast, waiting, decisions.RELEASE)
    second_sale = db.session.get_one(Sale, waiting)
    deaf.hears = True
    assert ask_once_more(second_sale.id, deaf, PATIENCE) is SaleStatus.ISSUED
    with pytest.raises(errors.NothingToDecide):
        decisions.approve(waiting, first, cast.scope("efua"), deaf, PATIENCE)
    (told,) = decisions.decisions_on(waiting)
    assert told.status == "declined" and counter.account.balance == -2000


def test_a_young_sale_is_resolved_and_not_decided(cast, counter, deaf):
    counter.modules = deaf
    young = counter.sells("palm_street", 2000).sale_id
    with pytest.raises(errors.StillRemembered):
        propose(cast, young, decisions.RELEASE)


def test_one_proposal_at_a_time_and_a_declined_one_makes_room(cast, deaf, waiting):
    first = propose(cast, waiting, decisions.RELEASE)
    with pytest.raises(errors.ProposalOpen):
        propose(cast, waiting, decisions.ASK_AGAIN, who="efua")
    decisions.decline(waiting, first, cast.scope("chidi"))  # one's own may be taken back
    with pytest.raises(errors.ProposalClosed):
        decisions.approve(waiting, first, cast.scope("efua"), deaf, PATIENCE)
    propose(cast, waiting, decisions.ASK_AGAIN, who="efua")
    assert [told.status for told in decisions.decisions_on(waiting)] == ["declined", "proposed"]


def test_a_stranger_s_sale_does_not_exist_here(cast, harbour, deaf):
    harbour.modules, harbour.clock = deaf, now() - timedelta(hours=96)
    theirs = harbour.sells("pier", 2000).sale_id
    with pytest.raises(errors.OutOfScope):
        propose(cast, theirs, decisions.RELEASE)
    first = propose(cast, theirs, decisions.RELEASE, who="efua")
    for act in (
        lambda: decisions.approve(theirs, first, cast.scope("chidi"), deaf, PATIENCE),
        lambda: decisions.decline(theirs, first, cast.scope("chidi")),
        lambda: decisions.carry_out(theirs, first, cast.scope("chidi"), deaf, PATIENCE),
    ):
        with pytest.raises(errors.OutOfScope):
            act()
    assert status(theirs) is SaleStatus.RESERVED


def test_a_release_that_a_power_cut_kept_from_happening_is_carried_out_afterwards(cast, counter, deaf, waiting):
    first = propose(cast, waiting, decisions.RELEASE)
    with transaction() as session:
        row = session.get_one(SaleDecision, first)
        row.status, row.decided_by, row.decided_at = "done", cast.users["efua"], now()
    assert status(waiting) is SaleStatus.RESERVED
    with pytest.raises(errors.StillSilent):
        decisions.carry_out(waiting, first, cast.scope("chidi"), deaf, PATIENCE)
    forgot(deaf)
    for _twice in range(2):
        assert decisions.carry_out(waiting, first, cast.scope("chidi"), deaf, PATIENCE) is SaleStatus.FAILED
    assert counter.account.held == 0


class Liar(Deaf):
    """A module whose answer is that of another meter."""

    def by_id(self, module_id, offset_minutes=0):
        """The module, whose answers nobody can use."""
        [token] = self.modules.by_id(module_id).credit_token("other", OTHER, 0, 10, now())
        return SimpleNamespace(fetch=lambda _message_id: (token,))


def test_an_answer_that_cannot_be_used_does_not_keep_the_money_for_ever(cast, counter, deaf, waiting):
    """The module answers, so nobody need switch it off; its token is nobody's."""
    first = propose(cast, waiting, decisions.RELEASE)
    liar = Liar(deaf.modules)
    assert decisions.approve(waiting, first, cast.scope("efua"), liar, PATIENCE) is SaleStatus.FAILED
    assert counter.account.held == 0 and db.session.query(Token).count() == 0
    assert differences() == []


def test_the_module_is_asked_once_before_a_release(cast, deaf, waiting, monkeypatch):
    first = propose(cast, waiting, decisions.RELEASE)
    forgot(deaf)
    asked = []
    monkeypatch.setattr(_Ear, "forgotten", lambda _ear, message: (asked.append(message), _miss()))
    decisions.approve(waiting, first, cast.scope("efua"), deaf, PATIENCE)
    assert len(asked) == 1


def _miss():
    raise ModuleError("ECacheMiss", permanent=False)


def _sent_again(sale_id, at):
    """Another process has sent the request once more."""
    with db.engine.begin() as other:
        other.execute(update(Sale).where(Sale.id == sale_id).values(asked_at=at))


def test_nothing_is_released_while_the_request_may_be_on_its_way(cast, counter, deaf, waiting):
    first = propose(cast, waiting, decisions.RELEASE)
    forgot(deaf)
    _sent_again(waiting, now() - timedelta(seconds=3))
    with pytest.raises(errors.StillSilent):
        decisions.approve(waiting, first, cast.scope("efua"), deaf, PATIENCE)
    assert status(waiting) is SaleStatus.RESERVED and counter.account.held == 2000


def test_a_request_sent_between_the_question_and_the_release_keeps_the_sale(cast, counter, deaf, waiting, monkeypatch):
    """Its token is the customer's; the release can be carried out later, if none comes."""
    first = propose(cast, waiting, decisions.RELEASE)
    forgot(deaf)

    def asked(_ear, _message_id):
        _sent_again(waiting, now())
        _miss()

    monkeypatch.setattr(_Ear, "forgotten", asked)
    assert decisions.approve(waiting, first, cast.scope("efua"), deaf, PATIENCE) is SaleStatus.RESERVED
    assert counter.account.held == 2000
    deaf.forgets = False
    ask(read_reserved(db.session(), waiting), deaf)  # it arrives
    resolve(waiting, cast.scope("efua"), deaf, PATIENCE)
    assert status(waiting) is SaleStatus.ISSUED and counter.account.held == 0
    assert differences() == []


def test_every_decision_stands_in_the_audit_log(cast, deaf, waiting):
    first = propose(cast, waiting, decisions.RELEASE)
    forgot(deaf)
    decisions.approve(waiting, first, cast.scope("efua"), deaf, PATIENCE)
    entries = db.session.scalars(select(AuditEntry).where(AuditEntry.table_name == "sale_decision").order_by(AuditEntry.id)).all()
    assert [entry.action for entry in entries] == ["add", "change"]
    assert '"status": "done"' in entries[1].after


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("module", "sent_h", "restored_h", "why"),
    [
        ({"kind": "prism"}, 23, None, ""),
        ({"kind": "prism"}, 25, None, "forgotten"),
        ({"kind": "prism", "memory_hours": 48}, 47, None, ""),
        ({"kind": "prism", "memory_hours": 48}, 49, None, "forgotten"),
        ({"kind": "prism", "memory_hours": 8760}, 71, None, ""),
        ({"kind": "prism", "memory_hours": 8760}, 73, None, "unusable"),
        ({"kind": "software"}, 71, None, ""),
        ({"kind": "software"}, 73, None, "unusable"),
        ({"kind": "software"}, 1, 0, "restored"),
        ({"kind": "software"}, 1, 2, ""),
    ],
)
def test_when_two_people_have_to_decide(module, sent_h, restored_h, why):
    at = now()
    restored = None if restored_h is None else at - timedelta(hours=restored_h)
    sale = Sale(status=SaleStatus.RESERVED, reserved_at=at - timedelta(hours=sent_h), module=SecurityModule(**module))
    assert decisions.cause(sale, MEMORY, restored, at) == why
    sale.status = SaleStatus.ISSUED
    assert decisions.cause(sale, MEMORY, restored, at) == ""


def test_what_was_sold_before_a_restore_is_decided_at_once(cast, counter, deaf):
    counter.modules = deaf
    young = counter.sells("palm_street", 2000).sale_id
    with transaction() as session:
        session.add(RestoreDone(restored_at=now(), backup_of=now() - timedelta(hours=1)))
    assert decisions.overdue([db.session.get_one(Sale, young)], MEMORY) == {young}
    first = propose(cast, young, decisions.RELEASE)
    forgot(deaf)
    assert decisions.approve(young, first, cast.scope("efua"), deaf, PATIENCE) is SaleStatus.FAILED
