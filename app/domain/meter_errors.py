"""The refusals that belong to one meter: it may not buy, or not be changed so.  Read as `errors.MeterBlocked`."""

from __future__ import annotations

from app.domain.refusal import Refusal


class MeterRefusal(Refusal, code="meter_refused", field="meter_number", names="meter_number"):
    """This meter may not buy."""


class UnknownMeter(MeterRefusal, code="unknown_meter"):
    """No such meter, or a stranger's: both look the same."""


class MeterBlocked(MeterRefusal, code="meter_blocked", names="status reason since by"):
    """Not installed, or blocked with a reason; `since` when and `by` whom, where that is known."""


class MeterWithoutTariff(MeterRefusal, code="meter_without_tariff"):
    """No tariff is set for the meter."""


class MeterWithoutConsumer(MeterRefusal, code="meter_without_consumer"):
    """Nobody is registered for the meter."""


class MeterWithoutKey(MeterRefusal, code="meter_without_key", names="sgc krn"):
    """No module holds the vending key of the meter's supply group."""


class MeterWithoutCapacity(MeterRefusal, code="meter_without_capacity", names="unit"):
    """A fee of the plan goes by the meter's capacity in `unit`, which is not known."""


class KeyChangeUnconfirmed(MeterRefusal, code="key_change_unconfirmed", names="tries"):
    """The set went out `tries` times and nobody said whether the meter took it; a person has to."""


class KeyChangeOpen(MeterRefusal, code="key_change_open", names="sgc krn ti"):
    """A change of the meter's key to somewhere else is under way."""


class NoKeyChange(MeterRefusal, code="no_key_change"):
    """No key change of the meter is under way: it was confirmed meanwhile, or never began."""


class KeyChangeMoved(MeterRefusal, code="key_change_moved", names="sgc krn ti tries"):
    """The word was about a key change that is not the present one any more: that goes to `sgc`, `krn`, `ti`."""


class KeyAlreadyThere(MeterRefusal, code="key_already_there", field="key"):
    """The meter is registered under that key and tariff index already."""


class KeyNotHeld(MeterRefusal, code="key_not_held", field="key", names="sgc krn module"):
    """The module that serves the meter does not hold the new key for its algorithm."""


class FunctionNotForMeter(MeterRefusal, code="function_not_for_meter"):
    """Meters of this type do not know the function."""


class ValueOutOfRange(Refusal, code="value_out_of_range", field="value", names="minimum maximum"):
    """No token of this function carries the value (both bounds in the function's unit)."""


class MeterTaken(MeterRefusal, code="meter_taken"):
    """The meter belongs to another consumer."""


class ConsumerLeft(MeterRefusal, code="consumer_left", field="consumer"):
    """The consumer is switched off: nobody new is bound to them."""


class StepForbidden(MeterRefusal, code="step_forbidden", field="status", names="old new"):
    """The meter is in a state that the wanted one may not follow (somebody else may have been faster)."""


class ReasonMissing(MeterRefusal, code="reason_missing", field="reason"):
    """A meter is blocked, released or removed for a reason only."""
