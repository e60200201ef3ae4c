"""A person at the counter, told in the words of the page: asks, sees, sells."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app.extensions import db
from app.models import Sale, Token


@dataclass
class Page:
    """One answer: its status and what a reader and a form find in it."""

    status: int
    body: str
    location: str

    @property
    def words(self) -> str:
        """The text without marks."""
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", self.body)).split())

    def field(self, name: str) -> str:
        """What stands in the first field of this name."""
        found = re.search(rf'<input[^>]*name="{name}"[^>]*>', self.body)
        assert found, f"no field {name}"
        value = re.search(r'value="([^"]*)"', found.group())
        return html.unescape(value.group(1)) if value else ""

    def at(self, element: str) -> str:
        """The text of the element with this id."""
        found = re.search(rf'id="{element}"[^>]*>(.*?)</(?:p|div)>', self.body, re.S)
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", found.group(1))).split()) if found else ""

    @property
    def form(self) -> dict[str, str]:
        """Everything that the sell button would send."""
        start = self.body.index('id="sell"')
        fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', self.body[start:])
        return {name: html.unescape(value) for name, value in fields}


class Counter:
    """What somebody does there."""

    def __init__(self, client: FlaskClient, app: Flask) -> None:
        self.client, self.app = client, app

    def _page(self, answer: Any) -> Page:
        return Page(answer.status_code, answer.get_data(as_text=True), answer.headers.get("Location", ""))

    def opens(self, path: str, **query: str) -> Page:
        """Follow a link."""
        return self._page(self.client.get(path, query_string=query))

    def asks(self, meter_number: str, value: str, **more: str) -> Page:
        """Type an amount and look at the sum."""
        return self.opens(f"/counter/meter/{meter_number}", value=value, **more)

    def sends(self, form: dict[str, str]) -> Page:
        """Press the sell button of a page."""
        return self._page(self.client.post("/counter/sell", data=form))

    def sells(self, meter_number: str, value: str, **more: str) -> Page:
        """Look at the sum, press sell, see the receipt."""
        sold = self.sends(self.asks(meter_number, value, **more).form)
        assert sold.status == 303, sold.words
        return self.opens(sold.location)

    def stored(self) -> tuple[int, int]:
        """How many sales and tokens the database holds."""
        with self.app.app_context():
            count = [
                db.session.execute(select(func.count(row.id)), execution_options={"unscoped": True}).scalar_one()
                for row in (Sale, Token)
            ]
        return count[0], count[1]
