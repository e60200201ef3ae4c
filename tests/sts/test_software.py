"""The software security module: once per message, never backwards, and the standard's rules for keys."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest

from app.sts import meter_number
from app.sts.demonstration import demonstration_keys
from app.sts.journal import MemoryJournal, tokens_from_json, tokens_to_json
from app.sts.keystore import VendingKey
from app.sts.module import Amendment, IssuedToken, MeterConfig, ModuleError, SecurityModule
from app.sts.software import SoftwareModule

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
STS6 = MeterConfig(
    meter_number.pan_from_drn("00000000000"), ea=7, tct=2, sgc="201457", krn=1, ti=1, ken=255
)
LEGACY = replace(STS6, sgc="123456")
OVER = replace(STS6, sgc="888888")
MATERIAL = bytes.fromhex("ABABABABABABABAB949494949494949401234567")


def module_with(*keys: VendingKey, **settings: object) -> SoftwareModule:
    settings = {"clock": lambda: NOON} | settings
    return SoftwareModule("soft", keys or demonstration_keys(), MemoryJournal(), **settings)


def vending_key(krn: int = 1, **changes: object) -> VendingKey:
    key = VendingKey("201457", krn, 2, dkga=4, base_date=14, ken=255, material=MATERIAL)
    return replace(key, **changes)


@pytest.fixture
def module() -> SoftwareModule:
    return module_with()


def refusal(work: object, *arguments: object) -> ModuleError:
    with pytest.raises(ModuleError) as caught:
        work(*arguments)
    return caught.value


def test_it_is_a_security_module(module: SecurityModule) -> None:
    assert module.status().name == "soft"
    assert module.status().keys[0].eas == (7,)
    assert module.status().keys[3].eas == (7, 11)


def test_it_makes_the_compliance_token_but_for_its_random_bits(module: SoftwareModule) -> None:
    [token] = module.credit_token("m", STS6, 0, 1, datetime(2014, 3, 1, 13, 0, tzinfo=UTC))
    assert (token.token_id, token.base_date, token.amount) == (85740, 14, 1)
    assert len(token.digits) == 20
    verification = module.verify(STS6, token.digits)
    assert verification.accepted
    assert verification.issued_at == datetime(2014, 3, 1, 13, 0, tzinfo=UTC)


@pytest.mark.parametrize("meter", [STS6, LEGACY, replace(STS6, ea=11)])
@pytest.mark.parametrize("subclass", range(8))
def test_every_credit_comes_back_as_issued(
    module: SoftwareModule, meter: MeterConfig, subclass: int
) -> None:
    [token] = module.credit_token("m", meter, subclass, 20_000, NOON)
    verification = module.verify(meter, token.digits)
    assert token.amount == verification.amount == 20_004
    assert (verification.token_class, verification.subclass) == (0, subclass)


def test_a_repeated_message_gets_the_same_token(module: SoftwareModule) -> None:
    first = module.credit_token("m1", STS6, 0, 256, NOON)
    assert module.credit_token("m1", STS6, 0, 256, NOON + timedelta(hours=3)) == first
    assert module.fetch("m1") == first
    assert module.status().tokens_issued == 1


def test_a_message_id_cannot_be_used_for_something_else(module: SoftwareModule) -> None:
    module.credit_token("m1", STS6, 0, 256, NOON)
    error = refusal(module.credit_token, "m1", STS6, 0, 257, NOON)
    assert (error.code, error.permanent) == ("EParamRange", True)


def test_an_unknown_message_is_a_passing_miss(module: SoftwareModule) -> None:
    error = refusal(module.fetch, "never")
    assert (error.code, error.permanent) == ("ECacheMiss", False)


@pytest.mark.parametrize("message_id", ["", "-x", "x" * 41, "a b", "ä", None])
def test_an_odd_message_id_is_refused(module: SoftwareModule, message_id: str) -> None:
    assert refusal(module.credit_token, message_id, STS6, 0, 1, NOON).code == "EParamRange"
    assert refusal(module.fetch, message_id).code == "EParamRange"


def test_tokens_of_one_minute_take_the_next_free_minutes(module: SoftwareModule) -> None:
    midnight = datetime(2026, 11, 24, tzinfo=UTC)
    ids = [module.credit_token(f"m{n}", STS6, 0, 1, midnight)[0].token_id for n in range(4)]
    first = ids[0]
    assert first is not None
    assert ids == [first, first + 2, first + 3, first + 4]  # 00:01 is reserved
    assert first % 1440 == 0


def test_token_ids_never_go_back_when_the_clock_does(module: SoftwareModule) -> None:
    ids = [
        module.credit_token(f"m{n}", STS6, 0, 1, NOON - timedelta(days=n))[0].token_id
        for n in range(5)
    ]
    assert ids == list(range(ids[0], ids[0] + 5))  # type: ignore[arg-type]


def test_meters_and_base_dates_count_for_themselves() -> None:
    module = module_with(
        vending_key(),
        vending_key(2, base_date=35),
    )
    later = datetime(2036, 1, 1, tzinfo=UTC)
    other = replace(STS6, pan=meter_number.pan_from_drn("11111111115"))
    second = replace(STS6, krn=2)
    ids = [
        module.credit_token(f"m{n}", meter, 0, 1, later)[0].token_id
        for n, meter in enumerate((STS6, other, second))
    ]
    assert ids[0] == ids[1]
    assert ids[2] == 365 * 1440


def test_eight_threads_share_no_token_id(module: SoftwareModule) -> None:
    made: list[IssuedToken] = []

    def sell(seller: int) -> None:
        for number in range(25):
            made.extend(module.credit_token(f"{seller}.{number}", STS6, 0, 10, NOON))

    threads = [Thread(target=sell, args=(seller,)) for seller in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({token.token_id for token in made}) == len({token.digits for token in made}) == 200


def test_the_offset_moves_token_ids_and_is_taken_off_again() -> None:
    plain, shifted = module_with(), module_with(tid_offset_minutes=120)
    [here] = plain.credit_token("m", STS6, 0, 1, NOON)
    [there] = shifted.credit_token("m", STS6, 0, 1, NOON)
    assert there.token_id == here.token_id + 120  # type: ignore[operator]
    assert shifted.verify(STS6, there.digits).issued_at == NOON
    assert plain.verify(STS6, there.digits).issued_at == NOON + timedelta(hours=2)


@pytest.mark.parametrize(
    ("meter", "code"),
    [
        (OVER, "ESts.VkExpired"),
        (replace(STS6, sgc="000000"), "EKeystore.NotFound"),
        (replace(STS6, krn=3), "EKeystore.NotFound"),
        (replace(STS6, key_type=1), "EKeystore.NotFound"),
        (replace(LEGACY, ea=11), "EParamRange"),
        (replace(STS6, ken=0), "ESts.VkExpired"),
    ],
)
def test_a_meter_without_a_good_key_is_refused_for_good(
    module: SoftwareModule, meter: MeterConfig, code: str
) -> None:
    error = refusal(module.credit_token, "m", meter, 0, 1, NOON)
    assert (error.code, error.permanent) == (code, True)
    assert refusal(module.fetch, "m").code == "ECacheMiss"


def test_the_base_date_1993_is_over_and_says_what_to_do(module: SoftwareModule) -> None:
    last = datetime(2024, 11, 24, 20, 15, tzinfo=UTC)
    assert module.credit_token("m", OVER, 0, 1, last)[0].token_id == 16777215
    error = refusal(module.credit_token, "m2", OVER, 0, 1, last + timedelta(minutes=1))
    assert error.code == "ESts.VkExpired"
    assert "key change" in error.detail
    again = refusal(module.credit_token, "m3", OVER, 0, 1, last)  # its last minute is taken
    assert again.code == "ESts.VkExpired"


def test_before_the_base_date_nothing_is_made(module: SoftwareModule) -> None:
    early = datetime(2013, 12, 31, 23, 59, tzinfo=UTC)
    assert refusal(module.credit_token, "m", STS6, 0, 1, early).code == "ESts.VkBeforeBdt"


def test_a_time_without_a_zone_is_refused(module: SoftwareModule) -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001  that is the point
    assert refusal(module.credit_token, "m", STS6, 0, 1, naive).code == "EParamRange"


@pytest.mark.parametrize(
    ("subclass", "amount"),
    [(0, -1), (0, 18201625), (8, 1), (-1, 1), (0, True), (0, 1.0), (0, "1"), (4, 10**36)],
)
def test_amounts_out_of_range_are_refused_by_name(
    module: SoftwareModule, subclass: int, amount: int
) -> None:
    error = refusal(module.credit_token, "m", STS6, subclass, amount, NOON)
    assert error.code == "EParamRange"
    assert "OutOfRange" in error.detail


def test_a_key_that_expires_is_refused_from_its_ken_on() -> None:
    module = module_with(vending_key(ken=103))
    last_minute = datetime(2014, 1, 1, tzinfo=UTC) + timedelta(minutes=104 * 65536 - 1)
    assert module.credit_token("m1", STS6, 0, 1, last_minute)[0].token_id == 104 * 65536 - 1
    assert refusal(module.credit_token, "m2", STS6, 0, 1, last_minute).code == "ESts.VkExpired"
    late = last_minute + timedelta(minutes=1)
    assert refusal(module.credit_token, "m3", replace(STS6, krn=1), 0, 1, late).permanent


def test_activation_times_are_kept() -> None:
    hour = timedelta(hours=1)
    module = module_with(vending_key(active_from=NOON, active_to=NOON + hour))
    assert refusal(module.credit_token, "m", STS6, 0, 1, NOON - hour).code == "EKeystore.NotFound"
    assert module.credit_token("m", STS6, 0, 1, NOON)
    assert refusal(module.credit_token, "n", STS6, 0, 1, NOON + 2 * hour).code == "ESts.VkExpired"


def test_no_credit_under_a_default_key_but_management_is_fine() -> None:
    module = module_with(vending_key(key_type=1))
    meter = replace(STS6, key_type=1)
    assert "KT 1" in refusal(module.credit_token, "m", meter, 0, 1, NOON).detail
    assert module.management_token("n", meter, 5, 0, NOON)[0].subclass == 5


def test_a_common_key_is_for_magnetic_cards() -> None:
    module = module_with(vending_key(key_type=3, dkga=2, material=MATERIAL[:8], eas=()))
    meter = replace(STS6, key_type=3)
    assert "KT 3" in refusal(module.credit_token, "m", meter, 0, 1, NOON).detail
    assert module.credit_token("n", replace(meter, tct=1), 0, 1, NOON)


def test_a_common_key_of_160_bits_makes_nothing(module: SoftwareModule) -> None:
    """No public source says how DKGA04 makes one (KT 3); a token that may be wrong is not offered."""
    common = module_with(vending_key(), vending_key(2, key_type=3))
    card = replace(STS6, tct=1)
    refusals = (
        refusal(common.credit_token, "m", replace(card, krn=2, key_type=3), 0, 1, NOON),
        refusal(common.key_change_tokens, "n", card, Amendment("201457", 2, 1)),
    )
    for error in refusals:
        assert error.code == "EParamRange"
        assert "KeyTypeOutOfRange: 3 is not in 0..2 under DKGA04" in error.detail


def test_two_keys_of_one_group_and_revision_are_refused() -> None:
    other = vending_key(material=bytes(20))
    assert "201457/1" in refusal(module_with, vending_key(), other).detail
    module = module_with(vending_key())
    refusal(module.load, [vending_key(2), vending_key(2)])
    assert [key.krn for key in module.status().keys] == [1]


@pytest.mark.parametrize(
    ("ea", "three", "count"), [(7, False, 2), (7, True, 3), (11, False, 4), (11, True, 4)]
)
def test_a_key_change_set_says_what_to_store(
    module: SoftwareModule, ea: int, three: bool, count: int
) -> None:
    meter = replace(STS6, ea=ea, three_key_tokens=three)
    tokens = module.key_change_tokens("m", meter, Amendment("201457", 2, 7))
    assert len(tokens) == count
    advice = tokens[0].advice
    assert advice is not None
    assert (advice.to_sgc, advice.to_krn, advice.to_ti, advice.to_ken) == ("201457", 2, 7, 255)
    assert advice.rollover is False
    assert all(token.advice is None and token.token_id is None for token in tokens[1:])
    assert module.key_change_tokens("n", meter, Amendment("201457", 2, 7)) == tokens
    assert module.fetch("m") == tokens


def test_the_compliance_key_change_comes_out(module: SoftwareModule) -> None:
    tokens = module.key_change_tokens("m", STS6, Amendment("201457", 1, 2))
    assert [t.digits for t in tokens] == ["06510894141453018386", "22979178279997208272"]


def test_leaving_an_expired_key_is_allowed_and_rolls_over(module: SoftwareModule) -> None:
    tokens = module.key_change_tokens("m", OVER, Amendment("888888", 2, 1))
    assert tokens[0].advice is not None
    assert tokens[0].advice.rollover


def test_changing_to_an_expired_key_is_not(module: SoftwareModule) -> None:
    meter = replace(OVER, krn=2)
    error = refusal(module.key_change_tokens, "m", meter, Amendment("888888", 1, 1))
    assert error.code == "ESts.VkExpired"


def test_a_sale_with_a_key_change_is_made_under_the_new_key(module: SoftwareModule) -> None:
    meter = replace(OVER, amendment=Amendment("888888", 2, 1))
    *change, credit = module.credit_token("m", meter, 0, 100, NOON)
    assert len(change) == 2
    assert (credit.krn, credit.base_date) == (2, 14)
    assert module.verify(replace(OVER, krn=2), credit.digits).amount == 100
    assert module.verify(meter, credit.digits).reason == "EVerify.Crc"
    assert module.fetch("m") == (*change, credit)


def test_a_newer_key_in_force_is_changed_to_when_allowed() -> None:
    module = module_with(vending_key(), vending_key(2, active_from=NOON))
    asking = replace(STS6, allow_krn_update=True)
    before = module.credit_token("m0", asking, 0, 1, NOON - timedelta(minutes=5))
    assert len(before) == 1
    tokens = module.credit_token("m1", asking, 0, 1, NOON)
    assert [token.krn for token in tokens] == [1, 1, 2]
    assert len(module.credit_token("m2", STS6, 0, 1, NOON)) == 1


def test_another_key_expiry_number_is_brought_to_the_meter_when_allowed() -> None:
    module = module_with(vending_key(ken=200))
    tokens = module.credit_token("m1", replace(STS6, allow_ken_update=True), 0, 1, NOON)
    assert len(tokens) == 3
    assert tokens[0].advice is not None
    assert tokens[0].advice.to_ken == 200
    assert len(module.credit_token("m2", STS6, 0, 1, NOON)) == 1


def test_an_answer_outlives_its_key(module: SoftwareModule) -> None:
    last = datetime(2024, 11, 24, 20, 15, tzinfo=UTC)
    first = module.credit_token("m", OVER, 0, 1, last)
    assert module.credit_token("m", OVER, 0, 1, NOON) == first


def test_keys_out_of_time_are_alerts(module: SoftwareModule) -> None:
    [alert] = module.status().alerts
    assert "888888/1" in alert


def test_the_sample_tables_are_for_training_only() -> None:
    module = module_with(tables="sample")
    assert module.training_only
    assert any("training" in alert for alert in module.status().alerts)
    [token] = module.credit_token("m", STS6, 0, 1, NOON)
    assert module.verify(STS6, token.digits).accepted
    assert module_with().verify(STS6, token.digits).reason == "EVerify.Crc"


def test_a_failed_request_leaves_no_trace(module: SoftwareModule) -> None:
    [first] = module.credit_token("m1", STS6, 0, 1, NOON)
    refusal(module.credit_token, "m2", STS6, 0, -1, NOON)
    [second] = module.credit_token("m2", STS6, 0, 1, NOON)
    assert second.token_id == first.token_id + 1  # type: ignore[operator]


def test_tokens_survive_as_text(module: SoftwareModule) -> None:
    meter = replace(OVER, amendment=Amendment("888888", 2, 1))
    tokens = module.credit_token("m", meter, 4, -20_000, NOON)
    assert tokens_from_json(tokens_to_json(tokens)) == tokens
