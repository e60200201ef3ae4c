"""The user guide inside the program: docs/guide as pages, and which part of it explains the page one is at.

The files are ours and travel with the program.  HTML in them is shown, not obeyed, and a link that leads out of the
guide becomes plain words, so that a page of the guide asks nothing of another host.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from flask import abort, send_from_directory, url_for
from flask_appbuilder import expose
from flask_babel import gettext as _
from markdown_it import MarkdownIt
from markdown_it.token import Token

from app.access.fab import SafeBaseView
from app.views import language

DOCS = Path(__file__).resolve().parents[2] / "docs"
FIRST = "README"
DEEPER = re.compile(r"\]\(\.\./([a-z_-]+)\.md")
PICTURES = ("guide/pictures", "pictures")

# The page's class: chapter of the guide and the place in it (a heading, or words that stand there in bold).
PLACES = {
    "AccountView": "account#account-settings", "OwnSecurityView": "account#security", "SecondFactorView": "account#security",
    "HomeView": "README", "GuideView": "README",
    "CounterView": "counter", "WhereaboutsView": "counter#when-you-are-unsure", "ReceiptView": "counter#print",
    "DecisionView": "counter#when-the-answer-is-late", "ReversalView": "counter#a-wrong-sale", "SaleView": "counter#the-list-of-sales",
    "ConsumerView": "registration#a-consumer", "MeterView": "registration#a-meter", "ImportView": "registration#from-a-file",
    "WorkView": "registration#background-work", "ExportView": "registration#every-list", "BulkView": "registration#every-list",
    "PickView": "registration#every-list", "EngineeringView": "engineering", "TokenDeskView": "engineering#token-desk",
    "TrainingView": "engineering#training-meter", "EngineeringRecordView": "engineering#engineering-records",
    "ReportView": "reports", "SavedQuestionView": "reports#save-this-question", "SaleRecordView": "reports", "TokenView": "reports",
    "ReportScheduleView": "reports#save-this-question", "AuditEntryView": "people#the-audit-log",
    "AuditFilesView": "people#the-audit-log", "BookCheckView": "reports#checks", "RegionView": "system#regions",
    "VendingPointView": "system#vending-points", "PointAccountView": "system#vending-points", "ChangesView": "people#the-audit-log",
    "UserGroupView": "people#a-group", "AppUserView": "people#a-user", "PeopleFilesView": "people#a-user", "FailedSignInView": "people#a-user",
    "ManufacturerView": "system#products-and-manufacturers", "ProductView": "system#products-and-manufacturers",
    "TariffView": "tariffs", "TariffPlanView": "tariffs#the-plan", "TariffCatalogueView": "tariffs#start-from-a-real-utility-s-plan",
    "SecurityModuleView": "system#security-modules", "ModuleKeyView": "system#security-modules",
    "SupplyGroupKeyView": "system#supply-group-keys", "CurrencyView": "system#currencies", "SettingsView": "system#settings",
    "SlipSettingsView": "system#slips", "FirstStepsView": "system#first-set-up", "LicenceView": "system#licence",
    "OutboxView": "system#outbox",
}  # fmt: skip


class Chapter(NamedTuple):
    """A page of the guide: its name in the address, its title, its text as HTML."""

    name: str
    title: str
    html: str


@cache
def chapters() -> dict[str, Path]:
    """The pages there are, by the name in their address: the guide's, and those of docs/ that it leads to."""
    guide = {path.stem: path for path in sorted((DOCS / "guide").glob("*.md"))}
    named = {name for path in guide.values() for name in DEEPER.findall(path.read_text("utf-8"))}
    return {f"more-{name}": DOCS / f"{name}.md" for name in sorted(named) if (DOCS / f"{name}.md").is_file()} | guide


def place_of(endpoint: str | None) -> str | None:
    """The address of what explains a page, by the page's route; None where there is no guide."""
    if FIRST not in chapters():
        return None
    name, _mark, anchor = PLACES.get((endpoint or "").split(".")[0], FIRST).partition("#")
    return _address(name) + (f"#{anchor}" if anchor else "")


