"""The tree of refusals: what the rules say no to, with a code and parameters but no wording.

Sentences live where people read (one per class).  `field` is the form field a refusal
belongs to, so that the sentence can stand beside it; parameters are plain values in exact
types (int, Fraction, Decimal, date, str).

>>> raise AmountTooSmall(minimum=150)
Traceback (most recent call last):
    ...
app.domain.errors.AmountTooSmall: amount_too_small(minimum=150)
"""

from __future__ import annotations

from app.domain import meter_errors, refusal

Refusal = refusal.Refusal
all_refusals = refusal.all_refusals

# --- the meter ----------------------------------------------------------------------------

ConsumerLeft = meter_errors.ConsumerLeft
FunctionNotForMeter = meter_errors.FunctionNotForMeter
KeyAlreadyThere = meter_errors.KeyAlreadyThere
KeyChangeMoved = meter_errors.KeyChangeMoved
KeyChangeOpen = meter_errors.KeyChangeOpen
KeyChangeUnconfirmed = meter_errors.KeyChangeUnconfirmed
KeyNotHeld = meter_errors.KeyNotHeld
MeterBlocked = meter_errors.MeterBlocked
MeterRefusal = meter_errors.MeterRefusal
MeterTaken = meter_errors.MeterTaken
MeterWithoutCapacity = meter_errors.MeterWithoutCapacity
MeterWithoutConsumer = meter_errors.MeterWithoutConsumer
MeterWithoutKey = meter_errors.MeterWithoutKey
MeterWithoutTariff = meter_errors.MeterWithoutTariff
NoKeyChange = meter_errors.NoKeyChange
ReasonMissing = meter_errors.ReasonMissing
StepForbidden = meter_errors.StepForbidden
UnknownMeter = meter_errors.UnknownMeter
ValueOutOfRange = meter_errors.ValueOutOfRange

# --- typed text ---------------------------------------------------------------------------


class BadInput(Refusal, code="bad_input", names="text"):
    """What was typed cannot be understood."""


class NotANumber(BadInput, code="not_a_number"):
    """Letters, an exponent, foreign digits or nothing at all."""


class TooManyDigits(BadInput, code="too_many_digits", names="maximum"):
    """More than fifteen digits."""


class TooManyDecimals(BadInput, code="too_many_decimals", names="decimals"):
    """More decimals than the unit has."""


class NotPositive(BadInput, code="not_positive"):
    """Zero or negative where something must be bought."""


class BadMeterNumber(BadInput, code="bad_meter_number", field="meter_number"):
    """Not a meter number: wrong length or signs."""


class WrongCheckDigit(BadInput, code="wrong_check_digit", field="meter_number"):
    """A digit of the meter number is mistyped."""


class BadReference(BadInput, code="bad_reference", field="reference"):
    """The reference made by the page is missing or malformed."""


# --- the sum ------------------------------------------------------------------------------


class PriceRefusal(Refusal, code="price_refused"):
    """No price can be named."""


class NoPlanInForce(PriceRefusal, code="no_plan_in_force", field="meter_number", names="since"):
    """The tariff's first plan has not begun (`since`: when it does, or None)."""


class BadPlan(PriceRefusal, code="bad_plan", names="reason"):
    """The plan contradicts itself; it should never have been stored."""


class AmountTooSmall(PriceRefusal, code="amount_too_small", field="amount", names="minimum"):
    """Less than the smallest purchase (`minimum`: minor units)."""


class AmountTooLarge(PriceRefusal, code="amount_too_large", field="amount", names="maximum"):
    """More than one purchase may cost (`maximum`: minor units)."""


class QuantityTooSmall(PriceRefusal, code="quantity_too_small", field="quantity", names="minimum"):
    """Less than the smallest purchase (`minimum`: tenths of a unit)."""


class QuantityTooLarge(PriceRefusal, code="quantity_too_large", field="quantity", names="maximum"):
    """More than one token can carry or one purchase may take (`maximum`: tenths)."""


