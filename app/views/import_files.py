"""Files of an import that go out: the template to fill in, and the same file with what is wrong."""

from __future__ import annotations

import io
import json
import secrets
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Any

from flask import Response, redirect, send_file, stream_with_context, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, literal, select

from app.access.current import current_scope
from app.extensions import db
from app.models import ImportBatch, Product, SecurityModule, SupplyGroupKey, Tariff
from app.services import exports, regions, tasks
from app.services.imports import batches
from app.services.imports.catalogue import ENTITIES
from app.services.tasks import Owner
from app.views import import_words

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
AT_ONCE_MAX = 5_000  # a larger workbook is the worker's
LIST_MAX = 5_000
TEMPLATE_ROWS = 5_000  # so many rows are formatted as text and have their lists
UNIQUE_KEY = 2
CHUNK_ROWS = 500
# The example row of a template: known by its key, and never imported.
EXAMPLES = {
    "consumers": {
        "name": _l("Example (this row is not imported)"), "address": "7 Palm Street", "id_number": "27714471",
        "telephone": "+254 700 123 456", "email": "name@example.org",
    },
    "meters": {
        "address": "7 Palm Street", "ti": "1", "ea": "7", "tct": "2", "installed_on": "2026-01-31",
        "smallest_purchase": "5", "largest_purchase": "500", "capacity": "", "capacity_unit": "",
    },
}  # fmt: skip


def new_reference() -> str:
    """A word for one upload, made by the page before it sends anything."""
    return secrets.token_hex(16)


def as_csv(name: str, headings: Sequence[str], lines: Iterator[list[str]], separator: str = ",") -> Response:
    """A csv file that is sent while it is read."""
    body = exports.as_csv(headings, lines, separator)
    first = next(body)  # what goes wrong before the first row is a page, not a broken file
    answer = Response(stream_with_context(_joined(first, body)), content_type="text/csv; charset=utf-8")
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer


