"""A virtual meter that is used, opened, put away and taken out again; and one that stays under public keys."""

from dataclasses import replace

import pytest

from app.sts import errors, key_change, management, meter_test
from app.sts.keys import DecoderKey
from app.sts.meter_memory import Memory
from app.sts.module import ModuleError
from app.sts.training_meter import TrainingMeter
from app.sts.virtual_meter import Result, VirtualMeter
from tests.sts.test_virtual_meter import CONFIG, NOON, credit_of, key_of, meter_of, order_of


def test_a_meter_is_after_a_loss_of_power_what_it_was_before() -> None:
    meter = meter_of()
    meter.enter(credit_of(CONFIG, 5, 250))
    meter.enter(order_of(CONFIG, 6, management.MAXIMUM_POWER_LIMIT, 5000))
    meter.open_cover()
    change = key_change.KeyChange(key_of(replace(CONFIG, ti=7)), "201457", 1, 2, 7, 255, False, False)
    first, second = key_change.issue(key_of(CONFIG), change)
    assert meter.enter(second, NOON).result is Result.SECOND_SECTION
    kept = Memory.from_json(meter.memory().to_json())
    again = VirtualMeter.recalled(kept, key_of(CONFIG))
    assert again.memory() == meter.memory() and again.tampered
    assert again.enter(credit_of(CONFIG, 5, 250)).result is Result.USED
    assert again.enter(first, NOON).result is Result.ACCEPT
    assert again.holds(key_of(replace(CONFIG, ti=7))) and again.memory().parts == ()


def test_units_are_consumed_while_there_are_some_and_nobody_opened_the_cover() -> None:
    meter = meter_of()
    assert (meter.consume(0, 10), meter.supplies(0)) == (0, False)
    meter.enter(credit_of(CONFIG, 5, 25))
    assert (meter.consume(0, 10), meter.registers[0], meter.supplies(0)) == (10, 15, True)
    meter.open_cover()
    assert (meter.consume(0, 10), meter.registers[0]) == (0, 15)
    meter.enter(order_of(CONFIG, 6, management.CLEAR_TAMPER_CONDITION, 0))
    assert (meter.consume(0, 99), meter.registers[0], meter.consumed_tenths) == (15, 0, 25)
    shown = dict(meter.enter(meter_test.issue(0, meter_test.control_of((3,), 0), 0)).shown)
    assert shown == {"total_consumption": 25}
    with pytest.raises(errors.AmountOutOfRange):
        meter.consume(0, -1)


@pytest.mark.parametrize("ea", [7, 11])
def test_a_training_meter_follows_to_public_keys_and_to_no_other(ea: int) -> None:
    config = replace(CONFIG, ea=ea)
    meter = TrainingMeter.fresh(config, "production")

    def set_to(key: DecoderKey, krn: int, ti: int) -> tuple[str, ...]:
        old = key_of(replace(config, ti=meter.spot[2], krn=meter.spot[1]))
        return key_change.issue(old, key_change.KeyChange(key, "201457", krn, 2, ti, 255, False, False))

    stranger = DecoderKey(ea, bytes(range(8 if ea == 7 else 16)))
    answers = [meter.enter(part).result for part in set_to(stranger, 2, 5)]
    assert answers[-1] is Result.KEY_TYPE and meter.spot == ("201457", 1, 1)
    assert meter.enter(credit_of(config, 5)).accepted
    public = key_of(replace(config, krn=2, ti=5))
    for part in reversed(set_to(public, 2, 5)):
        assert meter.enter(part).accepted
        meter = TrainingMeter.recalled(Memory.from_json(meter.meter.memory().to_json()), meter.spot, "production")
    assert meter.spot == ("201457", 2, 5)
    assert meter.enter(credit_of(replace(config, krn=2, ti=5), 6)).accepted
    with pytest.raises(ModuleError):
        TrainingMeter.fresh(replace(config, krn=9), "production")
