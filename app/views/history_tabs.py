"""The history on the page of a consumer or a meter: one tab at a time, a page of rows, no script needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import current_app, request
from flask_babel import lazy_gettext as _l

from app.access import permissions as p
from app.access.permissions import Permission
from app.domain.states import TokenKind
from app.services.record_history import Part
from app.views import choices
from app.views.engineering_words import name_of

DIGITS_MAX = 5
# The tabs in their order: what each is called, and any one of the permissions that open it.
TABS: Mapping[str, tuple[Any, tuple[Permission, ...]]] = {
    "purchases": (_l("Purchases"), (p.READ_SALES, p.READ_SALE_RECORDS)),
    "tokens": (_l("Tokens"), (p.READ_TOKENS,)),
    "engineering": (_l("Engineering and key changes"), (p.READ_ENGINEERING,)),
    "changes": (_l("Changes"), (p.SEE_CHANGES,)),  # drawn by _changes.html, which asks once more
}


@dataclass(frozen=True, slots=True)
class History:
    """What the history card draws: the tabs that the reader may open, the one that is open, its rows."""

    tabs: tuple[tuple[str, Any], ...]
    tab: str
    part: Part[Any]
    may_open_receipts: bool
    may_print: bool
    kinds: Mapping[TokenKind, Any]
    functions: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Pages:
    """Which page of a list within a page is shown (from 0), and whether another follows."""

    page: int
    more: bool


def history(readers: Mapping[str, Callable[[int], Part[Any]]]) -> History | None:
    """The tab that the address names, or the first; None for somebody who may open none of them.

    `readers` gives, for each tab there is, a page of its rows by the number of the page.
    """
    readers = {**readers, "changes": lambda _page: Part((), 0, False)}
    tabs = tuple((name, TABS[name][0]) for name in TABS if name in readers and _may(TABS[name][1]))
    if not tabs:
        return None
    # The changes page themselves by an argument of their own.
    wanted = request.args.get("tab", "changes" if "changes" in request.args else "")
    tab = wanted if wanted in dict(tabs) else tabs[0][0]
    part, may_open, may_print = readers[tab](page_asked("at")), _may((p.READ_RECEIPTS,)), _may((p.PRINT_RECEIPTS,))
    return History(tabs, tab, part, may_open, may_print, choices.TOKEN_KIND, name_of)


def page_asked(name: str) -> int:
    """The number of a page in the address, from 0; nonsense is the first."""
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX else 0


def _may(wanted: tuple[Permission, ...]) -> bool:
    sm = current_app.appbuilder.sm  # type: ignore[attr-defined]
    return any(sm.has_access(*permission) for permission in wanted)
