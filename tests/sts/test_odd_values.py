"""Values nobody should hand over: whatever was asked before, each is refused by the same documented error."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from fractions import Fraction

import pytest

from app.sts import (
    amount,
    credit,
    errors,
    id_record,
    key_change,
    keys,
    management,
    meter_number,
    meter_test,
    token,
    token_id,
    verify,
)
from app.sts.demonstration import demonstration_keys
from app.sts.drawing import Rule
from app.sts.journal import MemoryJournal
from app.sts.keys import DecoderKey, KeyTarget, prepare
from app.sts.module import MeterConfig, ModuleError
from app.sts.software import SoftwareModule

KEY = DecoderKey(7, bytes.fromhex("87F3ECBB2E46B48F"))
METER = MeterConfig("600727000000000009", ea=7, tct=2, sgc="201457", krn=1, ti=1, ken=255)
TARGET = KeyTarget("600727000000000009", 7, "201457", 2, 1, 1, 14)
DERIVATIONS = {2: prepare(2, bytes(8)), 4: prepare(4, bytes(20))}
HUGE = 10**5000  # Python refuses to write out more than 4300 digits
TOKEN = "70630503470028726114"


@pytest.mark.parametrize(
    "work",
    [
        amount.encode_units,
        amount.encode_currency,
        amount.decode_units,
        lambda x: credit.encode(credit.Credit(x, 1, 1)),
        lambda x: credit.encode(credit.Credit(0, x, 1)),
        lambda x: credit.encode(credit.Credit(4, x, 1)),
        lambda x: credit.encode(credit.Credit(0, 1, x)),
        lambda x: management.encode(management.Management(x, 0, 0)),
        lambda x: management.encode(management.Management(10, x, 0)),
        lambda x: meter_test.encode(0, x),
        lambda x: meter_test.encode(x, 0),
        lambda x: token.pack(0, 0, x, 0),
        lambda x: token.seal(0, x),
        lambda x: token.seal(x, 0),
        lambda x: token.insert_class(x, 0),
        lambda x: token.insert_class(0, x),
        KEY.encrypt,
        token_id.base,
        lambda x: token_id.issue_time(x, 14),
        lambda x: token_id.first_free(1, x),
        token_id.first_free,
        lambda x: verify.verify(TOKEN, KEY, base_date=14, ken=x),
        lambda x: verify.verify(TOKEN, KEY, base_date=14, ken=255, tid_offset_minutes=x),
        lambda x: key_change.encode_section(4, 7, {"ti": x}),
        lambda x: MeterConfig(TARGET.pan, 7, 2, "201457", 1, x, 255),
    ],
)
def test_a_huge_number_is_out_of_range(work: Callable[[object], object]) -> None:
    for value in (HUGE, -HUGE, [HUGE], Fraction(HUGE, 3), Decimal(HUGE)):
        with pytest.raises(errors.OutOfRange) as caught:
            work(value)
        assert len(errors.sentence(caught.value)) < 250


@pytest.mark.parametrize(
    "value",
    [HUGE, -HUGE, Fraction(HUGE, 3), Decimal(HUGE), Decimal("NaN")],
    ids=lambda value: type(value).__name__,
)
def test_a_huge_quantity_is_out_of_range(value: Decimal) -> None:
    for work in (amount.to_tenths, amount.to_money):
        with pytest.raises(errors.AmountOutOfRange):
            work(value)


def test_blocks_with_too_many_bits_are_read_by_their_lower_ones() -> None:
    high = HUGE << 48
    assert meter_test.decode(high | 0x60000001128E) == (6, 1, 4750)
    assert key_change.decode(high | 0x80312F100000, 7)["sgc"] == 201457
    with pytest.raises(errors.ReservedToken):
        meter_test.decode(high | 3 << 44)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"krn": True}, errors.KeyRevisionNumberOutOfRange),
        ({"krn": 1.0}, errors.KeyRevisionNumberOutOfRange),
        ({"krn": []}, errors.KeyRevisionNumberOutOfRange),
        ({"ti": True}, errors.TariffIndexOutOfRange),
        ({"ti": Fraction(1)}, errors.TariffIndexOutOfRange),
        ({"ti": {}}, errors.TariffIndexOutOfRange),
        ({"key_type": 2.0}, errors.KeyTypeOutOfRange),
        ({"key_type": [2]}, errors.KeyTypeOutOfRange),
        ({"sgc": 201457}, errors.SupplyGroupCodeOutOfRange),
        ({"sgc": ["201457"]}, errors.SupplyGroupCodeOutOfRange),
        ({"base_date": 14.0}, errors.UnknownBaseDate),
        ({"base_date": [14]}, errors.UnknownBaseDate),
        ({"base_date": 77}, errors.UnknownBaseDate),
        ({"ea": 7.0}, errors.UnknownAlgorithm),
        ({"ea": [7]}, errors.UnknownAlgorithm),
        ({"pan": None}, errors.InvalidFormat),
        ({"pan": list(TARGET.pan)}, errors.InvalidFormat),
        ({"pan": TARGET.pan.encode()}, errors.InvalidFormat),
    ],
)
def test_a_field_of_the_wrong_kind_is_refused_whatever_was_asked_before(
    changes: dict[str, object], error: type[errors.StsError]
) -> None:
    for derivation in DERIVATIONS.values():
        keys._control_block.cache_clear()
        keys.around_pan.cache_clear()
        for _ in ("cold", "warm"):
            with pytest.raises(error):
                derivation.decoder_key(TARGET._replace(**changes))
            derivation.decoder_key(TARGET)


@pytest.mark.parametrize("ea", [7.0, True, [], None, 9])
def test_an_algorithm_of_the_wrong_kind_makes_no_key(ea: int) -> None:
    with pytest.raises(errors.UnknownAlgorithm):
        DecoderKey(ea, bytes(8))


def test_a_common_key_of_160_bits_is_not_offered() -> None:
    """Low confidence: no public source says what stands in place of the MeterPAN."""
    common = TARGET._replace(key_type=3)
    with pytest.raises(errors.KeyTypeOutOfRange, match="DKGA04"):
        DERIVATIONS[4].decoder_key(common)
    assert DERIVATIONS[2].decoder_key(common) == DERIVATIONS[2].decoder_key(
        common._replace(pan=meter_number.pan_from_drn("11111111115"))
    )


@pytest.mark.parametrize(
    "work",
    [
        id_record.parse,
        id_record.parse_record2,
        meter_number.check_digit,
        meter_number.validate,
        meter_number.validate_pan,
        lambda x: keys.pan_block(x, 2),
        token.compact,
        token.groups,
        token.open_digits,
        id_record.check_expiry,
        lambda x: MeterConfig(TARGET.pan, 7, 2, "201457", 1, 1, 255, expiry=x),
        lambda x: token_id.token_id(x, 14),
        lambda x: token_id.special(x, 14),
    ],
)
def test_what_is_no_text_and_no_time_is_a_format_error(work: Callable[[object], object]) -> None:
    for text in (None, 7, 1.5, b"600727000000000009", [], object()):
        with pytest.raises(errors.InvalidFormat):
            work(text)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"tid_offset_minutes": float("inf")}, errors.OffsetOutOfRange),
        ({"tid_offset_minutes": 1441}, errors.OffsetOutOfRange),
        ({"tid_offset_minutes": None}, errors.OffsetOutOfRange),
        ({"key_type": 4}, errors.KeyTypeOutOfRange),
        ({"mfr_code": "x"}, errors.ManufacturerCodeOutOfRange),
        ({"base_date": 14.0}, errors.UnknownBaseDate),
        ({"ken": None}, errors.KeyExpiryNumberOutOfRange),
    ],
)
def test_a_wrong_question_about_a_token_is_an_error(
    changes: dict[str, object], error: type[errors.StsError]
) -> None:
    question = {"base_date": 14, "ken": 255} | changes
    for digits in (TOKEN, "no token"):
        with pytest.raises(error):
            verify.verify(digits, KEY, **question)


@pytest.mark.parametrize("last", ["7", 1.5, True, -1, []])
def test_the_last_token_id_is_one(last: int) -> None:
    with pytest.raises(errors.TokenIdOutOfRange):
        token_id.token_id(datetime(2026, 1, 1, tzinfo=UTC), 14, last)


@pytest.mark.parametrize("data", [None, 1.0, "0", b"\0", True])
def test_what_is_no_number_is_no_block(data: int) -> None:
    for work in (lambda: token.seal(0, data), lambda: token.issue(0, data, KEY)):
        with pytest.raises(errors.BlockOutOfRange):
            work()
    with pytest.raises(errors.BlockOutOfRange):
        token.insert_class(0, data)


def test_true_is_no_class() -> None:
    for work in (
        lambda: token.insert_class(True, 0),
        lambda: token.seal(True, 0),
        lambda: token.issue(True, 0, KEY),
    ):
        with pytest.raises(errors.TokenClassOutOfRange):
            work()


def test_class_1_is_never_encrypted_and_nothing_else_goes_plain() -> None:
    data = meter_test.encode(0, 2**36 - 1)
    assert token.issue(1, data, KEY) == token.issue(1, data, None) == "56493153725450313471"
    for token_class in (0, 2, 3):
        with pytest.raises(errors.NotAllowed):
            token.issue(token_class, 0, None)


@pytest.mark.parametrize("digits", ["7063 0503 4700 28726", "7063-0503-4700-28726", "-" * 3 + "1" * 17])
def test_seventeen_digits_with_separators_are_too_few(digits: str) -> None:
    with pytest.raises(errors.InvalidLength, match="20 digits, not 17"):
        token.compact(digits)


def test_random_bits_in_a_currency_token_are_refused_in_words() -> None:
    with pytest.raises(errors.NotAllowed, match="a currency token has no random bits"):
        credit.encode(credit.Credit(4, 1, 1, rnd=5))


@pytest.mark.parametrize("quantity", [1.5, "1", None, True])
def test_only_exact_numbers_are_sums_of_money(quantity: int) -> None:
    for work in (amount.to_money, amount.to_tenths):
        with pytest.raises(TypeError):
            work(quantity)


def test_money_is_exact_to_the_last_of_its_35_digits() -> None:
    most = amount.MAX_CURRENCY
    text = f"{most // 100_000}.{most % 100_000:05d}"
    assert amount.to_money(Decimal(text)) == most
    assert amount.to_money(Decimal("-" + text)) == -most
    assert amount.to_money(Fraction(most, 100_000)) == most
    with pytest.raises(errors.AmountOutOfRange):
        amount.to_money(Decimal(text + "1"))


class Nowhere(tzinfo):
    """A zone that does not know how far it is from UTC."""

    def utcoffset(self, _: datetime | None) -> timedelta | None:
        """Unknown."""
        return None


def module(**settings: int) -> SoftwareModule:
    return SoftwareModule("soft", demonstration_keys(), MemoryJournal(), **settings)


@pytest.mark.parametrize(
    "time", [None, 5, "2026-11-23", datetime(2026, 1, 1), datetime(2026, 1, 1, tzinfo=Nowhere())]  # noqa: DTZ001
)
@pytest.mark.parametrize("rule", Rule)
def test_what_is_no_moment_is_no_time_of_issue(time: datetime, rule: Rule) -> None:
    with pytest.raises(ModuleError) as caught:
        module().credit_token("m", METER, 0, 1, time, rule)
    assert caught.value.code == "EParamRange"


@pytest.mark.parametrize("offset", [-60, 60])
@pytest.mark.parametrize(
    "time", [datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)]
)
def test_the_ends_of_the_calendar_are_no_time_of_issue(offset: int, time: datetime) -> None:
    with pytest.raises(ModuleError) as caught:
        module(tid_offset_minutes=offset).credit_token("m", METER, 0, 1, time)
    assert caught.value.permanent


@pytest.mark.parametrize("offset", [1441, -1441, 1.5, float("inf"), None])
def test_a_token_clock_is_a_day_off_at_most(offset: int) -> None:
    with pytest.raises(errors.OffsetOutOfRange):
        module(tid_offset_minutes=offset)
