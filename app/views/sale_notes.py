"""What stands between the amount and Sell: key change, jump of the price, odd size, a key that ends soon.

None of them stops a sale; each says what it means, and where there is a better sum, offers it as a button.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from flask_babel import ngettext

from app.domain.ahead import Jump, Sellable
from app.domain.money import Currency
from app.services.habits import Habit, Size
from app.services.key_ahead import Travelling, ends_soon, travelling
from app.services.key_changes import TRIES
from app.services.pricing import Offer, Sight, jump_beside
from app.views import figures


@dataclass(frozen=True, slots=True)
class Note:
    """One warning; `uses` are better sums as (what is sent, what the button says)."""

    kind: str
    icon: str
    title: str
    text: str = ""
    uses: tuple[tuple[str, str], ...] = ()


def notes_of(offer: Offer, sight: Sight, *, by_quantity: bool) -> tuple[Note, ...]:
    """Everything worth saying of this purchase before it is sold."""
    leaves = travelling(offer.desk, sight.at) if offer.quote.token_units else None
    beside = jump_beside(offer)
    size = _size(offer, sight.habit)
    ends = None if leaves is not None else ends_soon(offer.desk, sight.at)
    found = (
        None if beside is None else _jump(beside, offer, by_quantity=by_quantity),
        size,
        None if leaves is None else _key_change(leaves),
        None if ends is None else _ends(ends),
    )
    return tuple(note for note in found if note is not None)


def _key_change(leaves: Travelling) -> Note:
    text = _(
        "The customer types %(num)s key-change tokens first, in the order of the slip, then the credit token:"
        " %(all)s rows of twenty digits. This is set %(set)s of %(tries)s.",
        num=leaves.tokens, all=leaves.tokens + 1, set=leaves.number, tries=TRIES,
    )  # fmt: skip
    if leaves.last:
        then = _("After it nothing is sold until somebody says on the meter’s page whether the meter took it.")
        text = f"{text} {then}"
    return Note("key_change", "fa-key", _("A key change travels with this sale."), text)


def _jump(beside: Jump, offer: Offer, *, by_quantity: bool) -> Note:
    currency, unit = offer.currency, offer.unit
    size = _units(int(beside.at), unit)
    fine = figures.with_code(figures.price(beside.fine, currency.decimals), currency.code)
    if beside.crossed:
        uses = _uses((beside.below,), beside, currency, unit, by_quantity=by_quantity)
        if not beside.fine:
            return Note("jump", "fa-arrow-trend-up", _("Above %(units)s every unit costs more.", units=size),
                        _("Up to there this month counts by the lower price list."), uses)  # fmt: skip
        return Note("jump", "fa-arrow-trend-up", _("%(fine)s of this sum is a fine.", fine=fine),
                    _("It is for more than %(units)s in one purchase.", units=size), uses)  # fmt: skip
    left = figures.money_code(beside.left_minor, currency.decimals, currency.code)
    title = _("%(money)s is left over and is handed back: no quantity costs exactly this amount.", money=left)
    text = _("More than %(units)s costs the next price list throughout.", units=size)
    if beside.fine:
        text = _("More than %(units)s in one purchase costs a fine of %(fine)s.", units=size, fine=fine)
    uses = _uses((beside.below, beside.above), beside, currency, unit, by_quantity=by_quantity)
    return Note("jump", "fa-arrow-trend-up", title, text, uses)


def _uses(
    offered: tuple[Sellable | None, ...], beside: Jump, currency: Currency, unit: str, *, by_quantity: bool
) -> tuple[tuple[str, str], ...]:
    uses = []
    for one in offered:
        if one is None or (by_quantity and one.token_units > beside.at):
            continue
        sent = figures.units(one.token_units) if by_quantity else figures.money(one.amount_minor, currency.decimals)
        money = figures.money(one.amount_minor, currency.decimals)
        uses.append((sent, _("%(money)s for %(units)s", money=money, units=_units(one.token_units, unit))))
    return tuple(uses)


def _size(offer: Offer, habit: Habit) -> Note | None:
    unusual = habit.unusual(offer.quote.token_units)
    if unusual is None:
        return None
    title = _("Much more than ever for this meter.")
    if unusual is Size.SMALL:
        title = _("Much less than ever for this meter.")
    text = ngettext(
        "In its last purchase it took %(low)s to %(high)s. Compare the number with what the customer wants.",
        "In its last %(num)s purchases it took %(low)s to %(high)s each. Compare the number with what the customer wants.",
        habit.count, low=_units(habit.smallest, offer.unit), high=_units(habit.largest, offer.unit),
    )  # fmt: skip
    return Note("size", "fa-scale-unbalanced", title, text)


def _ends(at: datetime) -> Note:
    return Note(
        "key_ends", "fa-hourglass-end",
        _("The key of this meter makes its last token on %(day)s.", day=figures.date_of(at.date())),
        _("Sell as usual, and tell a manager: the meter needs a key change before."),
    )  # fmt: skip


def _units(tenths: int, unit: str) -> str:
    return figures.ltr(f"{figures.units(tenths)}{figures.NBSP}{unit}")
