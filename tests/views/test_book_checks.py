"""Report > Checks: what was found last, and looking again."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from app.extensions import db
from app.models import AuditEntry, BackgroundTask, BookCheck, Sale, triggers
from app.models.base import now
from app.services import book_checks, match
from app.services.differences import SENTENCES
from app.services.module_counts import DAY, SILENT, Told
from app.views import check_words, work_runs
from tests.services.conftest import Counter
from tests.views.forms import act, text

pytestmark = pytest.mark.one_database


@pytest.fixture
def sold(app, cast) -> dict[str, int]:
    """A sale at Market and one at Harbour."""
    with app.app_context():
        modules = app.extensions["modules"]
        market = Counter(cast, modules).sells("palm_street", 20_00).sale_id
        harbour = Counter(cast, modules, who="bento", point="harbour").sells("pier", 20_00).sale_id
        db.session.remove()
    return {"market": market, "harbour": harbour}


def spoil(app) -> None:
    with app.app_context(), db.engine.begin() as connection:
        triggers.remove(connection)
        connection.execute(update(Sale.__table__).values(amount=1))


def test_all_three_are_looked_at_from_the_page_and_told(efua, sold):
    page = text(efua.get("/checks/"))
    assert page.count("Never looked at") == 3
    for kind in ("ledger", "audit", "match"):
        assert act(efua, "/checks/", f"/checks/{kind}").status_code == 303
    page = text(efua.get("/checks/"))
    assert "They agree" in page and "Whole" in page and "They match" in page and "by efua" in page
    assert "its answers in this database" in page


def test_a_difference_leads_to_its_sale_and_home_says_so(app, efua, sold):
    spoil(app)
    act(efua, "/checks/", "/checks/ledger")
    page = efua.get("/checks/").get_data(as_text=True)
    assert "They do not agree" in page and f"/receipts/{sold['market']}" in page
    assert "its lines add up to" in page
    assert "The books do not agree with the sales." in text(efua.get("/"))


def test_a_manager_sees_no_sums_of_others_but_that_there_are_some(app, chidi, efua, sold):
    spoil(app)
    act(efua, "/checks/", "/checks/ledger")
    act(efua, "/checks/", "/checks/match")
    page = chidi.get("/checks/").get_data(as_text=True)
    assert f"/receipts/{sold['market']}" in page and f"/receipts/{sold['harbour']}" not in page
    assert f"Sale {sold['harbour']}" not in page and "in rows of others" in page
    assert "Made by the module" not in page and "Matches" in page


def test_who_sells_does_not_see_them(amara):
    assert amara.get("/checks/").status_code == 403


def test_large_books_are_recounted_by_the_worker(app, efua, sold, look, monkeypatch):
    monkeypatch.setattr(book_checks, "AT_ONCE", 1)
    answer = act(efua, "/checks/", "/checks/ledger")
    task = look(select(BackgroundTask.id))
    assert answer.headers["Location"].endswith(f"/work/{task}")
    assert "The worker is at it" in text(efua.get("/checks/"))
    work_runs.run_next(app)
    assert "See what was found" in text(efua.get(f"/work/{task}"))
    row = look(select(BookCheck))
    assert (row.kind, row.wrong, row.actor) == ("ledger", 0, "efua")
    act(efua, "/checks/", "/checks/audit")
    work_runs.run_next(app)
    assert look(select(BookCheck.kind).order_by(BookCheck.id.desc())) == "audit"


@pytest.mark.parametrize("code", sorted(SENTENCES))
def test_every_kind_of_difference_has_words_of_its_own(app, code):
    facts = {"name": "held", "stored": 1, "counted": 2, "count": 1, "newest": 2, "wanted": 1, "amount": 5, "entry": 3,
             "pan": "600727", "status": "issued", "table": "sale_day", "where": "here"}  # fmt: skip
    with app.test_request_context():
        said = check_words._ledger_sentence({"code": code, "row": 7, "facts": facts})
    assert ("Sums of the day" in said) == (code == "day")


def test_a_difference_stands_on_the_page_while_its_module_is_silent(app, efua, sold, monkeypatch):
    day = now().date()
    monkeypatch.setattr(match, "ask", lambda *_: Told(DAY, {day: 5}))
    act(efua, "/checks/", "/checks/match")
    monkeypatch.setattr(match, "ask", lambda *_: Told(SILENT))
    act(efua, "/checks/", "/checks/match")
    page = text(efua.get("/checks/"))
    assert "They do not match" in page and "It did not answer: what was found" in page
    assert "A module counts other tokens than the books." in text(efua.get("/"))
    run = app.test_cli_runner()
    said = run.invoke(args=["module", "match"])
    assert said.exit_code == 1 and "stands: 5 made, 2 in the books, not explained: 3" in said.output
    with app.app_context():
        [name] = [one.name for one in match.standing()]
    assert run.invoke(args=["module", "accept", f"{day}", name, "--reason", "Tried it", "--by", "Efua"]).exit_code == 0
    said = run.invoke(args=["module", "match"])
    assert said.exit_code == 1 and "did not answer" in said.output and "do not match" not in said.output
    page = text(efua.get("/checks/"))
    assert "Accepted by Efua: Tried it" in page and "Not every module answered" in page
    assert run.invoke(args=["module", "accept", f"{day}", name, "--reason", "Again", "--by", "Efua"]).exit_code == 1


def differs(app, client, monkeypatch, made: int = 5) -> str:
    """Let the module tell of more tokens than the books; gives the id of the count on the page."""
    monkeypatch.setattr(match, "ask", lambda *_: Told(DAY, {now().date(): made}))
    act(client, "/checks/", "/checks/match")
    with app.app_context():
        [found] = match.standing()
        return str(found.row.id)


def test_an_administrator_accepts_a_difference_for_a_reason_and_the_log_says_so(app, efua, sold, look, monkeypatch):
    count = differs(app, efua, monkeypatch)
    page = efua.get("/checks/").get_data(as_text=True)
    assert f'name="count" value="{count}"' in page and "data-ask=" in page
    for reason in ("", "   ", "x" * 201, "no\0thing"):
        refused = act(efua, "/checks/", "/checks/accept", count=count, reason=reason)
        assert refused.status_code == 422 and "Give a reason" in text(refused)
    assert act(efua, "/checks/", "/checks/accept", count=count, reason="The books came back from a backup").status_code == 303
    page = text(efua.get("/checks/"))
    assert "Accepted by efua: The books came back from a backup" in page and "They match" in page and "Accept…" not in page
    entry = look(select(AuditEntry).where(AuditEntry.action == "accept"))
    assert (entry.actor, entry.table_name) == ("efua", "module_match")
    for said in ('"difference": 3', '"made": 5', '"booked": 2', "came back from a backup"):
        assert said in entry.after
    said = text(efua.get(f"/audit/show/{entry.id}"))
    assert "Count of a module" in said and "Not explained" in said and "Accepted by" in said and "The books came back from a backup" in said and "accepted" in said
    again = act(efua, "/checks/", "/checks/accept", count=count, reason="Once more")
    assert again.status_code == 409 and "Nothing was accepted." in text(again)


def test_what_a_later_look_found_is_not_accepted_from_an_old_page(app, efua, sold, look, monkeypatch):
    seen = differs(app, efua, monkeypatch)
    differs(app, efua, monkeypatch, made=9)
    assert act(efua, "/checks/", "/checks/accept", count=seen, reason="I saw three").status_code == 409
    assert look(select(AuditEntry).where(AuditEntry.action == "accept")) is None


def test_the_shell_leaves_the_same_entry_and_a_manager_has_no_button(app, efua, chidi, sold, look, monkeypatch):
    count = differs(app, efua, monkeypatch)
    assert "Accept…" not in text(chidi.get("/checks/"))
    assert act(chidi, "/checks/", "/checks/accept", count=count, reason="Mine").status_code == 403
    with app.app_context():
        [name] = [one.name for one in match.standing()]
    run = app.test_cli_runner()
    assert run.invoke(args=["module", "accept", f"{now().date()}", name, "--reason", "Tried it", "--by", "Efua"]).exit_code == 0
    entry = look(select(AuditEntry).where(AuditEntry.action == "accept"))
    assert entry.actor == "system" and '"accepted_by": "Efua"' in entry.after and '"reason": "Tried it"' in entry.after
