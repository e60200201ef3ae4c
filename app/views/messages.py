"""A refusal as a sentence: what happened, whether money moved, what to do next.

One sentence per class of the tree in `domain/errors.py` (tested complete); the floors below
speak no language.  Parameters arrive in exact types and leave in the reader's language.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from app.domain import errors, licence
from app.domain.errors import Refusal
from app.domain.money import Currency
from app.views import choices, figures, module_words
from app.views.counter_refusals import TOLD, Told

PLAIN = Currency("", "", 2)

SENTENCES: Mapping[type[Refusal], Any] = {
    **TOLD,
    errors.KeyChangeOpen: _l(
        "A key change to %(sgc)s, revision %(krn)s, tariff index %(ti)s is under way. Nothing was made. Say on the meter's"
        " page what became of it."
    ),
    errors.ActReferenceTaken: _l(
        "Another act was asked for from this page already. Nothing further was made. Look at what was made for the meter,"
        " then open the function again."
    ),
    errors.KeyChangeMoved: _l(
        "Since this page was opened, the meter was changed or its set went out again. Nothing was stored. Under way now:"
        " a key change to %(sgc)s, revision %(krn)s, tariff index %(ti)s, handed out so far: %(tries)s. Say what became of that one."
    ),
    errors.NoKeyChange: _l("No key change of this meter is under way. Nothing was changed. Look at its page."),
    errors.KeyAlreadyThere: _l("The meter is under this key and tariff index already. Nothing was made. Choose another."),
    errors.KeyNotHeld: _l(
        "“%(module)s” holds no key %(sgc)s, revision %(krn)s for this meter. Nothing was made. Choose a key of the list."
    ),
    errors.FunctionNotForMeter: _l("Meters of this type do not know this function. Nothing was made. Choose another one."),
    errors.ValueOutOfRange: _l("No token carries this value. Nothing was made. Choose one from %(minimum)s to %(maximum)s."),
    errors.MeterTaken: _l("The meter belongs to another consumer. Nothing was stored. Unbind it there first."),
    errors.ConsumerLeft: _l("This consumer has left. Nothing was stored. Take them back first, then bind the meter."),
    errors.StepForbidden: _l(
        "Meter %(meter_number)s is “%(old)s” and cannot become “%(new)s” at once. Nothing was stored. Look at its page again."
    ),
    errors.ReasonMissing: _l("A reason is needed. Nothing was stored. Say why; the counter and the log of changes show it."),
    errors.NotReversible: _l("This sale cannot be reversed: %(reason)s. Nothing was changed."),
    errors.NothingToDecide: _l("This sale is settled; there is nothing to decide. Nothing was changed. Look at its receipt."),
    errors.StillRemembered: _l(
        "The security module may still know this sale until %(until)s. Nothing was changed. Resolve it on the home page."
    ),
    errors.StillSilent: _l(
        "%(module)s does not answer, so nobody knows whether the customer has a token. Nothing was changed; the proposal stays open. Wait for the module, or switch it off if it is lost."
    ),
    errors.ProposalOpen: _l("A proposal for this sale is open already. Nothing was changed. Approve or decline that one."),
    errors.ProposalClosed: _l("This proposal is no longer open. Nothing was changed. Look at what was decided."),
    errors.FourEyes: _l("You proposed this yourself. Nothing was changed. Another person has to approve it."),
    errors.SameHand: _l(
        "Lately one of the two of you made the other’s account, gave or opened a link for it, or changed its address, or somebody"
        " else did so for both, and could act for both. Nothing was changed. A third person can approve it, and you from %(until)s on."
    ),
    errors.DebtTooSmall: _l(
        "So much is not owed: at most %(left)s can be taken back. Nothing was stored. Type a smaller amount."
    ),
    errors.LicenceFull: _l(
        "The licence allows %(maximum)s meters and they are all used. Nothing was stored. Load a larger licence."
    ),
    licence.LicenceEnded: _l("The licence ended on %(until)s, so no meter can be added. Nothing was stored. Load a new licence."),
    licence.LicenceUnproven: _l(
        "The licence stored here does not bear the trusted signature, so no meter can be added. Nothing was stored. Load it again."
    ),
    licence.LicenceFileRefused: _l("This licence is not taken. Nothing was changed. Ask its issuer."),
    licence.NotALicence: _l("This is no licence file. Nothing was changed. Choose the file as the issuer sent it."),
    licence.NoLicenceKey: _l(
        "No issuer is trusted here, so no licence can be checked. Nothing was changed. Set LICENCE_KEY to the issuer's public key."
    ),
    licence.ForgedLicence: _l(
        "The signature is wrong: the file was altered, or another issuer made it. Nothing was changed. Ask the issuer to send it again."
    ),
    licence.LicenceOfAnother: _l(
        "This licence is for the installation %(installation)s. Nothing was changed. Tell the issuer the name of this one."
    ),
    licence.LicenceOverAlready: _l("This licence ended on %(until)s. Nothing was changed. Ask the issuer for a new one."),
    licence.OlderLicence: _l(
        "This licence was issued on %(issued)s, and one of %(loaded)s was loaded already. Nothing was changed. Load a newer one."
    ),
    licence.LicenceFromAhead: _l(
        "This licence was issued on %(issued)s, which this computer has not reached. Nothing was changed. Set its clock."
    ),
    licence.LimitsStay: _l(
        "The licence limits something now, and going back would lift that. Nothing was changed. Load a newer licence instead."
    ),
    errors.AlgorithmServed: _l(
        "%(algorithm)s meters are served by “%(module)s”. Nothing was stored. Choose stand-by, or take over from it."
    ),
    errors.ServesNothing: _l("A module serves Legacy meters, STS6 meters or both. Nothing was stored. Choose at least one."),
    errors.KeysToldByModule: _l("This module tells its keys itself. Nothing was stored. Press “Refresh keys”."),
    errors.StaleRow: _l("Somebody changed this record meanwhile. Nothing of yours was stored. Look at it again, then save."),
    errors.SoldMeanwhile: _l("Something was sold or written in this currency meanwhile. Nothing of yours was stored. Look at it again, then save."),
    errors.LastKeepers: _l(
        "Nobody else could look after user groups and users any more. Nothing was stored. Give another group over everything these rights first, and put somebody into it."
    ),
    errors.ValueTaken: _l("Another record has this number or name already. Nothing was stored. Choose another."),
    errors.StillReferred: _l("Other records refer to this one. Nothing was changed. Switch it off instead."),
    errors.InUse: _l("It is in use (%(count)s times) and cannot be deleted. Nothing was changed. Switch it off instead."),
    errors.RegionInUse: _l("Places, people or meters belong to this region. Nothing was changed. Move them first."),
    errors.ModuleInUse: _l(
        "Meters, sales or tokens depend on this module (%(count)s). Nothing was changed. Make it the stand-by instead."
    ),
    errors.ModuleAwaited: _l(
        "Sales still wait for an answer of this very module (%(count)s), and another place could be another module."
        " Nothing was stored. Resolve them first."
    ),
    errors.KeyInUse: _l("Meters are under this key (%(count)s). Nothing was changed. Change their keys first."),
    errors.PublicKey: _l(
        "A demonstration key is among them, and everybody has those. In production it is not taken, and no sale is made under it."
    ),
    errors.ImportMoved: _l("This import has gone on meanwhile. Nothing was changed. Look where it stands now."),
    errors.FieldTwice: _l("“%(name)s” is chosen for two columns. Nothing was stored. Choose another for one of them."),
    errors.FieldMissing: _l("No column holds “%(name)s”, by which the rows are known. Nothing was stored. Choose it for a column."),
    errors.LogoRefused: _l("This picture cannot stand on slips: %(reason)s. Nothing was stored. Choose another."),
    errors.PlanFrozen: _l("This plan has sold already and cannot change. Nothing was stored. Add a plan that follows it."),
}


def sentence(
    refusal: Refusal,
    currency: Currency | None = None,
    unit: str = "",
    decimals: int | None = None,
    *,
    till: bool = False,
) -> str:
    """Word a refusal.  `currency` and `unit` belong to the amounts and quantities in it.

    `decimals` is how many the field takes in which the number stood; `till`: money is near, so its part says
    what became of the money.
    """
    template = next(SENTENCES[kind] for kind in type(refusal).__mro__ if kind in SENTENCES)
    worded = _Worded(refusal, currency or PLAIN, unit, decimals)
    if not isinstance(template, Told):
        return str(template) % worded
    parts = template.at_the_till() if till else template
    return " ".join((str(part) % worded).strip() for part in parts)


def at_the_till(refusal: Refusal) -> str:
    """The sentence of a refusal at the counter, where no amount stands in it."""
    return sentence(refusal, till=True)


class _Worded(dict[str, str]):
    """The parameters of one refusal, worded when a sentence asks for them."""

    def __init__(self, refusal: Refusal, currency: Currency, unit: str, decimals: int | None) -> None:
        super().__init__()
        self.refusal, self.currency, self.unit = refusal, currency, unit
        self.decimals = PLAIN.decimals if decimals is None else decimals

    def __missing__(self, name: str) -> str:
        if name == "example":
            return figures.number(20, self.decimals)
        value = self.refusal.params.get(name)
        if (special := SPECIAL.get((type(self.refusal).code, name))) is not None:
            return special(self, value)
        return "–" if value is None else self._plain(value)

    def _plain(self, value: Any) -> str:
        if isinstance(value, datetime):
            return figures.moment(value)
        if isinstance(value, date):
            return figures.date_of(value)
        return str(value)

    def money(self, minor: Any) -> str:
        return "–" if minor is None else figures.money_code(int(minor), self.currency.decimals, self.currency.code).strip()

    def quantity(self, tenths: Any) -> str:
        return "–" if tenths is None else figures.ltr(f"{figures.units(int(tenths))} {self.unit}".strip())


def _since(worded: _Worded, value: Any) -> str:
    return "" if value is None else f" ({worded._plain(value)})"  # noqa: SLF001 (of this file)


def _blocked_since(_worded: _Worded, value: Any) -> str:
    return "" if value is None else " " + gettext("since %(when)s", when=figures.moment(value))


def _blocked_by(_worded: _Worded, value: Any) -> str:
    return f" ({value})" if value else ""


def _state(_worded: _Worded, value: Any) -> str:
    return str(choices.METER_STATUS.get(value, value))


def _status(_worded: _Worded, value: Any) -> str:
    return str(choices.METER_STATUS.get(value, value)).lower()  # in the middle of the sentence


def _reason(_worded: _Worded, value: Any) -> str:
    return f"{figures.comma()}{value}" if value else ""


def _capacity_unit(_worded: _Worded, value: Any) -> str:
    return str(value) if value else gettext("unit of its capacity")


NOT_REVERSIBLE = {
    "waiting": _l("it still waits for its token"), "failed": _l("no money was booked for it"),
    "reversal": _l("it is a reversal itself"), "reversed": _l("it was reversed before"),
    "handed_over": _l("its token was handed over"),
}  # fmt: skip
LOGO_REFUSED = {
    "large": _l("the file is larger than 2 MB"), "kind": _l("it is no PNG or JPEG (SVG and others are not taken)"),
    "pixels": _l("it has more than 25 million pixels"), "small": _l("it is less than 16 pixels high or wide"),
    "broken": _l("the file is damaged"),
}  # fmt: skip
SPECIAL: Mapping[tuple[str, str], Callable[[_Worded, Any], str]] = {
    ("meter_blocked", "status"): _status,
    ("meter_blocked", "reason"): _reason,
    ("meter_blocked", "since"): _blocked_since,
    ("meter_without_capacity", "unit"): _capacity_unit,
    ("meter_blocked", "by"): _blocked_by,
    ("step_forbidden", "old"): _state,
    ("step_forbidden", "new"): _state,
    ("module_refused", "why"): lambda worded, _value: module_words.why(str(worded.refusal.params.get("module_code", ""))),
    ("same_sale_ago", "at"): lambda _worded, value: "–" if value is None else figures.lately(value),
    ("same_sale_ago", "amount"): _Worded.money,
    ("not_reversible", "reason"): lambda _worded, value: str(NOT_REVERSIBLE.get(value, value)),
    ("logo_refused", "reason"): lambda _worded, value: str(LOGO_REFUSED.get(value, value)),
    ("no_plan_in_force", "since"): _since,
    ("no_module", "algorithm"): lambda _worded, value: str(choices.ALGORITHM.get(value, value)),
    ("algorithm_served", "algorithm"): lambda _worded, value: str(choices.ALGORITHM.get(value, value)),
    **dict.fromkeys(
        (
            ("amount_too_small", "minimum"), ("amount_too_large", "maximum"),
            ("amount_beyond_last_step", "maximum"), ("fees_not_covered", "fees"), ("only_fees", "fees"),
            ("insufficient_funds", "available"), ("paid_too_little", "amount"),
            ("daily_limit", "maximum"), ("daily_limit", "left"), ("debt_too_small", "left"),
        ),
        _Worded.money,
    ),
    **dict.fromkeys(
        (
            ("quantity_too_small", "minimum"), ("quantity_too_large", "maximum"),
            ("quantity_beyond_last_step", "maximum"), ("quantity_too_coarse", "maximum"), ("quantity_too_coarse", "left"), ("amount_beyond_last_step", "quantity"),
            ("beyond_last_fine", "maximum"),
        ),
        _Worded.quantity,
    ),
}  # fmt: skip
