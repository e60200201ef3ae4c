"""A morning at the counter: the running program, three sellers in three languages, and all that goes wrong.

Twenty sales of all kinds, a scanner, two wrong meters, a reprint, a reversal by two people, a key
change with a sale, a module that falls silent, a power cut while a token is being made. Afterwards
the slips, the ledger, the audit chain and the module's own count agree to the cent and to the token.
"""

from __future__ import annotations

import io
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from app.domain.states import SaleStatus, TokenKind
from app.extensions import db
from app.models import Meter, Sale, Token
from app.services import audit_chain
from app.services.ledger_check import differences
from app.sts.meter_number import check_digit
from tests.stories import crash_trial
from tests.stories.crash_trial import Site, children, module_count
from tests.stories.morning_people import Person, Sold
from tests.stories.speaking import speaking_site

HOME, SECOND, MISTY, ENDED, PUMP, STALE = (
    body + check_digit(body)
    for body in ("0100000001", "0100000013", "010000000011", "0100000041", "010000000014", "0100000015")
)
SHORE, SHORE_WATER, FOREIGN = (body + check_digit(body) for body in ("0100000021", "010000000022", "010000000031"))
WRONG_DIGIT = HOME[:-1] + str((int(HOME[-1]) + 1) % 10)
LANGUAGES = {"amara": "en", "fatou": "fr", "bento": "ar"}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """The program with its three processes; each seller speaks another language."""
    with speaking_site(tmp_path / "instance", LANGUAGES) as site:
        yield site


class Morning:
    """The site, the people in it, and every sale that a cashier saw end."""

    def __init__(self, site: Site, browser: Any) -> None:
        self.site, self.browser = site, browser
        self.people = {name: Person(browser, site.root, name, code) for name, code in LANGUAGES.items()}
        self.sold: list[Sold] = []

    def sells(self, who: str, *what: Any, **how: Any) -> Sold:
        """One sale from search to its tokens: on a busy machine the module may answer a little late."""
        sold = self.people[who].sells(*what, **how)
        self.sold.append(sold if sold.tokens else self.people[who].waits_for_tokens(sold))
        return self.sold[-1]

    def everyday(self) -> None:
        """Sixteen sales: by amount and by quantity, scanned and found by name, with and without change."""
        for who, number, value, received, quantity, name in (
            ("amara", HOME, "20", "50", False, ""),
            ("fatou", HOME, "3,50", None, False, ""),
            ("amara", MISTY, "40.00", "40", False, "juma"),
            ("bento", SHORE, "12.5", "20", False, ""),
            ("fatou", PUMP, "7", None, True, ""),
            ("bento", SHORE_WATER, "3", None, True, ""),
            ("amara", SECOND, "100", "100", False, ""),
            ("fatou", MISTY, "120", None, True, ""),
            ("amara", STALE, "9.99", None, False, ""),
            ("bento", SHORE, "200.75", "250", False, ""),
            ("fatou", SECOND, "5,05", "6", False, ""),
            ("amara", PUMP, "4.00", None, False, "zainab"),
            ("bento", SHORE_WATER, "60", None, False, ""),
            ("amara", HOME, "33", None, True, ""),
            ("fatou", STALE, "15", None, False, "li w"),
            ("bento", SHORE, "1.5", None, True, ""),
        ):
            self.sells(who, number, value, received, quantity=quantity, by_name=name)

    def wrong_meters(self) -> None:
        """A digit mistyped, and a meter of a region that is none of hers: a sentence, no sale."""
        amara = self.people["amara"].page
        for number in (WRONG_DIGIT, FOREIGN):
            self.people["amara"].scans(number)
            amara.wait_for_selector("#q-error, #found .empty")
            assert amara.locator("[data-buy], #sell-button").count() == 0

    def reversal(self) -> None:
        """Fatou asks for it, the manager approves; nothing is deleted."""
        last = self.sells("fatou", HOME, "8,25")
        page = self.people["fatou"].page
        page.goto(f"/reversals/{last.sale_id}")
        page.check("[name=not_handed_over]")
        page.fill("#reason", "Mauvais compteur choisi, jeton non remis")
        page.click("form[action$='/propose'] button.btn-primary")
        page.wait_for_selector("text=Mauvais compteur choisi")
        chidi = Person(self.browser, self.site.root, "chidi", "en")
        self.people["chidi"] = chidi
        chidi.page.goto(f"/reversals/{last.sale_id}")
        chidi.page.click("form[action$='/approve'] button")
        chidi.page.wait_for_url("**/receipts/*")
        page.goto(f"/receipts/{last.sale_id}")
        assert page.locator(".pill >> text=/annul|Revers|Contre/i").count()

    def key_change(self) -> None:
        """A key that ended: each sale brings the set first, until a person says that the meter took it."""
        first = self.sells("amara", ENDED, "10")
        again = self.sells("amara", ENDED, "11")
        assert len(first.tokens) == len(again.tokens) == 3
        assert first.tokens[:2] == again.tokens[:2]
        chidi = self.people["chidi"].page
        chidi.goto(f"/engineering/meter/{ENDED}")
        chidi.click("form[action$='/confirm'] button[value=taken]")
        chidi.wait_for_selector("[role=status], .note.ok, .toast")
        assert len(self.sells("amara", ENDED, "12").tokens) == 1

    def outage(self) -> None:
        """The module falls silent: the sale waits with its slip, the next is refused at once, then the token comes."""
        amara = self.people["amara"]
        module = self.site.victims()["module"][0]
        os.kill(module, signal.SIGSTOP)
        try:
            waiting = amara.sells(SECOND, "21")
            assert waiting.tokens == []
            amara.scans(MISTY)
            amara.types("22")
            amara.presses_sell()
            amara.page.wait_for_selector("[role=alert] >> visible=true")
            assert "/receipts/" not in amara.page.url
        finally:
            os.kill(module, signal.SIGCONT)
        self.sold.append(amara.waits_for_tokens(waiting))
        self.sold.append(amara.sells_when_back(MISTY, "22"))

    def power_cut(self) -> None:
        """Everything is killed while the module makes a token; the same reference then has one token."""
        amara = self.people["amara"]
        os.kill(self.site.victims()["module"][0], signal.SIGSTOP)
        amara.scans(PUMP)
        amara.types("6.60")
        reference = amara.page.input_value("#sell [name=reference]")
        amara.presses_sell()
        sale_id = self._reserved(reference)
        self._cut()
        self.site.start()
        self.site.resolve()
        self.sold.append(amara.waits_for_tokens(Sold(sale_id, PUMP)))

    def _reserved(self, reference: str) -> int:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            with crash_trial._app(self.site).app_context():
                found = db.session.query(Sale).filter_by(reference=reference).one_or_none()
                db.session.remove()
            if found is not None:
                assert found.status is SaleStatus.RESERVED
                return int(found.id)
            time.sleep(0.05)
        raise AssertionError("the sale was not reserved")

    def _cut(self) -> None:
        """No process is asked: all fall at once, as when the light goes out."""
        top = self.site._process.pid
        for pid in [top, *(grand for child in children(top) for grand in (child, *children(child)))]:
            os.kill(pid, signal.SIGKILL)
        self.site.stop()


