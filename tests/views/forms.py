"""Filling in a form as a browser does: every field that stands on the page, and its token."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

TAG = re.compile(r"<(input|select|textarea)\b([^>]*)>(.*?)(?=<(?:input|select|textarea|/form)\b|$)", re.S)


def _attribute(tag: str, name: str) -> str | None:
    found = re.search(rf'\b{name}="([^"]*)"', tag)
    return unescape(found.group(1)) if found else None


def fields(html: str, action: str | None = None) -> dict[str, str]:
    """What the form would send as it stands; `action` names the form by the end of its address."""
    content = html.partition("<main")[2]  # the bar above it has forms of its own
    for form in re.findall(r"<form\b.*?</form>", content, re.S):
        head = form.partition(">")[0]
        if 'method="post"' in head and (action is None or (_attribute(head, "action") or "").endswith(action)):
            return _values(form)
    raise AssertionError(f"no form {action or ''} on the page")


def _values(form: str) -> dict[str, str]:
    sent: dict[str, str] = {}
    for kind, attributes, body in TAG.findall(form):
        name = _attribute(attributes, "name")
        if name is None or _attribute(attributes, "type") in ("submit", "button"):
            continue
        if _attribute(attributes, "type") in ("checkbox", "radio"):
            if re.search(r"\bchecked\b", attributes):
                sent[name] = _attribute(attributes, "value") or "on"
        elif kind == "select":
            chosen = re.search(r'<option value="([^"]*)"[^>]*\bselected', body) or re.search(
                r'<option value="([^"]*)"', body
            )
            sent[name] = unescape(chosen.group(1)) if chosen else ""
        elif kind == "textarea":
            sent[name] = unescape(body.partition("</textarea")[0])
        else:
            sent[name] = _attribute(attributes, "value") or ""
    return sent


def send(client: FlaskClient, path: str, to: str | None = None, **typed: Any) -> TestResponse:
    """Open the page at `path`, type over what stands in its form, and send it (to `to`)."""
    html = client.get(path).get_data(as_text=True)
    form: dict[str, Any] = {**fields(html), **{name.replace("__", "-"): text for name, text in typed.items()}}
    return client.post(to or path, data={name: text for name, text in form.items() if text is not None})


def text(answer: TestResponse) -> str:
    """What a person reads on a page, in one line."""
    page = answer.get_data(as_text=True).partition("<main")[2]
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def act(client: FlaskClient, page: str, to: str, **data: Any) -> TestResponse:
    """Press a button: post `data` to `to` with the token of `page`."""
    return client.post(to, data={"csrf_token": client.token(page), **data})
