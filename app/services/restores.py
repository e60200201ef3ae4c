"""Whether these books came back from a backup, and what that makes uncertain."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models import RestoreDone


def last_restore(session: Session) -> datetime | None:
    """When these books were last restored, or None.

    A sale reserved before may have got its token after the backup was made: what a restored
    module has "never heard of" proves nothing about it, and a person decides.
    """
    restored: datetime | None = session.execute(select(func.max(RestoreDone.restored_at))).scalar_one()
    return restored
