"""People at their screens in the story of a morning: each in a browser of their own, in their own language.

Nothing here reads words: what is pressed is found by what it is, so that a page in Arabic is
worked like one in English.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import Any

CSRF = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
TURN = re.compile(r'name="turn" value="([0-9]+)"')
PASSWORD = "demo"
PATIENCE_S = 60.0


@dataclass
class Sold:
    """One sale as the cashier sees it: its number in the address, its tokens in the order to type them."""

    sale_id: int
    meter_number: str
    tokens: list[str] = field(default_factory=list)


class Person:
    """One signed-in person; complaints of the browser are kept to be looked at in the end."""

    def __init__(self, browser: Any, root: str, username: str, language: str) -> None:
        self.root, self.username, self.language = root, username, language
        self.complaints: list[str] = []
        self._context = browser.new_context(base_url=root, viewport={"width": 1366, "height": 768}, locale=language)
        self.page = self._context.new_page()
        self.page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        self.page.on("response", self._look)
        self.sign_in()

    def _look(self, answer: Any) -> None:
        if answer.status >= 500 and answer.status != 503:
            self.complaints.append(f"{answer.status} {answer.url}")

    def sign_in(self) -> None:
        """Sign in and see the frame in one's own language."""
        self.page.goto("/login/")
        self.page.fill("#username", self.username)
        self.page.fill("#password", PASSWORD)
        self.page.keyboard.press("Enter")
        self.page.wait_for_selector(".frame")
        assert self.page.get_attribute("html", "lang") == self.language
        assert (self.page.get_attribute("html", "dir") == "rtl") is (self.language == "ar")

    def scans(self, meter_number: str) -> None:
        """The scanner types the digits and presses Enter."""
        self.page.goto("/counter/")
        self.page.wait_for_selector("#q:focus")
        self.page.keyboard.type(meter_number)
        self.page.keyboard.press("Enter")

    def finds(self, words: str, meter_number: str) -> None:
        """Type the beginning of a name and choose the meter's card by the keyboard."""
        self.page.goto("/counter/")
        self.page.keyboard.type(words, delay=10)
        wanted = self.page.wait_for_selector(f'[data-buy][href$="{meter_number}"]')
        wanted.focus()
        self.page.keyboard.press("Enter")

    def types(self, value: str, received: str | None = None, *, quantity: bool = False) -> None:
        """Fill the amount (or the quantity) and wait for the sum; the received money if there is any."""
        self.page.wait_for_selector("#value")
        if quantity:
            self.page.keyboard.press("F2")
        self.page.fill("#value", value)
        self.page.wait_for_selector('#sum[data-ready="yes"]')
        if received:
            self.page.fill("#received", received)
            self.page.wait_for_selector("#change output:not(:empty)")

    def presses_sell(self) -> None:
        """F9, on a sum that is ready; the sum of fees only and a repeat want their tick first."""
        self.page.wait_for_selector('#sum[data-ready="yes"]')
        self.page.keyboard.press("F9")

    def sells(self, meter_number: str, value: str, received: str | None = None, *, quantity: bool = False,
              by_name: str = "") -> Sold:  # fmt: skip
        """From the search to the receipt, by the keyboard."""
        if by_name:
            self.finds(by_name, meter_number)
        else:
            self.scans(meter_number)
        self.page.wait_for_url(f"**/counter/meter/{meter_number}*")
        self.types(value, received, quantity=quantity)
        self.presses_sell()
        return self.sees_receipt(meter_number)

    def sells_when_back(self, meter_number: str, value: str) -> Sold:
        """Press Sell again and again, as the refusal says, until the module is known to be back."""
        self.scans(meter_number)
        self.types(value)
        until = time.monotonic() + PATIENCE_S
        while "/receipts/" not in self.page.url:
            assert time.monotonic() < until, "the counter goes on refusing"
            if self.page.locator('#sum[data-ready="yes"]').count():
                self.page.keyboard.press("F9")
            self.page.wait_for_timeout(500)
        return self.sees_receipt(meter_number)

    def sees_receipt(self, meter_number: str) -> Sold:
        """The receipt in front of the cashier, its tokens read from the screen."""
        self.page.wait_for_url("**/receipts/*", timeout=PATIENCE_S * 1000)
        found = re.search(r"/receipts/(\d+)", self.page.url)
        assert found
        tokens = [re.sub(r"\D", "", text) for text in self.page.locator(".token-line .token, .token-rows .token").all_inner_texts()]
        assert all(len(token) == 20 for token in tokens), tokens
        return Sold(int(found.group(1)), meter_number, tokens)

    def waits_for_tokens(self, sold: Sold) -> Sold:
        """Look at a waiting receipt again until its token stands there."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            self.page.goto(f"/receipts/{sold.sale_id}")
            if (seen := self.sees_receipt(sold.meter_number)).tokens:
                return seen
            time.sleep(0.5)
        raise AssertionError(f"sale {sold.sale_id} still waits")

    def prints(self, sold: Sold) -> int:
        """Print the slip with F8; the copy's number, 0 for the first paper."""
        self.page.goto(f"/receipts/{sold.sale_id}/paper")
        self.page.evaluate("window.print = () => document.body.classList.add('printed')")
        self.page.keyboard.press("F8")
        self.page.wait_for_selector("body.printed")
        return int(self.page.inner_text("[data-copy-number]") or 0)

    def sends(self, page: str, action: str, **typed: str) -> str:
        """Send a page's form without drawing the page: what the answer says, as HTML."""
        turn = {"turn": found.group(1)} if (found := TURN.search(before := self.fetches(page).decode())) else {}
        token = CSRF.search(before)
        assert token, page
        answer = self._context.request.post(self.root + action, form={"csrf_token": token.group(1), **turn, **typed})
        assert answer.ok, (action, answer.status)
        return answer.text()

    def fetches(self, path: str) -> bytes:
        """A page as this person gets it."""
        answer = self._context.request.get(self.root + path)
        assert answer.ok, (path, answer.status)
        return bytes(answer.body())

    def fetches_slip(self, sale_id: int) -> bytes:
        """The file of a slip as this person gets it from the receipt's page."""
        path = f"{self.root}/receipts/{sale_id}"
        token = re.search(r'name="csrf_token" value="([^"]+)"', self._context.request.get(path).text())
        assert token, path
        answer = self._context.request.post(
            f"{path}/receipt.pdf", form={"csrf_token": token[1]}, headers={"Referer": path}
        )
        assert answer.ok, (path, answer.status)
        return bytes(answer.body())