@pytest.mark.deep
def test_a_morning_at_the_counter(site: Site, browser: Any, deep_record: Any) -> None:
    morning = Morning(site, browser)
    morning.everyday()
    morning.wrong_meters()
    amara, first = morning.people["amara"], morning.sold[0]
    assert [amara.prints(first), amara.prints(first)] == [0, 1]
    morning.reversal()
    morning.key_change()
    morning.outage()
    morning.power_cut()
    assert len(morning.sold) >= 20
    everything_agrees(morning)
    every_slip_works_once(morning)
    assert [line for person in morning.people.values() for line in person.complaints] == []
    deep_record("morning at the counter", sales=len(morning.sold), tokens=sum(len(one.tokens) for one in morning.sold))


def everything_agrees(morning: Morning) -> None:
    """Slips, ledger, audit chain, module and cashiers' memories tell the same."""
    site = morning.site
    app = crash_trial._app(site)
    with app.app_context():
        sales = {sale.id: sale for sale in db.session.query(Sale)}
        tokens = db.session.query(Token).all()
        credit = [token for token in tokens if token.kind is TokenKind.CREDIT]
        assert not [sale for sale in sales.values() if sale.status is SaleStatus.RESERVED]
        assert {sold.sale_id for sold in morning.sold} | {
            sale.id for sale in sales.values() if sale.reverses_id
        } == {sale.id for sale in sales.values() if sale.status is SaleStatus.ISSUED}
        assert differences() == []
        assert module_count(site) == len(credit)
        seal = audit_chain.read_seal(Path(app.config["AUDIT_KEY_FILE"]))
        audit_chain.seal(seal)
        seen = audit_chain.verify(seal)
        assert seen.finding is None and seen.head_known and seen.unsealed == 0
        crash_trial._decode(site, credit, sales)
        printed = {token.sale_id: [] for token in tokens}
        for token in sorted(tokens, key=lambda token: token.id):
            printed[token.sale_id].append(token.digits)
        meters = {meter.id: meter.meter_number for meter in db.session.query(Meter)}
        db.session.remove()
    for sold in morning.sold:
        assert sorted(printed[sold.sale_id]) == sorted(sold.tokens)
        assert meters[sales[sold.sale_id].meter_id] == sold.meter_number
    for sold, who in ((morning.sold[0], "amara"), (morning.sold[1], "fatou"), (morning.sold[3], "bento")):
        pdf = morning.people[who].fetches_slip(sold.sale_id)
        text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
        assert sold.tokens[0] in re.sub(r"\s", "", text)


def every_slip_works_once(morning: Morning) -> None:
    """The token desk knows each credit token; its training meter takes it, and says USED the second time."""
    efua = Person(morning.browser, morning.site.root, "efua", "en")
    morning.people["efua"] = efua
    for sold in sorted(morning.sold, key=lambda sold: sold.sale_id):
        *change, credit = sold.tokens
        meter, page = sold.meter_number, f"/training/{sold.meter_number}"
        told = efua.sends("/token-desk/", "/token-desk/", token=credit, meter=meter)
        assert f'href="/receipts/{sold.sale_id}"' in told, sold
        for digits in change:
            efua.sends(page, f"{page}/enter", token=digits)
        assert "Accepted." in efua.sends(page, f"{page}/enter", token=credit), sold
        assert "USED: this token" in efua.sends(page, f"{page}/enter", token=credit), sold
