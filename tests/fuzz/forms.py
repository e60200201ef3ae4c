"""The forms of a page as an attacker reads them: where they go, and which fields they have."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin


@dataclass
class Form:
    """One form: its address, its method, and (name, value, kind) of each field in order."""

    action: str
    method: str
    fields: list[tuple[str, str, str]] = field(default_factory=list)
    choices: dict[str, list[str]] = field(default_factory=dict)


class _Reader(HTMLParser):
    def __init__(self, address: str) -> None:
        super().__init__(convert_charrefs=True)
        self.address, self.forms = address, list[Form]()
        self._form: Form | None = None
        self._select = self._area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            action = urljoin(self.address, given.get("action") or self.address)
            self._form = Form(action, given.get("method", "get").upper())
            self.forms.append(self._form)
        elif self._form is None:
            return
        elif tag in ("input", "button") and given.get("name"):
            self._form.fields.append((given["name"], given.get("value", ""), given.get("type", "text")))
        elif tag == "textarea" and given.get("name"):
            self._area = given["name"]
            self._form.fields.append((self._area, "", "textarea"))
        elif tag == "select" and given.get("name"):
            self._select = given["name"]
            self._form.choices[self._select] = []
            self._form.fields.append((self._select, "", "select"))
        elif tag == "option" and self._select:
            self._option(given)

    def _option(self, given: dict[str, str]) -> None:
        assert self._form is not None
        self._form.choices[self._select].append(given.get("value", ""))
        if "selected" in given:
            self._form.fields[-1] = (self._select, given.get("value", ""), "select")

    def handle_data(self, data: str) -> None:
        if self._area and self._form is not None:
            self._form.fields[-1] = (self._area, self._form.fields[-1][1] + data, "textarea")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "textarea":
            self._area = ""
        elif tag == "select":
            self._select = ""


def forms_of(page: str, address: str) -> list[Form]:
    """Every form of a page that stands at `address`; a broken page gives what could be read."""
    reader = _Reader(address)
    reader.feed(page)
    return reader.forms
