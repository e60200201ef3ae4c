"""Step 2 of a tariff on the screen: whose plan it is, where it comes from, what it means.

A new tariff is not stored before its plan is: the name and the meter type of step 1 travel in the
address, and what was typed here travels back to step 1 and forth again as one hidden text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict

from app.domain.states import UNIT, MeterType
from app.models import Tariff, TariffPlan
from app.services.catalogue import Entry, entry, make_plan
from app.services.plan_drafts import draft_of
from app.services.plans import faults_of
from app.views import figures, plan_codes
from app.views.fields import NEEDED
from app.views.installation import currency, time_zone
from app.views.pickers import CONSUMERS, Picker
from app.views.plan_faults import MARKED, at_fields, in_row
from app.views.plan_form import BESIDE_THE_PRICE, PlanForm, first_start, next_start
from app.views.plan_meaning import Meaning, meaning_of

KEPT_MAX = 60_000
# Fields of the page that are no part of the plan.
BESIDE = frozenset({"csrf_token", "act", "show", "back", "save", "theirs", "kept"})


class BesideForm(FlaskForm):
    """Whose last purchase is priced again."""

    consumer = Picker(_l("Consumer"), CONSUMERS, required=False)


@dataclass(frozen=True, slots=True)
class Subject:
    """The plan on the page: its tariff (of a new one in no session), its row if it has one, its source."""

    tariff: Tariff
    plan: TariffPlan | None = None
    source: TariffPlan | None = None
    entry: Entry | None = None

    @property
    def is_new(self) -> bool:
        """Whether the tariff itself is stored with this plan."""
        return self.tariff.id is None

    @property
    def address(self) -> dict[str, str]:
        """What step 1 has said, for the addresses of both steps."""
        given = {"name": self.tariff.name, "meter_type": str(self.tariff.meter_type)}
        return given | ({"from": self.entry.key} if self.entry else {})


def new_tariff(name: str, meter_type: MeterType) -> Tariff:
    """A tariff that is not stored yet."""
    return Tariff(name=name, meter_type=meter_type)


def chosen_entry() -> Entry | None:
    """The plan of a real utility that the address names."""
    key = request.args.get("from", "")[:60]
    try:
        return entry(key) if key else None
    except KeyError:
        return None


def begun(subject: Subject) -> PlanForm:
    """The form as it opens: the plan itself, or the one it follows, or a real utility's, or nothing."""
    tariff, plan, source = subject.tariff, subject.plan, subject.source
    name, start = tariff.name, first_start()
    if tariff.id is not None and tariff.plans:  # it follows the last one
        start = max(next_start(), next_start(tariff.plans[-1].effective_from))
        name = f"{name} {figures.day(start, 'medium')}"
    row = plan or source
    values: dict[str, Any] = {"name": name[:100], "effective_from": start}
    if subject.entry is not None:
        values = plan_codes.values_of(draft_of(make_plan(subject.entry))) | values
    elif row is not None:
        values = plan_codes.values_of(draft_of(row)) | ({} if plan else values)
    form = bound(PlanForm(formdata=None, data=values | {"row_version": str(plan.version) if plan else ""}), subject)
    form.checked = not (row and faults_of(row, tariff.meter_type))
    return form


def sent(subject: Subject, fields: Mapping[str, Any] | None = None) -> PlanForm:
    """The form as it was sent, or as it came back from step 1."""
    return bound(PlanForm() if fields is None else PlanForm(formdata=fields), subject)


def bound(form: PlanForm, subject: Subject) -> PlanForm:
    """Tell the form whose plan it is."""
    form.tariff, form.plan = subject.tariff, subject.plan
    return form


# --- between the two steps ----------------------------------------------------------------


def kept_fields() -> str:
    """What was typed into the plan, as one text for a hidden field of step 1."""
    typed = [(name, text) for name, text in request.form.items(multi=True) if name not in BESIDE]
    return urlencode(typed)[:KEPT_MAX]


def taken_back(kept: str) -> MultiDict[str, str]:
    """The fields of the plan that step 1 has kept."""
    return MultiDict(parse_qsl(kept[:KEPT_MAX], keep_blank_values=True, max_num_fields=5000))


# --- drawing ------------------------------------------------------------------------------


def meaning(form: PlanForm, subject: Subject) -> Meaning | None:
    """What the plan means, if it can be priced."""
    if not (form.steps.rows or form.schedules.rows) or not form.priceable:
        return None
    beside = BesideForm(request.form)
    return meaning_of(form, subject.tariff, request.form, beside.consumer.data)


def page(view: Any, form: PlanForm, subject: Subject) -> str:
    """Step 2, with everything that stands beside the form."""
    form.grow()
    text: str = view.render_template(
        "tariffs/plan.html",
        title=_("Change plan") if subject.plan else _("Add plan"),
        form=form,
        subject=subject,
        tariff=subject.tariff,
        plan=subject.plan,
        source=subject.source,
        meaning=meaning(form, subject),
        beside=BesideForm(request.form),
        unit=UNIT[subject.tariff.meter_type],
        currency=currency(),
        zone=time_zone(),
        in_row=in_row,
    )
    return text


def answer(form: PlanForm, subject: Subject) -> dict[str, Any]:
    """What the page asks for while somebody types: sentences by box, and the fragment beside the form."""
    form.validate()
    wrong = at_fields(form, skip=frozenset({str(NEEDED), str(MARKED)}))
    unread = {name: words for name, words in at_fields(form).items() if name not in BESIDE_THE_PRICE}
    html = None
    if not unread:
        html = render_template(
            "tariffs/_meaning.html", meaning=meaning(form, subject), tariff=subject.tariff, currency=currency()
        )
    count = sum(1 for name in wrong if not name.startswith("csrf"))
    said = ngettext("One thing to put right.", "%(num)s things to put right.", count) if count else ""
    return {"errors": wrong, "html": html, "wrong": bool(count), "say": said or (_("Not complete yet.") if unread else "")}