class QuantityBeyondLastStep(
    PriceRefusal, code="quantity_beyond_last_step", field="quantity", names="maximum"
):
    """The plan ends earlier (`maximum`: tenths still to be had in this period)."""


class QuantityTooCoarse(QuantityBeyondLastStep, code="quantity_too_coarse", names="maximum left"):
    """So much is left, but no token carries just that: larger ones move in steps of many tenths.

    `left` is what the plan still holds, `maximum` the most within it that a token carries (tenths).
    """


class AmountBeyondLastStep(
    PriceRefusal, code="amount_beyond_last_step", field="amount", names="maximum quantity"
):
    """The plan ends earlier (`maximum`: minor units that still buy; `quantity`: tenths)."""


class BeyondLastFine(PriceRefusal, code="beyond_last_fine", names="maximum"):
    """More in one purchase than the fines provide for (`maximum`: tenths)."""


class FeesNotCovered(PriceRefusal, code="fees_not_covered", field="amount", names="fees"):
    """The money does not cover the fees due (`fees`: the minor units it takes)."""


class OnlyFees(PriceRefusal, code="only_fees", field="amount", names="fees"):
    """The purchase buys no unit; it needs an explicit confirmation."""


class PriceMoved(PriceRefusal, code="price_moved", names="quote"):
    """The price is no longer the one that was shown (`quote`: the new one)."""


# --- the sale -----------------------------------------------------------------------------


class SaleRefusal(Refusal, code="sale_refused"):
    """The sale cannot be made now."""


class ReferenceTaken(SaleRefusal, code="reference_taken", names="reference"):
    """Another sale stands under this reference."""


class ActReferenceTaken(ReferenceTaken, code="act_reference_taken", names="reference"):
    """Another act of the engineering desk stands under this reference."""


class SaleFailed(SaleRefusal, code="sale_failed", names="reference"):
    """The sale under this reference failed for good; a new one is needed."""


class SameSaleAgo(SaleRefusal, code="same_sale_ago", names="at amount"):
    """The same was sold to this meter minutes ago (`amount`: minor units); it takes a second word."""


class InsufficientFunds(SaleRefusal, code="insufficient_funds", names="available"):
    """The vending point's account does not cover it (`available`: minor units)."""


class NoVendingPoint(SaleRefusal, code="no_vending_point"):
    """The seller has no vending point and chose none."""


class PaidTooLittle(SaleRefusal, code="paid_too_little", field="received", names="amount"):
    """Less money was received than the sale costs (`amount`: minor units)."""


class DailyLimit(SaleRefusal, code="daily_limit", names="maximum left"):
    """The meter's purchases of the day are used up (minor units)."""


class NotReversible(SaleRefusal, code="not_reversible", names="reason"):
    """The sale cannot be undone."""


class NothingToDecide(SaleRefusal, code="nothing_to_decide"):
    """The sale is settled; what became of it is known."""


class StillRemembered(SaleRefusal, code="still_remembered", names="until"):
    """The module may still know the sale until then: it is resolved, not decided."""


class StillSilent(SaleRefusal, code="still_silent", names="module"):
    """The module of a sale that is to be released cannot be asked whether it made a token."""


class ProposalOpen(SaleRefusal, code="proposal_open"):
    """Somebody has proposed already what shall become of the sale."""


class ProposalClosed(SaleRefusal, code="proposal_closed"):
    """The proposal was approved or declined meanwhile, or there is none."""


class FourEyes(SaleRefusal, code="four_eyes"):
    """Who proposed may not approve."""


class SameHand(FourEyes, code="same_hand", names="until"):
    """One of the two made or opened the account of the other lately (`until`: when they count as two)."""


class DebtTooSmall(Refusal, code="debt_too_small", field="amount", names="left"):
    """More is to be taken back than the consumer owes (`left`: minor units that no sale waits for)."""


