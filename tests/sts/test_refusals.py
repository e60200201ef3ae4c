"""Every field out of range names itself, its value and its range; nothing else is ever raised."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from app.sts import (
    amount,
    credit,
    errors,
    id_record,
    management,
    meter_number,
    meter_test,
    token,
    token_id,
    verify,
)
from app.sts.keys import DecoderKey, KeyTarget, prepare
from app.sts.module import Amendment, MeterConfig
from app.sts.virtual_meter import Result, VirtualMeter

METER = MeterConfig("600727000000000009", ea=7, tct=2, sgc="201457", krn=1, ti=1, ken=255)
KEY = DecoderKey(7, bytes.fromhex("87F3ECBB2E46B48F"))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"ti": 100}, "TariffIndexOutOfRange: 100 is not in 0..99"),
        ({"ti": -1}, "TariffIndexOutOfRange: -1 is not in 0..99"),
        ({"ti": "1"}, "TariffIndexOutOfRange: '1' is not in 0..99"),
        ({"krn": 0}, "KeyRevisionNumberOutOfRange: 0 is not in 1..9"),
        ({"krn": 10}, "KeyRevisionNumberOutOfRange: 10 is not in 1..9"),
        ({"krn": True}, "KeyRevisionNumberOutOfRange: True is not in 1..9"),
        ({"ken": 256}, "KeyExpiryNumberOutOfRange: 256 is not in 0..255"),
        ({"key_type": 4}, "KeyTypeOutOfRange: 4 is not in 0..3"),
        ({"tct": 100}, "TokenCarrierTypeOutOfRange: 100 is not in 0..99"),
        ({"ea": 9}, "UnknownAlgorithm: 9 is not in 7..11 (7 or 11)"),
        ({"sgc": "20145"}, "SupplyGroupCodeOutOfRange: '20145' is not in 000000..999999"),
        ({"sgc": "２01457"}, "SupplyGroupCodeOutOfRange: '２01457' is not in 000000..999999"),
        (
            {"pan": "600727000000000008"},
            "InvalidCheckDigit: a check digit of the MeterPAN does not fit",
        ),
        ({"pan": "60072700000000000"}, "InvalidLength: a MeterPAN has 18 digits, not 17"),
        ({"pan": "700727000000000009"}, "InvalidFormat: a MeterPAN starts with 600727 or 0000"),
        ({"pan": "60072700000000000٩"}, "InvalidFormat: only the digits 0 to 9 make a number"),
    ],
)
def test_a_meter_names_the_field_that_is_wrong(changes: dict[str, object], says: str) -> None:
    with pytest.raises(errors.StsError) as caught:
        replace(METER, **changes)
    assert errors.sentence(caught.value) == says


@pytest.mark.parametrize("pan", [600727000000000009, None, b"600727000000000009"])
def test_a_number_that_is_no_text_is_a_format_error(pan: str) -> None:
    for take in (lambda: replace(METER, pan=pan), lambda: meter_number.validate(pan)):
        with pytest.raises(errors.InvalidFormat):
            take()
    assert not meter_number.is_valid(pan)
    with pytest.raises(errors.InvalidFormat):
        token.read(pan, KEY)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"krn": 0}, "KeyRevisionNumberOutOfRange: 0 is not in 1..9"),
        ({"ti": 100}, "TariffIndexOutOfRange: 100 is not in 0..99"),
        ({"key_type": 4}, "KeyTypeOutOfRange: 4 is not in 0..3"),
        ({"sgc": "20145"}, "SupplyGroupCodeOutOfRange: '20145' is not in 000000..999999"),
        ({"pan": "60072700000000000A"}, "InvalidFormat: a MeterPAN has 18 digits"),
        ({"ea": 9}, "UnknownAlgorithm: 9 is not in 7..11 (7 or 11)"),
        ({"base_date": 13}, "UnknownBaseDate: 13 is not in 93..35 (93, 14 or 35)"),
    ],
)
def test_no_key_is_made_for_what_no_meter_can_be(changes: dict[str, object], says: str) -> None:
    target = KeyTarget("600727000000000009", 7, "201457", 2, 1, 1, 14)._replace(**changes)
    with pytest.raises(errors.StsError) as caught:
        prepare(4, bytes(20)).decoder_key(target)
    assert errors.sentence(caught.value) == says
    if set(changes) <= {"krn", "ti", "key_type", "sgc", "pan"}:
        with pytest.raises(type(caught.value)):
            prepare(2, bytes(8)).decoder_key(target)


@pytest.mark.parametrize("changes", [{"sgc": 201457}, {"expiry": None}, {"expiry": "2613"}])
def test_no_card_is_written_with_what_it_cannot_say(changes: dict[str, object]) -> None:
    record = id_record.IDRecord("600727000000000009", 2, 7, "201457", 1, 1)
    with pytest.raises(errors.StsError):
        replace(record, **changes)


@pytest.mark.parametrize("field", ["sgc", "krn", "ti"])
def test_an_amendment_is_checked_too(field: str) -> None:
    with pytest.raises(errors.OutOfRange):
        replace(Amendment("201457", 1, 1), **{field: 1000})


@pytest.mark.parametrize(
    ("work", "says"),
    [
        (lambda: amount.encode_units(18201625), "AmountOutOfRange: 18201625 is not in 0..18201624"),
        (lambda: amount.encode_units(-1), "AmountOutOfRange: -1 is not in 0..18201624"),
        (lambda: amount.encode_units(1.0), "AmountOutOfRange: 1.0 is not in 0..18201624"),
        (lambda: amount.decode_units(65536), "FieldOutOfRange: 65536 is not in 0..65535"),
        (lambda: amount.decode_currency(16, 0), "FieldOutOfRange: 16 is not in 0..15"),
        (lambda: credit.encode(credit.Credit(8, 1, 1)), "SubclassOutOfRange: 8 is not in 0..7"),
        (
            lambda: credit.encode(credit.Credit(0, 1, 2**24)),
            "TokenIdOutOfRange: 16777216 is not in 0..16777215",
        ),
        (lambda: credit.encode(credit.Credit(0, 1, 1, 16)), "RandomOutOfRange: 16 is not in 0..15"),
        (
            lambda: management.encode(management.Management(3, 0, 1)),
            "SubclassOutOfRange: 3 is not in 0..15 without 3, 4, 8 and 9",
        ),
        (
            lambda: management.encode(management.Management(1, 8, 1)),
            "FieldOutOfRange: 8 is not in 0..7",
        ),
        (
            lambda: management.encode(management.Management(5, 1, 1)),
            "FieldOutOfRange: 1 is not in 0..0",
        ),
        (lambda: management.extended_field(63, 0), "FieldOutOfRange: 63 is not in 0..62"),
        (lambda: management.extended_flag(512, 0), "FieldOutOfRange: 512 is not in 0..511"),
        (
            lambda: meter_test.issue(3, 0),
            "SubclassOutOfRange: 3 is not in 0..15 without 3, 4 and 5",
        ),
        (lambda: meter_test.issue(1, 2**28), "ControlOutOfRange: 268435456 is not in 0..268435455"),
        (lambda: meter_test.issue(0, 0, 100), "ManufacturerCodeOutOfRange: 100 is not in 0..99"),
        (lambda: meter_test.control_of((29,), 1), "TestNumberOutOfRange: 29 is not in 0..28"),
        (lambda: token_id.base(13), "UnknownBaseDate: 13 is not in 93..35 (93, 14 or 35)"),
        (lambda: token_id.is_expired(0, 256), "KeyExpiryNumberOutOfRange: 256 is not in 0..255"),
        (
            lambda: token.issue(0, 2**48, KEY),
            "BlockOutOfRange: a number of 49 bits is not in 0..2^48-1",
        ),
        (lambda: token.issue(4, 0, KEY), "TokenClassOutOfRange: 4 is not in 0..3"),
    ],
)
def test_a_value_out_of_range_says_so(work: object, says: str) -> None:
    with pytest.raises(errors.OutOfRange) as caught:
        work()  # type: ignore[operator]
    assert errors.sentence(caught.value) == says


@pytest.mark.parametrize(
    "digits",
    [
        "1" * 19,
        "1" * 21,
        "",
        "1234",
        " " * 20,
        "１" * 20,
        "1e19" + "0" * 16,
        "+1234567890123456789",
        "-1234567890123456789",
        "1_2345678901234567890",
    ],
)
def test_what_is_no_twenty_digits_is_a_format_error(digits: str) -> None:
    with pytest.raises(errors.InvalidFormat):
        token.read(digits, KEY)
    assert verify.verify(digits, KEY, base_date=14, ken=255).reason == "EVerify.Format"


@pytest.mark.parametrize(
    "number", ["", "1", "1" * 12, "11111111113", "1111111111x", "１1111111115", "+1111111115"]
)
def test_what_is_no_meter_number_is_not_valid(number: str) -> None:
    assert not meter_number.is_valid(number)


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "1" * 35,
        "6" * 34,
        "60072700000000000913000207201457011",
        "60072700000000000900000207201457010",
        "60072700000000000900000209201457011",
        "６0072700000000000900000207201457011",
    ],
)
def test_what_is_no_card_record_is_refused(wrong: str) -> None:
    with pytest.raises(errors.StsError):
        id_record.parse(wrong)
    with pytest.raises(errors.StsError):
        id_record.parse_record2(wrong)


@pytest.mark.parametrize(
    "quantity",
    [
        Decimal("NaN"),
        Decimal("Infinity"),
        Decimal("1E+999999"),
        Decimal(-1),
        Fraction(-1, 3),
        18201625,
    ],
)
def test_quantities_that_no_token_carries_are_refused(quantity: Decimal) -> None:
    with pytest.raises(errors.AmountOutOfRange):
        amount.to_tenths(quantity)


@pytest.mark.parametrize("quantity", [1.5, "1", None])
def test_a_quantity_that_is_not_exact_is_no_quantity(quantity: float) -> None:
    with pytest.raises(TypeError):
        amount.to_tenths(quantity)  # type: ignore[arg-type]


def test_a_quantity_is_rounded_up_to_tenths() -> None:
    assert amount.to_tenths(Decimal("1.0500000001")) == 11
    assert amount.to_tenths(Fraction(1, 3)) == 4
    assert amount.to_tenths(Decimal("1E-999999")) == 1
    assert amount.to_tenths(25) == 250


def test_a_time_without_a_zone_is_no_time_of_issue() -> None:
    with pytest.raises(errors.InvalidFormat):
        token_id.clock_minute(datetime(2026, 1, 1), 14)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("ken", "key_type", "reason"), [(255, 2, "Ok"), (0, 2, "KeyExpired"), (255, 1, "DdtkCredit")]
)
def test_a_sound_token_is_verified_with_the_precise_reason(
    ken: int, key_type: int, reason: str
) -> None:
    said = verify.verify("70630503470028726114", KEY, base_date=14, ken=ken, key_type=key_type)
    assert said.reason == f"EVerify.{reason}"
    assert (said.kind, said.amount, said.token_id) == ("electricity", 1, 85740)
    assert said.issued_at == datetime(2014, 3, 1, 13, 0, tzinfo=UTC)


def test_a_key_change_token_is_verified_without_its_key_words() -> None:
    said = verify.verify("06510894141453018386", KEY, base_date=14, ken=255)
    assert (said.accepted, said.kind, said.subclass) == (True, "key_change", 3)
    assert dict(said.facts) == {
        "subclass": 3,
        "kenho": 15,
        "krn": 1,
        "ro": 0,
        "three_kct": 0,
        "kt": 2,
    }


def test_another_makers_test_token_is_told_apart() -> None:
    digits = meter_test.issue(0, 1, 12)
    reasons = [
        verify.verify(digits, KEY, base_date=14, ken=255, mfr_code=code).reason
        for code in (12, 13, None)
    ]
    assert reasons == ["EVerify.Ok", "EVerify.MfrCode", "EVerify.MfrCode"]


def test_a_reserved_class_is_a_function_error_whatever_its_checksum() -> None:
    """The class stands outside the cipher: a meter refuses it before it decrypts anything."""
    good = token.issue(3, 0, KEY)
    other = f"{int(good) ^ 1:020d}"
    for digits in (good, other):
        said = verify.verify(digits, KEY, base_date=14, ken=255)
        assert (said.reason, said.token_class) == ("EVerify.Function", 3)
        assert VirtualMeter(METER, KEY).enter(digits).result is Result.FUNCTION


def test_the_package_loads_nothing_heavy() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import app.sts.software, app.sts.verify, sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert "app.sts.token" in loaded
    assert not {"flask", "sqlalchemy", "pandas", "numpy", "Crypto", "socket"} & set(loaded)
