"""Decode any twenty digits for one meter: what they mean, or precisely why they mean nothing.

>>> from app.sts.keys import DecoderKey
>>> key = DecoderKey(7, bytes.fromhex('87F3ECBB2E46B48F'))
>>> answer = verify('7063 0503 4700 2872 6114', key, base_date=14, ken=255)
>>> answer.reason, answer.kind, answer.amount, answer.issued_at.isoformat()
('EVerify.Ok', 'electricity', 1, '2014-03-01T13:00:00+00:00')
>>> verify('7063 0503 4700 2872 6115', key, base_date=14, ken=255).reason
'EVerify.Crc'
"""

from dataclasses import replace
from datetime import timedelta

from app.sts import credit, key_change, management, meter_test, token, token_id
from app.sts.errors import (
    InvalidChecksum,
    InvalidFormat,
    KeyTypeOutOfRange,
    ManufacturerCodeOutOfRange,
    OffsetOutOfRange,
    ReservedToken,
    check_range,
)
from app.sts.keys import DecoderKey
from app.sts.module import Verification

OK, FORMAT, FUNCTION = "EVerify.Ok", "EVerify.Format", "EVerify.Function"
CRC, KEY_EXPIRED, DDTK_CREDIT = "EVerify.Crc", "EVerify.KeyExpired", "EVerify.DdtkCredit"
MFR_CODE = "EVerify.MfrCode"


def verify(
    digits: str,
    key: DecoderKey,
    *,
    base_date: int,
    ken: int,
    key_type: int = 2,
    mfr_code: int | None = None,
    tid_offset_minutes: int = 0,
) -> Verification:
    """Return what the digits say under this key; a bad token is an answer, not an error.

    ``base_date`` 93, 14 or 35; ``ken`` 0-255; ``key_type`` 0-3; ``mfr_code``: the meter's own, 0-9999 (None:
    only generic test tokens are its); ``tid_offset_minutes`` is taken off the time of issue. Raises
    UnknownBaseDate or an OutOfRange.

    The checks come in the order of a meter's: class 3 is 'EVerify.Function' whatever its CRC, because the class
    is read before anything is decrypted (IEC 62055-41, 7.3).

    >>> from app.sts.keys import DecoderKey
    >>> key = DecoderKey(7, bytes.fromhex('87F3ECBB2E46B48F'))
    >>> digits = '70630503470028726114'
    >>> verify(digits, key, base_date=14, ken=0).reason, verify(digits[1:], key, base_date=14, ken=0).reason
    ('EVerify.KeyExpired', 'EVerify.Format')
    """
    token_id.is_expired(0, ken)  # a wrong argument is an error even where the token is not readable
    token_id.base(base_date)
    check_range(KeyTypeOutOfRange, key_type, 0, 3)
    check_range(ManufacturerCodeOutOfRange, 0 if mfr_code is None else mfr_code, 0, 9999)
    check_offset(tid_offset_minutes)
    try:
        token_class, data = token.read(digits, key)
    except InvalidFormat:
        return Verification(FORMAT)
    except ReservedToken:
        return Verification(FUNCTION, 3)
    except InvalidChecksum:
        return Verification(CRC, token.open_digits(digits)[0])
    try:
        answer = describe(token_class, data, key.ea)
    except ReservedToken:
        return Verification(FUNCTION, token_class, data >> 44)
    if answer.token_id is None:
        own = dict(answer.facts).get("mfr_code", 0) in (0, mfr_code)
        return answer if own else replace(answer, reason=MFR_CODE)
    issued_at = token_id.issue_time(answer.token_id, base_date) - timedelta(
        minutes=tid_offset_minutes
    )
    reason = OK
    if token_id.is_expired(answer.token_id, ken):
        reason = KEY_EXPIRED
    elif token_class == 0 and key_type == 1:
        reason = DDTK_CREDIT
    return replace(answer, reason=reason, issued_at=issued_at)


def check_offset(minutes: int) -> int:
    """Return minutes between UTC and a clock, a day at most either way. Raises OffsetOutOfRange.

    >>> check_offset(1441)
    Traceback (most recent call last):
        ...
    app.sts.errors.OffsetOutOfRange: 1441 is not in -1440..1440
    """
    return check_range(OffsetOutOfRange, minutes, -1440, 1440)


def describe(token_class: int, data: int, ea: int) -> Verification:
    """Return what 48 sound data bits say, whoever's they are. Raises ReservedToken.

    >>> describe(2, 0x055229FD03E8, 11).kind
    'maximum_power_limit'
    """
    if token_class == 0:
        said = credit.decode(data)
        _, nibble, identifier, field = token.unpack(data)
        facts = (("se" if said.subclass >= 4 else "rnd", nibble), ("field", field))
        kind = credit.KINDS[said.subclass]
        return Verification(OK, 0, said.subclass, kind, said.amount, identifier, None, facts)
    if token_class == 1:
        subclass, control, mfr_code = meter_test.decode(data)
        facts = (("control", control), ("mfr_code", mfr_code))
        return Verification(OK, 1, subclass, meter_test.KINDS[subclass], facts=facts)
    if token_class == 2 and data >> 44 in key_change.SECTIONS:
        sections = tuple(key_change.decode(data, ea).items())
        # Words of a new key are key material: they stay inside.
        public = tuple(fact for fact in sections if fact[0] not in key_change.KEY_WORDS)
        return Verification(OK, 2, data >> 44, "key_change", facts=public)
    if token_class == 2:
        order = management.decode(data)
        _, nibble, identifier, field = token.unpack(data)
        facts = (("rnd", nibble), ("field", field))
        kind = management.KINDS[order.subclass]
        return Verification(OK, 2, order.subclass, kind, order.value, identifier, None, facts)
    raise ReservedToken("class 3 is reserved")
