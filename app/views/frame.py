"""What the frame round every page shows: language, colours, menu, person, place.

Templates read `frame`; each part is worked out only when a page asks for it, so that the
sign-in page and the error pages ask the database nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

from flask import Flask, current_app, g, request, url_for
from flask_babel import lazy_gettext as _l
from jinja2 import pass_context
from sqlalchemy import bindparam, exists, select
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.routing import BuildError

from app.access import permissions as p
from app.access.current import current_scope, signed_in
from app.domain.errors import Refusal
from app.domain.states import RowScope
from app.extensions import db
from app.models import ModuleHealth, SecurityModule, SupplyGroupKey
from app.services.meter_keys import UNIQUE_KEY
from app.sts.errors import StsError
from app.views import first_steps, guide
from app.views.group_names import group_name
from app.views.language import chosen_language, chosen_theme, direction
from app.views.menu import UNDER

# The manual's menu in the manual's order; what a release adds stands after it.
ORDER = ("Vending", "Registration", "Engineering", "Report", "System", "Security")
# Every page asks for them: built once, so that their keys among the compiled statements are worked out once
# too.  Modules are nobody's, so there is nothing to narrow, and narrowing would make each a new statement.
KEYED = exists().where(SupplyGroupKey.module_id == SecurityModule.id, SupplyGroupKey.key_type == UNIQUE_KEY)
ACTIVE = select(SecurityModule.id, KEYED).where(SecurityModule.active).execution_options(unscoped=True)
TOLD = select(ModuleHealth).where(ModuleHealth.module_id.in_(bindparam("modules", expanding=True)))
TOLD = TOLD.execution_options(unscoped=True)


class Link(NamedTuple):
    """One line of the menu."""

    label: str
    url: str
    icon: str = ""
    current: bool = False


class Group(NamedTuple):
    """A part of the menu with its links; the first one, with Home alone, has no label."""

    label: str
    links: list[Link]


class State(NamedTuple):
    """A state as a pill: tone (ok, warn, bad), icon and words."""

    tone: str
    icon: str
    label: Any


class Tongue(NamedTuple):
    """A language in its own name."""

    code: str
    name: str
    current: bool

    @property
    def lang(self) -> str:
        """The code as HTML writes it."""
        return self.code.replace("_", "-")


class Frame:
    """The frame of this request's page."""

    @cached_property
    def _builder(self) -> Any:
        return current_app.appbuilder  # type: ignore[attr-defined]

    @cached_property
    def user(self) -> Any:
        """Who is signed in, or None; an error page must stand even when the database does not."""
        try:
            return signed_in()
        except SQLAlchemyError:
            return None

    @property
    def signed_in(self) -> bool:
        """Whether the page has a sidebar."""
        return self.user is not None

    # --- language and colours -------------------------------------------------------------

    @property
    def lang(self) -> str:
        """The language of the page, as HTML writes it."""
        return chosen_language().replace("_", "-")

    @property
    def dir(self) -> str:
        """Where lines begin: ltr or rtl."""
        return direction()

    @property
    def theme(self) -> str:
        """What the person chose; auto follows the system."""
        return chosen_theme()

    @property
    def single_keys(self) -> bool:
        """Whether keys without a modifier act outside fields, as the person likes it."""
        return self.user is None or bool(self.user.single_keys)

    @cached_property
    def languages(self) -> list[Tongue]:
        """Every language on offer, the chosen one marked."""
        chosen = chosen_language()
        offered = current_app.config["LANGUAGES"]
        return [Tongue(code, about["name"], code == chosen) for code, about in offered.items()]

    @property
    def language_name(self) -> str:
        """The chosen language in its own name."""
        return next((tongue.name for tongue in self.languages if tongue.current), self.lang)

    @property
    def address(self) -> str:
        """This page, to come back to after the language was changed; home after a form was sent."""
        if request.method != "GET":
            return self.home if self.signed_in else self.login
        return request.full_path.rstrip("?")

    # --- menu -----------------------------------------------------------------------------

    @cached_property
    def _menu(self) -> list[tuple[Group, str]]:
        try:
            groups = {name: group for name, group in self._groups() if group.links}
        except SQLAlchemyError:
            return []
        place = {name: at for at, name in enumerate(ORDER)}
        names = sorted(groups, key=lambda name: (bool(groups[name].label), place.get(name, len(ORDER))))
        return [(groups[name], name) for name in names]

    def _groups(self) -> Iterator[tuple[str, Group]]:
        allowed = self._builder.sm.get_user_menu_access()
        for item in self._builder.menu.get_list():
            links = [
                self._link(child)
                for child in (item.childs or [item])
                if child.name != "-" and child.name in allowed and child.should_render()
            ]
            yield item.name, Group(str(item.label) if item.childs else "", links)

    @property
    def groups(self) -> list[Group]:
        """The menu as far as this person may open it."""
        return [group for group, _name in self._menu]

    def _link(self, item: Any) -> Link:
        url = item.get_url()
        endpoint = (request.endpoint or "").split(".")[0]
        own = getattr(item.baseview, "endpoint", None)
        current = UNDER.get(endpoint, endpoint) == own if own else url == request.path
        icon = item.icon if not item.icon or item.icon.startswith("fa-") else f"fa-{item.icon}"
        return Link(str(item.label), url, icon, current)

    @cached_property
    def _here(self) -> tuple[str, str]:
        for group in self.groups:
            for link in group.links:
                if link.current:
                    return group.label, link.label
        return "", ""

    @property
    def section(self) -> str:
        """The part of the menu this page belongs to."""
        return self._here[0]

    @property
    def link_name(self) -> str:
        """The line of the menu this page belongs to; nothing where it only stands under another one's."""
        return "" if (request.endpoint or "").split(".")[0] in UNDER else self._here[1]

    # --- person and place -----------------------------------------------------------------

    @property
    def person(self) -> str:
        """The full name, or the user name of somebody without one."""
        return str(self.user.person)

    @property
    def initials(self) -> str:
        """Two letters for the round sign."""
        return "".join(word[0] for word in self.person.split()[:2]).upper()

    @property
    def group(self) -> str:
        """The user group's name."""
        return group_name(getattr(self.user, "group", None))

    @property
    def place(self) -> str:
        """Where this person sells; nothing for somebody without a vending point."""
        return str(getattr(self.user, "vending_point", None) or "")

    @property
    def place_note(self) -> str:
        """The region the person belongs to."""
        return str(getattr(self.user, "region", None) or "")

    @cached_property
    def sells(self) -> bool:
        """Whether this person may open the counter; an auditor reads receipts and sells nothing."""
        return self.signed_in and bool(current_app.appbuilder.sm.has_access(p.OPEN_COUNTER.action, p.OPEN_COUNTER.page))  # type: ignore[attr-defined]

    @cached_property
    def asks_what_became(self) -> bool:
        """Whether this person may ask what became of a reference."""
        may = p.ASK_WHAT_BECAME
        return self.signed_in and bool(current_app.appbuilder.sm.has_access(may.action, may.page))  # type: ignore[attr-defined]

    @cached_property
    def nowhere(self) -> Any:
        """The sentence for somebody who finds nothing because no place was given to them."""
        if not self.signed_in:
            return ""
        scope = current_scope()
        if scope.row_scope is RowScope.VENDING_POINT and scope.vending_point_id is None:
            return _l("You have no vending point, so nothing can be found or sold here. An administrator can give you one.")
        if scope.row_scope is RowScope.REGION and scope.region_path is None:
            return _l("You have no region, so nothing is found here. An administrator can give you one.")
        return ""

    @cached_property
    def walk(self) -> Any:
        """The step of the first set-up that this person is at, with the way back and on."""
        try:
            return first_steps.walk() if self.signed_in else None
        except SQLAlchemyError:
            return None

    # --- addresses ------------------------------------------------------------------------

    @property
    def home(self) -> str:
        """The home page."""
        return str(self._builder.get_url_for_index)

    @property
    def login(self) -> str:
        """The sign-in page."""
        return str(self._builder.get_url_for_login)

    @property
    def forgot_url(self) -> str | None:
        """Where a forgotten password is asked for, once that page exists."""
        return _url("ForgottenPasswordView.ask")

    @property
    def help(self) -> str | None:
        """What of the guide explains this page; nothing where the guide was left out of the installation."""
        return guide.place_of(request.endpoint)

    # --- the security module --------------------------------------------------------------

    @cached_property
    def module(self) -> State | None:
        """Whether tokens can be made: every active module is there, open, answered last; one has keys.  Asks no network."""
        if not self.signed_in:
            return None
        try:
            active = dict(db.session.execute(ACTIVE).tuples().all())
            modules = current_app.extensions["modules"]
            told = {row.module_id: row for row in db.session.scalars(TOLD, {"modules": list(active)})}
            for module_id in active:
                modules.by_id(module_id)
            down = any(modules.known_dead(module_id, told.get(module_id)) for module_id in active)
        except (Refusal, StsError, OSError, SQLAlchemyError):
            return State("bad", "fa-circle-xmark", _l("Module is shut"))
        if down:
            return State("bad", "fa-circle-xmark", _l("Module is down"))
        if not active:
            return State("warn", "fa-triangle-exclamation", _l("No module yet"))
        if not any(active.values()):
            return State("warn", "fa-triangle-exclamation", _l("Module holds no key yet"))
        return State("ok", "fa-shield-halved", _l("Module ready"))


def _url(endpoint: str) -> str | None:
    try:
        return url_for(endpoint)
    except BuildError:
        return None


def _ask_each_time(app: Flask) -> None:
    """Let the question of rights be asked at every drawing of a page.

    NB: Jinja works out a filter of constants while it compiles, so `'can_edit' | is_item_visible('X')`
    kept the answer of whoever saw the page first.
    """
    visible = app.jinja_env.filters["is_item_visible"]

    @pass_context
    def is_item_visible(_context: Any, permission: str, item: str) -> bool:
        return bool(visible(permission, item))

    app.jinja_env.filters["is_item_visible"] = is_item_visible


def install(app: Flask) -> None:
    """Give every template its frame."""
    _ask_each_time(app)
    app.jinja_env.filters["group_name"] = group_name

    @app.context_processor
    def _frame() -> dict[str, Any]:
        if "_frame" not in g:
            g._frame = Frame()  # noqa: SLF001
        return {"frame": g._frame, "appbuilder": current_app.appbuilder}  # type: ignore[attr-defined]  # noqa: SLF001
