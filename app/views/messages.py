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
from app.views import choices, figures

PLAIN = Currency("", "", 2)

SENTENCES: Mapping[type[Refusal], Any] = {
    errors.BadInput: _l("“%(text)s” cannot be read. Nothing was stored. Correct it and try again."),
    errors.NotANumber: _l("This is not a number. Nothing was stored. Type digits, as in %(example)s."),
    errors.TooManyDigits: _l("More than %(maximum)s digits. Nothing was stored. Type a smaller number."),
    errors.TooManyDecimals: _l(
        "Too many digits after the decimal mark: %(decimals)s at most. Nothing was stored. Shorten the number."
    ),
    errors.NotPositive: _l("It must be more than zero. Nothing was stored. Type a larger number."),
    errors.BadMeterNumber: _l("A meter number has 11 or 13 digits. Nothing was stored. Compare with the plate."),
    errors.WrongCheckDigit: _l("One digit is mistyped. Nothing was stored. Compare with the plate."),
    errors.BadReference: _l("The page lost its reference. No money was taken. Load the page again."),
    errors.MeterRefusal: _l("This meter may not buy. No money was taken. Ask a manager."),
    errors.UnknownMeter: _l("There is no such meter here. No money was taken. Compare with the plate."),
    errors.MeterBlocked: _l(
        "The meter is not open for sales: %(status)s%(since)s%(by)s%(reason)s. No money was taken."
        " A manager or an administrator can change it."
    ),
    errors.MeterWithoutTariff: _l(
        "The meter has no tariff. No money was taken. Ask an administrator to choose one for it."
    ),
    errors.MeterWithoutConsumer: _l(
        "Nobody is registered for this meter. No money was taken. Bind it to a consumer first."
    ),
    errors.MeterWithoutKey: _l(
        "No security module holds the key of supply group %(sgc)s, revision %(krn)s."
        " No money was taken. Ask an administrator to load the key."
    ),
    errors.MeterWithoutCapacity: _l(
        "The tariff has a fee for each %(unit)s, and the meter's capacity in %(unit)s is not known. No money was taken."
        " Ask an administrator to enter it with the meter."
    ),
    errors.KeyChangeUnconfirmed: _l(
        "The key-change tokens were handed out %(tries)s times and nobody said whether the meter took them. No money was"
        " taken. Say it on the meter's page: taken, or not taken."
    ),
    errors.KeyChangeOpen: _l(
        "A key change to %(sgc)s, revision %(krn)s, tariff index %(ti)s is under way. Nothing was made. Say on the meter's"
        " page what became of it."
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
    errors.PriceRefusal: _l("No price can be named. No money was taken. Ask an administrator to look at the tariff."),
    errors.NoPlanInForce: _l(
        "The tariff of this meter is not in force yet%(since)s. No money was taken. Ask an administrator."
    ),
    errors.BadPlan: _l(
        "The tariff plan contradicts itself: %(reason)s. Nothing was stored. Correct the plan."
    ),
    errors.AmountTooSmall: _l("Too little: the smallest purchase is %(minimum)s. No money was taken. Type a larger amount."),
    errors.AmountTooLarge: _l("Too much: one purchase may cost %(maximum)s. No money was taken. Type a smaller amount."),
    errors.QuantityTooSmall: _l("Too little: the smallest purchase is %(minimum)s. No money was taken. Type a larger quantity."),
    errors.QuantityTooLarge: _l("Too much: one purchase may have %(maximum)s. No money was taken. Type a smaller quantity."),
    errors.QuantityBeyondLastStep: _l(
        "The tariff ends earlier: %(maximum)s are left in this period. No money was taken. Type a smaller quantity."
    ),
    errors.QuantityTooCoarse: _l(
        "%(left)s are left in this period, but large tokens come in coarser steps: the largest that fits carries %(maximum)s."
        " No money was taken. Type that quantity."
    ),
    errors.AmountBeyondLastStep: _l(
        "The tariff ends earlier: %(maximum)s still buy %(quantity)s. No money was taken. Type a smaller amount."
    ),
    errors.BeyondLastFine: _l(
        "The tariff allows %(maximum)s in one purchase. No money was taken. Split the purchase."
    ),
    errors.FeesNotCovered: _l(
        "The fees due are %(fees)s; this does not cover them. No money was taken. Type at least that."
    ),
    errors.OnlyFees: _l(
        "This pays fees of %(fees)s and buys no units. No money was taken. Confirm it below, or type more."
    ),
    errors.PriceMoved: _l("The price has changed since it was shown. No money was taken. Look at the new sum, then sell."),
    errors.SaleRefusal: _l("The sale cannot be made now. No money was taken. Ask a manager."),
    errors.ReferenceTaken: _l("Another sale was made from this page already. No further money was taken. Start a new sale."),
    errors.SaleFailed: _l("The sale failed and was released. No money was taken. Start a new sale."),
    errors.SameSaleAgo: _l(
        "The same was sold to this meter at %(at)s, for %(amount)s. No further money was taken."
        " Look at that receipt, or confirm that this is another purchase."
    ),
    errors.InsufficientFunds: _l(
        "The account of this vending point has %(available)s left. No money was taken. Pay in, or sell less."
    ),
    errors.NoVendingPoint: _l("No vending point is chosen. No money was taken. Choose the one you sell for."),
    errors.PaidTooLittle: _l(
        "Received is less than the %(amount)s to pay. No money was taken. Correct what you received."
    ),
    errors.DailyLimit: _l(
        "The meter may buy for %(maximum)s a day; %(left)s are left today. No money was taken. Type less, or wait."
    ),
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
    errors.DebtTooSmall: _l(
        "So much is not owed: at most %(left)s can be taken back. Nothing was stored. Type a smaller amount."
    ),
    errors.InstallationRefusal: _l("This cannot be done now. Nothing was stored. Ask an administrator."),
    errors.LicenceExpired: _l(
        "The licence ended on %(until)s. No money was taken. Ask an administrator to load a new one."
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
    errors.ClockBehind: _l(
        "The clock of this computer stands before the newest token (%(newest)s)."
        " No money was taken. Set the clock, or have a manager confirm it."
    ),
    errors.ClockAhead: _l(
        "The clock of this computer runs far ahead of the newest token (%(newest)s)."
        " No money was taken. Set the clock, or have a manager confirm it."
    ),
    errors.KeyExpired: _l(
        "The time of key %(sgc)s, revision %(krn)s is over; its tokens would be refused by the meter."
        " No money was taken. The security module holds no living key of this supply group to change to: ask an administrator."
    ),
    errors.NoModule: _l(
        "No active security module serves %(algorithm)s meters. No money was taken. Ask an administrator."
    ),
    errors.ModuleRefused: _l(
        "The security module refused (%(module_code)s). No token was made and no money was booked. Ask an engineer."
    ),
    errors.ModuleDown: _l(
        "The security module “%(name)s” has not answered since %(since)s. No money was taken. It is tried again every few seconds; sell again when it is back."
    ),
    errors.ModuleSilent: _l(
        "The security module does not answer. The money is held for this sale and cannot be taken twice. Resolve it on the home page."
    ),
    errors.AlgorithmServed: _l(
        "%(algorithm)s meters are served by “%(module)s”. Nothing was stored. Choose stand-by, or take over from it."
    ),
    errors.ServesNothing: _l("A module serves Legacy meters, STS6 meters or both. Nothing was stored. Choose at least one."),
    errors.KeysToldByModule: _l("This module tells its keys itself. Nothing was stored. Press “Refresh keys”."),
    errors.OutOfScope: _l("There is no such record here. Nothing was changed. Go back to the list."),
    errors.NotAllowed: _l("You may not do this. Nothing was changed. Ask an administrator for the permission."),
    errors.StaleRow: _l("Somebody changed this record meanwhile. Nothing of yours was stored. Look at it again, then save."),
    errors.SoldMeanwhile: _l("Something was sold or written in this currency meanwhile. Nothing of yours was stored. Look at it again, then save."),
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
    errors.ImportMoved: _l("This import has gone on meanwhile. Nothing was changed. Look where it stands now."),
    errors.FieldTwice: _l("“%(name)s” is chosen for two columns. Nothing was stored. Choose another for one of them."),
    errors.FieldMissing: _l("No column holds “%(name)s”, by which the rows are known. Nothing was stored. Choose it for a column."),
    errors.PlanFrozen: _l("This plan has sold already and cannot change. Nothing was stored. Add a plan that follows it."),
}


def sentence(
    refusal: Refusal, currency: Currency | None = None, unit: str = "", decimals: int | None = None
) -> str:
    """Word a refusal.  `currency` and `unit` belong to the amounts and quantities in it.

    `decimals` is how many the field takes in which the number stood.
    """
    template = next(SENTENCES[kind] for kind in type(refusal).__mro__ if kind in SENTENCES)
    return str(template) % _Worded(refusal, currency or PLAIN, unit, decimals)


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
    return f", {value}" if value else ""


def _capacity_unit(_worded: _Worded, value: Any) -> str:
    return str(value) if value else gettext("unit of its capacity")


NOT_REVERSIBLE = {
    "waiting": _l("it still waits for its token"), "failed": _l("no money was booked for it"),
    "reversal": _l("it is a reversal itself"), "reversed": _l("it was reversed before"),
}  # fmt: skip
SPECIAL: Mapping[tuple[str, str], Callable[[_Worded, Any], str]] = {
    ("meter_blocked", "status"): _status,
    ("meter_blocked", "reason"): _reason,
    ("meter_blocked", "since"): _blocked_since,
    ("meter_without_capacity", "unit"): _capacity_unit,
    ("meter_blocked", "by"): _blocked_by,
    ("step_forbidden", "old"): _state,
    ("step_forbidden", "new"): _state,
    ("same_sale_ago", "at"): lambda _worded, value: "–" if value is None else figures.lately(value),
    ("same_sale_ago", "amount"): _Worded.money,
    ("not_reversible", "reason"): lambda _worded, value: str(NOT_REVERSIBLE.get(value, value)),
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
