"""Reports prepared in the background: asked for once, and handed out only to who still sees those rows.

The task keeps the scope that its owner had when asking.  Whoever is moved, or loses the right,
before the file is made gets none; and before it is fetched, finds it shut.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from app.access.scope import Scope
from app.db import transaction
from app.domain.states import RowScope, TaskState
from app.models import BackgroundTask
from app.services import tasks
from app.services.tasks import Owner

KIND = "report"
# So many reports of one person wait or are made at once; the others' work goes on between.
OPEN_MAX = 5
_OPEN = (TaskState.WAITING, TaskState.RUNNING)


class TooManyWaiting(Exception):
    """This person has as many reports being prepared as one may have."""


def told(scope: Scope) -> dict[str, Any]:
    """The scope as a task keeps it."""
    return {
        "rows": None if scope.row_scope is None else scope.row_scope.value,
        "point": scope.vending_point_id,
        "region": scope.region_path,
        "all": scope.sees_all,
    }


def covers(now: Scope, then: Mapping[str, Any]) -> bool:
    """Whether somebody who sees `now` sees every row of somebody who saw `then`.

    Rows of one vending point are another list than those of a region (a point may have moved), so
    only the same point, or somebody over everything, covers them.
    """
    if now.sees_all:
        return True
    if now.row_scope is None or now.region_path is None or then["all"] or then["region"] is None:
        return False
    if then["rows"] == RowScope.VENDING_POINT.value or now.row_scope is RowScope.VENDING_POINT:
        same = (now.row_scope.value, now.vending_point_id, now.region_path)
        return same == (then["rows"], then["point"], then["region"])
    return str(then["region"]).startswith(now.region_path)


def then_of(row: BackgroundTask) -> Mapping[str, Any] | None:
    """The scope that this task's file was made for; None for other kinds of work."""
    found: Mapping[str, Any] | None = json.loads(row.parameters).get("scope")
    return found if row.kind == KIND else None


def prepare(
    owner: Owner, scope: Scope, facts: Mapping[str, Any], count: int, reference: str | None = None
) -> int:
    """Ask for a file of `count` rows; the very same one that is being prepared already is not begun twice.

    `facts` are report, query, form and file_name.  Raises TooManyWaiting.
    """
    parameters = {**facts, "scope": told(scope)}
    with transaction() as session:
        mine = select(BackgroundTask).where(
            BackgroundTask.owner_id == owner.user_id, BackgroundTask.kind == KIND, BackgroundTask.state.in_(_OPEN)
        )
        waiting = list(session.scalars(mine, execution_options={"unscoped": True}))
        for row in waiting:
            if json.loads(row.parameters) == parameters and row.language == owner.language:
                return row.id
        if reference is None and len(waiting) >= OPEN_MAX:
            raise TooManyWaiting
        name = reference or f"{KIND}-{secrets.token_hex(16)}"
        return tasks.add(session, KIND, name, owner, parameters, count).id
