"""What the next credit token of a meter brings beside credit: a key change that travels with it, a key that ends soon.

Told before anything is sold.  What a module really sends it decides itself; this is what its key list says.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.models import SupplyGroupKey
from app.services.desk import Desk
from app.services.key_changes import TRIES
from app.services.module_keys import end_of

# IEC 62055-41, 6.2.4.5: a 64-bit key goes into two tokens, a 128-bit key (EA11) into four.
TOKENS_OF_A_SET = {7: 2, 11: 4}


@dataclass(frozen=True, slots=True)
class Travelling:
    """A key change that goes before the next credit token: where it leads, how many tokens, which set it is.

    `last`: nothing is sold after this set until somebody says whether the meter took it.
    """

    sgc: str
    krn: int
    ti: int
    tokens: int
    number: int

    @property
    def last(self) -> bool:
        """Whether no further set follows without a word."""
        return self.number >= TRIES


def travelling(desk: Desk, instant: datetime) -> Travelling | None:
    """The key change that the meter's next sale brings along, or None."""
    meter, held, following = desk.meter, desk.key, desk.next_key
    tokens, number = TOKENS_OF_A_SET[meter.ea], meter.pending_tries + 1
    to = desk.change_due(instant)
    if to is not None:
        return Travelling(to.sgc, to.krn, to.ti, tokens, number)
    if held is None:
        return None
    # Of its own a module moves a meter to the key of its group that became active last, and to another KEN.
    newer = held if following is None or not _later(following, held) else following
    return None if newer is held and held.ken == meter.ken else Travelling(newer.sgc, newer.krn, meter.ti, tokens, 1)


def _later(following: SupplyGroupKey, held: SupplyGroupKey) -> bool:
    if following.active_from is None:
        return False
    return held.active_from is None or following.active_from > held.active_from


def ends_soon(desk: Desk, instant: datetime) -> datetime | None:
    """When the meter's key makes its last token, if that is near."""
    if desk.key is None:
        return None
    end = end_of(desk.key)
    return end.at if end.state(instant) == "soon" else None
