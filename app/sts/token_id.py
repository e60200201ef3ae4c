"""Token id (TID): minutes from a base date to the time of issue, in 24 bits; never twice, never back.

Minute 00:01 of every day is reserved for special tokens: an ordinary token timed there, or pushed
there because the minute before was taken, gets 00:02. Base dates are 1 January 1993, 2014 and 2035,
00:00; which one counts is a property of the vending key. Clause: IEC 62055-41, 6.3.5.

>>> token_id(datetime(1996, 3, 25, 13, 55, tzinfo=UTC), 93)
1698595
>>> token_id(datetime(2026, 7, 29, 0, 1, tzinfo=UTC), 14)
6612482
>>> special(datetime(2026, 7, 29, 13, 45, tzinfo=UTC), 14)
6612481
"""

from datetime import UTC, datetime, timedelta

from app.sts.errors import (
    InvalidFormat,
    KeyExpiryNumberOutOfRange,
    TokenIdOutOfRange,
    UnknownBaseDate,
    check_range,
)

BASE_DATES = {
    year: datetime(century + year, 1, 1, tzinfo=UTC)
    for century, year in ((1900, 93), (2000, 14), (2000, 35))
}
MAX_TOKEN_ID = 0xFFFFFF
_MINUTES_PER_DAY = 1440
_RESERVED_MINUTE = 1
#: Ids of the reserved minute are remembered in a row of their own, named by the base date and this much.
RESERVED_ROW = 100


def clock_minute(time: datetime, base_date: int) -> int:
    """Return whole minutes from the base date to ``time`` (with its zone), reserved minute or not.

    Range 0..MAX_TOKEN_ID; raises TokenIdOutOfRange before the base date and after its end,
    UnknownBaseDate, and InvalidFormat for a time without a zone.

    >>> clock_minute(datetime(2024, 11, 24, 20, 16, tzinfo=UTC), 93)
    Traceback (most recent call last):
        ...
    app.sts.errors.TokenIdOutOfRange: 16777216 is not in 0..16777215
    """
    if not has_zone(time):
        raise InvalidFormat("a time of issue needs its time zone")
    passed = time - base(base_date)
    return check_range(
        TokenIdOutOfRange, passed.days * 1440 + passed.seconds // 60, 0, MAX_TOKEN_ID
    )


def token_id(time: datetime, base_date: int, last: int | None = None) -> int:
    """Return the id of an ordinary token issued at ``time``: the first free minute from then on.

    ``last``: the id last given to this meter on this base date; the new one is always larger, also
    when the clock has jumped back. Errors as :func:`clock_minute`.

    >>> two_past = datetime(2014, 1, 1, 0, 2, tzinfo=UTC)
    >>> token_id(two_past, 14), token_id(two_past, 14, last=2), token_id(two_past, 14, last=1440)
    (2, 3, 1442)
    """
    return first_free(clock_minute(time, base_date), last)


def first_free(minute: int, last: int | None = None) -> int:
    """Return the smallest ordinary id that is at least ``minute`` and larger than ``last``.

    Both 0..MAX_TOKEN_ID. Raises TokenIdOutOfRange, also when the base date has no minute left.

    >>> first_free(1441), first_free(7, last=7)
    (1442, 8)
    """
    wanted = check_range(TokenIdOutOfRange, minute, 0, MAX_TOKEN_ID)
    if last is not None and check_range(TokenIdOutOfRange, last, 0, MAX_TOKEN_ID) >= minute:
        wanted = last + 1
    if wanted % _MINUTES_PER_DAY == _RESERVED_MINUTE:
        wanted += 1
    return check_range(TokenIdOutOfRange, wanted, 0, MAX_TOKEN_ID)


def special(time: datetime, base_date: int) -> int:
    """Return the reserved id (minute 00:01) of the day of ``time``. Errors as :func:`clock_minute`.

    >>> special(datetime(2014, 1, 2, 23, 59, tzinfo=UTC), 14)
    1441
    """
    minute = clock_minute(time, base_date)
    return minute - minute % _MINUTES_PER_DAY + _RESERVED_MINUTE


def is_reserved(identifier: int) -> bool:
    """Answer whether an id is minute 00:01 of its day.

    >>> is_reserved(6612481), is_reserved(6612482)
    (True, False)
    """
    return identifier % _MINUTES_PER_DAY == _RESERVED_MINUTE


def issue_time(identifier: int, base_date: int) -> datetime:
    """Return the UTC time an id stands for. Raises TokenIdOutOfRange, UnknownBaseDate.

    >>> issue_time(MAX_TOKEN_ID, 14).isoformat()
    '2045-11-24T20:15:00+00:00'
    """
    check_range(TokenIdOutOfRange, identifier, 0, MAX_TOKEN_ID)
    return base(base_date) + timedelta(minutes=identifier)


def is_expired(identifier: int, key_expiry_number: int) -> bool:
    """Answer whether an id lies beyond a KEN (0-255): its top eight bits are larger.

    Clause: IEC 62055-41, 6.1.10. Raises TokenIdOutOfRange, KeyExpiryNumberOutOfRange.

    >>> is_expired(65535, 0), is_expired(65536, 0), is_expired(MAX_TOKEN_ID, 255)
    (False, True, False)
    """
    check_range(TokenIdOutOfRange, identifier, 0, MAX_TOKEN_ID)
    check_range(KeyExpiryNumberOutOfRange, key_expiry_number, 0, 255)
    return identifier >> 16 > key_expiry_number


def base(base_date: int) -> datetime:
    """Return the first instant of a base date: 93, 14 or 35. Raises UnknownBaseDate.

    >>> base(35).isoformat()
    '2035-01-01T00:00:00+00:00'
    """
    if type(base_date) is not int or base_date not in BASE_DATES:
        raise UnknownBaseDate(base_date, 93, "35 (93, 14 or 35)")
    return BASE_DATES[base_date]


def has_zone(time: object) -> bool:
    """Answer whether this is a time whose distance from UTC is known.

    >>> has_zone(base(14)), has_zone(datetime(2014, 1, 1)), has_zone(None)
    (True, False, False)
    """
    return isinstance(time, datetime) and time.utcoffset() is not None
