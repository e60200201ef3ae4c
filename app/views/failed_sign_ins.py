"""Sign-ins that failed: at whose account, when, from where, how often, and what the answer was.

Each reader sees those at the accounts of their own people.  Attempts at names that nobody has are for somebody over
everything: to others they would tell which names there are elsewhere.  No name that was typed stands here.
Addresses from which nobody may try for a while stand above the list, for somebody over everything, who can end that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import current_app, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.models.filters import BaseFilter
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup

from app.access import attempts, security_log
from app.access import permissions as p
from app.access.current import current_scope
from app.access.fab import SafeModelView
from app.access.scope import of_own_people
from app.db import transaction
from app.domain.states import SignInAnswer
from app.extensions import db
from app.models import FailedSignIn
from app.models.audit import note
from app.models.base import now
from app.services import failed_sign_ins
from app.views import devices, figures, known_browsers
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


# At which doors an address is counted; the limit of each is that of sign-ins.
DOORS = ("", known_browsers.DOOR, attempts.CODE_DOOR)


@dataclass(frozen=True, slots=True)
class LockedAddress:
    """An address, of IPv6 its first half, from which nobody may try until then; `newest` is the newest of its rows."""

    address: str
    until: datetime
    newest: int


def locked_addresses() -> list[LockedAddress]:
    """The addresses that are locked now, as far as their attempts have rows of their own."""
    limit = current_app.config["LOGIN_RATE_LIMIT"]
    rules = attempts.rules_of(limit, attempts.ADDRESS_FACTOR)
    since = now() - max(rule.span for rule in rules)
    times, newest = Counter[str](), dict[str, int]()
    for address, often, row in failed_sign_ins.addresses(db.session(), since):
        whole = attempts.counted_as(address)
        times[whole] += often
        newest[whole] = max(row, newest.get(whole, 0))
    least = min(rule.most for rule in rules)
    named = {subject: whole for whole, often in times.items() if often >= least for subject in _subjects(whole)}
    ends: dict[str, datetime] = {}
    for subject, until in attempts.locked_until(named, limit, attempts.ADDRESS_FACTOR).items():
        ends[named[subject]] = max(until, ends.get(named[subject], until))
    return [LockedAddress(whole, ends[whole], newest[whole]) for whole in times if whole in ends]


def _subjects(address: str) -> list[str]:
    return [attempts.subjects("", address, current_app.secret_key, door)[1] for door in DOORS]


class FailedSignInView(Listed, SafeModelView):
    """Failed sign-ins."""

    datamodel = Rows(
        FailedSignIn,
        eager=["user"],
        computed={"who": who, "status": answer, "reason": lambda row: REASONS[row.answer], "place": place},
    )
    route_base = "/failed-sign-ins"
    include_route_methods = {"list", "unlock"}
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

    def render_template(self, template: str, **kwargs: Any) -> Any:
        """Draw the list, with the locked addresses above it for who may end that."""
        may = current_app.appbuilder.sm.has_access(*p.UNLOCK_ADDRESSES)  # type: ignore[attr-defined]
        return super().render_template(template, **kwargs, locked=locked_addresses() if may else [])

    @expose("/unlock", methods=["POST"])
    @has_access
    @permission_name("unlock")
    def unlock(self) -> Any:
        """Let people at an address from which too many attempts failed try again at once."""
        wanted = request.form.get("address", "")
        found = next((one for one in locked_addresses() if one.address == wanted), None)
        if found is None:
            flash(_("This address is not locked any more."), "info")
        else:
            attempts.release(_subjects(found.address))
            with transaction() as session:
                note(session, "unlock", "failed_sign_in", found.newest, {}, {"address": found.address})
            security_log.tell("address_unlocked", unlocked=found.address)
            flash(_("People at %(address)s can sign in again at once.", address=figures.ltr(found.address)), "success")
        return redirect(url_for("FailedSignInView.list"), 303)
