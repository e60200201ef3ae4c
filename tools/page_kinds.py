"""Finds one address for every kind of page: a walk along the links, then the routes no link named.

What is looked at page by page (accessibility, pictures) takes its list from here, so that a new
page is looked at as soon as it has a route.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urlsplit

from flask import Flask
from werkzeug.exceptions import HTTPException

# No page to look at: a part of one, a file, or the way out.
LEFT_OUT = frozenset({"static", "appbuilder.static", "AuthView.logout", "UtilView.back"})
HTML = "text/html"


@dataclass(frozen=True)
class Answer:
    """What an address gave: its kind (`text/html`), its text, and where a redirect led in the end."""

    mimetype: str
    text: str
    path: str
    ok: bool = True


class Links(HTMLParser):
    """The addresses of a page that lead on within the program."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.whole = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note where an anchor leads, and whether this is a page or a part of one."""
        self.whole |= tag == "html"
        address = dict(attrs).get("href") or ""
        if tag == "a" and address.startswith("/") and not address.startswith("//"):
            self.found.append(address.split("#")[0])


def endpoint_of(app: Flask, address: str) -> str | None:
    """The route that serves an address; None where there is none."""
    try:
        return str(app.url_map.bind("localhost").match(urlsplit(address).path)[0])
    except HTTPException:
        return None


def page_kinds(
    app: Flask,
    ask: Callable[[str], Answer],
    starts: Iterable[str],
    rows: Mapping[str, Mapping[str, object]] | None = None,
) -> dict[str, str]:
    """One address for each route that answers with a page, by the route's name.

    `starts` are walked from; the first address of a kind that answers is taken.  `rows` gives what stands in
    the address of routes that no link led to, by the route's name.
    """
    walk = _Walk(app, ask)
    walk.along(list(starts))
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.endpoint):
        values = (rows or {}).get(rule.endpoint)
        if "GET" in (rule.methods or ()) and rule.endpoint not in walk.kinds and (values or not rule.arguments):
            with app.test_request_context():
                walk.along([app.url_for(rule.endpoint, **(values or {}))])
    return dict(sorted(walk.kinds.items()))


class _Walk:
    """What was seen, and which kinds of page stand for it."""

    def __init__(self, app: Flask, ask: Callable[[str], Answer]) -> None:
        self.app, self.ask = app, ask
        self.kinds: dict[str, str] = {}
        self._seen: set[str] = set()

    def along(self, todo: list[str]) -> None:
        """Follow the links, one address of each shape."""
        while todo:
            address = todo.pop(0)
            name = endpoint_of(self.app, address)
            shape = re.sub(r"\d+", "1", address.split("?")[0])
            if name is None or name in LEFT_OUT or name in self.kinds or shape in self._seen:
                continue
            self._seen.add(shape)
            answer = self.ask(address)
            if answer.mimetype != HTML or not answer.ok:
                continue
            links = Links()
            links.feed(answer.text)
            if links.whole:
                self.kinds.setdefault(endpoint_of(self.app, answer.path) or name, answer.path)
                todo += links.found
