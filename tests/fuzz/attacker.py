"""Throws bad requests at the program as each kind of visitor, and judges every answer.

It keeps what it learns: each form in an answer becomes a form to be filled with nonsense.
"""

from __future__ import annotations

import csv
import random
import re
import traceback
from collections import Counter
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, urlsplit

from flask import Flask

from tests.fixtures.application import Visitor
from tests.fuzz import strings
from tests.fuzz.forms import Form, forms_of
from tests.fuzz.watch import Watch

METHODS = ("GET",) * 6 + ("POST",) * 8 + ("HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "BREW")
SAFE = {"GET", "HEAD", "OPTIONS", "TRACE"}
# Parameters that some page reads; every page gets them.
PARAMETERS = (
    "next", "back", "q", "at", "page", "psize", "order", "dir", "tab", "changes", "token", "meter", "meter_number", "from", "to", "after",
    "amount", "units", "wish", "shown_amount", "reference", "kept", "paper", "p0", "p1", "period", "since", "until", "by", "region", "tariff",
    "_flt_0_name", "_flt_1_id", "_flt_0_region", "_oc_MeterView", "_od_MeterView", "page_MeterView", "psize_MeterView", "id", "rowid",
    "language", "v", "seen", "csrf_token", "_method", "values", "pk", "name", "report",
)  # fmt: skip
AWAY_HEADERS = (
    {"Referer": "https://evil.example/"}, {"HX-Request": "true"}, {"X-HTTP-Method-Override": "DELETE"}, {"Accept": "application/json"},
    {"X-Forwarded-Host": "evil.example", "X-Forwarded-For": "' OR 1"}, {"Accept-Language": "xx-\x7f;q=a," * 40}, {"Range": "bytes=0-1,5-"},
    {"User-Agent": f"<{strings.TAG}>" * 30}, {"X-Requested-With": "XMLHttpRequest"}, {"If-Modified-Since": "never"}, {"Cookie": "session=a; b"},
)  # fmt: skip
BODIES = ("application/json", "text/plain", "multipart/form-data", "application/x-www-form-urlencoded; charset=utf-16", "a", "text/xml")
GOOD = {
    "amount": "10", "units": "5", "name": "Fuzz", "reason": "because of a test", "first_name": "Fu", "last_name": "Zz", "username": "fuzz1",
    "email": "fuzz@example.org", "code": "F1", "telephone": "+254 700 000 001", "password": "demo", "quantity": "1", "value": "5000",
}  # fmt: skip


class Attacker:
    """One run: visitors with their cookies, forms found so far, faults, and how often what was tried."""

    def __init__(self, app: Flask, clients: dict[str, Visitor], rows: dict[str, dict[str, Any]], watch: Watch, seed: int) -> None:
        self.app, self.clients, self.watch = app, clients, watch
        self.rng = random.Random(seed)
        self.rules = [rule for rule in app.url_map.iter_rules() if "static" not in rule.endpoint]
        self.ids = [str(row) for places in rows.values() for row in places.values()]
        self.forms: dict[str, dict[tuple[Any, ...], Form]] = {who: {} for who in clients}
        self.cookies = {who: self._cookie(client) for who, client in clients.items()}
        self.tried: Counter[str] = Counter()
        self.answers: Counter[int] = Counter()
        self.routes: set[tuple[str, str]] = set()
        self.faults: dict[str, str] = {}
        self.read: set[tuple[str, str]] = set()

    def _cookie(self, client: Visitor) -> str:
        """The visitor's cookie once a page has put its CSRF secret into it."""
        client.get("/account/")
        client.get("/login/")
        found = client.get_cookie("session")
        return found.value if found else ""

    # --- what is asked --------------------------------------------------------------------------

    def run(self, times: int) -> None:
        """Look at every page once, then `times` bad requests in all."""
        visitors = list(self.clients)
        for rule in self.rules:
            for who in self.rng.sample(visitors, 2):
                self.ask(who, "GET", self.path(rule, tame=True), {})
        while sum(self.tried.values()) < times:
            who = self.rng.choice(visitors)
            known = self.forms[who]
            if known and self.rng.random() < 0.6:
                self.fill(who, self.rng.choice(list(known.values())))
            else:
                self.wander(who)

    def path(self, rule: Any, *, tame: bool = False) -> str:
        """An address of the route; anything may stand where a row's number does."""
        def part(_found: re.Match[str]) -> str:
            if tame or self.rng.random() < 0.5:
                return quote(self.rng.choice(self.ids), safe="")
            text = self.rng.choice(strings.NUMBERS) if self.rng.random() < 0.5 else strings.any_text(self.rng)
            return quote(text[:2_000].encode("utf-8", "surrogatepass"), safe="" if self.rng.random() < 0.8 else "/%")
        return re.sub(r"<[^>]+>", part, str(rule.rule))

    def wander(self, who: str) -> None:
        """Any method at any route, with parameters that it may or may not read."""
        rule = self.rng.choice(self.rules)
        path = self.path(rule)
        names = self.rng.sample(PARAMETERS, self.rng.choice((0, 0, 1, 2, 6)))
        query = "&".join(f"{name}={self._quoted(self.text())}" for name in names)
        fit = sorted(rule.methods & {"GET", "POST"})
        method = self.rng.choice(METHODS) if self.rng.random() < 0.15 else self.rng.choice(fit)
        data: dict[str, Any] = {name: self.text() for name in self.rng.sample(PARAMETERS, 3)} if method == "POST" else {}
        token = self.token(who)
        if token and self.rng.random() < 0.9:
            data["csrf_token"] = token
        self.ask(who, method, f"{path}?{query}" if query else path, data if method == "POST" else {})

    def fill(self, who: str, form: Form) -> None:
        """Send a form with a few fields of it spoiled, missing or doubled; now and then with none."""
        data: dict[str, Any] = {}
        spoiled = self.rng.choice((0, 0.1, 0.3, 1))
        for name, value, kind in form.fields:
            if name == "csrf_token":
                data[name] = value if self.rng.random() < 0.93 else self.text()
            elif kind == "file":
                data[name] = strings.any_file(self.rng)
            elif kind in ("submit", "button"):
                if self.rng.random() < 0.4:
                    data[name] = value
            elif self.rng.random() < spoiled:
                self.spoil(data, name, value)
            else:
                choices = form.choices.get(name)
                data[name] = self.rng.choice(choices) if choices and not value else value or GOOD.get(name.rsplit("-")[-1], "")
        if self.rng.random() < 0.05:
            data |= {name: self.rng.choice(self.ids) for name in ("id", "owner_id", "user_id", "group_id", "version", "password", "active")}
        if form.method == "GET":
            query = "&".join(f"{quote(name)}={self._quoted(str(value))}" for name, value in data.items() if name != "csrf_token")
            self.ask(who, "GET", f"{urlsplit(form.action).path}?{query}", {})
        else:
            self.ask(who, "POST", form.action, data)

    def spoil(self, data: dict[str, Any], name: str, value: str) -> None:
        """Leave the field out, double it, turn it into a file, or write something else."""
        way = self.rng.random()
        if way < 0.1:
            return
        if way < 0.2:
            data[name] = [value, self.text()]
        elif way < 0.22:
            data[name] = strings.any_file(self.rng)
        else:
            data[name] = self.text()

    def text(self) -> str:
        """Another row's number as often as a string of the lists."""
        return self.rng.choice(self.ids) if self.rng.random() < 0.2 else strings.any_text(self.rng)

    def _quoted(self, text: str) -> str:
        if self.rng.random() < 0.03:
            return "%ff%fe%00%c3%28"
        return quote(text[:3_000].encode("utf-8", "surrogatepass"))

    def token(self, who: str) -> str:
        """A valid CSRF token of this visitor, from any form."""
        values = (value for form in self.forms[who].values() for name, value, _kind in form.fields if name == "csrf_token")
        return next(values, "")

    # --- one request ----------------------------------------------------------------------------

    def ask(self, who: str, method: str, path: str, data: dict[str, Any]) -> None:
        """Send it, and judge what comes back."""
        client = self.clients[who]
        if self.cookies[who]:
            client.set_cookie("session", self.cookies[who])
        given: dict[str, Any] = {"headers": self.rng.choice(AWAY_HEADERS) if self.rng.random() < 0.2 else None}
        if data:
            given["data"] = data
        if data and self.rng.random() < 0.04:
            given = {"data": b"\xff\x00" + repr(data).encode()[:5_000], "content_type": self.rng.choice(BODIES)}
        self.tried[who] += 1
        where = f"{who} {method} {path[:300]} {_short(data)}"
        try:
            with self.watch.of_one_request():
                answer = client.open(path, method=method, **given)
        except Exception as error:  # noqa: BLE001  (the run goes on; the fault is named at the end)
            last = traceback.extract_tb(error.__traceback__)[-1]
            self.fault(f"raised {type(error).__name__} at {last.filename[-40:]}:{last.lineno}", f"{where}: {error!s:.300}")
            self.watch.settle(who, again=True)
            return
        self.judge(who, method, path, answer, where, data)

    def judge(self, who: str, method: str, path: str, answer: Any, where: str, data: dict[str, Any]) -> None:
        """Every oracle, on one answer."""
        endpoint = self._endpoint(path, method)
        self.routes.add((endpoint, method))
        self.answers[answer.status_code] += 1
        if answer.status_code >= 500 and method != "BREW":
            self.fault(f"{answer.status_code} of {endpoint}", where)
        if method == "TRACE" and answer.status_code < 300:
            self.fault(f"TRACE of {endpoint} is answered", where)
        if method in SAFE and self.watch.wrote:
            self.fault(f"{method} of {endpoint} wrote {sorted(self.watch.wrote)}", where)
        self._looks(answer, endpoint, where)
        self._led_away(answer, endpoint, where)
        page = answer.get_data(as_text=True) if answer.mimetype.startswith(("text/", "application/json")) else ""
        asked = f"{path}{data}"
        for secret in self.watch.told(who, page):
            if secret.replace(" ", "") not in asked.replace(" ", ""):
                self.fault(f"{endpoint} tells {who} of a foreign row", where)
        if answer.mimetype == "text/html" and method in ("GET", "POST"):
            self._learn(who, page, path)
        for harm in self.watch.settle(who):
            self.fault(f"{endpoint} let {who} change a foreign row of {harm}", where)

    def _looks(self, answer: Any, endpoint: str, where: str) -> None:
        """Markup, templates, formulas, headers and files in the answer."""
        headers = {name.lower() for name, _value in answer.headers}
        if strings.HEADER.lower() in headers or "bcc" in headers:
            self.fault(f"{endpoint} takes a header", where)
        if not {"content-security-policy", "x-content-type-options"} <= headers:
            self.fault(f"{endpoint} has no safety headers", where)
        page = answer.get_data(as_text=True) if answer.mimetype.startswith("text/") else ""
        if strings.PRODUCT in page or "root:x:0" in page:
            self.fault(f"{endpoint} worked out a template or showed a file", where)
        if answer.mimetype == "text/html" and (f"<{strings.TAG}" in page or strings.ATTRIBUTE in page) and _alive(page):
            self.fault(f"{endpoint} has markup of a stranger in it", where)
        if answer.mimetype == "text/csv":
            cells = (cell for row in csv.reader(page.splitlines()) for cell in row)
            if any(strings.TAG in cell and cell.lstrip("\ufeff")[:1] in "=+-@\t\r" for cell in cells):
                self.fault(f"{endpoint} has a formula of a stranger in it", where)

    def _led_away(self, answer: Any, endpoint: str, where: str) -> None:
        for name in ("Location", "HX-Redirect", "HX-Location", "Refresh"):
            target = answer.headers.get(name, "").replace("\\", "/")
            if not target:
                continue
            parts = urlsplit(target)
            if parts.netloc not in ("", "localhost") or target.startswith("//") or parts.scheme not in ("", "http"):
                self.fault(f"{endpoint} leads away", f"{where} to {target[:100]}")

    def _learn(self, who: str, page: str, path: str) -> None:
        here = (who, re.sub(r"[0-9]+|[?%].*", "", path))
        if here in self.read and self.rng.random() < 0.8:
            return
        self.read.add(here)
        for form in forms_of(page, path):
            if urlsplit(form.action).netloc not in ("", "localhost"):
                self.fault("a form that leads away", f"{path[:200]} to {form.action[:200]}")
                continue
            bare = re.sub(r"[0-9]+|%.*", "", urlsplit(form.action).path)[:80]
            key = (bare, form.method, tuple(sorted({re.sub(r"[0-9]+", "", name) for name, *_rest in form.fields}))[:40])
            if key not in self.forms[who] or self.rng.random() < 0.2:
                self.forms[who][key] = form

    def _endpoint(self, path: str, method: str) -> str:
        adapter = self.app.url_map.bind("localhost")
        try:
            return str(adapter.match(urlsplit(path).path, method=method)[0])
        except Exception:  # noqa: BLE001  (no route: the wall answers)
            return "nowhere"

    def fault(self, kind: str, where: str) -> None:
        """Keep the first example of each kind of fault."""
        self.faults.setdefault(kind, where)


class _Alive(HTMLParser):
    found = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag.startswith(strings.TAG) or any(name == strings.ATTRIBUTE for name, _value in attrs):
            self.found = True


def _alive(page: str) -> bool:
    """Whether a browser would take the stranger's markup for markup."""
    reader = _Alive()
    reader.feed(page)
    return reader.found


def _short(data: dict[str, Any]) -> str:
    return repr({name: str(value)[:60] for name, value in data.items()})[:900]
