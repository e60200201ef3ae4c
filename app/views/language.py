"""Which language a page speaks and which colours it wears.

Language: the person's own, else what this browser chose, else what it asks for, else the
default.  A language that is unknown (a cookie of an older release) is passed over.
"""

from __future__ import annotations

from flask import current_app, has_request_context, request, session
from flask_babel import Locale

from app.access.current import signed_in

THEMES = ("auto", "light", "dark")


def languages() -> list[str]:
    """The codes of the languages on offer."""
    return list(current_app.config["LANGUAGES"])


def chosen_language() -> str:
    """The code of the language of this request."""
    offered = languages()
    default: str = current_app.config["BABEL_DEFAULT_LOCALE"]
    if not has_request_context():
        return default
    user = signed_in()
    for wanted in (user.language if user else None, session.get("locale")):
        if isinstance(wanted, str) and wanted in offered:
            return wanted
    return best_match(request.accept_languages.values(), offered) or default


def best_match(wanted: object, offered: list[str]) -> str | None:
    """The first wanted language that is offered, by its code or by its first part.

    >>> best_match(["fr-CI", "en"], ["en", "fr"])
    'fr'
    """
    for tag in wanted:  # type: ignore[attr-defined]
        code = str(tag).replace("-", "_")
        for candidate in (code, code.split("_")[0]):
            if candidate in offered:
                return candidate
    return None


def direction() -> str:
    """`rtl` or `ltr`, from the language of this request."""
    return Locale.parse(chosen_language()).text_direction


def chosen_theme() -> str:
    """`auto`, `light` or `dark`: the person's own, else what this browser chose."""
    if not has_request_context():
        return THEMES[0]
    user = signed_in()
    for wanted in (user.theme if user else None, session.get("theme")):
        if wanted in THEMES:
            return str(wanted)
    return THEMES[0]
