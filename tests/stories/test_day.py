"""A day of four people in four languages, in a browser before the running program, right to left among them.

The administrator (French) makes a group and invites an operator, changes prices, sets what takes two people. The
operator (Swahili) chooses a password, sets a second factor up, sells, prints, asks for a reversal, tries what is not theirs. The
manager (Arabic) approves, reads, saves a question, takes files along. The auditor (Spanish) reads the log of changes, checks its
chain, opens reconciliation. In the end screen, Excel, PDF and books agree to the cent.
"""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pypdf import PdfReader
from python_calamine import load_workbook
from sqlalchemy import func, select

from app.domain.states import SaleKind, SaleStatus, TokenKind
from app.extensions import db
from app.models import (
    ReversalRequest,
    Sale,
    Settings,
    Tariff,
    TariffPlan,
    Token,
    UserGroup,
)
from app.services import audit_chain
from app.services.ledger_check import differences
from app.sts.meter_number import check_digit
from tests.stories import crash_trial
from tests.stories.crash_trial import Site, module_count
from tests.stories.day_people import Looker, figures
from tests.stories.speaking import speaking_site

HOME, SECOND = ("0100000001" + check_digit("0100000001"), "0100000013" + check_digit("0100000013"))
LANGUAGES = {"efua": "fr", "chidi": "ar", "dalia": "es"}
GROUP, FIRST, NEXT = "Guichet du soir", "Ziwa kubwa lina samaki 27", "Samaki wanne juu ya mti"
REASON = "Mita isiyo sahihi ilichaguliwa, tokeni haikutolewa"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """The program with its processes; each person has chosen a language."""
    with speaking_site(tmp_path / "instance", LANGUAGES) as site:
        yield site


def asked(site: Site, question: Any) -> Any:
    """What the books answer."""
    with crash_trial._app(site).app_context():
        found = db.session.execute(question, execution_options={"unscoped": True}).scalar_one()
        db.session.remove()
        return found


