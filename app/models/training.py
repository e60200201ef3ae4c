"""Training meters: what the meter on the screen remembers, one row for each meter that was tried.

Nothing of it is a fact of the business: it holds no money and no key (which public test key the meter is under
stands as supply group, revision and tariff index), and resetting it is allowed and told in the audit log.
"""

from __future__ import annotations

from datetime import datetime

from flask_appbuilder import Model
from sqlalchemy import ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import UTCDateTime


class TrainingState(Model):
    """One training meter.  `turn` counts what was done to it, so that a second click is known as such."""

    __tablename__ = "training_state"

    meter_id: Mapped[int] = mapped_column(
        ForeignKey("meter.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    sgc: Mapped[str] = mapped_column(String(6))
    krn: Mapped[int] = mapped_column(Integer)
    ti: Mapped[int] = mapped_column(Integer)
    # `app.sts.meter_memory` as JSON, and what was done last, newest first, as JSON.
    memory: Mapped[str] = mapped_column(Text)
    log: Mapped[str] = mapped_column(Text, default="[]")
    turn: Mapped[int] = mapped_column(Integer, default=0)
    changed_at: Mapped[datetime] = mapped_column(UTCDateTime)
