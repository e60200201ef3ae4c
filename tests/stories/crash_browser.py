"""A cashier's browser in the crash trial: it loses answers and presses the same button again."""

from __future__ import annotations

import html
import http.cookiejar
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any

# The tick under "the same was sold minutes ago": this cashier has another customer.
TICK = re.compile(r'<input[^>]*type="checkbox"[^>]*name="(again\w*)"[^>]*value="([^"]*)"[^>]*>')
HIDDEN = re.compile(r'<input[^>]*type="hidden"[^>]*name="(\w+)"[^>]*value="([^"]*)"[^>]*>')
ANSWER_S = 15.0
PATIENCE_S = 240.0


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments: Any) -> None:
        return None


@dataclass(frozen=True)
class Answer:
    """What came back, if anything did; status 0 is a lost answer."""

    status: int
    body: str = ""
    location: str = ""


@dataclass(frozen=True)
class Tender:
    """Money that a cashier took: its reference, the receipt it led to, how often the button was pressed."""

    reference: str
    sale_id: int
    presses: int


class Browser:
    """One signed-in person with a cookie jar."""

    def __init__(self, root: str, username: str, password: str) -> None:
        self.root = root
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(jar, _Stay)
        self._who = {"username": username, "password": password}
        self._sign_in()

    def sells(self, meter_number: str, value: str) -> Tender:
        """Look at the sum, then press Sell until a receipt comes; the reference never changes."""
        until = time.monotonic() + PATIENCE_S
        form = self._form(meter_number, value, until)
        presses = 0
        while time.monotonic() < until:
            presses += 1
            answer = self._send("/counter/sell", form)
            if answer.status == 303 and (found := re.search(r"/receipts/(\d+)", answer.location)):
                return Tender(form["reference"], int(found.group(1)), presses)
            if answer.status in (400, 401) or "/login/" in answer.location:
                self._sign_in()  # the token of the form belongs to the session
                form |= {"csrf_token": self._form(meter_number, value, until)["csrf_token"]}
            elif answer.status in (409, 422):
                # The price moved, or the module is down: the page says so under the same reference.
                new = _fields(answer.body)
                form = new if "shown_amount" in new else form
                time.sleep(0.3)
            else:
                time.sleep(0.2)
        raise AssertionError(f"no receipt for {form['reference']} in {PATIENCE_S:g} s: {answer}")

    def _form(self, meter_number: str, value: str, until: float) -> dict[str, str]:
        while time.monotonic() < until:
            answer = self._send(f"/counter/meter/{meter_number}?value={value}")
            if answer.status in (302, 401):
                self._sign_in()
            if answer.status == 200 and (form := _fields(answer.body)):
                return form
            time.sleep(0.2)
        raise AssertionError(f"no sum for {meter_number} in {PATIENCE_S:g} s: {answer}")

    def _sign_in(self) -> None:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            page = self._send("/login/")
            if page.status == 200:
                token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.body)
                said = self._send("/login/", self._who | {"csrf_token": token.group(1) if token else ""})
                if said.status in (302, 303):
                    return
            time.sleep(0.3)
        raise AssertionError("nobody could sign in")

    def _send(self, path: str, form: dict[str, str] | None = None) -> Answer:
        data = None if form is None else urllib.parse.urlencode(form).encode()
        try:
            with self._opener.open(self.root + path, data, timeout=ANSWER_S) as answer:
                return Answer(answer.status, answer.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read().decode(), error.headers.get("Location", ""))
        except (OSError, urllib.error.URLError, ValueError, EOFError):
            return Answer(0)
        except Exception as error:
            if type(error).__module__ == "http.client":  # the answer was cut in the middle
                return Answer(0)
            raise


def _fields(body: str) -> dict[str, str]:
    """Everything that the sell button would send, or nothing when there is no such button."""
    start = body.find('id="sell"')
    if start < 0:
        return {}
    found = HIDDEN.findall(body[start:]) + TICK.findall(body[start:])
    return {name: html.unescape(value) for name, value in found}
