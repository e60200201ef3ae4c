"""What a permission is worth nothing without: who changes meters has to see them, who gives a region looks it up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from app.access import permissions as p
from app.access.permissions import Permission

# Beside the rule that whatever acts on a page needs to see that page.
FURTHER: Mapping[Permission, frozenset[Permission]] = {
    p.SELL: frozenset({p.READ_RECEIPTS}),
    p.SEND_ELSEWHERE: frozenset({p.READ_REPORTS}),
    # These forms ask for a region or a consumer, which are looked up while one types.
    **{
        right: frozenset({p.LOOK_UP})
        for right in (
            p.ADD_CONSUMERS, p.CHANGE_CONSUMERS, p.ADD_METERS, p.CHANGE_METERS, p.ADD_USERS, p.CHANGE_USERS,
            p.ADD_VENDING_POINTS, p.CHANGE_VENDING_POINTS,
        )
    },
}  # fmt: skip


def needs_of(right: Permission) -> frozenset[Permission]:
    """What `right` needs directly."""
    look = Permission("can_read", right.page)
    seen = {look} if right != look and look in p.every().values() else set()
    return frozenset(seen) | FURTHER.get(right, frozenset())


def with_needs(rights: Iterable[Permission]) -> set[Permission]:
    """`rights` and everything that they need, directly or not."""
    whole: set[Permission] = set()
    open_ones = list(rights)
    while open_ones:
        right = open_ones.pop()
        if right not in whole:
            whole.add(right)
            open_ones.extend(needs_of(right))
    return whole
