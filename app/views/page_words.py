"""The words of pages, translated with one look-up each: a page of cards has three hundred.

Flask-Babel asks nine times for the context of a request before it translates a word, and Jinja calls through three
functions.  Here the translations of a request are found once, for as long as its language stays the same.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from flask import Flask, current_app, g
from flask_babel import Domain
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup


class Spoken(Domain):  # type: ignore[misc]
    """Flask-Babel's translations, remembered in the request until its language changes (a slip in another one)."""

    def get_translations_cache(self, ctx: Any) -> Any:
        """Read once for each application: two of one process may have other folders."""
        return current_app.extensions.setdefault("translations_read", {})

    def get_translations(self) -> Any:
        """Those of the moment's language."""
        try:
            spoken = g.get("_flask_babel")
        except RuntimeError:  # outside of an application
            return super().get_translations()
        kept = getattr(spoken, "translations_kept", None)
        if kept is not None and kept[0] is getattr(spoken, "babel_locale", None):
            return kept[1]
        found = super().get_translations()
        g._flask_babel.translations_kept = (g._flask_babel.babel_locale, found)  # noqa: SLF001
        return found


SPOKEN = Spoken()
translations = SPOKEN.get_translations


@lru_cache(maxsize=20_000)
def _word(found: Any, word: str, escapes: bool) -> str:
    """A word without figures in a language: a page writes the same ones again and again."""
    said = found.ugettext(word)
    said = Markup(said) if escapes else said  # noqa: S704  (our own catalogues)
    return said % {}  # type: ignore[no-any-return]


@pass_eval_context
def gettext(context: EvalContext, word: str, /, **figures: Any) -> str:
    """As Jinja's new style: markup where the template escapes, and always a format string."""
    found, escapes = translations(), bool(context.autoescape)
    if not figures:
        return _word(found, word, escapes)
    said = found.ugettext(word)
    return (Markup(said) if escapes else said) % figures  # type: ignore[no-any-return]  # noqa: S704


@lru_cache(maxsize=2_000)
def _word_of(found: Any, about: str, word: str, escapes: bool) -> str:
    said = found.upgettext(about, word)
    return (Markup(said) if escapes else said) % {}  # type: ignore[no-any-return]  # noqa: S704


@pass_eval_context
def pgettext(context: EvalContext, about: str, word: str, /, **figures: Any) -> str:
    """The same for a word that is told apart by what it is about."""
    found, escapes = translations(), bool(context.autoescape)
    if not figures:
        return _word_of(found, about, word, escapes)
    said = found.upgettext(about, word)
    return (Markup(said) if escapes else said) % figures  # type: ignore[no-any-return]  # noqa: S704


@pass_eval_context
def ngettext(context: EvalContext, one: str, many: str, num: int, /, **figures: Any) -> str:
    """The same for words that follow a number."""
    said = translations().ungettext(one, many, num)
    return (Markup(said) if context.autoescape else said) % {"num": num, **figures}  # type: ignore[no-any-return]  # noqa: S704


def install(app: Flask) -> None:
    """Put them in the place of Flask-Babel's, for templates and for the program's own sentences."""
    app.extensions["babel"].instance.domain_instance = SPOKEN
    app.jinja_env.globals.update({"_": gettext, "gettext": gettext, "ngettext": ngettext, "pgettext": pgettext})
