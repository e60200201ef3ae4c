"""The engine charges what real utilities charge, to the cent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.domain import tariff_check
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
        ("line.enrgy", "0", "line.enrgy"),
        ("line.rounding", "0", "line.rounding"),
        ("change", "0", "change"),
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


def first(case):
    return case["purchases"][0]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda case: case["tariff"].update(step_scale={"month_days": "30"}), "tariff.step_scale.month_days"),
        (lambda case: case["tariff"].update(step_scale={}), "tariff.step_scale"),
        (lambda case: case["tariff"].update(step_scale="30.5"), "tariff.step_scale"),
        (lambda case: case["tariff"]["steps"][1].update(prcie="4"), "tariff.steps[2].prcie"),
        (lambda case: case["tariff"]["steps"][1].pop("price"), "tariff.steps[2].price"),
        (lambda case: case["tariff"]["steps"][0].update(price=None), "tariff.steps[1].price"),
        (lambda case: case["tariff"].update(steps={"0": "1"}), "tariff.steps"),
        (
            lambda case: case["tariff"].update(fixed=[{"code": "rent", "amount": "1", "perid": "month"}]),
            "tariff.fixed[1].perid",
        ),
        (lambda case: case["tariff"].update(fixed=[{"amount": "1"}]), "tariff.fixed[1].code"),
        (lambda case: case["tariff"]["taxes"][1].update(bases=["energy"]), "tariff.taxes[2].bases"),
        (lambda case: case["tariff"]["taxes"][1].update(base={"energy": 1}), "tariff.taxes[2].base"),
        (
            lambda case: case["tariff"].update(
                per_unit_levies=[{"code": "fund", "amount": "1", "step": "1"}]
            ),
            "tariff.per_unit_levies[1].step",
        ),
        (
            lambda case: case["tariff"].update(by_total=[{"to": "30", "tariff": {"stepz": []}}]),
            "tariff.by_total[1].tariff.stepz",
        ),
        (
            lambda case: case["tariff"].update(
                by_total=[{"to": "30", "tariff": {}}, {"from": "40", "tariff": {}}]
            ),
            "tariff.by_total[2].from",
        ),
        (lambda case: case["tariff"]["rounding"].update(unit={}), "tariff.rounding.unit"),
        (lambda case: case["tariff"]["rounding"]["units"].update(mode="upp"), "tariff.rounding.units.mode"),
        (
            lambda case: case["tariff"]["rounding"]["units"].update(quantum="0"),
            "tariff.rounding.units.quantum",
        ),
        (lambda case: case["tariff"].update(price_includes_tax="yes"), "tariff.price_includes_tax"),
        (lambda case: case["tariff"].update(price_includes_tax="1"), "tariff.price_includes_tax"),
        (lambda case: first(case).update(continues="True"), "purchases[1].continues"),
        (lambda case: first(case).update(units_before="100"), "purchases[1].units_before"),
        (lambda case: first(case).update(amount="100"), "purchases[1].amount"),
        (lambda case: first(case).pop("quantity"), "purchases[1].quantity"),
        (lambda case: first(case).pop("by"), "purchases[1].by"),
        (lambda case: first(case).pop("expect"), "purchases[1].expect"),
        (lambda case: first(case).update(state={"debt": {"balance": "5"}}), "purchases[1].state.debt.share"),
        (
            lambda case: first(case).update(state={"debt": {"balance": "5", "share": "40"}}),
            "purchases[1].state.debt.share",
        ),
        (lambda case: first(case).update(state={"debt": "5"}), "purchases[1].state.debt"),
        (lambda case: first(case).update(state={"months_due": "two"}), "purchases[1].state.months_due"),
        (
            lambda case: first(case).update(state={"lifeline_months": "1.5"}),
            "purchases[1].state.lifeline_months",
        ),
        (lambda case: first(case).update(state={"days_in_month": "0"}), "purchases[1].state.days_in_month"),
        (lambda case: first(case).update(state={"units_before": "-1"}), "purchases[1].state.units_before"),
        (lambda case: first(case).update(tolerance={"unit": "1"}), "purchases[1].tolerance.unit"),
        (lambda case: case.update(purchases=[]), "purchases"),
        (lambda case: [one.update(expect={}) for one in case["purchases"]], "purchases"),
        (lambda case: case.update(units_before="100"), "units_before"),
        (lambda case: case.update(step_period="month"), "step_period"),
    ],
)
def test_a_field_that_is_no_rule_or_no_sense_is_named_and_the_others_are_judged(tmp_path, change, field):
    content = json.loads(FILES[0].read_text("utf-8"))
    change(content["cases"][0])
    path = tmp_path / "cases.json"
    path.write_text(json.dumps(content), "utf-8")
    passed, failed, lines = run([path], [])
    assert (passed, failed) == (14, 1)
    assert lines[0].startswith(f"M1: {field} "), lines
    assert len(lines) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda case: case.update(country="XX", receipt_number="17", checked_by={"name": "A"}),
        lambda case: case["tariff"].update(notes="as printed", source="price list", step_scale=None),
        lambda case: case["tariff"]["steps"][0].update(name="lifeline", note="", taxes=["t1"]),
        lambda case: first(case).update(stated=False, evidence="manual", needs=["steps.month"], state=None),
        lambda case: case["tariff"].update(price_includes_tax="false", by_total=[]),
        lambda case: first(case).update(continues=False, tolerance="0.001"),
        lambda case: first(case)["expect"].update({"line.levy": "0", "line.penalty": "0"}),
    ],
)
def test_words_about_a_case_are_no_rules(tmp_path, change):
    assert spoilt(tmp_path, change) == (1, 0, [])


def test_true_as_text_is_true(tmp_path):
    """The taxes are in the price then, so the sum is that of the steps alone."""

    def change(case):
        case["tariff"].update(price_includes_tax="true")
        case["purchases"] = [{"by": "quantity", "quantity": "200", "expect": {"amount": "650"}}]

    assert spoilt(tmp_path, change) == (1, 0, [])


def test_a_case_that_the_engine_breaks_off_fails_alone(monkeypatch):
    honest = tariff_check.purchase.by_amount

    def odd(compiled, *rest):
        if compiled.plan.name == "P01":
            raise ZeroDivisionError("odd")
        return honest(compiled, *rest)

    monkeypatch.setattr(tariff_check.purchase, "by_amount", odd)
    passed, failed, lines = run(FILES, [])
    assert (passed, failed) == (33, 1)
    assert lines == ["P01: the engine broke off: ZeroDivisionError: odd"]


def test_price_lists_in_whole_units_have_no_gap(tmp_path):
    """'0 to 150, 151 to 2000' means the same two steps."""
    change = lambda case: case["tariff"]["steps"][1].update({"from": "151"})  # noqa: E731
    assert spoilt(tmp_path, change) == (1, 0, [])
