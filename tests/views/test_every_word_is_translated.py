"""Walks the pages with a catalogue that puts every word in brackets: what stands outside is hard English.

Data (names, numbers, codes) is no wording: a word that some row of the database holds is let through.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from sqlalchemy import text

import config
from app.extensions import db
from app.services import catalogue
from app.services.plan_drafts import draft_of
from tests.cast import PALM_STREET, make_cast
from tests.hard_wording import LETTERS, SHOWN

# Months, days and the places of time zones come from Babel; time zones have names of their own; two letters stand for a person.
OTHERS = re.compile(r"(\w+, )?\d{1,2} \w+( \d{4})?(, \d\d:\d\d)?|\d{1,2}(–| \w+( \d{4})? – )\d{1,2} \w+ \d{4}|[A-Z]\w+ \d{4}|[A-Z]{2}|[A-Z]\w+(/[\w+-]+)+|GMT.*|.+, UTC[+-]\d\d:\d\d")
NAMES = {"STS", "Vending", "kWh", "min", "UTC"}  # the program's name, units
NAMES |= {word for about in config.FIXED["LANGUAGES"].values() for word in LETTERS.findall(about["name"])}
START = (
    "/", "/nowhere", f"/counter/meter/{PALM_STREET}?value=20", f"/counter/meter/{PALM_STREET}?value=abc",
    f"/counter/meter/{PALM_STREET}?value=0", "/counter/?q=1234567",
)  # fmt: skip
PAGES_MIN = 45


class Page(HTMLParser):
    """Texts, shown attributes and links."""

    def __init__(self) -> None:
        super().__init__()
        self.quiet = 0
        self.english, self.within = 0, ""
        self.said: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag, attrs):
        """Note what is shown, and where it leads; the guide says itself that it is English."""
        self.english += 1 if self.english and tag == self.within else 0
        if ("data-english", None) in attrs and not self.english:
            self.english, self.within = 1, tag
        self.quiet += tag in ("script", "style")
        self.said += [value for name, value in attrs if name in SHOWN and value and not self.english]
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.links += [value for name, value in attrs if tag == "a" and name == "href" and value.startswith("/")]

    def handle_endtag(self, tag):
        """Leave a part that nobody reads."""
        self.quiet -= tag in ("script", "style")
        self.english -= 1 if self.english and tag == self.within else 0

    def handle_data(self, data):
        """Note a text."""
        if not self.quiet and not self.english:
            self.said.append(" ".join(data.split()))


def bracketed(folder: Path, said: Catalog) -> None:
    """Write an English catalogue that says ⟦Sell⟧ for Sell."""
    catalogue = Catalog(locale="en", fuzzy=False)
    for message in said:
        if message.id:
            marked = [f"⟦{text}⟧" for text in ([message.id] if isinstance(message.id, str) else message.id)]
            catalogue.add(message.id, marked[0] if len(marked) == 1 else tuple(marked), context=message.context)
    path = folder / "en" / "LC_MESSAGES" / "messages.mo"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        write_mo(file, catalogue)


def outside(said: str) -> str:
    """What is left of a text without its brackets, which may stand in each other."""
    while (inner := re.sub(r"⟦[^⟦⟧]*⟧", " ", said)) != said:
        said = inner
    return said.strip(" ,.:;()·–—")


def data_words() -> set[str]:
    """Every word in the texts of the database."""
    found = set()
    for table in db.metadata.sorted_tables:
        for row in db.session.execute(text(f'SELECT * FROM "{table.name}"')):  # noqa: S608
            found.update(word for value in row if isinstance(value, str) for word in LETTERS.findall(value))
    return found | catalogue_words()


def catalogue_words() -> set[str]:
    """The price lists of real utilities are data too: their names, sources, and countries in Babel's words."""
    found = set(LETTERS.findall(catalogue.FILE.read_text("utf-8")))
    for entry in catalogue.entries():
        plan = draft_of(catalogue.make_plan(entry))
        named = (*plan.fees, *plan.levies, *plan.taxes, *(fee for below in plan.schedules for fee in below.fees))
        found.update(word for row in named for word in LETTERS.findall(row.name))
        found.update(LETTERS.findall(Locale("en").territories[entry.country]))
    return found


@pytest.mark.one_database
def test_no_page_says_a_word_past_the_catalogue_or_holds_an_id_twice(make_app, login, tmp_path, said):
    bracketed(tmp_path, said)
    app = make_app(BABEL_TRANSLATION_DIRECTORIES=str(tmp_path))
    with app.app_context():
        make_cast()
        known = data_words()
        db.session.remove()
    client = app.test_client()
    login(client, "efua")
    todo, seen, hard, twice = list(START), set(), set(), set()
    while todo:
        address = todo.pop(0)
        kind = re.sub(r"\d+", "1", address) if address in START else re.sub(r"\d+", "1", address.split("?")[0])
        if kind in seen or "/static/" in kind or kind.endswith(".pdf"):
            continue
        seen.add(kind)
        page = Page()
        answer = client.get(address, follow_redirects=True)
        if answer.mimetype != "text/html":  # a file to keep
            continue
        page.feed(answer.get_data(as_text=True))
        todo += page.links
        # A script that asks for an id would get whichever comes first.
        twice.update(f"{kind}: {name}" for name in page.ids if page.ids.count(name) > 1)
        for shown in page.said:
            left = outside(shown)
            if not OTHERS.fullmatch(left) and set(LETTERS.findall(left)) - known - NAMES:
                hard.add(f"{kind}: {shown}")
    assert sorted(hard) == []
    assert sorted(twice) == []
    assert len(seen) >= PAGES_MIN
