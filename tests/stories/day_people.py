"""People of the story of a day: each looks at every page they open with the eyes of their language.

A page must say its language and direction, and no line on it may be a sentence of the program that stayed English.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

import pyotp
from babel.messages.pofile import read_po

from tests.stories.morning_people import PASSWORD, PATIENCE_S, Person

ROOT = Path(__file__).resolve().parents[2]
NUMBER = re.compile(r"\d[\d.,\u00a0\u202f\u066b\u066c']*\d|\d")


@cache
def english_rest(language: str) -> frozenset[str]:
    """Every wording that this language says otherwise: seen on a page, it was not translated there."""
    with (ROOT / "translations" / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    said = {message.string for message in catalogue if isinstance(message.string, str)}
    plain = [message for message in catalogue if isinstance(message.id, str) and len(message.id) > 3 and "%" not in message.id]
    return frozenset(message.id for message in plain if message.id not in said)


def figures(text: str) -> set[str]:
    """The numbers of a text as bare digits, whatever marks and digits its language writes: 1 234,50 is 123450."""
    plain = "".join(str(unicodedata.digit(sign)) if sign.isdigit() and sign.isdecimal() else sign for sign in text)
    return {re.sub(r"\D", "", found) for found in NUMBER.findall(plain)}


class Looker(Person):
    """A person who looks: counts steps and pages, keeps what is not in their language."""

    def __init__(self, browser: Any, root: str, username: str, language: str, password: str = PASSWORD) -> None:
        self.password, self.steps, self.pages, self.strange = password, 0, 0, set[str]()
        super().__init__(browser, root, username, language)

    def sign_in(self) -> None:
        """With a password of one's own; without one, nobody is at the door yet."""
        self.page.set_default_timeout(PATIENCE_S * 1000)
        if self.password:
            self.enters()
            self.page.wait_for_selector(".frame")
            self.looks()

    def enters(self) -> None:
        """Give name and password."""
        self.page.goto("/login/")
        self.page.fill("#username", self.username)
        self.page.fill("#password", self.password)
        self.page.keyboard.press("Enter")
        self.steps += 1

    def opens(self, address: str) -> None:
        """Go to a page and look at it."""
        self.page.goto(address)
        self.looks()

    def presses(self, selector: str, then: str) -> None:
        """Press something by its selector, wait for what it leads to, and look."""
        self.page.click(selector)
        self.page.wait_for_selector(then)
        self.steps += 1
        self.looks()

    def saves(self) -> None:
        """The one primary button of the page; what was stored is said."""
        self.presses("main form .btn-primary:visible", ".toast")
        assert not self.page.locator(".note.bad").count(), self.page.inner_text("main")

    def looks(self) -> None:
        """Language, direction, and no line in English."""
        self.pages += 1
        assert self.page.get_attribute("html", "lang") == self.language, self.page.url
        assert self.page.get_attribute("html", "dir") == ("rtl" if self.language == "ar" else "ltr"), self.page.url
        lines = {line.strip() for line in self.page.inner_text("body").splitlines()} | {self.page.title().split(" · ")[0]}
        self.strange |= {f"{self.language} {self.page.url.removeprefix(self.root)}: {line}" for line in lines & english_rest(self.language)}

    def is_refused(self, address: str) -> None:
        """What is not theirs is refused in words, with a way out."""
        answer = self.page.goto(address)
        assert answer.status == 403, (address, answer.status)
        self.looks()
        assert len(self.page.inner_text(".trouble p")) > 30 and self.page.locator(".trouble .btn-primary").count() == 1

    def downloads(self, selector: str) -> bytes:
        """The file behind a link."""
        with self.page.expect_download() as coming:
            self.page.click(selector)
        self.steps += 1
        return Path(coming.value.path()).read_bytes()

    def chooses_password(self, link: str, password: str) -> None:
        """By a link, as it was handed over."""
        self.page.goto(link)
        self.looks()
        self.page.fill("#new", password)
        self.page.fill("#again", password)
        self.presses("form .btn-primary", "#username")
        self.password = password

    def sets_up_factor(self) -> tuple[pyotp.TOTP, list[str]]:
        """What the group demands before anything else: the key into an app, its digits, the codes onto paper."""
        self.page.wait_for_selector("#password")
        self.looks()
        self.page.fill("#password", self.password)
        self.presses("main form .btn-primary", ".secret")
        app = pyotp.TOTP(re.sub(r"\s", "", self.page.inner_text(".secret")))
        self.page.fill("#code", app.now())
        self.presses("main form .btn-primary", ".codes li")
        codes = self.page.locator(".codes li").all_inner_texts()
        self.presses("main .btn-primary", "h1")
        return app, codes

    def asks_to_reverse(self, sale_id: int, reason: str) -> None:
        """Say that the token was not handed over, and why."""
        self.opens(f"/reversals/{sale_id}")
        self.page.check("[name=not_handed_over]")
        self.page.fill("#reason", reason)
        self.presses("form[action$='/propose'] button.btn-primary", f"text={reason}")

    def signs_out(self) -> None:
        """By the menu at the top right; then nothing is open any more."""
        self.page.click(".bar-tools details.menu:last-of-type summary")
        self.presses("form[action*='logout'] button", "#username")
        self.page.goto("/sales/list/")
        assert "/login/" in self.page.url
