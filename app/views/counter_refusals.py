"""Refusals that can reach the counter, each in three sentences: what happened, the money, what to do next.

The three stand apart, so that none can be forgotten; a test walks every refusal that selling can raise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from flask_babel import lazy_gettext as _l

from app.domain import errors
from app.domain.errors import Refusal

NO_MONEY = _l("No money was taken.")
NO_FURTHER = _l("No further money was taken.")
NOT_BOOKED = _l("No token was made and no money was booked.")
HELD = _l("The money is held for this sale and cannot be taken twice.")
# What is said of the same refusal where no money is near: in forms and lists.
NOTHING_STORED = _l("Nothing was stored.")
NOTHING_CHANGED = _l("Nothing was changed.")
MONEY = (NO_MONEY, NO_FURTHER, NOT_BOOKED, HELD)


class Told(NamedTuple):
    """One refusal as three sentences; each may hold parameters."""

    happened: Any
    money: Any
    next: Any

    def at_the_till(self) -> Told:
        """The same where somebody pays: what was not stored was not paid either."""
        return self._replace(money=NO_MONEY) if self.money is NOTHING_STORED or self.money is NOTHING_CHANGED else self


TOLD: Mapping[type[Refusal], Told] = {
    errors.BadInput: Told(_l("“%(text)s” cannot be read."), NOTHING_STORED, _l("Correct it and try again.")),
    errors.NotANumber: Told(_l("This is not a number."), NOTHING_STORED, _l("Type digits, as in %(example)s.")),
    errors.TooManyDigits: Told(_l("More than %(maximum)s digits."), NOTHING_STORED, _l("Type a smaller number.")),
    errors.TooManyDecimals: Told(
        _l("Too many digits after the decimal mark: %(decimals)s at most."),
        NOTHING_STORED,
        _l("Shorten the number."),
    ),
    errors.NotPositive: Told(_l("It must be more than zero."), NOTHING_STORED, _l("Type a larger number.")),
    errors.BadMeterNumber: Told(
        _l("A meter number has 11 or 13 digits."),
        NOTHING_STORED,
        _l("Compare with the plate."),
    ),
    errors.WrongCheckDigit: Told(_l("One digit is mistyped."), NOTHING_STORED, _l("Compare with the plate.")),
    errors.BadReference: Told(_l("The page lost its reference."), NO_MONEY, _l("Load the page again.")),
    errors.MeterRefusal: Told(_l("This meter may not buy."), NO_MONEY, _l("Ask a manager.")),
    errors.UnknownMeter: Told(_l("There is no such meter here."), NO_MONEY, _l("Compare with the plate.")),
    errors.MeterBlocked: Told(
        _l("The meter is not open for sales: %(status)s%(since)s%(by)s%(reason)s."),
        NO_MONEY,
        _l("A manager or an administrator can change it."),
    ),
    errors.MeterWithoutTariff: Told(
        _l("The meter has no tariff."),
        NO_MONEY,
        _l("Ask an administrator to choose one for it."),
    ),
    errors.MeterWithoutConsumer: Told(
        _l("Nobody is registered for this meter."),
        NO_MONEY,
        _l("Bind it to a consumer first."),
    ),
    errors.MeterWithoutKey: Told(
        _l("No security module holds the key of supply group %(sgc)s, revision %(krn)s."),
        NO_MONEY,
        _l("Ask an administrator to load the key."),
    ),
    errors.MeterWithoutCapacity: Told(
        _l("The tariff has a fee for each %(unit)s, and the meter's capacity in %(unit)s is not known."),
        NO_MONEY,
        _l("Ask an administrator to enter it with the meter."),
    ),
    errors.KeyChangeUnconfirmed: Told(
        _l("The key-change tokens were handed out %(tries)s times and nobody said whether the meter took them."),
        NO_MONEY,
        _l("A manager says it on the meter's page: taken, or not taken."),
    ),
    errors.PriceRefusal: Told(
        _l("No price can be named."),
        NO_MONEY,
        _l("Ask an administrator to look at the tariff."),
    ),
    errors.NoPlanInForce: Told(
        _l("The tariff of this meter is not in force yet%(since)s."),
        NO_MONEY,
        _l("Ask an administrator."),
    ),
    errors.BadPlan: Told(
        _l("The tariff plan contradicts itself: %(reason)s."),
        NOTHING_STORED,
        _l("The plan has to be corrected first."),
    ),
    errors.AmountTooSmall: Told(
        _l("Too little: the smallest purchase is %(minimum)s."),
        NO_MONEY,
        _l("Type a larger amount."),
    ),
    errors.AmountTooLarge: Told(
        _l("Too much: one purchase may cost %(maximum)s."),
        NO_MONEY,
        _l("Type a smaller amount."),
    ),
    errors.QuantityTooSmall: Told(
        _l("Too little: the smallest purchase is %(minimum)s."),
        NO_MONEY,
        _l("Type a larger quantity."),
    ),
    errors.QuantityTooLarge: Told(
        _l("Too much: one purchase may have %(maximum)s."),
        NO_MONEY,
        _l("Type a smaller quantity."),
    ),
    errors.QuantityBeyondLastStep: Told(
        _l("The tariff ends earlier: %(maximum)s are left in this period."),
        NO_MONEY,
        _l("Type a smaller quantity."),
    ),
    errors.QuantityTooCoarse: Told(
        _l(
            "%(left)s are left in this period, but large tokens come in coarser steps: the largest that fits"
            " carries %(maximum)s."
        ),
        NO_MONEY,
        _l("Type that quantity."),
    ),
    errors.AmountBeyondLastStep: Told(
        _l("The tariff ends earlier: %(maximum)s still buy %(quantity)s."),
        NO_MONEY,
        _l("Type a smaller amount."),
    ),
    errors.BeyondLastFine: Told(
        _l("The tariff allows %(maximum)s in one purchase."),
        NO_MONEY,
        _l("Split the purchase."),
    ),
    errors.FeesNotCovered: Told(
        _l("The fees due are %(fees)s; this does not cover them."),
        NO_MONEY,
        _l("Type at least that."),
    ),
    errors.OnlyFees: Told(
        _l("This pays fees of %(fees)s and buys no units."),
        NO_MONEY,
        _l("Confirm it below, or type more."),
    ),
    errors.PriceMoved: Told(
        _l("The price has changed since it was shown."),
        NO_MONEY,
        _l("Look at the new sum, then sell."),
    ),
    errors.SaleRefusal: Told(_l("The sale cannot be made now."), NO_MONEY, _l("Ask a manager.")),
    errors.ReferenceTaken: Told(
        _l("Another sale was made from this page already."),
        NO_FURTHER,
        _l("Start a new sale."),
    ),
    errors.SaleFailed: Told(_l("The sale failed and was released."), NO_MONEY, _l("Start a new sale.")),
    errors.SameSaleAgo: Told(
        _l("The same amount or the same units were sold to this meter at %(at)s, for %(amount)s."),
        NO_FURTHER,
        _l("Look at that receipt, or confirm that this is another purchase."),
    ),
    errors.InsufficientFunds: Told(
        _l("The account of this vending point has %(available)s left."),
        NO_MONEY,
        _l("Pay in, or sell less."),
    ),
    errors.NoVendingPoint: Told(_l("No vending point is chosen."), NO_MONEY, _l("Choose the one you sell for.")),
    errors.PaidTooLittle: Told(
        _l("Received is less than the %(amount)s to pay."),
        NO_MONEY,
        _l("Correct what you received."),
    ),
    errors.DailyLimit: Told(
        _l("The meter may buy for %(maximum)s a day; %(left)s are left today."),
        NO_MONEY,
        _l("Type less, or wait."),
    ),
    errors.InstallationRefusal: Told(_l("This cannot be done now."), NOTHING_STORED, _l("Ask an administrator.")),
    errors.LicenceExpired: Told(
        _l("The licence ended on %(until)s."),
        NO_MONEY,
        _l("Ask an administrator to load a new one."),
    ),
    errors.ClockBehind: Told(
        _l("The clock of this computer stands before the newest token (%(newest)s)."),
        NO_MONEY,
        _l("Set the clock, or have a manager confirm it."),
    ),
    errors.ClockAhead: Told(
        _l("The clock of this computer runs far ahead of the newest token (%(newest)s)."),
        NO_MONEY,
        _l("Set the clock, or have a manager confirm it."),
    ),
    errors.KeyExpired: Told(
        _l("The time of key %(sgc)s, revision %(krn)s is over; its tokens would be refused by the meter."),
        NO_MONEY,
        _l("The security module holds no living key of this supply group to change to: ask an administrator."),
    ),
    errors.NoModule: Told(
        _l("No active security module serves %(algorithm)s meters."),
        NO_MONEY,
        _l("Ask an administrator."),
    ),
    errors.ModuleRefused: Told(
        _l("The security module refused to make a token (%(module_code)s). %(why)s"),
        NOT_BOOKED,
        _l("Give back what the customer handed over, and ask an engineer."),
    ),
    errors.ModuleDown: Told(
        _l("The security module “%(name)s” has not answered since %(since)s."),
        NO_MONEY,
        _l("It is tried again every few seconds; sell again when it is back."),
    ),
    errors.ModuleSilent: Told(
        _l("The security module does not answer."),
        HELD,
        _l("It is asked again by itself; resolve the sale on the home page."),
    ),
    errors.OutOfScope: Told(_l("There is no such record here."), NOTHING_CHANGED, _l("Go back to the list.")),
    errors.NotAllowed: Told(
        _l("You may not do this."),
        NOTHING_CHANGED,
        _l("Ask an administrator for the permission."),
    ),
}
