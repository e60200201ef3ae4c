"""The slip of an engineering act: what was made, by whom and why, as rows of words in the language that is spoken now.

It has the papers of a sale's slip and its heights of lines; templates lay it out and compute nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask import render_template
from flask_babel import get_locale, pgettext
from flask_babel import gettext as _
from markupsafe import Markup

from app.domain.engineering import KEY_CHANGE, act_number
from app.domain.states import Paper, TokenKind
from app.models import EngineeringRecord
from app.services.receipts import in_order
from app.views import figures
from app.views.engineering_words import name_of, tests_of, value_of
from app.views.roll import plain_mm
from app.views.slip import DEMONSTRATION, Row, how_many_tokens, key_line, qr


@dataclass(frozen=True, slots=True)
class ActSlip:
    """What stands on the paper of an act, in its order; `tokens` are titles with their twenty digits, as they are typed."""

    number: str
    language: str
    direction: str
    utility: str
    head: tuple[str, ...]
    place: str
    warning: str
    about: tuple[Row, ...]
    meter: tuple[Row, ...]
    tokens: tuple[Row, ...]
    help_line: str
    foot: tuple[str, ...]
    mark: int
    copy_text: str

    @property
    def order_line(self) -> str:
        """The order of several tokens, to stand before them; nothing for one."""
        return self.help_line if len(self.tokens) > 1 else ""

    @property
    def last_line(self) -> str:
        """What to do with the one token, to stand after it; nothing for several."""
        return "" if self.order_line else self.help_line


def act_id(typed: str) -> int | None:
    """The act that a number from `act_number` names; None for anything else."""
    found = re.fullmatch(r"[Ee] ?0*([1-9][0-9]{0,8})", typed)
    return None if found is None else int(found.group(1))


def make_act_slip(record: EngineeringRecord, mark: int = 0, *, repeated: bool) -> ActSlip:
    """Lay an act out in the language that is spoken now; `mark` is the number of the copy, 0 on the first printing.

    `repeated`: its key-change set was handed out before.
    """
    facts, locale = json.loads(record.snapshot), get_locale()
    utility, point = facts["utility"], facts["point"]
    call = _("Help %(telephone)s", telephone=figures.ltr(utility["telephone"])) if utility.get("telephone") else ""
    return ActSlip(
        number=act_number(record.id),
        language=str(locale or "en").replace("_", "-"),
        direction=locale.text_direction if locale is not None else "ltr",
        utility=figures.own(utility["name"]),
        head=tuple(figures.own(line) for line in (utility["address"], utility.get("header")) if line),
        place=figures.own(f"{point['name']}, {point['region']}"),
        warning=str(DEMONSTRATION) if facts.get("demonstration_key") else "",
        about=tuple(_about(record, facts)),
        meter=tuple(_meter(facts)),
        tokens=tuple(_tokens(record)),
        help_line=what_to_do(record, repeated=repeated),
        foot=tuple(filter(None, (call, figures.own(utility["footer"] or "")))),
        mark=mark,
        copy_text=figures.own(utility.get("copy_text") or ""),
    )


def what_to_do(record: EngineeringRecord, *, repeated: bool) -> str:
    """What is done with the tokens of an act, and what where its key-change set was handed out before."""
    number = len(record.tokens)
    if repeated and all(token.kind is TokenKind.KEY_CHANGE for token in record.tokens):
        again = _("If the meter refuses token 1 because the key change is in already, nothing is left to type.")
        return f"{how_many_tokens(number)} {again}"
    return how_many_tokens(number, repeated)


def height_mm(slip: ActSlip, paper: Paper) -> int:
    """How long the roll must be."""
    copy = [f"{_('COPY')} {slip.mark}"] if slip.mark else []
    return plain_mm(
        paper,
        big=[*copy, slip.utility, _("ENGINEERING"), *(title for title, _digits in slip.tokens)],
        texts=[slip.copy_text if copy else "", *slip.head, slip.place, slip.warning, slip.help_line, *slip.foot],
        rows=[*slip.about, *slip.meter],
        tokens=len(slip.tokens),
    )


def page_size(slip: ActSlip, paper: Paper, mark: int | None = None) -> str:
    """The paper as CSS names it; `mark` is the number of the copy where it is not the slip's."""
    if paper is Paper.SHEET:
        return "A4"
    return f"{paper.value} {height_mm(replace(slip, mark=slip.mark if mark is None else mark), paper)}mm"


def draw(slip: ActSlip, paper: Paper) -> Markup:
    """The paper itself, in the language that is spoken now."""
    template = "engineering/_sheet.html" if paper is Paper.SHEET else "engineering/_slip.html"
    return Markup(render_template(template, slip=slip, paper=paper.value, qr=qr))  # noqa: S704  (a template of our own)


def _about(record: EngineeringRecord, facts: Mapping[str, Any]) -> list[Row]:
    details = json.loads(record.details)
    value = value_of(record.function, details["value"])
    rows = [
        (_("Record"), figures.ltr(act_number(record.id))),
        (_("Time"), figures.moment(record.created_at)),
        (_("Operator"), figures.own(facts["operator"] or "—")),
        (_("Function"), name_of(record.function)),
    ]
    if value:
        rows.append((_("Value"), value))
    if details["tests"]:
        rows += [(_("Functions"), tests_of(details["tests"])), (_("Manufacturer code"), figures.ltr(details["maker"]))]
    if details["target"]:
        rows.append((_("To SGC · KRN · TI"), key_line(*details["target"])))
    rows.append((_("Reason"), figures.own(record.reason)))
    return rows


def _meter(facts: Mapping[str, Any]) -> list[Row]:
    meter, consumer = facts.get("meter"), facts.get("consumer")
    if not meter:
        return []
    rows = [(_("Meter number"), figures.ltr(figures.meter_number(meter["meter_number"])))]
    if consumer:
        rows.append((pgettext("consumer", "User name"), figures.own(consumer["name"])))
    return [
        *rows,
        (_("Address"), figures.own(meter["address"] or "—")),
        (_("SGC · KRN · TI"), key_line(meter["sgc"], meter["krn"], meter["ti"])),
        (_("EA · TCT"), figures.ltr(f"{meter['ea']:02d} · {meter['tct']:02d}")),
    ]


def _tokens(record: EngineeringRecord) -> list[Row]:
    """Titles, numbered where there are several: the order to type them in."""
    tokens = in_order(record.tokens)
    named = [name_of(KEY_CHANGE if token.kind == TokenKind.KEY_CHANGE else record.function) for token in tokens]
    if len(tokens) > 1:
        named = [f"{place}. {name}" for place, name in enumerate(named, 1)]
    return [(name, token.digits) for name, token in zip(named, tokens, strict=True)]
