"""What an administrator does about somebody's sign-in: a link, the lock, the second factor, the sessions.

Each act asks for the permission to change users, for a person of one's own part, and for rights no wider
than one's own; nobody does it to themselves (`own_security` is for that).  All of it stands in the log.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from flask import abort, current_app, flash, g, make_response, redirect, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _

from app.access import attempts, security_log
from app.access.current import current_scope
from app.access.permissions import READ_FAILED_SIGN_INS
from app.db import transaction
from app.extensions import db
from app.models import AppUser
from app.models.audit import note
from app.services import failed_sign_ins, mail, mail_queue, password_links, second_factor
from app.services.four_eyes import entered
from app.views import known_browsers, sessions
from app.views.devices import browsers
from app.views.forgotten import link_to


def learn_locks(users: Iterable[AppUser]) -> None:
    """Read the locks of a whole page of people at once."""
    names = {subject: user.id for user in users for subject in _subjects(user)}
    found = attempts.locked_until(names, current_app.config["LOGIN_RATE_LIMIT"])
    kept: dict[int, datetime | None] = g.setdefault("_locks", {})
    kept.update(dict.fromkeys(names.values()))
    for subject, until in found.items():
        kept[names[subject]] = max(until, kept[names[subject]] or until)


def locked_until(user: AppUser) -> datetime | None:
    """Until when the person's sign-in waits, or None."""
    kept: dict[int, datetime | None] = g.setdefault("_locks", {})
    if user.id not in kept:
        learn_locks([user])
    return kept.get(user.id)


def state(user: AppUser) -> str:
    """How the sign-in stands, as `ui.pill` knows it."""
    if not user.active:
        return "off"
    if user.password is None:
        return "invited"
    return "locked" if locked_until(user) else "active"


def last_sign_in(user: AppUser) -> datetime | None:
    """When the person came in last; FAB keeps it without a zone."""
    found: datetime | None = user.last_login
    return found.replace(tzinfo=UTC) if found is not None else None


def _subjects(user: AppUser) -> tuple[str, ...]:
    key = current_app.secret_key
    doors = ("", known_browsers.DOOR)
    asked = [attempts.subjects(name, "", key, door)[0] for name in (user.username, user.email) if name for door in doors]
    return (*asked, attempts.subjects(str(user.id), "", key, attempts.CODE_DOOR)[0])


