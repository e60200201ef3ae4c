"""Browsers and places in words, from what a session keeps: "Firefox on Windows", "in the local network"."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import request
from flask_babel import gettext as _

from app.views import sessions

# The first that is found; order matters, because most browsers name others as well.
BROWSERS = (
    ("Edge", r"Edg(e|A|iOS)?/"), ("Opera", r"OPR/|Opera"), ("Samsung Internet", r"SamsungBrowser/"),
    ("Firefox", r"Firefox/|FxiOS/"), ("Chrome", r"Chrome/|CriOS/|Chromium/"), ("Safari", r"Version/.*Safari/"),
)  # fmt: skip
SYSTEMS = (
    ("Windows", r"Windows"), ("iPhone", r"iPhone"), ("iPad", r"iPad"), ("Android", r"Android"),
    ("macOS", r"Mac OS X|Macintosh"), ("ChromeOS", r"CrOS"), ("Linux", r"Linux|X11"),
)  # fmt: skip


def device(agent: str | None) -> str:
    """The browser and its system, as far as they say so."""
    browser, system = _first(BROWSERS, agent or ""), _first(SYSTEMS, agent or "")
    if browser and system:
        return _("%(browser)s on %(system)s", browser=browser, system=system)
    return browser or system or _("An unknown browser")


def is_handheld(agent: str | None) -> bool:
    """Whether it is a telephone or a tablet."""
    return bool(re.search(r"iPhone|iPad|Android", agent or ""))


def place(address: str | None, own: str | None) -> str:
    """Where a request came from; `own` is the reader's address."""
    try:
        known = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return _("from an unknown address")
    if address == own:
        return _("from the same address as now (%(address)s)", address=address)
    if known.is_loopback:
        return _("on the computer of this program")
    if known.is_private:
        return _("in the local network (%(address)s)", address=address)
    return _("from %(address)s", address=address)


def _first(kinds: tuple[tuple[str, str], ...], agent: str) -> str | None:
    return next((name for name, sign in kinds if re.search(sign, agent)), None)


@dataclass(frozen=True, slots=True)
class Browser:
    """One signed-in browser in words."""

    id: int
    device: str
    handheld: bool
    place: str
    started: datetime
    seen: datetime
    ended: datetime | None
    this: bool


def browser(row: Any, own: str | None, this_id: int | None) -> Browser:
    """A session in words, for a reader at the address `own`."""
    return Browser(
        row.id, device(row.agent), is_handheld(row.agent), place(row.address, own),
        row.started, row.seen, row.ended, row.id == this_id,
    )  # fmt: skip


def browsers(user_id: int) -> list[Browser]:
    """Where the person is signed in, this browser first."""
    this = sessions.this_id()
    told = [browser(row, request.remote_addr, this) for row in sessions.standing(user_id)]
    return sorted(told, key=lambda one: not one.this)
