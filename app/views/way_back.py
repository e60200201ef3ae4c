"""Where a form that was turned away at the door leads back to, with everything that was typed."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import current_app, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from app.views.typed import Typed


def way_back() -> str | None:
    """The page of this form as an address of ours that can be opened, or None when there is none.

    A purchase is built from its own fields: its page may have been the answer to a form itself,
    whose address opens nothing.
    """
    if request.endpoint == "CounterView.sell":
        typed = Typed.read(request.form)
        if typed.meter_number.isalnum():
            return url_for("CounterView.meter", meter_number=typed.meter_number, **typed.kept())
    came = urlsplit(request.referrer or "")
    if came.netloc != request.host or not _opens(came.path):
        return None
    return f"{came.path}?{came.query}" if came.query else came.path


def _opens(path: str) -> bool:
    """Whether a page of this program stands at the path."""
    routes = current_app.url_map.bind_to_environ(request.environ)
    try:
        routes.match(path, method="GET")
    except RequestRedirect:
        return True
    except HTTPException:
        return False
    return True