def _joined(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def as_workbook(name: str, sheet: str, headings: Sequence[str], lines: Iterator[list[str]]) -> Response:
    """A small Excel file, made in memory."""
    held = io.BytesIO()
    exports.write_workbook(held, sheet, headings, lines)
    held.seek(0)
    return send_file(held, mimetype=XLSX, as_attachment=True, download_name=name)


# --- the template -------------------------------------------------------------------------


def template(kind: str, form: str) -> Response:
    """Headings in the reader's language, an example, and in Excel the lists and the notes."""
    names = list(import_words.HEADINGS[kind])
    headings = [import_words.heading(kind, name) for name in names]
    lists = _lists(kind)
    example = _example(kind, names, lists)
    if form == "csv":
        return as_csv(f"{kind}.csv", headings, iter([example]))
    return send_file(
        _workbook(kind, names, headings, example, lists), mimetype=XLSX, as_attachment=True, download_name=f"{kind}.xlsx"
    )


def _lists(kind: str) -> dict[str, list[str]]:
    """What may be chosen in a column: rows of one's own, and words."""
    session, scope = db.session(), current_scope()
    found = {
        "region": [row.full_name for row in regions.visible(session, scope, limit=LIST_MAX)],
        **{field.name: [import_words.word(field.words, key) for key in import_words.LISTS[field.words]]
           for field in ENTITIES[kind].fields if hasattr(field, "words")},
    }  # fmt: skip
    if kind == "meters":
        pairs = session.execute(_keys()).all()
        found |= {
            "product": list(session.scalars(select(Product.model).order_by(Product.model).limit(LIST_MAX))),
            "tariff": list(session.scalars(select(Tariff.name).where(Tariff.active).order_by(Tariff.name).limit(LIST_MAX))),
            "sgc": sorted({pair.sgc for pair in pairs}),
            "krn": sorted({str(pair.krn) for pair in pairs}),
        }
    return found


def _example(kind: str, names: list[str], lists: dict[str, list[str]]) -> list[str]:
    given = {name: str(word) for name, word in EXAMPLES[kind].items()}
    given[ENTITIES[kind].key] = ENTITIES[kind].example
    if kind == "meters":
        given |= _go_together()
    for name in names:
        if name not in given and lists.get(name):
            given[name] = lists[name][0]
    return [given.get(name, "") for name in names]


def _go_together() -> dict[str, str]:
    """A product with a tariff of its meter type, and a key that is held: a row of these would pass the check."""
    session = db.session()
    kinds = select(Product.model, Tariff.name).where(Product.active, Tariff.active)
    pairs = (
        kinds.join(Tariff, Tariff.meter_type == Product.meter_type).order_by(Product.model, Tariff.name),
        select(Product.model, literal("")).where(Product.active).order_by(Product.model),
    )
    product, tariff = next((pair for rows in pairs if (pair := session.execute(rows.limit(1)).first())), ("", ""))
    sgc, krn, ken = session.execute(_keys().order_by(SupplyGroupKey.id.desc()).limit(1)).first() or ("", "", "")
    return {"product": product, "tariff": tariff, "sgc": sgc, "krn": str(krn), "ken": str(ken)}


def _keys() -> Select[tuple[str, int, int]]:
    """The keys that active modules hold for meters."""
    return (
        select(SupplyGroupKey.sgc, SupplyGroupKey.krn, SupplyGroupKey.ken)
        .join(SecurityModule, SupplyGroupKey.module_id == SecurityModule.id)
        .where(SecurityModule.active, SupplyGroupKey.key_type == UNIQUE_KEY)
    )


def _workbook(
    kind: str, names: list[str], headings: list[str], example: list[str], lists: dict[str, list[str]]
) -> io.BytesIO:
    import xlsxwriter

    held = io.BytesIO()
    book = xlsxwriter.Workbook(held, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    text = book.add_format({"num_format": "@"})
    bold = book.add_format({"bold": True, "num_format": "@", "bg_color": "#E3F2EE", "bottom": 1})
    quiet = book.add_format({"num_format": "@", "italic": True, "font_color": "#5F6F6B"})
    wrap = book.add_format({"text_wrap": True, "valign": "top"})
    page = book.add_worksheet(str(import_words.KINDS[kind])[:31])
    notes = book.add_worksheet(_("Notes")[:31])
    held_lists = book.add_worksheet(_("Lists")[:31])
    held_lists.hide()
    page.freeze_panes(1, 1)
    for place, (name, heading) in enumerate(zip(names, headings, strict=True)):
        page.set_column(place, place, max(14, len(heading) + 3), text)
        page.write_string(0, place, heading, bold)
        if example[place]:
            page.write_string(1, place, example[place], quiet)
        words = lists.get(name)
        if words:
            held_lists.write_column(0, place, words)
            letter = _letter(place)
            source = f"='{held_lists.get_name()}'!${letter}$1:${letter}${len(words)}"
            rule = {"validate": "list", "source": source, "error_type": "warning", "ignore_blank": True}
            page.data_validation(1, place, TEMPLATE_ROWS, place, rule)
    _notes(notes, kind, names, headings, bold, wrap)
    book.close()
    held.seek(0)
    return held


def _notes(page: Any, kind: str, names: list[str], headings: list[str], bold: Any, wrap: Any) -> None:
    """What each column holds, in the reader's language."""
    page.set_column(0, 0, 28)
    page.set_column(1, 1, 14)
    page.set_column(2, 2, 90)
    page.write_row(0, 0, [_("Column"), _("Needed"), _("What it holds")], bold)
    for line, (name, heading) in enumerate(zip(names, headings, strict=True), start=1):
        field = ENTITIES[kind].field(name)
        page.write_string(line, 0, heading, wrap)
        page.write_string(line, 1, _("yes") if field.needed else "", wrap)
        page.write_string(line, 2, str(import_words.NOTES.get(name, "")), wrap)
    rest = (
        _("The row of the example is not imported; it may stay or go."),
        _("The order of the columns does not matter; a column that is not needed may be left out."),
        _("For a record that is there already, an empty cell leaves what is stored."),
        _("Cells are formatted as text, so that no zero at the beginning is lost."),
    )
    for line, sentence in enumerate(rest, start=len(names) + 2):
        page.merge_range(line, 0, line, 2, sentence, wrap)


def _letter(place: int) -> str:
    return chr(65 + place) if place < 26 else chr(64 + place // 26) + chr(65 + place % 26)


# --- the same file with what is wrong -------------------------------------------------------


def marked(row: ImportBatch, *, only_bad: bool, owner: Owner) -> Any:
    """The file as it came with one more column; a large workbook is made by the worker."""
    counts = json.loads(row.counts)
    many = counts.get("bad", 0) if only_bad else counts.get("rows", 0)
    layout = batches.layout_of(row)
    name = marked_name(row)
    if layout.kind == "csv":
        return as_csv(f"{name}.csv", *marked_lines(row, only_bad=only_bad), layout.separator)
    if many <= AT_ONCE_MAX:
        return as_workbook(f"{name}.xlsx", layout.sheet, *marked_lines(row, only_bad=only_bad))
    task = tasks.ask(
        "marked", f"marked-{row.id}-{int(only_bad)}-{row.state}-{new_reference()}", owner,
        {"batch": row.id, "only_bad": only_bad, "file_name": f"{name}.xlsx"}, many,
    )  # fmt: skip
    return redirect(url_for("WorkView.show", task_id=task), 303)


def marked_name(row: ImportBatch) -> str:
    """The file's name with a word that says what is in it now."""
    checked = _("checked")
    return f"{PurePath(row.file_name).stem[:80]}-{checked}"


def marked_lines(row: ImportBatch, *, only_bad: bool) -> tuple[list[str], Iterator[list[str]]]:
    """Headings and rows as they came, what is wrong in the first column that is free."""
    layout, batch_id, kind = batches.layout_of(row), row.id, row.entity
    headings = list(layout.headings)
    mine = str(import_words.ERRORS_HEADING)
    place = headings.index(mine) if mine in headings else len(headings)
    actions = ("bad", "stale") if only_bad else ("bad", "stale", "new", "change", "same", "skip")

    def lines() -> Iterator[list[str]]:
        after = 0
        while found := batches.rows_of(db.session(), batch_id, actions, after, CHUNK_ROWS):
            told = [(one.line, one.action, json.loads(one.raw), json.loads(one.faults or "[]")) for one in found]
            after = told[-1][0]
            db.session.rollback()
            for _line, action, raw, faults in told:
                cells = [*raw, *[""] * (max(len(headings), place + 1) - len(raw))]
                said = " ".join(import_words.fault_words(kind, fault) for fault in faults)
                cells[place] = _("Warning: %(what)s", what=said) if said and action in ("new", "change") else said
                yield cells

    heads = [*headings, mine] if place == len(headings) else headings
    return heads, lines()
