"""Imports (manual R1 to R3): upload, which column is which, preview, run, report.

Each page parses and calls one service; reading, checking and writing are the worker's.  An
import is shown to whoever began it and to administrators; to others it does not exist.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import Any

from flask import abort, current_app, flash, jsonify, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.access.current import current_scope, signed_in
from app.access.fab import SafeBaseView
from app.domain.errors import FieldMissing, FieldTwice, OutOfScope, Refusal
from app.domain.states import ImportState
from app.extensions import db
from app.models import BackgroundTask, Consumer, ImportBatch, ImportRow
from app.services.imports import batches
from app.services.imports.textfile import ENCODINGS
from app.services.task_files import FileTooLarge
from app.services.tasks import Owner
from app.views import figures, import_files, import_words
from app.views.changes import ALSO
from app.views.language import chosen_language
from app.views.messages import sentence
from app.views.typed import row_id
from app.views.work_runs import WRITES, folder

REFERENCE = re.compile(r"[0-9a-f]{16,64}")
SHOWN_ROWS = 50
COUNT_WORDS = ("rows", "new", "change", "same", "skip", "bad", "warned")
SEPARATOR_WORDS = {",": _l("Comma"), ";": _l("Semicolon"), "\t": _l("Tab"), "|": _l("Vertical bar")}
STATES = {
    ImportState.READING: _l("Reading"), ImportState.READ: _l("Columns to confirm"), ImportState.CHECKING: _l("Checking"),
    ImportState.CHECKED: _l("Ready to run"), ImportState.RUNNING: _l("Running"), ImportState.FINISHING: _l("Finishing"),
    ImportState.DONE: _l("Done"), ImportState.FAILED: _l("Not readable"), ImportState.DROPPED: _l("Given up"),
}  # fmt: skip
BUSY = (ImportState.READING, ImportState.CHECKING, ImportState.RUNNING, ImportState.FINISHING)


def owner() -> Owner:
    """The person of this request, as long work keeps them."""
    user = signed_in()
    if user is None:
        abort(403)
    scope = current_scope()
    path = None if scope.sees_all else (scope.region_path or "/none/")
    return Owner(user.id, user.username, chosen_language(), path)


def decimal_mark() -> str:
    """The sign between whole and part as the reader writes it."""
    return "," if figures.decimal_mark() == "," else "."


# The page of a record tells by which import it came or was changed.
ALSO.append(lambda row: batches.imported_entries(row.__tablename__, row.id))


class ImportView(SafeBaseView):
    """Consumers and meters by file."""

    route_base = "/imports"
    default_view = "list"
    title = list_title = _l("Imports")

    @expose("/")
    @has_access
    @permission_name("import")
    def list(self) -> Any:
        """Every import that one may see, and the way to a new one."""
        self.update_redirect()
        return self.render_template(
            "imports/list.html",
            title=self.title,
            rows=batches.listed(db.session(), current_scope()),
            kinds={kind: word for kind, word in import_words.KINDS.items() if self._may(kind)}, acts=import_words.IMPORT,
            states=STATES,
            busy=BUSY,
            counts=_counts,
        )

    @expose("/add/<kind>", methods=["GET", "POST"])
    @has_access
    @permission_name("import")
    def add(self, kind: str) -> Any:
        """Choose a file, and have it read."""
        self._require(kind)
        consumer = self._consumer(kind)
        if request.method == "GET":
            return self._form(kind, consumer)
        given = request.files.get("file")
        if given is None or not given.filename:
            return self._form(kind, consumer, _("Choose a file first.")), 422
        reference = request.form.get("reference", "")
        if not REFERENCE.fullmatch(reference):
            abort(400)
        most = current_app.config["IMPORT_FILE_MAX_MB"]
        files = folder()
        try:
            with given.stream:
                stored, digest, size = files.keep(given.stream, most * 1024 * 1024)
        except FileTooLarge:
            return self._form(kind, consumer, _("The file is larger than %(most)d MB. Split it.", most=most)), 413
        name = PurePath(given.filename.replace("\\", "/")).name[:200] or "file"
        try:
            batch_id = batches.begin(
                kind, f"{owner().user_id}-{reference}", owner(), (name, stored, digest, size), current_scope(),
                consumer.id if consumer else None,
            )  # fmt: skip
        except OutOfScope:
            files.drop(stored)
            abort(404)
        return redirect(url_for("ImportView.show", import_id=batch_id), 303)

    @expose("/template/<kind>")
    @has_access
    @permission_name("import")
    def template(self, kind: str) -> Any:
        """An empty file to fill in, with an example, lists to choose from and notes."""
        self._require(kind)
        return import_files.template(kind, "csv" if request.args.get("as") == "csv" else "xlsx")

    @expose("/<int:import_id>")
    @has_access
    @permission_name("import")
    def show(self, import_id: int) -> Any:
        """Where an import stands, and what can be done next."""
        return self._page(self._batch(import_id))

    @expose("/<int:import_id>/state")
    @has_access
    @permission_name("import")
    def state(self, import_id: int) -> Any:
        """How far it is, for the bar of the page."""
        row = self._batch(import_id)
        task = db.session.get(BackgroundTask, row.task_id) if row.task_id else None
        return jsonify(state=row.state.value, done=task.done if task else 0, total=task.total if task else None)

    @expose("/<int:import_id>/read", methods=["POST"])
    @has_access
    @permission_name("import")
    def read(self, import_id: int) -> Any:
        """Read the file otherwise: encoding, separator, sheet."""
        row = self._batch(import_id)
        wishes = {name: request.form.get(name, "") for name in ("encoding", "separator", "sheet")}
        return self._act(row, lambda: batches.read_again(row.id, current_scope(), owner(), wishes))

    @expose("/<int:import_id>/check", methods=["POST"])
    @has_access
    @permission_name("import")
    def check(self, import_id: int) -> Any:
        """Say which column is which, and have every row checked."""
        row = self._batch(import_id)
        names = {field.name for field in batches.entity_of(row).fields}
        width = len(batches.layout_of(row).headings)
        given = [request.form.get(f"column-{place}", "") for place in range(width)]
        mapping = [name if name in names else None for name in given]
        return self._act(
            row,
            lambda: batches.check(
                row.id, current_scope(), owner(), mapping, whole=row.whole,
                known="skip" if request.form.get("known") == "skip" else "update",
                mark="," if request.form.get("mark") == "," else ".",
            ),
        )  # fmt: skip

    @expose("/<int:import_id>/run", methods=["POST"])
    @has_access
    @permission_name("import")
    def run(self, import_id: int) -> Any:
        """Write the checked rows: all of them, or the good ones."""
        row = self._batch(import_id)
        whole = request.form.get("rows") != "good"
        return self._act(row, lambda: batches.run(row.id, current_scope(), owner(), whole=whole))

    @expose("/<int:import_id>/drop", methods=["POST"])
    @has_access
    @permission_name("import")
    def drop(self, import_id: int) -> Any:
        """Give it up; nothing was changed yet."""
        row = self._batch(import_id)
        return self._act(row, lambda: batches.drop(row.id, current_scope()))

    @expose("/<int:import_id>/marked", methods=["POST"])
    @has_access
    @permission_name("import")
    def marked(self, import_id: int) -> Any:
        """The same file with a column that says what is wrong with each row."""
        row = self._batch(import_id)
        if row.state not in (ImportState.CHECKED, ImportState.DONE):
            return redirect(url_for("ImportView.show", import_id=row.id), 303)
        return import_files.marked(row, only_bad=request.form.get("rows") == "bad", owner=owner())

    # --- the pages ------------------------------------------------------------------------

    def _may(self, kind: str) -> bool:
        return all(self.appbuilder.sm.has_access(*needed) for needed in WRITES[kind])

    def _require(self, kind: str) -> None:
        """A kind that there is, and that this person may write."""
        if kind not in import_words.KINDS:
            abort(404)
        if not self._may(kind):
            abort(403)

    def _batch(self, import_id: int) -> ImportBatch:
        if import_id >= 2**63:
            abort(404)
        try:
            row = batches.batch(db.session(), import_id, current_scope())
        except OutOfScope:
            abort(404)
        self._require(row.entity)
        return row

    def _consumer(self, kind: str) -> Consumer | None:
        """The consumer on whose page it was begun; their meters are bound at once."""
        text = request.values.get("consumer", "")
        if not text or kind != "meters":
            return None
        key = row_id(text)
        # NB: the ORM guard narrows this to one's own.
        found = db.session.query(Consumer).filter(Consumer.id == key).one_or_none() if key else None
        return found or abort(404)

    def _act(self, row: ImportBatch, act: Any) -> Any:
        """Do it and show where the import stands; what is refused is said on its page."""
        import_id = row.id
        try:
            act()
        except (FieldTwice, FieldMissing) as refusal:
            named = type(refusal)(name=import_words.heading(row.entity, refusal.params["name"]))
            flash(sentence(named), "danger")
        except OutOfScope:
            abort(404)
        except Refusal as refusal:
            flash(sentence(refusal), "danger")
        return redirect(url_for("ImportView.show", import_id=import_id), 303)

    def _form(self, kind: str, consumer: Consumer | None, error: str = "") -> Any:
        self.update_redirect()
        return self.render_template(
            "imports/add.html",
            title=import_words.IMPORT[kind],
            kind=kind,
            consumer=consumer,
            error=error,
            reference=import_files.new_reference(),
            most=current_app.config["IMPORT_FILE_MAX_MB"],
            rows_most=current_app.config["IMPORT_ROWS_MAX"],
        )

    def _page(self, row: ImportBatch) -> Any:
        self.update_redirect()
        session, layout, counts = db.session(), batches.layout_of(row), _counts(row)
        task = session.get(BackgroundTask, row.task_id) if row.task_id else None
        halted = batches.halted(session, row)
        after, odd_after = (row_id(request.args.get(name, "")) or 0 for name in ("after", "odd_after"))
        checked = row.state in (ImportState.CHECKED, ImportState.DONE)
        bad = batches.rows_of(session, row.id, ("bad", "stale"), after, SHOWN_ROWS + 1) if checked else []
        good = batches.rows_of(session, row.id, ("new", "change"), 0, 5) if row.state is ImportState.CHECKED else []
        odd = batches.warned_rows(session, row.id, odd_after, SHOWN_ROWS + 1) if checked and counts["warned"] else []
        return self.render_template(
            "imports/show.html",
            title=row.file_name, row=row, task=task, layout=layout, counts=counts, states=STATES,
            busy=row.state in BUSY and not halted, halted=halted, error=import_words.trouble(json.loads(row.error)) if row.error and not halted else "",
            mapping=json.loads(row.mapping), fields=import_words.HEADINGS[row.entity], entity=batches.entity_of(row),
            bad=[_shown(row, found) for found in bad[:SHOWN_ROWS]], more=_next(bad), after=after,
            odd=[_shown(row, found) for found in odd[:SHOWN_ROWS]], odd_more=_next(odd), odd_after=odd_after, good=[json.loads(found.raw) for found in good],
            same=batches.same_file(session, row), kinds=import_words.KINDS,
            encodings=ENCODINGS, separators=SEPARATOR_WORDS, mark=decimal_mark(),
            headings_known=all(json.loads(row.mapping)) and all(layout.headings), consumer=session.get(Consumer, row.consumer_id) if row.consumer_id else None,
            samples=[_few(line[place] for line in layout.sample if place < len(line)) for place in range(len(layout.headings))],
        )  # fmt: skip


def _counts(row: ImportBatch) -> dict[str, int]:
    found = dict.fromkeys((*COUNT_WORDS, "added", "changed", "stale", "example"), 0)
    found.update(json.loads(row.counts))
    return found


def _next(rows: Sequence[ImportRow]) -> int:
    """The line behind which the next page of these rows begins; 0 at their end."""
    return rows[SHOWN_ROWS - 1].line if len(rows) > SHOWN_ROWS else 0


def _few(texts: Iterable[str]) -> Any:
    """Three different ones of the first cells of a column."""
    return [text for text in dict.fromkeys(texts) if text][:3]


def _shown(row: ImportBatch, found: Any) -> dict[str, Any]:
    """A row of the file with what is wrong: its cells by column, the faulty ones named."""
    mapping, raw = json.loads(row.mapping), json.loads(found.raw)
    faults = json.loads(found.faults) if found.faults else []
    told = []
    for fault in faults:
        place = mapping.index(fault[0]) if fault[0] in mapping else None
        told.append(
            {
                "column": import_words.heading(row.entity, fault[0]) if fault[0] in import_words.HEADINGS[row.entity] else "",
                "cell": raw[place] if place is not None and place < len(raw) else "",
                "what": import_words.fault_words(row.entity, fault, named=False),
            }
        )
    if found.action == "stale" and not faults:
        told.append({"column": "", "cell": "", "what": _("The record was changed after the check.")})
    return {"line": found.line, "key": found.key or "", "told": told}


