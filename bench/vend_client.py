"""A cashier's browser for benches: keeps its connection and its cookies, and says how long each answer took."""

from __future__ import annotations

import html
import http.client
import re
import time
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass

HIDDEN = re.compile(r'<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"')
KEPT_S = 1.0  # gunicorn keeps a connection open for two seconds
SELL = re.compile(r'<form[^>]*action="/counter/sell".*?</form>', re.DOTALL)


@dataclass(frozen=True)
class Answer:
    """What came back, and after how many milliseconds."""

    status: int
    body: str
    location: str
    ms: float


class Cashier:
    """One signed-in person."""

    def __init__(self, port: int, username: str = "", password: str = "") -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._cookies: dict[str, str] = {}
        self._used = 0.0
        if username:
            token = HIDDEN.search(self.get("/login/").body)
            require(token is not None, "no sign-in page")
            name, value = token.groups() if token else ("", "")
            answer = self.post("/login/", {name: value, "username": username, "password": password})
            require(answer.status in (302, 303), f"{username} may not sign in: {answer.status}")

    def get(self, path: str) -> Answer:
        """Open a page."""
        return self._send("GET", path, None)

    def post(self, path: str, form: dict[str, str]) -> Answer:
        """Send a form."""
        return self._send("POST", path, urllib.parse.urlencode(form))

    def form_of(self, meter: str, value: str) -> dict[str, str]:
        """The form that sells what the page of a meter shows."""
        page = self.get(f"/counter/meter/{meter}?value={value}")
        found = SELL.search(page.body)
        require(found is not None, f"{meter}: no sum ({page.status}) {words(page.body)}")
        return {name: html.unescape(value) for name, value in HIDDEN.findall(found[0] if found else "")}

    def buys(self, meter: str, value: str, think_s: float = 0.0) -> tuple[float, float, float]:
        """One purchase: the page with its sum, Sell, the receipt; the milliseconds of each."""
        begun = time.perf_counter()
        form = self.form_of(meter, value)
        page_ms = (time.perf_counter() - begun) * 1000
        if think_s:
            time.sleep(think_s)
        sold = self.sells(form)
        receipt = self.get(sold.location)
        require(receipt.status == 200, f"no receipt: {receipt.status}")
        return page_ms, sold.ms, receipt.ms

    def sells(self, form: dict[str, str]) -> Answer:
        """Press Sell."""
        answer = self.post("/counter/sell", form)
        require(answer.status == 303, f"not sold: {answer.status} {answer.body[:400]}")
        return answer

    def _send(self, method: str, path: str, body: str | None) -> Answer:
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self._cookies.items())}
        if body is not None:
            headers |= {"Content-Type": "application/x-www-form-urlencoded"}
        begun = time.perf_counter()
        if begun - self._used > KEPT_S:
            self._connection.close()  # the server has closed it by now; the next request opens another
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        text = response.read().decode()
        ms = (time.perf_counter() - begun) * 1000
        self._used = time.perf_counter()
        for cookie in response.headers.get_all("Set-Cookie") or ():
            name, _, value = cookie.partition(";")[0].partition("=")
            self._cookies[name] = value
        return Answer(response.status, text, response.headers.get("Location", ""), ms)


def require(ok: bool, told: str) -> None:
    """End the bench with a sentence: a figure of something that failed is none."""
    if not ok:
        raise SystemExit(told)


def words(body: str) -> str:
    """What a page says, without its markup."""
    return " ".join(re.sub(r"<[^>]*>", " ", body.partition("<main")[2]).split())[:600]


def quantile(values: Sequence[float], share: int) -> float:
    """The value that `share` per cent do not pass; nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)] if ordered else 0.0
