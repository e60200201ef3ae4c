"""The virtual meter answers as the standard says, takes nothing twice and nothing of its neighbours."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sts import credit, errors, key_change, management, meter_number, meter_test, token
from app.sts.amount import MAX_TENTHS
from app.sts.demonstration import demonstration_keys
from app.sts.journal import MemoryJournal
from app.sts.keys import DecoderKey, KeyTarget, prepare
from app.sts.module import Amendment, MeterConfig
from app.sts.software import SoftwareModule
from app.sts.virtual_meter import CAPACITY_TENTHS, PATIENCE, Result, VirtualMeter

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CONFIG = MeterConfig(
    meter_number.pan_from_drn("47500150231"), ea=7, tct=2, sgc="201457", krn=1, ti=1, ken=255
)
MODULE_KEYS = {(key.sgc, key.krn): key for key in demonstration_keys()}


def key_of(config: MeterConfig) -> DecoderKey:
    vending_key = MODULE_KEYS[config.sgc, config.krn]
    target = KeyTarget(
        config.pan,
        config.ea,
        config.sgc,
        config.key_type,
        config.krn,
        config.ti,
        vending_key.base_date,
    )
    return prepare(vending_key.dkga, vending_key.material).decoder_key(target)


def meter_of(config: MeterConfig = CONFIG, **settings: int) -> VirtualMeter:
    return VirtualMeter(config, key_of(config), **settings)


def credit_of(config: MeterConfig, identifier: int, tenths: int = 10, subclass: int = 0) -> str:
    return credit.issue(key_of(config), credit.Credit(subclass, tenths, identifier))


def order_of(config: MeterConfig, identifier: int, subclass: int, value: int) -> str:
    return management.issue(key_of(config), management.Management(subclass, value, identifier))


@pytest.fixture
def module() -> SoftwareModule:
    return SoftwareModule("soft", demonstration_keys(), MemoryJournal(), clock=lambda: NOON)


@pytest.mark.parametrize("ea", [7, 11])
@pytest.mark.parametrize("subclass", range(8))
def test_credit_goes_to_its_register(ea: int, subclass: int) -> None:
    config = replace(CONFIG, ea=ea)
    meter = meter_of(config)
    assert meter.enter(credit_of(config, 5, 250, subclass)).result is Result.ACCEPT
    assert meter.registers == dict.fromkeys(range(8), 0) | {subclass: 250}


def test_the_same_token_is_used_only_once() -> None:
    meter, digits = meter_of(), credit_of(CONFIG, 5)
    assert [meter.enter(digits).result for _ in range(2)] == [Result.ACCEPT, Result.USED]
    assert meter.registers[0] == 10


def test_tokens_may_come_out_of_order_within_the_memory_only() -> None:
    meter = meter_of(memory=3)
    results = [meter.enter(credit_of(CONFIG, at)).result for at in (30, 10, 20, 25, 9, 15, 25)]
    assert results == [Result.ACCEPT] * 4 + [Result.OLD] * 2 + [Result.USED]
    assert meter.token_ids == [20, 25, 30]


def test_a_neighbours_token_is_a_checksum_error() -> None:
    neighbour = replace(CONFIG, pan=meter_number.pan_from_drn("11111111115"))
    assert meter_of().enter(credit_of(neighbour, 5)).result is Result.CRC


@pytest.mark.parametrize("digits", ["", "1" * 19, "1" * 21, "9" * 20, "x" * 20, "٣" * 20])
def test_what_is_no_token_is_a_format_error(digits: str) -> None:
    assert meter_of().enter(digits).result is Result.FORMAT


@pytest.mark.parametrize(
    ("token_class", "subclass"), [(3, 0), (0, 8), (0, 15), (1, 3), (1, 5), (2, 9), (2, 11)]
)
def test_reserved_classes_and_subclasses_are_a_function_error(
    token_class: int, subclass: int
) -> None:
    data = token.pack(subclass, 0, 5, 1)
    digits = token.issue(token_class, data, None if token_class == 1 else key_of(CONFIG))
    assert meter_of().enter(digits).result is Result.FUNCTION


def test_an_expired_key_takes_nothing() -> None:
    meter = meter_of(replace(CONFIG, ken=84))
    assert meter.enter(credit_of(CONFIG, 85 << 16)).result is Result.KEY_EXPIRED
    assert meter.enter(credit_of(CONFIG, (85 << 16) - 1)).result is Result.ACCEPT


def test_a_default_key_takes_no_credit_but_management() -> None:
    config = replace(CONFIG, key_type=1)
    meter = meter_of(config)
    assert meter.enter(credit_of(config, 5)).result is Result.DDTK
    assert meter.enter(order_of(config, 5, management.CLEAR_TAMPER_CONDITION, 0)).accepted


def test_a_full_register_overflows_and_keeps_the_token_unused() -> None:
    meter = meter_of()
    meter.registers[0] = CAPACITY_TENTHS - MAX_TENTHS + 1
    assert meter.enter(credit_of(CONFIG, 5, MAX_TENTHS)).result is Result.OVERFLOW
    meter.registers[0] = 0
    assert meter.enter(credit_of(CONFIG, 5, MAX_TENTHS)).result is Result.ACCEPT


def test_limits_and_tamper_state_are_set_by_tokens() -> None:
    meter = meter_of()
    meter.tampered = True
    orders = {0: 20000, 6: 500, 5: 0, 2: 7, 7: 9}
    for at, (subclass, value) in enumerate(orders.items()):
        assert meter.enter(order_of(CONFIG, at + 5, subclass, value)).accepted
    assert (meter.power_limit_watts, meter.phase_unbalance_limit_watts) == (20004, 500)
    assert (meter.tampered, meter.tariff_rate, meter.water_meter_factor) == (False, 7, 9)


def test_clear_credit_clears_one_register_or_all() -> None:
    meter = meter_of()
    meter.registers = {number: 100 + number for number in range(8)}
    assert meter.enter(order_of(CONFIG, 5, management.CLEAR_CREDIT, 4)).accepted
    assert meter.registers[4] == 0
    assert meter.registers[3] == 103
    assert meter.enter(order_of(CONFIG, 6, management.CLEAR_CREDIT, 0xFFFF)).accepted
    assert set(meter.registers.values()) == {0}
    unknown = token.issue(2, token.pack(1, 0, 7, 8), key_of(CONFIG))
    assert meter.enter(unknown).result is Result.RANGE


def test_extended_values_and_flags_are_kept_and_shown() -> None:
    meter = meter_of()
    assert meter.enter(order_of(CONFIG, 5, 10, management.extended_field(3, 123))).accepted
    assert meter.enter(order_of(CONFIG, 6, 10, management.extended_flag(8, 1))).accepted
    for control, value in (
        (meter_test.extended_read(3), 123),
        (meter_test.extended_read(63, 8), 1),
    ):
        assert meter.enter(meter_test.issue(2, control)).shown == (("extended_read", value),)


def test_test_tokens_show_what_they_ask_for() -> None:
    meter = meter_of()
    reply = meter.enter(meter_test.issue(0, meter_test.control_of((4, 5, 14, 16, 17, 18), 0)))
    assert reply.result is Result.ACCEPT
    assert reply.shown == (
        ("key_revision_number", 1),
        ("tariff_index", 1),
        ("encryption_algorithm", 7),
        ("supply_group_code", "201457"),
        ("key_expiry_number", 255),
        ("meter_number", "47500150231"),
    )
    assert len(meter.enter("56493153725450313471").shown) == 18


def test_another_makers_test_token_is_refused() -> None:
    assert meter_of().enter(meter_test.issue(0, 1, 12)).result is Result.MFR_CODE
    assert meter_of().enter(meter_test.issue(0, 1, 47)).result is Result.ACCEPT
    assert meter_of().enter(meter_test.issue(11, 1, 47)).result is Result.FUNCTION


@pytest.mark.parametrize(("ea", "three"), [(7, False), (7, True), (11, False)])
@pytest.mark.parametrize("order", range(6))
def test_a_key_change_completes_in_any_order(
    module: SoftwareModule, ea: int, three: bool, order: int
) -> None:
    config = replace(CONFIG, ea=ea, three_key_tokens=three)
    meter = meter_of(config)
    tokens = list(module.key_change_tokens("k", config, Amendment("201457", 2, 7)))
    random.Random(order).shuffle(tokens)
    results = [meter.enter(made.digits).result for made in tokens]
    if not three or tokens[-1].subclass != key_change.THIRD:
        assert all(result.value.endswith("KCT") for result in results[:-1])
    assert results[-1] is Result.ACCEPT
    assert (meter.config.krn, meter.config.ti, meter.config.ken) == (2, 7, 255)
    assert meter.enter(credit_of(replace(config, krn=2, ti=7), 9)).accepted
    assert meter.enter(credit_of(config, 10)).result is Result.CRC


def test_a_set_carries_the_supply_group_when_it_can(module: SoftwareModule) -> None:
    for ea, three, expected in ((7, False, "201457"), (7, True, "888888"), (11, False, "201457")):
        config = replace(CONFIG, ea=ea, three_key_tokens=three)
        to = Amendment("888888", 2, 1) if ea == 7 else Amendment("201457", 2, 1)
        meter = meter_of(config)
        for made in module.key_change_tokens(f"{ea}{three}", config, to):
            meter.enter(made.digits)
        assert meter.config.sgc == expected


def test_a_third_section_that_was_not_announced_changes_nothing(module: SoftwareModule) -> None:
    meter, to = meter_of(), Amendment("888888", 2, 1)
    third = module.key_change_tokens("three", replace(CONFIG, three_key_tokens=True), to)[2]
    assert meter.enter(third.digits).result is Result.THIRD_SECTION
    first, second = module.key_change_tokens("two", CONFIG, to)
    assert meter.enter(first.digits).result is Result.FIRST_SECTION
    assert meter.enter(second.digits).result is Result.ACCEPT
    assert (meter.config.sgc, meter.config.krn) == ("201457", 2)


def test_a_rollover_forgets_the_token_ids(module: SoftwareModule) -> None:
    config = replace(CONFIG, sgc="888888")
    meter = meter_of(config)
    assert meter.enter(credit_of(config, 16_000_000)).accepted
    for made in module.key_change_tokens("k", config, Amendment("888888", 2, 1)):
        assert meter.enter(made.digits).accepted
    assert meter.token_ids == []
    assert meter.enter(credit_of(replace(config, krn=2), 6_000_000)).accepted


def test_without_a_rollover_they_are_kept(module: SoftwareModule) -> None:
    meter = meter_of()
    assert meter.enter(credit_of(CONFIG, 500)).accepted
    for made in module.key_change_tokens("k", CONFIG, Amendment("201457", 2, 1)):
        assert meter.enter(made.digits).accepted
    assert meter.enter(credit_of(replace(CONFIG, krn=2), 500)).result is Result.USED


def test_an_unfinished_key_change_lapses(module: SoftwareModule) -> None:
    first, second = module.key_change_tokens("k", CONFIG, Amendment("201457", 2, 7))
    meter = meter_of()
    assert meter.enter(first.digits, NOON).result is Result.FIRST_SECTION
    late = NOON + PATIENCE + timedelta(seconds=1)
    assert meter.enter(second.digits, late).result is Result.SECOND_SECTION
    assert meter.enter(first.digits, late).result is Result.ACCEPT


def test_a_slow_hand_still_completes_a_set(module: SoftwareModule) -> None:
    """Patience counts from the section before, not from the first: four take four and a half minutes here."""
    meter, now = meter_of(replace(CONFIG, ea=11)), NOON
    for made in module.key_change_tokens("k", meter.config, Amendment("201457", 2, 7)):
        reply, now = meter.enter(made.digits, now), now + timedelta(seconds=90)
        assert reply.accepted
    assert reply.result is Result.ACCEPT


def test_four_sections_need_no_announcement_of_a_third() -> None:
    config = replace(CONFIG, ea=11)
    meter, key = meter_of(config), key_of(config)
    change = key_change.KeyChange(key.replaced(bytes(16)), "654321", 2, 2, 1, 255)
    first, *others = key_change.encode(change)
    announcing = first | 1 << 34  # the 3KCT bit, which is for sets of 64-bit keys
    results = [meter.enter(token.issue(2, data, key)).result for data in (announcing, *others)]
    assert results[-1] is Result.ACCEPT
    assert (meter.config.sgc, meter.config.krn) == ("654321", 2)


@pytest.mark.parametrize("memory", [0, -1, True, None])
def test_a_meter_remembers_something(memory: int) -> None:
    with pytest.raises(errors.MemoryOutOfRange):
        meter_of(memory=memory)


def test_a_time_of_entry_has_its_zone(module: SoftwareModule) -> None:
    first, second = module.key_change_tokens("k", CONFIG, Amendment("201457", 2, 7))
    meter = meter_of()
    meter.enter(first.digits, NOON)
    with pytest.raises(errors.InvalidFormat):
        meter.enter(second.digits, NOON.replace(tzinfo=None))
    assert meter.enter(second.digits, NOON).result is Result.ACCEPT


def test_an_old_id_is_only_old_where_ids_were_forgotten() -> None:
    meter = meter_of(memory=2)
    results = [meter.enter(credit_of(CONFIG, at)).result for at in (30, 10, 20, 5)]
    assert results == [Result.ACCEPT] * 3 + [Result.OLD]


def test_a_keypad_meter_refuses_a_common_key() -> None:
    key = key_of(CONFIG)
    change = key_change.KeyChange(key.replaced(bytes(8)), "201457", 2, 3, 1, 255)
    first = key_change.issue(key, change)[0]
    assert meter_of().enter(first).result is Result.KEY_TYPE
    assert meter_of(replace(CONFIG, tct=1)).enter(first).result is Result.FIRST_SECTION


def test_a_parameter_no_meter_can_hold_is_a_range_error() -> None:
    for subclass, fields in (
        (3, {"krn": 0}),
        (3, {"krn": 10}),
        (4, {"ti": 100}),
        (8, {"sgc": 1_000_000}),
    ):
        data = key_change.encode_section(subclass, 7, {"kt": 2} | fields)
        assert meter_of().enter(token.issue(2, data, key_of(CONFIG))).result is Result.RANGE


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 60), st.booleans()), max_size=60))
def test_no_token_counts_twice_and_no_neighbours_ever(
    entries: list[tuple[int, int, bool]],
) -> None:
    neighbour = replace(CONFIG, pan=meter_number.pan_from_drn("11111111115"))
    meter, credited = meter_of(memory=10), []
    for tenths, identifier, own in entries:
        digits = credit_of(CONFIG if own else neighbour, identifier, tenths)
        if meter.enter(digits).accepted:
            assert own
            credited.append((identifier, tenths))
    assert len({identifier for identifier, _ in credited}) == len(credited)
    assert meter.registers[0] == sum(tenths for _, tenths in credited)


@given(st.lists(st.sampled_from(["1"] * 5 + ["12", "144"]).map(int), min_size=1, max_size=40))
def test_everything_a_module_sells_in_order_is_accepted(gaps: list[int]) -> None:
    module = SoftwareModule("soft", demonstration_keys(), MemoryJournal())
    meter, now = meter_of(), NOON
    for number, gap in enumerate(gaps):
        now += timedelta(hours=gap // 12, minutes=gap % 12 // 2)
        [made] = module.credit_token(f"m{number}", CONFIG, 0, 100 + number, now)
        assert meter.enter(made.digits, now).result is Result.ACCEPT
    assert meter.registers[0] == sum(100 + number for number in range(len(gaps)))
