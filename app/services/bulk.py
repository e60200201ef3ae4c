"""One change to many records: tariff, region or state, row by row under the same rules as the forms.

Some rows are one short transaction, so that sales go on; each change writes its own entry in the
audit log.  What a rule forbids is left as it was and told with its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload
from sqlalchemy.orm.exc import StaleDataError

from app.access.scope import Scope, criterion
from app.db import retried, transaction
from app.domain.errors import ReasonMissing, StepForbidden
from app.domain.states import MeterStatus
from app.models import Consumer, Meter, Region, Tariff
from app.services import meter_states
from app.services.regions import in_scope, offered

CHUNK_ROWS = 100
MODELS: dict[str, Any] = {"consumers": Consumer, "meters": Meter}
# What may be done with which records; a value is needed for each.
ACTS: dict[str, tuple[str, ...]] = {
    "consumers": ("region",),
    "meters": ("tariff", "region", "status"),
}


@dataclass(frozen=True, slots=True)
class Change:
    """What is done to each row: `act` of ACTS, its value (an id, or a state), the reason of a state."""

    kind: str
    act: str
    value: int | str
    reason: str = ""


@dataclass(slots=True)
class Outcome:
    """How many rows were changed, were so already, and which were refused and why."""

    changed: int = 0
    same: int = 0
    refused: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)


class Refused(Exception):
    """One row stays as it is."""

    def __init__(self, code: str, **params: Any) -> None:
        self.code, self.params = code, params
        super().__init__(code)


def change_many(
    change: Change,
    ids: Sequence[int],
    scope: Scope,
    actor: tuple[int, str],
    tell: Callable[[int], None],
) -> Outcome:
    """Change rows of one's own; `tell` hears how many are done and may raise between two chunks."""
    outcome = Outcome()
    for at in range(0, len(ids), CHUNK_ROWS):
        some = ids[at : at + CHUNK_ROWS]
        part = retried(lambda some=some: _chunk(change, some, scope, actor))  # type: ignore[misc]
        outcome.changed += part.changed
        outcome.same += part.same
        outcome.refused += part.refused
        tell(at + len(some))
    return outcome


def _chunk(change: Change, ids: Sequence[int], scope: Scope, actor: tuple[int, str]) -> Outcome:
    """One transaction; if somebody saved one of the rows meanwhile, each row gets its own."""
    try:
        return _write(change, ids, scope, actor)
    except StaleDataError:
        if len(ids) == 1:
            raise
    whole = Outcome()
    for row_id in ids:
        part = _write(change, [row_id], scope, actor)
        whole.changed, whole.same = whole.changed + part.changed, whole.same + part.same
        whole.refused += part.refused
    return whole


def _write(change: Change, ids: Sequence[int], scope: Scope, actor: tuple[int, str]) -> Outcome:
    outcome, model = Outcome(), MODELS[change.kind]
    with transaction() as session:
        session.info["actor"] = actor
        value = gone = None
        try:
            value = _value(session, change, scope)
        except Refused as refused:
            gone = refused
        rows = (
            select(model)
            .where(model.id.in_(ids), criterion(model, scope))
            .order_by(model.id)
            .with_for_update(of=model)
        )
        if model is Meter:
            rows = rows.options(selectinload(Meter.tariff))
        for row in session.scalars(rows):
            try:
                if gone is not None:
                    raise gone
                done = _one(row, change, value)
            except Refused as refused:
                name = row.meter_number if isinstance(row, Meter) else row.user_number
                outcome.refused.append((name, refused.code, refused.params))
            else:
                outcome.changed += done
                outcome.same += not done
    return outcome


def _value(session: Session, change: Change, scope: Scope) -> Any:
    """What is given to every row; it must be one's own and in use.  Raises Refused for what is not.

    Asked again for each chunk: what goes meanwhile refuses the rows that are left.
    """
    if change.act == "status":
        return MeterStatus(str(change.value))
    if change.act == "tariff":
        tariff = session.get(Tariff, int(change.value))
        if tariff is None or not tariff.active:
            raise Refused("gone")
        return tariff
    region = session.scalars(
        select(Region).where(Region.id == int(change.value), in_scope(scope), offered())
    ).one_or_none()
    if region is None:
        raise Refused("gone")
    return region


def _one(row: Any, change: Change, value: Any) -> bool:
    """Change one row; False when it is so already.  Raises Refused."""
    if change.act == "region":
        if row.region_id == value.id:
            return False
        row.region_id = value.id
        return True
    if change.act == "tariff":
        if row.tariff_id == value.id:
            return False
        if row.meter_type is not value.meter_type:
            raise Refused(
                "tariff_type", tariff=value.meter_type.value, product=row.meter_type.value
            )
        row.tariff_id = value.id
        return True
    return _status(row, value, change.reason)


def _status(row: Meter, status: MeterStatus, reason: str) -> bool:
    try:
        return meter_states.apply(row, status, reason or None)
    except StepForbidden:
        raise Refused("step", old=row.status.value, new=status.value) from None
    except ReasonMissing:
        raise Refused("reason_of_state") from None
