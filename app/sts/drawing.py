"""How a token's id follows from its time: the next free minute, exactly this one, or the reserved one.

Whatever the rule, no id of a meter is drawn twice and none lies before an earlier one: ids of the reserved
minute 00:01 are a row of their own, all others are another.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from app.sts import errors, token_id
from app.sts.keyring import expired, refused
from app.sts.keystore import VendingKey


class Rule(Enum):
    """Which minute becomes the id."""

    NEXT_FREE = "the minute of issue, or the next that is free and not reserved"
    EXACT = "exactly the minute of issue, as the caller keeps count"
    RESERVED = "minute 00:01 of the day of issue"


def draw(
    rule: Rule, key: VendingKey, minute: int, ken: int
) -> tuple[int, Callable[[int | None], int]]:
    """Return (row the id is remembered in, id by the last one of that row), for ``Journal.issue``.

    ``minute`` of issue on the key's base date; ``ken``: the least key expiry number that counts. The
    function raises ModuleError: ESts.VkExpired, or EParamRange for an id that is not free.

    >>> key = VendingKey('123456', 1, 2, dkga=2, base_date=14, ken=255, material=bytes(8))
    >>> row, wanted = draw(Rule.NEXT_FREE, key, 1440, 255)
    >>> row, wanted(None), wanted(1440)
    (14, 1440, 1442)
    >>> row, wanted = draw(Rule.RESERVED, key, 2000, 255)
    >>> row, wanted(None)
    (114, 1441)
    """
    if rule is Rule.RESERVED:
        minute = minute - minute % 1440 + 1
    reserved_row = rule is not Rule.NEXT_FREE and token_id.is_reserved(minute)
    row = key.base_date + (token_id.RESERVED_ROW if reserved_row else 0)

    def wanted(last: int | None) -> int:
        try:
            identifier = token_id.first_free(minute, last) if rule is Rule.NEXT_FREE else minute
        except errors.TokenIdOutOfRange:
            raise expired(key) from None
        if last is not None and identifier <= last:
            raise refused(f"token id {identifier} is not after the last one of this meter")
        if token_id.is_expired(identifier, ken):
            raise expired(key)
        return identifier

    return row, wanted
