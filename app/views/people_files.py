"""Users by file (manual S5): the list as csv or Excel, and new people from such a file, all rows or none.

Each row goes through the form of one user, so a file can do no more than whoever uploads it could type;
there is no password in it, in or out: every new person gets a link to choose one.  Who is there already is
left as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from flask import abort, current_app, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import force_locale, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from werkzeug.datastructures import MultiDict

from app.access import permissions as p
from app.access.fab import SafeBaseView
from app.access.interface import read_filters
from app.domain.errors import Refusal, ValueTaken
from app.extensions import db
from app.models import AppUser, UserGroup, VendingPoint
from app.models.names import alike
from app.services.imports.fields import Fault, text_of
from app.services.imports.layout import Cell, Layout, Unreadable
from app.services.imports.reader import fold
from app.services.imports.reading import read_file, require_agreement, stored_rows
from app.services.task_files import FileTooLarge
from app.views import import_words
from app.views.forgotten import link_to
from app.views.group_names import group_name
from app.views.import_files import as_csv, as_workbook
from app.views.messages import sentence
from app.views.people import AppUserView, UserForm
from app.views.work_runs import folder

ROWS_MAX, FILE_MAX_MB, SHOWN_MAX = 500, 2, 100
COLUMNS: Mapping[str, Any] = {
    "username": _l("User name"), "first_name": _l("First name"), "last_name": _l("Last name"), "email": _l("E-mail"),
    "phone": _l("Phone"), "group": _l("User group"), "region": _l("Region"), "vending_point": _l("Vending point"),
    "active": _l("May sign in"),
}  # fmt: skip
NEEDED = ("username", "first_name", "last_name", "email", "group")
Wrong = tuple[int, str, str]


class PeopleFilesView(SafeBaseView):
    """Users in and out by file."""

    route_base = "/users/file"
    default_view = "add"
    class_permission_name = "AppUserView"
    title = list_title = _l("Import users")

    @expose("/csv")
    @has_access
    @permission_name("read")
    def csv(self) -> Any:
        """What the list shows, as csv."""
        _require(p.EXPORT_ROWS)
        return as_csv("users.csv", _headings(), _lines(self._people()))

    @expose("/xlsx")
    @has_access
    @permission_name("read")
    def xlsx(self) -> Any:
        """What the list shows, as an Excel file."""
        _require(p.EXPORT_ROWS)
        return as_workbook("users.xlsx", str(_("Users")), _headings(), _lines(self._people()))

    @expose("/template")
    @has_access
    @permission_name("add")
    def template(self) -> Any:
        """The headings alone."""
        _require(p.IMPORT_ROWS)
        return as_workbook("users.xlsx", str(_("Users")), _headings(), iter(()))

    @expose("/import", methods=["GET", "POST"])
    @has_access
    @permission_name("add")
    def add(self) -> Any:
        """Choose a file; its people are added, all or none."""
        _require(p.IMPORT_ROWS)
        if request.method == "GET":
            return self._page("")
        try:
            layout, rows = _read()
        except Unreadable as fault:
            return self._page(import_words.trouble((fault.code, fault.params)))
        except FileTooLarge:
            return self._page(_("The file is larger than %(most)d MB. Split it.", most=FILE_MAX_MB))
        places = _places(layout)
        lacking = [str(COLUMNS[name]) for name in NEEDED if name not in places]
        if lacking:
            return self._page(_("The file has no column “%(name)s”.", name=lacking[0]))
        return self._store(rows, places)

    def _store(self, rows: Sequence[tuple[int, list[Cell]]], places: Mapping[str, int]) -> Any:
        adding = _Adding(next(view for view in current_app.appbuilder.baseviews if isinstance(view, AppUserView)))  # type: ignore[attr-defined]
        try:
            for line, cells in rows:
                adding.row(line, cells, places)
            if adding.wrong:
                db.session.rollback()
                return self._page("", adding.wrong)
            db.session.commit()
        except (IntegrityError, ValueTaken):
            db.session.rollback()
            return self._page(_("Another user has one of these names or addresses by now. Nothing was stored."))
        links = [(person, link_to(secret)) for person, secret in adding.links if secret]
        flash(ngettext("%(num)d user is added.", "%(num)d users are added.", adding.added), "success")
        if adding.known:
            flash(ngettext("%(num)d user was there already and stays as before.", "%(num)d users were there already and stay as before.", adding.known), "info")
        if not links:
            return redirect(url_for("AppUserView.list"), 303)
        return self.render_template("people/links.html", title=_("Links for new users"), links=links)

    def _page(self, error: str, wrong: Sequence[Wrong] = ()) -> Any:
        page = self.render_template(
            "people/import.html", title=self.title, error=error, wrong=wrong[:SHOWN_MAX], wrong_count=len(wrong), most=FILE_MAX_MB,
            rows_most=ROWS_MAX, columns=COLUMNS, needed=NEEDED,
        )  # fmt: skip
        return page, 422 if request.method == "POST" else 200

    @staticmethod
    def _people() -> list[AppUser]:
        """Those of the list with the filters of the address.  A filter that cannot be read ends the request."""
        view: Any = next(one for one in current_app.appbuilder.baseviews if isinstance(one, AppUserView))  # type: ignore[attr-defined]
        if read_filters(view._filters, view._filters.get_search_filters()):  # noqa: SLF001  (as the list itself does)
            abort(400)
        joined = view._filters.get_joined_filters(view._base_filters)  # noqa: SLF001
        query = view.datamodel.apply_filters(view.datamodel.with_eager(db.session.query(AppUser)), joined)
        return list(query.order_by(AppUser.username))


class _Adding:
    """The rows of one file on their way into the session; `wrong` says what cannot be taken."""

    def __init__(self, view: Any) -> None:
        self.view, self.wrong, self.added, self.known = view, list[Wrong](), 0, 0
        self.lines: dict[str, int] = {}  # user names of this file that nobody had, and where each stands
        self.links: list[tuple[AppUser, str | None]] = []
        groups = list(db.session.scalars(select(UserGroup)))
        self.groups = _named([*((row.name, row) for row in groups), *((group_name(row), row) for row in groups)])
        self.points = _named((row.name, row) for row in db.session.scalars(select(VendingPoint)))

    def row(self, line: int, cells: list[Cell], places: Mapping[str, int]) -> None:
        """Check one row as its form would be, and add its person."""
        told: dict[str, str] = {}
        for name, place in places.items():
            try:
                told[name] = text_of(cells[place]) if place < len(cells) else ""
            except Fault as fault:
                self._note(line, name, import_words.fault_words("", ("", fault.code, fault.params)))
                return
        if not any(told.values()) or self._was_there(line, told["username"]):
            return
        form = UserForm(formdata=self._filled(told), meta={"csrf": False})
        if not form.validate():
            for name, errors in form.errors.items():
                self._note(line, str(name), " ".join(str(error) for error in errors))
            return
        item = AppUser()
        try:
            with db.session.no_autoflush:
                form.populate_obj(item)
                self.view.require_own(item)
            db.session.add(item)
            self.view.pre_add(item)
            db.session.flush()  # the next row sees this one's name and address
        except ValueTaken:  # by the database, which ends the transaction
            raise
        except Refusal as refusal:
            db.session.expunge(item) if item in db.session.new else None
            self._note(line, "group", sentence(refusal))
            return
        self.added += 1
        self.links.append((item, item.link_secret))

    def _was_there(self, line: int, username: str) -> bool:
        """Whether the row adds nobody: this name was there before the file, or stands in it twice, which is said."""
        name = username.lower()
        if name in self.lines:
            self._note(line, "username", _("Line %(line)d has this user name already; big and small letters are the same.", line=self.lines[name]))
        elif _is_there(username):
            self.known += 1
        else:
            self.lines |= {name: line} if name else {}
            return False
        return True

    def _filled(self, told: Mapping[str, str]) -> MultiDict[str, str]:
        group, point = (_meant(known, told.get(name, "")) for known, name in ((self.groups, "group"), (self.points, "vending_point")))
        off = told.get("active", "")
        filled = {
            **{name: told.get(name, "") for name in ("username", "first_name", "last_name", "email", "phone")},
            "group": str(group.id) if group is not None else told["group"] or "__None",
            "region": "", "region-text": told.get("region", ""),
            "vending_point": str(point.id) if point is not None else told.get("vending_point") or "__None",
        }  # fmt: skip
        return MultiDict(filled if off and fold(off) in _no() else filled | {"active": "y"})

    def _note(self, line: int, name: str, what: str) -> None:
        self.wrong.append((line, str(COLUMNS.get(name, "")), what))


def _named(rows: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Rows by their names as they are written, and without accents and signs where that means one row only."""
    exact, loose = dict[str, Any](), dict[str, Any]()
    for name, row in rows:
        exact.setdefault(name, row)
        loose[fold(name)] = row if loose.get(fold(name), row) is row else None
    return loose | exact


