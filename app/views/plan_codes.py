"""Between the plan page's form and a draft: values in, values out, and the codes of the rows.

Fees, levies and taxes are known by a code, to each other and to the plans before and after; what
a fee has taken is counted by it.  A new row has a code of the page, which becomes one made of
its name when the plan is stored; a stored one stays, whatever the row is called later.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.domain.plan import DEBT, ENERGY, FINE, FIXED, ROUNDING
from app.domain.states import Recovery
from app.services.plan_drafts import (
    ONE,
    FeeDraft,
    FineDraft,
    LevyDraft,
    PlanDraft,
    StepDraft,
    TaxDraft,
)
from app.services.plans import FIXED_FEE
from app.views.plan_rows import CODE, NEW_CODE, STEPS_MAX, starts

NOTHING = Decimal(0)
NAMED = ("fees", "levies", "taxes")
RESERVED = frozenset(
    {ENERGY, FIXED, FINE, DEBT, ROUNDING, FIXED_FEE, *(f"step{number}" for number in range(1, STEPS_MAX + 1))}
)
# Taken over by the name that form and draft share.
ALIKE = (
    "name", "effective_from", "fixed_fee", "fixed_method", "step_period", "step_scale_days", "lifeline_adds_up",
    "fee_recovery", "fee_cap_share", "fee_cap_unit", "fines_taxed", "tax_inclusive", "unit_rounding", "unit_quantum",
    "money_rounding", "money_quantum", "debt_share",
)  # fmt: skip
CODE_LENGTH = 24


# --- codes --------------------------------------------------------------------------------


def give_codes(form: Any) -> None:
    """A code of the page for every row that has none of its own, so that taxes can be ticked on it."""
    used: set[str] = set()
    without = []
    for row in (entry.form for name in NAMED for entry in form[name]):
        code = row.code.data or ""
        if code in used or not (CODE.fullmatch(code) or NEW_CODE.fullmatch(code)):
            without.append(row)
        used.add(code)
    number = 0
    for row in without:
        while f"new-{number}" in used:
            number += 1
        row.code.data = f"new-{number}"
        used.add(row.code.data)


def final_codes(rows: Iterable[Any]) -> dict[str, str]:
    """The code under which each row is stored, by the code it has on the page."""
    found: dict[str, str] = {}
    new = []
    for row in rows:
        code = row.code.data
        if CODE.fullmatch(code) and code not in found and code not in RESERVED:
            found[code] = code
        else:
            new.append(row)
    used = {*RESERVED, *found}
    for row in new:  # after the stored ones, so that none of them is taken
        found[row.code.data] = _free(slug(row.name.data or ""), used)
        used.add(found[row.code.data])
    return found


def slug(name: str) -> str:
    """A code made of a name: "Ersatz & Öl" is ersatz_ol; a name without Latin letters is "line"."""
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:CODE_LENGTH] or "line"


def _free(wanted: str, used: set[str]) -> str:
    code, number = wanted, 1
    while code in used:
        number += 1
        code = f"{wanted}_{number}"
    return code


# --- the form to a draft ------------------------------------------------------------------


def draft_of_form(form: Any, name: str, effective_from: datetime) -> PlanDraft:
    """The plan that was typed."""
    give_codes(form)
    codes = final_codes(row for kind in NAMED for row in form[kind].rows)
    capped = form.fee_recovery.data is Recovery.CAPPED
    values = {key: form[key].data for key in ALIKE} | {"name": name, "effective_from": effective_from}
    plan = PlanDraft(
        **values
        | {
            "fee_cap_share": form.fee_cap_share.data if capped else None,
            "fee_cap_unit": form.fee_cap_unit.data if capped else None,
            "money_quantum": form.money_quantum.data if form.money_rounding.data else None,
        },
        **_ranges(form, codes),
        fees=tuple(_fee(row, codes[row.code.data]) for row in form.fees.rows),
        levies=tuple(LevyDraft(codes[row.code.data], row.name.data, row.price.data) for row in form.levies.rows),
        taxes=tuple(_tax(row, codes) for row in form.taxes.rows),
    )
    return replace(plan, schedules=tuple(_schedule(row, plan, form, codes) for row in form.schedules.rows))


def _ranges(form: Any, codes: Mapping[str, str]) -> dict[str, Any]:
    fines = form.fines.rows
    return {
        **_steps(form.steps.rows, form.taxes.rows, codes),
        "fines": tuple(FineDraft(start, row.fine.data) for start, row in zip(starts(fines), fines, strict=True)),
        "fines_end": fines[-1].to.data if fines else None,
    }


def _steps(rows: list[Any], taxes: list[Any], codes: Mapping[str, str]) -> dict[str, Any]:
    drafts = []
    for number, (start, row) in enumerate(zip(starts(rows), rows, strict=True), start=1):
        limited = [tax for tax in taxes if tax.only_steps.data and number not in tax.only_steps.data]
        touching = None
        if limited:
            touching = tuple(codes[tax.code.data] for tax in taxes if tax not in limited)
        drafts.append(StepDraft(start, row.price.data, row.tax_rate.data or NOTHING, touching))
    return {"steps": tuple(drafts), "steps_end": rows[-1].to.data if rows else None}


def _fee(row: Any, code: str) -> FeeDraft:
    times = row.times.data
    return FeeDraft(
        code, row.name.data, row.amount.data, row.method.data, ONE if times is None else times,
        row.capacity_unit.data, bool(row.first and row.first.data),
    )  # fmt: skip


def _tax(row: Any, codes: Mapping[str, str]) -> TaxDraft:
    known = {ENERGY: ENERGY, FIXED: FIXED, FINE: FINE, **codes}
    bases = () if row.gross else tuple(known[code] for code in row.bases.data if code in known)
    return TaxDraft(codes[row.code.data], row.name.data, row.rate.data, bases, row.gross)


def _schedule(row: Any, plan: PlanDraft, form: Any, codes: Mapping[str, str]) -> PlanDraft:
    """Steps and fees of its own; everything else is the plan's."""
    named = {fee.name.casefold(): fee.code for fee in plan.fees}
    rest = {levy.code for levy in plan.levies} | {tax.code for tax in plan.taxes}
    fees: list[FeeDraft] = [fee for fee in plan.fees if fee.first]
    used = {*RESERVED, *rest, *(fee.code for fee in fees)}
    for fee in row.fees.rows:
        own = fee.code.data or ""
        # The same name is the same fee, at another price: what was paid of it counts here too.
        code = named.get(fee.name.data.casefold()) or (own if CODE.fullmatch(own) else slug(fee.name.data))
        fees.append(_fee(fee, _free(code, used)))
        used.add(fees[-1].code)
    return replace(
        plan,
        up_to=row.up_to.data,
        fixed_fee=row.fixed_fee.data or NOTHING,
        fixed_method=row.fixed_method.data,
        fees=tuple(fees),
        taxes=_known_bases(plan, fees),
        **_steps(row.steps.rows, form.taxes.rows, codes),
    )


