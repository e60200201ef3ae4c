"""Sign-ins that failed: at whose account, when, from where, how often, and what the answer was.

Each reader sees those at the accounts of their own people.  Attempts at names that nobody has are for somebody over
everything: to others they would tell which names there are elsewhere.  No name that was typed stands here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import current_app, request, url_for
from flask_appbuilder.models.filters import BaseFilter
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup

from app.access import permissions as p
from app.access.current import current_scope
from app.access.fab import SafeModelView
from app.access.scope import of_own_people
from app.domain.states import SignInAnswer
from app.models import FailedSignIn
from app.views import devices
from app.views.lists import PERSON, Listed, Rows, begins, days, one_of, typed

REASONS: Mapping[SignInAnswer, Any] = {
    SignInAnswer.PASSWORD: _l("The password was not right"),
    SignInAnswer.CODE: _l("The code of the second factor was not right"),
    SignInAnswer.LOCKED: _l("Too many attempts failed before"),
    SignInAnswer.OFF: _l("The person may not sign in"),
    SignInAnswer.UNKNOWN: _l("Nobody has the name"),
}


class OfOwnPeople(BaseFilter):
    """Attempts at the accounts of one's own people; all of them for somebody over everything."""

    name = "own people"
    arg_name = "own_people"

    def apply(self, query: Any, _value: Any) -> Any:
        """Keep them to the current scope (fail closed: nobody's are nobody's)."""
        scope = current_scope()
        if scope.sees_all:
            return query
        return query.filter(of_own_people(FailedSignIn.user_id, scope))


def who(row: FailedSignIn) -> str:
    """The person, with the way to their page; of a name that nobody has only that."""
    if row.user is None:
        return _("Unknown name")
    name = f"{row.user.person} ({row.user.username})"
    may = current_app.appbuilder.sm.has_access(*p.READ_USERS)  # type: ignore[attr-defined]
    return Markup('<a href="{}">{}</a>').format(url_for("AppUserView.show", pk=row.user_id), name) if may else name


def answer(row: FailedSignIn) -> str:
    """What whoever tried was told, as `ui.pill` knows it."""
    return "locked" if row.answer is SignInAnswer.LOCKED else "refused"


def place(row: FailedSignIn) -> str:
    """Where it came from, in words."""
    return devices.place(row.address, request.remote_addr) if row.address else _("from very many addresses")


class FailedSignInView(Listed, SafeModelView):
    """Failed sign-ins."""

    datamodel = Rows(
        FailedSignIn,
        eager=["user"],
        computed={"who": who, "status": answer, "reason": lambda row: REASONS[row.answer], "place": place},
    )
    route_base = "/failed-sign-ins"
    include_route_methods = {"list"}
    base_filters = [["id", OfOwnPeople, None]]
    list_title = title = show_title = add_title = edit_title = _l("Failed sign-ins")
    empty_text = _l("No sign-in failed in the last 30 days.")
    label_columns = {
        "who": _l("Who"), "user_id": _l("Who"), "status": _l("Answer"), "reason": _l("Why"), "answer": _l("Why"), "times": _l("Times"),
        "last_at": _l("Last attempt"), "first_at": _l("First attempt"), "place": _l("Where"), "address": _l("Address of the computer"),
    }  # fmt: skip
    list_columns = ["who", "status", "reason", "times", "first_at", "last_at", "place"]
    order_columns = ["times", "first_at", "last_at"]
    base_order = ("last_at", "desc")
    found_by = {
        "user_id": typed(PERSON, _l("Who")),
        "answer": one_of(_l("Why"), REASONS),
        "address": begins(_l("Address of the computer")),
        "last_at": days(_l("Last attempt")),
    }
    list_template = "people/failed.html"