def chapter(name: str) -> Chapter:
    """A page drawn from its file; `KeyError` where there is none of this name."""
    path = chapters()[name]
    tokens = READER.parse(path.read_text("utf-8"))
    title = tokens[1].content if tokens and tokens[0].tag == "h1" else name
    body = tokens[3:] if title is not name else tokens
    for block in body:
        block.children = _led(block.children or [], path.parent) if block.type == "inline" else block.children
    return Chapter(name, title, READER.renderer.render(_named(body), READER.options, {}))


def slug(words: str) -> str:
    """Words as the end of an address."""
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")


def _address(name: str) -> str:
    return url_for("GuideView.contents") if name == FIRST else url_for("GuideView.chapter", name=name)


def _named(tokens: list[Token]) -> list[Token]:
    """Headings and words in bold can be led to; each name once."""
    taken: set[str] = set()

    def give(carrier: Token, words: str) -> None:
        if (name := slug(words)) and name not in taken:
            taken.add(name)
            carrier.attrSet("id", name)

    for at, token in enumerate(tokens):
        inner = token.children or []
        if token.type == "inline" and tokens[at - 1].type == "heading_open":
            give(tokens[at - 1], token.content)
        for place, one in enumerate(inner[:-1]):
            if one.type == "strong_open":
                give(one, inner[place + 1].content)
    return tokens


def _led(tokens: list[Token], folder: Path) -> list[Token]:
    """Links and pictures as addresses of this program; what leads elsewhere loses its link and keeps its words."""
    kept: list[Token] = []
    open_links: list[bool] = []
    for token in tokens:
        if token.type == "link_open":
            address = _within(str(token.attrGet("href") or ""), folder)
            open_links.append(address is not None)
            if address is None:
                continue
            token.attrSet("href", address)
        elif token.type == "link_close" and not open_links.pop():
            continue
        elif token.type == "image":
            token.attrSet("src", url_for("GuideView.picture", name=Path(str(token.attrGet("src"))).name))
            token.attrSet("loading", "lazy")
        kept.append(token)
    return kept


def _within(href: str, folder: Path) -> str | None:
    target, _mark, anchor = href.partition("#")
    path = (folder / target).resolve() if target else None
    if path is None:
        return f"#{anchor}"
    name = next((name for name, known in chapters().items() if known.resolve() == path), None)
    return None if name is None else _address(name) + (f"#{anchor}" if anchor else "")


def _table_open(*_arguments: Any) -> str:
    return '<div class="table-wrap" tabindex="0"><table class="table">\n'


def _table_close(*_arguments: Any) -> str:
    return "</table></div>\n"


def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    reader.renderer.rules |= {"table_open": _table_open, "table_close": _table_close}  # type: ignore[attr-defined]
    return reader


READER = _reader()


class GuideView(SafeBaseView):
    """The guide's pages.  They need a sign-in, and no permission."""

    route_base = "/help"
    default_view = "contents"
    open_methods = frozenset({"contents", "chapter", "picture"})

    @expose("/")
    def contents(self) -> Any:
        """Where the guide begins."""
        return self._page(FIRST)

    @expose("/<name>")
    def chapter(self, name: str) -> Any:
        """One chapter."""
        return self._page(name)

    @expose("/pictures/<name>")
    def picture(self, name: str) -> Any:
        """A picture of the guide; nothing else of these folders."""
        folder = next((folder for folder in PICTURES if (DOCS / folder / name).is_file()), None)
        if folder is None or not re.fullmatch(r"[a-z0-9_-]+\.(jpg|png)", name):
            abort(404)
        return send_from_directory(DOCS / folder, name, max_age=3600)

    def _page(self, name: str) -> Any:
        if name not in chapters():
            abort(404)
        told = chapter(name)
        contents = [(one, _address(one), chapter(one).title) for one in _in_order() if one != FIRST]
        return self.render_template(
            "guide/chapter.html", title=_("Help"), chapter=told, contents=contents, first=_address(FIRST),
            english=language.chosen_language() == "en",
        )  # fmt: skip


@cache
def _in_order() -> tuple[str, ...]:
    """The chapters in the order of the first page, which numbers them."""
    text = chapters()[FIRST].read_text("utf-8")
    return tuple(dict.fromkeys(name for name in re.findall(r"\]\(([a-z]+)\.md", text) if name in chapters()))
