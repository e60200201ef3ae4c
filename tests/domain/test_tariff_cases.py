"""The engine charges what real utilities charge, to the cent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.domain.case_file import read_cases
from app.domain.tariff_check import check_case, run

FOLDER = Path(__file__).parents[1] / "tariffs"
FILES = [FOLDER / "public_cases.json", FOLDER / "own_cases.json"]
CASES = [pytest.param(case, id=name) for path in FILES for name, case in read_cases(path)]


@pytest.mark.parametrize("case", CASES)
def test_every_figure_comes_out_as_stated(case):
    assert check_case(case) == []


def test_all_cases_of_both_files_are_there():
    assert len(CASES) == 15 + 19
    assert run(FILES, []) == (34, 0, [])


def test_every_public_case_names_its_source():
    cases = json.loads(FILES[0].read_text("utf-8"))["cases"]
    assert all(len(case["source"]) > 20 for case in cases)


def test_it_runs_the_cases_that_are_asked_for():
    assert run(FILES, ["M1", "M2"]) == (2, 0, [])


def test_an_id_that_is_nowhere_counts_as_failed():
    passed, failed, lines = run(FILES, ["M1", "M9"])
    assert (passed, failed) == (1, 1)
    assert "M9" in lines[0]


@pytest.mark.parametrize("content", [None, "", "[]", '{"cases": 3}', "{", "\xff"])
def test_a_file_that_is_no_case_file_counts_as_failed(tmp_path, content):
    path = tmp_path / "cases.json"
    if content is not None:
        path.write_text(content, "latin-1")
    passed, failed, lines = run([path], [])
    assert (passed, failed) == (0, 1)
    assert str(path) in lines[0]


def spoilt(tmp_path, change):
    """The file with case M1 changed by `change`, and what running it says."""
    content = json.loads(FILES[0].read_text("utf-8"))
    case = content["cases"][0]
    change(case)
    path = tmp_path / "cases.json"
    path.write_text(json.dumps({**content, "cases": [case]}), "utf-8")
    return run([path], [])


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("amount", "650.86", "amount"),
        ("line.energy", "649", "line.energy"),
        ("line.t3", "1", "line.t3"),
        ("units", "200.1", "units"),
        ("colour", "1", "colour"),
    ],
)
def test_a_figure_that_differs_is_named(tmp_path, field, value, word):
    passed, failed, lines = spoilt(
        tmp_path, lambda case: case["purchases"][0]["expect"].update({field: value})
    )
    assert (passed, failed) == (0, 1)
    assert word in lines[0]


@pytest.mark.parametrize(
    "change",
    [
        lambda case: case["tariff"].update(surprise="1"),
        lambda case: case["tariff"]["steps"][1].update({"from": "160"}),
        lambda case: case["tariff"]["steps"][0].update(price="3e999999999"),
        lambda case: case["tariff"]["steps"][0].update(price=None),
        lambda case: case["tariff"]["steps"][0].update(taxes=["unheard_of"]),
        lambda case: case["tariff"].update(step_period="decade"),
        lambda case: case["purchases"][0].update(by="weight"),
        lambda case: case["purchases"][0].update(state={"mood": "1"}),
        lambda case: case["purchases"][0].update(quantity="3000"),
        lambda case: case.pop("tariff"),
    ],
)
def test_a_case_that_makes_no_sense_fails_with_a_line(tmp_path, change):
    passed, failed, lines = spoilt(tmp_path, change)
    assert (passed, failed) == (0, 1)
    assert lines[0].startswith("M1: ")


def test_price_lists_in_whole_units_have_no_gap(tmp_path):
    """'0 to 150, 151 to 2000' means the same two steps."""
    change = lambda case: case["tariff"]["steps"][1].update({"from": "151"})  # noqa: E731
    assert spoilt(tmp_path, change) == (1, 0, [])
