"""Home > Decide: a sale that waits too long, decided by two people in the browser."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.extensions import db
from app.models import AppUser, Sale, SaleDecision, SecurityModule
from app.models.base import now
from app.sts.module import ModuleError
from tests.services.conftest import Counter
from tests.services.test_reversals import opened
from tests.views.forms import act, send, text

pytestmark = pytest.mark.one_database
WHY = "The engineer found the journal lost."


class Silent:
    """Modules that answer nothing."""

    def __init__(self, modules):
        self.modules = modules

    def __getattr__(self, name):
        return getattr(self.modules, name)

    def by_id(self, module_id, offset_minutes=0):
        """Nobody is there."""
        raise ModuleError("ENetwork.Timeout", permanent=False)


@pytest.fixture
def lost(app, cast, monkeypatch):
    """Amara's sale of four days ago; no module answers."""
    monkeypatch.setitem(app.extensions, "modules", Silent(app.extensions["modules"]))
    with app.app_context():
        counter = Counter(cast, app.extensions["modules"], clock=now() - timedelta(hours=96))
        sale = counter.sells("palm_street", 2000).sale_id
        db.session.remove()
    return sale


def status(look, sale):
    return look(select(Sale.status).where(Sale.id == sale)).value


def test_a_lost_sale_is_proposed_at_home_approved_by_another_and_told_on_its_slip(app, amara, chidi, efua, lost, look, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("app.security"), "filters", [])
    at_home = text(chidi.get("/"))
    assert "A sale waits too long for its token." in at_home and "Decide" in at_home
    assert "Decide" not in text(amara.get("/")).replace("Decide what", "").replace("Two people decide", "")
    page = f"/decisions/{lost}"
    assert "Its module keeps its answers, but gave none that could be used." in text(chidi.get(page))
    assert send(chidi, page, f"{page}/propose", kind="release", reason=WHY).status_code == 303
    assert "You proposed this: another person has to approve it." in text(chidi.get(page))
    mine, _, others = text(chidi.get("/")).partition("Waits for somebody else")
    assert "too long for its token" not in mine and "You proposed what becomes of it" in others and "Decide" not in others and "Look at it" in others
    assert "Somebody proposed what becomes of it" in text(efua.get("/")) and "Decide" in text(efua.get("/"))
    decision = look(select(SaleDecision.id))
    own = act(chidi, page, f"{page}/approve", decision=decision)
    assert own.status_code == 422 and "You proposed this yourself." in text(own) and status(look, lost) == "reserved"
    assert [one.facts["reason"] for one in caplog.records if one.message == "rule_refused"] == ["four_eyes"]
    silent = act(efua, page, f"{page}/approve", decision=decision)
    assert silent.status_code == 422 and "Software module does not answer" in text(silent)
    with app.app_context():
        db.session.query(SecurityModule).update({"active": False})
        db.session.commit()
    done = act(efua, page, f"{page}/approve", decision=decision)
    assert done.status_code == 303 and status(look, lost) == "failed"
    receipt = text(amara.get(f"/receipts/{lost}"))
    assert "Two people released this sale: proposed by Chidi Test, approved by Efua Test" in receipt and WHY in receipt
    for paper in ("80mm", "a4"):
        slip = text(amara.get(f"/receipts/{lost}/paper?paper={paper}"))
        assert "Two people released this sale on" in slip and "goes back to the customer" in slip
        assert "Fees only" not in slip
    assert act(amara, f"/receipts/{lost}", f"/receipts/{lost}/receipt.pdf").data[:5] == b"%PDF-"
    assert "This sale is settled; there is nothing to decide." in text(chidi.get(page))


NO_PROPOSAL = (
    ({"kind": "release", "reason": " "}, "Fill this in."),
    ({"kind": "", "reason": WHY}, "Fill this in."),
    ({"kind": "burn", "reason": WHY}, "Choose one of the list."),
    ({"kind": "release", "reason": "x" * 201}, "At most 200 characters."),
)


def test_a_proposal_says_what_and_why(chidi, lost, look):
    page = f"/decisions/{lost}"
    for typed, said in NO_PROPOSAL:
        answer = send(chidi, page, f"{page}/propose", **typed)
        assert answer.status_code == 422 and said in text(answer), typed
    assert look(select(SaleDecision.id)) is None