def _known_bases(plan: PlanDraft, fees: list[FeeDraft]) -> tuple[TaxDraft, ...]:
    """The plan's taxes on what the schedule has; one that would be of nothing falls away."""
    known = {ENERGY, FIXED, FINE, *(fee.code for fee in fees), *(levy.code for levy in plan.levies)}
    kept = []
    for tax in plan.taxes:
        bases = tuple(code for code in tax.bases if code in known)
        if bases or tax.of_gross:
            kept.append(replace(tax, bases=bases))
            known.add(tax.code)
    return tuple(kept)


# --- a draft to the form ------------------------------------------------------------------


def values_of(draft: PlanDraft) -> dict[str, Any]:
    """The form's values for a plan: to change it, or to begin the next one with it."""
    ends = [fine.start for fine in draft.fines[1:]] + [draft.fines_end]
    return {
        **{key: getattr(draft, key) for key in ALIKE},
        "steps": _step_values(draft),
        "fines": [
            {"to": end, "fine": fine.fine} for fine, end in zip(draft.fines, ends if draft.fines else [], strict=True)
        ],
        "fees": [_fee_values(fee) for fee in draft.fees],
        "levies": [{"code": levy.code, "name": levy.name, "price": levy.price} for levy in draft.levies],
        "taxes": [_tax_values(tax, draft) for tax in draft.taxes],
        "schedules": [_schedule_values(below) for below in draft.schedules],
    }


def _step_values(draft: PlanDraft) -> list[dict[str, Any]]:
    ends = [step.start for step in draft.steps[1:]] + [draft.steps_end]
    return [
        {"to": end, "price": step.price, "tax_rate": step.tax_rate}
        for step, end in zip(draft.steps, ends if draft.steps else [], strict=True)
    ]


def _fee_values(fee: FeeDraft) -> dict[str, Any]:
    return {
        "code": fee.code, "name": fee.name, "amount": fee.amount, "method": fee.method,
        "times": None if fee.times == ONE else fee.times, "capacity_unit": fee.capacity_unit, "first": fee.first,
    }  # fmt: skip


def _tax_values(tax: TaxDraft, draft: PlanDraft) -> dict[str, Any]:
    numbers = tuple(
        number
        for number, step in enumerate(draft.steps, start=1)
        if step.taxes is None or tax.code in step.taxes
    )
    return {
        "code": tax.code, "name": tax.name, "rate": tax.rate, "of_gross": "gross" if tax.of_gross else None,
        "bases": tax.bases, "only_steps": None if tax.of_gross or len(numbers) == len(draft.steps) else numbers,
    }  # fmt: skip


def _schedule_values(draft: PlanDraft) -> dict[str, Any]:
    return {
        "up_to": draft.up_to,
        "fixed_fee": draft.fixed_fee or None,
        "fixed_method": draft.fixed_method,
        "steps": _step_values(draft),
        "fees": [_fee_values(fee) for fee in draft.fees if not fee.first],
    }