class Day:
    """The site and the people in it."""

    def __init__(self, site: Site, browser: Any) -> None:
        self.site, self.browser = site, browser
        self.people: dict[str, Looker] = {}
        self.sums: list[str] = []

    def comes(self, name: str, language: str = "", password: str = "demo") -> Looker:
        """Somebody sits down before a browser of their own."""
        who = Looker(self.browser, self.site.root, name, language or LANGUAGES[name], password)
        self.people[f"{name} {len(self.people)}"] = who
        return who

    # --- the administrator ----------------------------------------------------------------

    def group_by_preset(self, efua: Looker) -> None:
        """The rights of an operator, a compulsory second factor, and a look at what such a person would see."""
        page = efua.page
        efua.opens("/groups/add")
        page.fill("#name", GROUP)
        efua.presses("[name=preset][value=operator]", ".rights-change")
        assert page.input_value("#name") == GROUP and page.input_value("#row_scope") == "vending_point"
        page.check("#second_factor")
        efua.presses("button[name=look]", "#seen")
        seen = page.inner_text("#seen")
        assert "Achat" in seen and "Utilisateurs" not in seen
        efua.saves()

    def invitation(self, efua: Looker) -> str:
        """A user without a typed password; the link is shown once, as no mail server is set."""
        page = efua.page
        efua.opens("/users/add")
        for field, value in (("username", "neema"), ("first_name", "Neema"), ("last_name", "Mwangi"), ("email", "neema@example.org")):
            page.fill(f"#{field}", value)
        page.select_option("#group", label=GROUP)
        page.select_option("#vending_point", label="Market shop")
        efua.presses("main form .btn-primary:visible", ".letter")
        return page.inner_text(".letter").strip()

    def price(self, efua: Looker) -> None:
        """A new plan of the tariff, from last midnight on: the first step at 0.20 instead of 0.18."""
        tariff = asked(self.site, select(Tariff.id).where(Tariff.name == "Home, two steps"))
        efua.opens(f"/plans/add/{tariff}")
        efua.page.fill("#name", "Barème du jour")
        midnight = datetime.now(ZoneInfo("Africa/Nairobi")).replace(hour=0, minute=0)
        efua.page.fill("#effective_from", midnight.strftime("%Y-%m-%dT%H:%M"))
        efua.page.fill("#steps-0-price", "0,20")
        efua.page.wait_for_selector("#meaning-samples td")
        efua.presses("[name=save]", ".toast")
        assert asked(self.site, select(func.count()).select_from(TariffPlan).where(TariffPlan.tariff_id == tariff)) == 2

    def two_people(self, efua: Looker) -> None:
        """Reversals and power limits take a second person from now on."""
        efua.opens("/settings/edit/1")
        for act in ("reversal", "maximum_power_limit"):
            efua.page.check(f"#four_eyes-{act}")
        efua.saves()
        assert "maximum_power_limit" in asked(self.site, select(Settings.four_eyes))

    # --- the operator ---------------------------------------------------------------------

    def first_sign_in(self, link: str) -> tuple[Looker, list[str]]:
        """Password by the link, then the second factor that the group demands, then everything is open."""
        neema = self.comes("neema", "sw", "")
        neema.chooses_password(link, FIRST)
        neema.enters()
        _app, codes = neema.sets_up_factor()
        assert len(codes) == 10 and neema.page.locator(".side-link").count() > 3
        return neema, codes

    def sells(self, neema: Looker) -> list[Any]:
        """Three sales, one printed; the first at the price of this morning."""
        sold = [neema.sells(HOME, "20", "50"), neema.sells(SECOND, "12.50"), neema.sells(HOME, "7.25")]
        neema.steps += 3
        sold = [one if one.tokens else neema.waits_for_tokens(one) for one in sold]
        neema.opens(f"/receipts/{sold[0].sale_id}")
        assert {"925", "1850"} & figures(neema.page.inner_text("main"))  # 20.00 less 1.50 at 0.20
        assert neema.prints(sold[0]) == 0
        return sold

    def elsewhere(self, codes: list[str]) -> Looker:
        """Signed in at a second browser, with a recovery code in place of the telephone."""
        again = self.comes("neema", "sw", "")
        again.password = FIRST
        again.enters()
        again.page.wait_for_selector("#code")
        again.looks()
        again.page.fill("#code", codes[0])
        again.presses("form .btn-primary", ".frame")
        return again

    def password_change(self, neema: Looker, other: Looker) -> None:
        """A new password: this browser stays, the other is out at its next step."""
        neema.opens("/account/password")
        neema.page.fill("#old", FIRST)
        neema.page.fill("#new", NEXT)
        neema.page.fill("#again", NEXT)
        neema.saves()
        other.page.goto("/sales/list/")
        assert "/login/" in other.page.url
        neema.opens("/sales/list/")
        neema.signs_out()

    # --- the manager ----------------------------------------------------------------------

    def approves(self, chidi: Looker, sale_id: int) -> None:
        """The home page names it; it is booked by the second person."""
        chidi.opens("/")
        assert chidi.page.locator(f"a[href='/reversals/{sale_id}']").count()
        chidi.opens(f"/reversals/{sale_id}")
        chidi.presses("form[action$='/approve'] button", ".receipt, .two, h1")
        chidi.page.wait_for_url("**/receipts/*")

    def figures_everywhere(self, chidi: Looker) -> None:
        """Sales statistics on the screen, in Excel and in PDF; a saved question; the drawers."""
        page = chidi.page
        chidi.opens("/reports/sales-statistics")
        chidi.presses(".report-filters .btn-primary", ".report-filters")
        page.click(".kept details.menu summary")
        page.fill("#kept-name", "مبيعات اليوم")
        chidi.presses(".kept-form .btn-primary", ".kept-one[aria-current]")
        self.sums = [page.inner_text(".figures"), page.inner_text("table.table")]
        book = load_workbook(io.BytesIO(chidi.downloads("a[href*='table.xlsx']")))
        cells = [cell for name in book.sheet_names for row in book.get_sheet_by_name(name).to_python() for cell in row]
        self.sums.append(" ; ".join(f"{Decimal(str(cell)):.2f}" for cell in cells if isinstance(cell, int | float)))
        pdf = PdfReader(io.BytesIO(chidi.downloads("a[href*='table.pdf']")))
        self.sums.append("\n".join(one.extract_text() for one in pdf.pages))
        chidi.opens("/reports/day-sheet")
        self.sums.append(page.inner_text("main"))

    # --- the auditor ----------------------------------------------------------------------

    def audits(self, dalia: Looker) -> None:
        """The log of changes by its filter and as a file, its chain, reconciliation, and what a group sees."""
        page = dalia.page
        dalia.opens("/audit/list/?_flt_0_actor=neema")
        listed = page.locator("tbody tr").count()
        rows = list(csv.reader(io.StringIO(dalia.downloads("a[href*='/audit/file/csv']").decode("utf-8-sig"))))
        assert listed and {row[2] for row in rows[1:]} == {"neema"}
        dalia.opens("/checks/")
        dalia.presses("form[action$='/audit'] button", "h1")
        until = time.monotonic() + 60
        while not page.locator("section[aria-labelledby=audit] .pill.ok").count():
            assert time.monotonic() < until, page.inner_text("section[aria-labelledby=audit]")
            time.sleep(1)
            dalia.opens("/checks/")
        dalia.opens("/reports/reconciliation")
        assert not page.locator(".note.bad").count(), page.inner_text("main")
        group = asked(self.site, select(UserGroup.id).where(UserGroup.name == GROUP))
        dalia.opens(f"/groups/show/{group}")
        assert page.locator("#seen .seen-menu section").count()
        dalia.is_refused("/counter/")


    def forgotten(self, efua: Looker, dalia: Looker) -> None:
        """The auditor forgot her password: the link lies in the outbox, and works once."""
        dalia.signs_out()
        dalia.opens("/password/forgotten")
        dalia.page.fill("#username", "dalia")
        dalia.presses("form .btn-primary", "h1")
        until, link = time.monotonic() + 60, None
        while link is None:
            assert time.monotonic() < until, "no message came"
            efua.opens("/outbox/")
            found = efua.page.locator("tbody tr", has_text="dalia").locator("th a")
            if found.count():
                efua.opens(found.first.get_attribute("href"))
                efua.presses(".note form .btn", ".letter")
                link = re.search(r"https?://\S+/password/link/\S+", efua.page.inner_text(".letter"))
            time.sleep(0.5)
        way = "/password/link/" + link.group().split("/password/link/")[1]
        dalia.chooses_password(way, "El puente de las nueve cabras")
        dalia.enters()
        dalia.page.wait_for_selector(".frame")
        stranger = self.comes("dalia", "es", "")
        assert stranger.page.goto(way).status == 410
        stranger.looks()


