"""Security modules and what is known of the vending keys they hold.

`supply_group_key` holds the facts of a vending key without the key: filled by our own
module's admin service, typed in for hardware, checked against the KCV of every answer.
"""

from __future__ import annotations

from datetime import datetime

from flask_appbuilder import Model
from sqlalchemy import (
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.states import Algorithm
from app.models.base import Stamped, UTCDateTime


class SecurityModule(Stamped, Model):
    """A module by its place.  `kind` is 'software' (in this process) or 'prism' (on the wire).

    At most one active module serves an algorithm: two partial unique indexes say so.
    """

    __tablename__ = "security_module"
    __table_args__ = (
        CheckConstraint("trust IN ('pinned', 'authority', 'unchecked')", name="trust_known"),
        CheckConstraint("kind = 'software' OR (address IS NOT NULL AND port IS NOT NULL)", name="network_has_place"),
        Index(
            "uq_security_module_active_legacy",
            "serves_legacy",
            unique=True,
            sqlite_where=text("active AND serves_legacy"),
            postgresql_where=text("active AND serves_legacy"),
        ),
        Index(
            "uq_security_module_active_sts6",
            "serves_sts6",
            unique=True,
            sqlite_where=text("active AND serves_sts6"),
            postgresql_where=text("active AND serves_sts6"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(60), unique=True)
    kind: Mapped[str] = mapped_column(String(12), default="software")
    address: Mapped[str | None] = mapped_column(String(120))
    port: Mapped[int | None] = mapped_column(Integer)
    # Sign-in to a module on the network; the password is sealed (services/credentials) and never shown.
    username: Mapped[str | None] = mapped_column(String(60))
    sealed_password: Mapped[str | None] = mapped_column(String(400))
    # How its certificate is trusted: 'pinned' (its SHA-256), 'authority' (own CA, PEM) or 'unchecked'.
    trust: Mapped[str] = mapped_column(String(12), default="pinned")
    fingerprint: Mapped[str | None] = mapped_column(String(64))
    authority: Mapped[str | None] = mapped_column(Text)
    # Hours for which it surely remembers an answer; NULL is the setting MODULE_MEMORY_H.
    memory_hours: Mapped[int | None] = mapped_column(Integer)
    serves_legacy: Mapped[bool] = mapped_column(Boolean, default=False)
    serves_sts6: Mapped[bool] = mapped_column(Boolean, default=False)
    active: Mapped[bool] = mapped_column(Boolean, default=True)

    def serves(self, algorithm: Algorithm) -> bool:
        """Whether meters of this algorithm may be sent here."""
        return self.serves_legacy if algorithm is Algorithm.LEGACY else self.serves_sts6

    def __str__(self) -> str:
        return self.name


class SupplyGroupKey(Stamped, Model):
    """What is known of one vending key.  The key itself is never here."""

    __tablename__ = "supply_group_key"
    __table_args__ = (UniqueConstraint("module_id", "sgc", "krn", "key_type"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    module_id: Mapped[int] = mapped_column(ForeignKey("security_module.id"), index=True)
    sgc: Mapped[str] = mapped_column(String(6), index=True)
    krn: Mapped[int] = mapped_column(Integer)
    key_type: Mapped[int] = mapped_column(Integer, default=2)
    dkga: Mapped[int] = mapped_column(Integer)
    # 93, 14 or 35.
    base_date: Mapped[int] = mapped_column(Integer)
    ken: Mapped[int] = mapped_column(Integer, default=255)
    kcv: Mapped[str] = mapped_column(String(6))
    active_from: Mapped[datetime | None] = mapped_column(UTCDateTime)
    active_to: Mapped[datetime | None] = mapped_column(UTCDateTime)
    demonstration: Mapped[bool] = mapped_column(Boolean, default=False)

    module: Mapped[SecurityModule] = relationship()

    @property
    def algorithm(self) -> Algorithm:
        """Legacy keys derive by DKGA02, STS6 keys by DKGA04."""
        return Algorithm.LEGACY if self.dkga == 2 else Algorithm.STS6

    def __str__(self) -> str:
        return f"{self.sgc} / {self.krn}"


class ModuleHealth(Model):
    """How a module answered when it was last asked, by a probe, a sale or a connect test.

    Not audited and without a version: it changes by itself, many times a day.
    """

    __tablename__ = "module_health"

    module_id: Mapped[int] = mapped_column(
        ForeignKey("security_module.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    up: Mapped[bool] = mapped_column(Boolean)
    # Since when it is up, or down.
    since: Mapped[datetime] = mapped_column(UTCDateTime)
    checked_at: Mapped[datetime] = mapped_column(UTCDateTime)
    round_trip_ms: Mapped[int | None] = mapped_column(Integer)
    version: Mapped[str | None] = mapped_column(String(60))
    # The last failure: a code of the interface or of the network, and the module's own words.
    failure: Mapped[str | None] = mapped_column(String(60))
    detail: Mapped[str | None] = mapped_column(String(300))
    # The module's own alerts, a JSON list of sentences.
    alerts: Mapped[str] = mapped_column(Text, default="[]")
