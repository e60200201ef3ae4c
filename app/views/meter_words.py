"""What is said of a meter on its own pages: its states, why it cannot buy, what a person should know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.domain import errors
from app.domain.states import MeterStatus
from app.models import Meter
from app.services.meter_keys import HeldKey
from app.services.products import maker_differs
from app.services.standing import Standing
from app.views import figures

# What a state means for selling.
MEANS: Mapping[MeterStatus, Any] = {
    MeterStatus.IN_STOCK: _l("On the shelf. It cannot buy until it is installed."),
    MeterStatus.INSTALLED: _l("In use. Only an installed meter may buy."),
    MeterStatus.BLOCKED: _l("It cannot buy; the counter says why, since when and by whom. Tokens given before still work."),
    MeterStatus.REMOVED: _l("Taken away for good. It cannot buy; its history stays. It can go into stock again."),
}
# The words on the button that leads there, from any state, and from a blocked meter.
BECOME: Mapping[MeterStatus, Any] = {
    MeterStatus.IN_STOCK: _l("Take into stock"),
    MeterStatus.INSTALLED: _l("Mark as installed"),
    MeterStatus.BLOCKED: _l("Block meter"),
    MeterStatus.REMOVED: _l("Mark as removed"),
}
RELEASE = _l("Release meter")
ICONS: Mapping[MeterStatus, str] = {
    MeterStatus.IN_STOCK: "fa-box",
    MeterStatus.INSTALLED: "fa-circle-check",
    MeterStatus.BLOCKED: "fa-ban",
    MeterStatus.REMOVED: "fa-box-archive",
}
WHY: Mapping[type[errors.Refusal], Any] = {
    errors.MeterBlocked: _l("It is not installed, or it is blocked: see its state."),
    errors.MeterWithoutConsumer: _l("Nobody has it. Bind it to a consumer."),
    errors.MeterWithoutTariff: _l("It has no tariff. Choose one under “Change”."),
    errors.NoPlanInForce: _l("Its tariff is not in force yet."),
    errors.LicenceExpired: _l("The licence is over, so nothing is sold anywhere."),
    errors.NoModule: _l("No active security module serves its algorithm."),
    errors.MeterWithoutCapacity: _l("Its tariff has a fee by the capacity of the connection, which is not registered. Type it under “Change”."),
    errors.KeyChangeUnconfirmed: _l("Its key-change tokens were handed out often enough: say below whether the meter took them."),
    errors.ClockBehind: _l("The clock of this computer must be confirmed first, so nothing is sold anywhere."),
    errors.ClockAhead: _l("The clock of this computer must be confirmed first, so nothing is sold anywhere."),
}
# What stands in the way is told by the warning about the key.
OF_THE_KEY = (errors.MeterWithoutKey, errors.KeyExpired)
KEY_TYPE: Mapping[int, Any] = {
    0: _l("0 (factory)"), 1: _l("1 (default)"), 2: _l("2 (unique)"), 3: _l("3 (common)"),
}  # fmt: skip


def act_word(old: MeterStatus, to: MeterStatus) -> Any:
    """What the button says that takes a meter from one state to another."""
    return RELEASE if (old, to) == (MeterStatus.BLOCKED, MeterStatus.INSTALLED) else BECOME[to]


def why_not(meter: Meter, standing: Standing) -> str:
    """Why the meter cannot buy now, in a sentence; nothing when it can."""
    if standing.why is None:
        return ""
    if isinstance(standing.why, OF_THE_KEY):
        return key_warning(standing.key, meter.sgc, meter.krn)
    return str(next((WHY[kind] for kind in type(standing.why).__mro__ if kind in WHY), _("It cannot buy now.")))


def maker_warning(number: str, product: Any) -> str:
    """That the number names another manufacturer than the product's; nothing when it does not."""
    differs = maker_differs(number, product)
    if differs is None:
        return ""
    return _(
        "The number begins with manufacturer code %(found)s, but %(maker)s has %(code)s. Compare number and product with the plate.",
        found=differs.found, maker=product.manufacturer.name, code=differs.expected,
    )  # fmt: skip


def key_warning(key: HeldKey | None, sgc: str, krn: int) -> str:
    """That a meter under this key cannot buy, or soon cannot; nothing when it can."""
    if key is None:
        return _(
            "No active security module holds the key %(sgc)s, revision %(krn)s. The meter can be registered; it cannot buy until a module holds it.",
            sgc=sgc, krn=krn,
        )  # fmt: skip
    if key.state == "over":
        return _(
            "The time of key %(sgc)s, revision %(krn)s is over. The next sale brings a key change first where the module holds a living key of the same supply group; otherwise sales are refused.",
            sgc=sgc, krn=krn,
        )  # fmt: skip
    if key.state == "soon":
        return _(
            "Key %(sgc)s, revision %(krn)s makes its last token on %(day)s. Plan a key change.",
            sgc=sgc, krn=krn, day=figures.date_of(key.end.at.date()),
        )  # fmt: skip
    return ""


def warnings(meter: Meter, standing: Standing) -> list[str]:
    """What a person should know of the meter's data; nothing here refused to be saved."""
    said = [
        maker_warning(meter.meter_number, meter.product),
        "" if isinstance(standing.why, OF_THE_KEY) else key_warning(standing.key, meter.sgc, meter.krn),
    ]
    return [one for one in said if one]