@pytest.mark.deep
def test_a_day_of_four_people_in_four_languages(site: Site, browser: Any, deep_record: Any) -> None:
    day, begun = Day(site, browser), time.monotonic()
    efua = day.comes("efua")
    day.group_by_preset(efua)
    link = day.invitation(efua)
    day.price(efua)
    day.two_people(efua)
    neema, codes = day.first_sign_in(link)
    sold = day.sells(neema)
    neema.asks_to_reverse(sold[2].sale_id, REASON)
    for address in ("/tariffs/list/", "/users/list/", "/groups/add", "/audit/list/"):
        neema.is_refused(address)
    chidi, dalia = day.comes("chidi"), day.comes("dalia")
    chidi.is_refused("/settings/edit/1")
    day.approves(chidi, sold[2].sale_id)
    day.figures_everywhere(chidi)
    day.audits(dalia)
    day.password_change(neema, day.elsewhere(codes))
    day.forgotten(efua, dalia)
    chidi.signs_out()
    efua.signs_out()
    total = everything_agrees(day)
    people = day.people.values()
    assert sorted(line for one in people for line in one.strange) == []
    assert [line for one in people for line in one.complaints] == []
    deep_record(
        "day of four people", sales=total, steps=sum(one.steps for one in people), pages=sum(one.pages for one in people),
        languages=len({one.language for one in people}), seconds=round(time.monotonic() - begun),
    )  # fmt: skip


def everything_agrees(day: Day) -> int:
    """Books, log, module and every form of the report tell the same; how many sales there were."""
    site = day.site
    app = crash_trial._app(site)
    with app.app_context():
        sales = db.session.query(Sale).filter_by(status=SaleStatus.ISSUED).all()
        kept = sum(-sale.amount if sale.kind is SaleKind.REVERSAL else sale.amount for sale in sales)
        assert kept == 3250
        assert differences() == []
        assert module_count(site) == db.session.query(Token).filter_by(kind=TokenKind.CREDIT).count() == 3
        request = db.session.query(ReversalRequest).one()
        assert (request.status, request.reason) == ("done", REASON)
        seal = audit_chain.read_seal(Path(app.config["AUDIT_KEY_FILE"]))
        audit_chain.seal(seal)
        seen = audit_chain.verify(seal)
        assert seen.finding is None and seen.head_known and seen.unsealed == 0
        db.session.remove()
    for where in day.sums:
        assert str(kept) in figures(where), where
    return len(sales)