class PeopleActs:
    """The acts on a user's page; mixed into `people.AppUserView`."""

    @expose("/link/<pk>", methods=["POST"])
    @has_access
    @permission_name("edit")
    def link(self, pk: str) -> Any:
        """End the password and give a link to choose another; by mail, or shown this once."""
        user = self._theirs(pk)
        if not user.active:
            flash(_("This person may not sign in. Nothing was made."), "danger")
            return self._back(user.id)
        key = user.id
        with transaction() as session:
            user = session.get_one(AppUser, key, execution_options={"unscoped": True})
            # NB: only who has never come in is invited: a link for anybody else shall not lie about for a week.
            purpose = password_links.INVITE if user.password is None and user.login_count is None else password_links.RESET
            if user.password is not None:
                user.password = None
                sessions.end_all(key)
            secret = give_link(session, user, purpose)
        security_log.tell("link_given", account=db.session.get_one(AppUser, key), purpose=purpose)
        return self.link_given(key, secret, purpose)

    def link_given(self, key: int, secret: str | None, purpose: str = password_links.INVITE) -> Any:
        """Say that the link is on its way, or show it this once."""
        if secret is None:
            flash(_("A message with a link is on its way."), "success")
            return self._back(key)
        user = db.session.get_one(AppUser, key)
        page = self.render_template(  # type: ignore[attr-defined]
            "people/link.html", title=_("Link for %(name)s", name=user.person), url=link_to(secret), user=user,
            back=url_for("AppUserView.show", pk=key), days=password_links.INVITATION.days if purpose == password_links.INVITE else password_links.GIVEN.days,
        )  # fmt: skip
        return make_response(page)

    @expose("/unlock/<pk>", methods=["POST"])
    @has_access
    @permission_name("edit")
    def unlock(self, pk: str) -> Any:
        """Let somebody who failed too often try again at once."""
        user = self._theirs(pk)
        key, wanted, name = user.id, _subjects(user), user.person
        attempts.release(wanted)
        with transaction() as session:
            note(session, "unlock", "ab_user", key, {}, {})
        security_log.tell("unlocked", account=db.session.get_one(AppUser, key))
        flash(_("%(name)s can sign in again at once.", name=name), "success")
        return self._back(key)

    @expose("/drop_factor/<pk>", methods=["POST"])
    @has_access
    @permission_name("edit")
    def drop_factor(self, pk: str) -> Any:
        """Take a lost second factor away; every session ends."""
        user = self._theirs(pk)
        key, name = user.id, user.person
        with transaction() as session:
            user = session.get_one(AppUser, key, execution_options={"unscoped": True})
            second_factor.drop(session, user)
            sessions.end_all(key)
            mail_queue.add(session, "notice", {"user": key, "what": "factor_off"})
        security_log.tell("factor_off", account=db.session.get_one(AppUser, key))
        flash(_("The second factor of %(name)s is taken away.", name=name), "success")
        return self._back(key)

    @expose("/sign_out/<pk>", methods=["POST"])
    @has_access
    @permission_name("edit")
    def sign_out(self, pk: str) -> Any:
        """End every session of the person."""
        user = self._theirs(pk)
        key, name = user.id, user.person
        with transaction() as session:
            count = sessions.end_all(key)
            note(session, "sign_out", "ab_user", key, {}, {})
        security_log.tell("sessions_ended", account=db.session.get_one(AppUser, key), which="all")
        flash(_("%(name)s is signed out everywhere.", name=name) if count else _("%(name)s was signed in nowhere.", name=name), "success")
        return self._back(key)

    def beside(self, pk: str) -> dict[str, Any]:
        """How the sign-in stands, for the person's page."""
        user = self._row(pk)  # type: ignore[attr-defined]
        told = current_app.appbuilder.sm.has_access(*READ_FAILED_SIGN_INS)  # type: ignore[attr-defined]
        return {
            "failed": failed_sign_ins.times_of(db.session(), user.id) if told else None,
            "state": state(user), "locked_until": locked_until(user), "browsers": browsers(user.id),
            "may_act": self._may_act(user), "mailed": bool(mail.way().server), "entered": entered(db.session(), user.id),
        }  # fmt: skip

    def _theirs(self, pk: str) -> AppUser:
        """The person, if one may do this to them."""
        user: AppUser = self._row(pk)  # type: ignore[attr-defined]
        if not self._may_act(user):
            abort(403)
        return user

    def _may_act(self, user: AppUser) -> bool:
        """Somebody else, who may do no more than oneself."""
        fault = self.why_not(user, on=True)  # type: ignore[attr-defined]
        may = current_app.appbuilder.sm.has_access("can_edit", "AppUserView")  # type: ignore[attr-defined]
        return may and not fault

    @staticmethod
    def _back(key: int) -> Any:
        return redirect(url_for("AppUserView.show", pk=key) + "#sign-in", 303)


def give_link(session: Any, user: AppUser, purpose: str) -> str | None:
    """In a transaction: ask for the mail with a link, or draw one to be shown once where no mail leaves.

    Gives the secret in the second case.  The log tells of it, and not what the link is.
    """
    by = current_scope().user_id
    note(session, "invite" if purpose == password_links.INVITE else "give_link", "ab_user", user.id, {}, {})
    if mail.way().server:
        password_links.end_all(session, user.id)
        mail_queue.add(session, "link", {"user": user.id, "purpose": purpose, "by": by})
        return None
    lives = password_links.INVITATION if purpose == password_links.INVITE else password_links.GIVEN
    return password_links.make(session, user.id, purpose, lives, by)
