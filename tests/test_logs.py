"""Lines of the processes: UTC, one entry a line whatever is in it, bounded, in the form that the setting asks for."""

from __future__ import annotations

import io
import json
import logging
import sys

import pytest

from app import logs
from app.sts.prism.service import OneLine

FORGED = "no such table\n2026-01-01T00:00:00.000Z INFO app.security: sign_in person=1\r\x1b[2J\u2028end"


def record(message="it happened", **more):
    return logging.makeLogRecord({"name": "app.part", "levelname": "WARNING", "msg": message, "created": 1_700_000_000.25, "msecs": 250, **more})


def a_fault():
    try:
        int(FORGED)
    except ValueError as error:
        error.add_note(FORGED)
        return sys.exc_info()


def test_an_entry_as_json_holds_time_level_part_message_and_facts():
    entry = json.loads(logs.Structured().format(record("what", facts={"person": 7, "row": {"pk": "12"}})))
    assert entry == {
        "time": "2023-11-14T22:13:20.250Z", "level": "WARNING", "part": "app.part", "message": "what", "person": 7, "row": {"pk": "12"},
    }  # fmt: skip


@pytest.mark.parametrize("form", [logs.Structured(), logs.Text()])
def test_nothing_that_is_logged_begins_a_line_of_its_own(form):
    line = form.format(record(FORGED, facts={"row": FORGED}, exc_info=a_fault()))
    first, *rest = line.splitlines()
    assert all(each.startswith("    ") for each in rest)
    assert "\x1b" not in line
    assert "\u2028" not in line
    assert "it" in first or "no such table" in first


def test_the_modules_server_writes_utc_and_sets_in_what_follows():
    shape = OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s")
    first, *rest = shape.format(record(FORGED)).splitlines()
    assert first == "2023-11-14T22:13:20.250Z WARNING app.part: no such table"
    assert rest
    assert all(each.startswith("    ") for each in rest)


def test_whoever_knocks_without_end_fills_no_disk():
    now = [0.0]
    bound = logs.Bounded(3, lambda: now[0])
    passed = [bound.filter(record(facts={"n": n})) for n in range(10)]
    assert passed == [True] * 3 + [False] * 7
    now[0] = 61.0
    late = record(facts={"n": 10})
    assert bound.filter(late)
    assert late.facts == {"n": 10, "left_out_before": 7}
    later = record()
    assert bound.filter(later)
    assert not hasattr(later, "facts")


def test_standard_error_gets_each_entry_once_and_in_the_last_form(monkeypatch):
    root, security = logging.getLogger(), logging.getLogger(logs.SECURITY)
    before, filters = root.handlers[:], security.filters[:]
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    try:
        logs.install("text")
        logs.install("json")
        security.info("sign_in", extra={"facts": {"person": 1}})
    finally:
        root.handlers[:], security.filters[:] = before, filters
    (line,) = screen.getvalue().splitlines()
    assert json.loads(line)["message"] == "sign_in"