def _meant(known: Mapping[str, Any], name: str) -> Any:
    return known[name] if name in known else known.get(fold(name))


def _is_there(username: str) -> bool:
    """Whether somebody has this name, whoever may see them."""
    same = alike(AppUser.username, username)
    return db.session.execute(select(AppUser.id).where(same), execution_options={"unscoped": True}).first() is not None


def _require(permission: p.Permission) -> None:
    if not current_app.appbuilder.sm.has_access(*permission):  # type: ignore[attr-defined]
        abort(403)


def _headings() -> list[str]:
    return [str(label) for label in COLUMNS.values()]


def _lines(people: Sequence[AppUser]) -> Iterator[list[str]]:
    for one in people:
        yield [
            one.username, one.first_name or "", one.last_name or "", one.email or "", one.phone or "",
            group_name(one.group) if one.group is not None else "", one.region.full_name if one.region is not None else "",
            one.vending_point.name if one.vending_point is not None else "", str(_("Yes") if one.active else _("No")),
        ]  # fmt: skip


def _no() -> set[str]:
    """How "no" is written in every language of the program."""
    found = {"no", "0", "false"}
    for language in current_app.config["LANGUAGES"]:
        with force_locale(language):
            found.add(fold(_("No")))
    return found


def _known() -> dict[str, str]:
    """Folded headings in every language, and the column that each means."""
    found = {fold(name): name for name in COLUMNS}
    for language in current_app.config["LANGUAGES"]:
        with force_locale(language):
            found |= {fold(str(label)): name for name, label in COLUMNS.items()}
    return found


def _places(layout: Layout) -> dict[str, int]:
    known, found = _known(), dict[str, int]()
    for place, text in enumerate(layout.headings):
        name = known.get(fold(text)) if text else None
        if name is not None:
            found.setdefault(name, place)
    return found


def _read() -> tuple[Layout, list[tuple[int, list[Cell]]]]:
    """The uploaded file, opened in a process of its own; nothing of it is kept.  Raises Unreadable, FileTooLarge."""
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        raise Unreadable("empty")
    files = folder()
    stored, _digest, _size = files.keep(sent.stream, FILE_MAX_MB * 1024 * 1024)
    try:
        require_agreement(files.place(stored), sent.filename)
        layout = read_file(files.place(stored), files.place(f"{stored}.rows"), _known(), ROWS_MAX)
        return layout, list(stored_rows(files.place(f"{stored}.rows")))
    finally:
        for name in (stored, f"{stored}.rows"):
            with suppress(OSError):
                files.drop(name)
