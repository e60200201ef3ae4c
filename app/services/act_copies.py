"""Printings of an engineering act's slip, counted as those of a receipt are.

Several tokens of an act can be typed more than once, so paper that goes about twice must be told apart.
"""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.access.scope import Scope
from app.db import transaction
from app.domain import errors
from app.domain.engineering import ActStatus
from app.models import ActReprint
from app.models.base import now
from app.services.engineering import record_of
from app.services.receipts import draw_number


def copies_of(session: Session, record_id: int) -> int:
    """How often the slip was printed or sent."""
    counted = select(func.count(ActReprint.id)).where(ActReprint.record_id == record_id)
    return int(session.execute(counted).scalar_one())


def count_act_copy(record_id: int, user_id: int, scope: Scope) -> int:
    """Note one more printing of an issued act's slip; gives its number, which no other has: 1 is the original.

    Raises OutOfScope for a foreign act or one that is not issued.
    """

    def count() -> int:
        with transaction() as session:
            act = record_of(record_id, scope)
            if act.status != ActStatus.ISSUED:
                raise errors.OutOfScope
            number = copies_of(session, record_id) + 1
            session.add(
                ActReprint(
                    record_id=record_id, copy_number=number, user_id=user_id, printed_at=now(),
                    vending_point_id=act.vending_point_id, point_region_id=act.point_region_id,
                )
            )  # fmt: skip
        return number

    return draw_number(count)