def test_an_operator_and_an_auditor_decide_nothing(amara, signed_in, lost, look):
    dalia = signed_in("dalia")
    at_home = dalia.get("/")
    mine, _, others = text(at_home).partition("Waits for somebody else")
    assert "too long for its token" in others and "too long" not in mine and "btn-primary" not in at_home.get_data(as_text=True).partition("<main")[2]
    assert "A manager proposes, another person approves." in text(dalia.get(f"/decisions/{lost}"))
    for person, page in ((amara, "/"), (dalia, f"/decisions/{lost}")):
        form = {"csrf_token": person.token("/account/"), "kind": "release", "reason": WHY}
        assert person.post(f"/decisions/{lost}/propose", data=form).status_code == 403, page
    assert look(select(SaleDecision.id)) is None


def test_a_declined_proposal_changes_nothing_and_a_late_click_says_so(app, cast, chidi, efua, lost, look):
    page = f"/decisions/{lost}"
    send(chidi, page, f"{page}/propose", kind="ask_again", reason=WHY)
    decision = look(select(SaleDecision.id))
    assert "Approve and ask" in text(efua.get(page))
    with app.app_context():
        opened(cast, (timedelta(0), "give_link", "efua", "chidi", "{}"))
    apart = text(efua.get(page))
    assert "You can approve this from" in apart and "Approve and ask" not in apart
    mine, _, others = text(efua.get("/")).partition("Waits for somebody else")
    assert "Decide" not in mine + others and "Somebody else has to approve; you can from" in others and "Look at it" in others
    assert act(efua, page, f"{page}/decline", decision=decision).status_code == 303
    late = act(efua, page, f"{page}/approve", decision=decision)
    assert late.status_code == 409 and "This proposal is no longer open." in text(late)
    assert status(look, lost) == "reserved" and "Declined by Efua Test" in text(chidi.get(page))
    for forged in ("", "0", "x", "99999999999"):
        assert act(efua, page, f"{page}/approve", decision=forged).status_code == 409


def without(app, name, right):
    """Take a right at decisions from this person's group."""
    with app.app_context():
        role = db.session.scalars(select(AppUser).where(AppUser.username == name)).one().group.role
        role.permissions = [one for one in role.permissions if (one.permission.name, one.view_menu.name) != (right, "DecisionView")]
        db.session.commit()


def test_who_may_approve_declines_and_who_may_only_propose_takes_back_their_own(app, chidi, efua, lost, look):
    page = f"/decisions/{lost}"
    send(chidi, page, f"{page}/propose", kind="ask_again", reason=WHY)
    first = look(select(SaleDecision.id))
    without(app, "efua", "can_approve")
    assert "Decline" not in text(efua.get(page))
    assert act(efua, page, f"{page}/decline", decision=first).status_code == 403
    without(app, "chidi", "can_approve")
    assert act(chidi, page, f"{page}/decline", decision=first).status_code == 303
    send(efua, page, f"{page}/propose", kind="ask_again", reason=WHY)
    second = look(select(SaleDecision.id).where(SaleDecision.status == "proposed"))
    without(app, "chidi", "can_propose")
    assert act(chidi, page, f"{page}/decline", decision=second).status_code == 403, "neither of the two rights"


def test_who_may_approve_and_not_propose_declines(app, chidi, efua, lost, look):
    page = f"/decisions/{lost}"
    send(chidi, page, f"{page}/propose", kind="ask_again", reason=WHY)
    without(app, "efua", "can_propose")
    assert "Decline" in text(efua.get(page))
    assert act(efua, page, f"{page}/decline", decision=look(select(SaleDecision.id))).status_code == 303


def test_asking_again_of_a_silent_module_keeps_the_money_held(chidi, efua, lost, look):
    page = f"/decisions/{lost}"
    send(chidi, page, f"{page}/propose", kind="ask_again", reason=WHY)
    answer = act(efua, page, f"{page}/approve", decision=look(select(SaleDecision.id)))
    assert answer.status_code == 303 and status(look, lost) == "reserved"
    assert "The module has no answer yet." in text(efua.get(page))
