"""Whether the installation wants two people for something: *Settings > Two people decide* says for what."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Settings


def needs_second_person(session: Session, function: str) -> bool:
    """Whether the installation wants four eyes for a function."""
    listed: str = session.execute(select(Settings.four_eyes).where(Settings.id == 1)).scalar_one()
    return function in listed.split(",")
