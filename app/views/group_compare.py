"""Two groups side by side, function by function: what one may do and the other may not, or everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.access.permissions import every
from app.models import UserGroup
from app.views.rights_words import act_label, parts
from app.views.sight import rights_of


@dataclass(frozen=True, slots=True)
class Act:
    """One act and whether each of the two groups has it."""

    label: Any
    left: bool
    right: bool


def compared(groups: Sequence[UserGroup], asked: Mapping[str, str]) -> dict[str, Any]:
    """The two groups that were asked for (the first two else), and their acts by part and function."""
    known = {str(group.id): group for group in groups}
    left = known.get(asked.get("a", "")) or (groups[0] if groups else None)
    others = [group for group in groups if group is not left]
    right = known.get(asked.get("b", "")) or (others[0] if others else left)
    everything = asked.get("all") == "1"
    found = _acts(left, right, everything=everything) if left is not None and right is not None else []
    return {"left": left, "right": right, "everything": everything, "found": found}


def _acts(left: UserGroup, right: UserGroup, *, everything: bool) -> list[tuple[Any, list[tuple[Any, list[Act]]]]]:
    one, other, names = rights_of(left), rights_of(right), every()
    found = []
    for part in parts():
        rows = []
        for row in part.rows:
            acts = [Act(act_label(name), tuple(names[name]) in one, tuple(names[name]) in other) for name in row.names]
            if shown := [act for act in acts if everything or act.left is not act.right]:
                rows.append((row.label, shown))
        if rows:
            found.append((part.label, rows))
    return found