# --- the installation ---------------------------------------------------------------------


class InstallationRefusal(Refusal, code="installation_refused"):
    """The installation is not in a state to do this."""


class LicenceExpired(InstallationRefusal, code="licence_expired", names="until"):
    """The licence is over."""


class LicenceFull(InstallationRefusal, code="licence_full", names="maximum"):
    """The licence allows no further meter."""


class ClockBehind(InstallationRefusal, code="clock_behind", names="newest"):
    """The clock stands before the newest token's issue."""


class ClockAhead(InstallationRefusal, code="clock_ahead", names="newest"):
    """The clock stands implausibly far after the newest token's issue."""


class KeyExpired(InstallationRefusal, code="key_expired", names="sgc krn base_date"):
    """The key's time is over: the meter needs a key change."""


class NoModule(InstallationRefusal, code="no_module", names="algorithm"):
    """No active security module serves the algorithm."""


class ModuleRefused(InstallationRefusal, code="module_refused", names="module_code"):
    """The security module refused for good."""


class ModuleDown(InstallationRefusal, code="module_down", names="name since"):
    """The security module is known to be dead (`since`: when it was first found so)."""


class ModuleSilent(InstallationRefusal, code="module_silent"):
    """The security module did not answer; the sale waits."""


class AlgorithmServed(InstallationRefusal, code="algorithm_served", field="standing", names="algorithm module"):
    """Another active module serves the algorithm (`module`: its name)."""


class ServesNothing(InstallationRefusal, code="serves_nothing", field="serves_legacy"):
    """A module that serves neither algorithm is no module."""


class KeysToldByModule(InstallationRefusal, code="keys_told_by_module", field="sgc"):
    """The module lists its keys itself; nothing is typed in for it."""


# --- people and rows ----------------------------------------------------------------------


class OutOfScope(Refusal, code="out_of_scope"):
    """A row of somebody else; shown as if it did not exist."""


class NotAllowed(Refusal, code="not_allowed", names="permission"):
    """The person lacks the permission."""


class LastKeepers(Refusal, code="last_keepers", field="rights"):
    """The group is the last one whose people can look after all groups and users; it has to keep that."""


class StaleRow(Refusal, code="stale_row"):
    """Somebody changed the record meanwhile."""


class SoldMeanwhile(Refusal, code="sold_meanwhile"):
    """Something was sold, or a sum was kept, between the look at what may change and the save."""


class ValueTaken(Refusal, code="value_taken"):
    """Another record has this number or name already."""


class StillReferred(Refusal, code="still_referred"):
    """Other records refer to this one, so it cannot go."""


class InUse(Refusal, code="in_use", names="count"):
    """What has history is switched off, not deleted."""


class RegionInUse(InUse, code="region_in_use"):
    """The region has children, people or meters."""


class ModuleInUse(InUse, code="module_in_use"):
    """Meters, sales, tokens or records depend on the module."""


class ModuleAwaited(InUse, code="module_awaited", field="address"):
    """Sales wait for an answer of this very module; its place cannot change under them."""


class KeyInUse(InUse, code="key_in_use"):
    """Meters are under the key."""


class PublicKey(Refusal, code="public_key"):
    """A demonstration key, which everybody has, where tokens are worth money."""


class PlanFrozen(InUse, code="plan_frozen"):
    """A plan that has sold is not changed; a new one follows it."""


class LogoRefused(Refusal, code="logo_refused", field="logo", names="reason"):
    """The picture for slips cannot be taken: large, kind, pixels, small or broken."""


# --- rows by file -------------------------------------------------------------------------


class ImportMoved(Refusal, code="import_moved"):
    """The import is not where this could be done: another page went on with it."""


class FieldTwice(Refusal, code="field_twice", names="name"):
    """Two columns of the file are said to be the same field."""


class FieldMissing(Refusal, code="field_missing", names="name"):
    """No column of the file is said to be the field by which its rows are known."""
