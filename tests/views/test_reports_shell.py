"""Reports in the shell: the same as the page's for the same person, and a sentence for what is wrong."""

from __future__ import annotations

import json
import re

import pytest
from python_calamine import CalamineWorkbook

from tests.world import make_world

pytestmark = pytest.mark.one_database


@pytest.fixture
def world(app):
    return make_world(app)


@pytest.fixture
def amara(app, world, login):
    client = app.test_client()
    login(client, "amara")
    return client


@pytest.fixture
def shell(app, world):
    return app.test_cli_runner()


def test_the_shell_gives_the_same_for_the_same_person(shell, amara, tmp_path):
    done = shell.invoke(args=["report", "sales-records", "--period", "today", "--as", "amara"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    same = json.loads(amara.get("/reports/sales-records/table.json?period=today").get_data())
    assert (told["rows"], told["totals"]) == (same["rows"], same["totals"])
    for form in ("xlsx", "pdf", "csv"):
        path = tmp_path / f"table.{form}"
        given = ["report", "sales-statistics", "--period", "today", "--group", "point,type", "--format", form, "-o", str(path)]
        assert shell.invoke(args=given).exit_code == 0
        assert path.stat().st_size > 100


def test_a_file_of_the_shell_says_what_was_asked_and_by_whom_as_that_of_the_page_does(shell, amara, tmp_path):
    fronts = []
    for path in (tmp_path / "shell.xlsx", tmp_path / "page.xlsx"):
        if path.stem == "shell":
            given = ["report", "sales-records", "--period", "today", "--as", "amara", "--filter", "point=MKT", "--filter", "type=electricity"]
            assert shell.invoke(args=[*given, "--format", "xlsx", "-o", str(path)]).exit_code == 0
        else:
            got = amara.get("/reports/sales-records/table.xlsx?period=today&point=MKT&type=electricity")
            path.write_bytes(got.get_data())
        lines = [[str(cell) for cell in line] for line in CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()]
        fronts.append([re.sub(r"\d\d:\d\d", "", one) for line in lines for one in line])
    assert fronts[0] == fronts[1]
    # The house under the title, who made it at the end: neither stands among the answers, beside an empty name.
    assert [lines[1][0], lines[-1][0][:4]] == [lines[1][0] or "nothing", "Made"] and not any(lines[at][1] for at in (1, 2, -1))
    assert any("Made by Amara " in "".join(filter(str.isprintable, one)) for one in fronts[0]), fronts


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["--from", "2026-05-02", "--to", "2026-05-01"], "before the first"),
        (["--group", "moon"], "no such choice"),
        (["--as", "nobody"], "nobody is called nobody"),
        (["--filter", "colour"], "NAME=VALUE"),
        (["--period", "today", "--from", "2026-05-01"], "one or the other"),
        (["--language", "../../x"], "one of en, fr,"),
        (["--format", "csv", "-o", "/proc/table.csv"], "/proc/table.csv cannot be written"),
        (["--format", "pdf"], "needs a file"),
        (["--format", "pdf", "-o", "no/such/folder/table.pdf"], "there is no folder"),
    ],
)
def test_the_shell_says_what_is_wrong(shell, given, sentence):
    done = shell.invoke(args=["report", "sales-statistics", *given])
    assert done.exit_code != 0
    assert sentence in done.output


def test_the_shell_opens_no_report_for_whom_it_is_not(shell):
    done = shell.invoke(args=["report", "reconciliation", "--period", "today", "--as", "amara"])
    assert done.exit_code != 0
    assert "may not open this report" in done.output
