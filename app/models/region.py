"""Region: the tree Country > Province or State > City or Town.

`path` holds the ids from the root, as ``/1/5/9/``; a subtree is a prefix range of it.
The path is kept by the mapper events below, so that FAB's own forms keep it as well.
"""

from __future__ import annotations

from typing import Any

from flask_appbuilder import Model
from sqlalchemy import Connection, ForeignKey, Index, Integer, String, UniqueConstraint, event, text
from sqlalchemy.orm import Mapped, Mapper, mapped_column, relationship

from app.models.base import Stamped, binary_string

LEVELS = ("country", "province", "town")


class Region(Stamped, Model):
    """One place of the tree; `level` is 0 for a country, 1 for a province, 2 for a town."""

    __tablename__ = "region"
    __table_args__ = (
        UniqueConstraint("parent_id", "name"),
        # Countries have no parent, and NULL equals nothing: their names are unique by this.
        Index(
            "uq_region_country_name",
            "name",
            unique=True,
            sqlite_where=text("parent_id IS NULL"),
            postgresql_where=text("parent_id IS NULL"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("region.id"), index=True)
    level: Mapped[int] = mapped_column(Integer, default=0)
    path: Mapped[str] = mapped_column(binary_string(120), default="", index=True)
    full_name: Mapped[str] = mapped_column(String(320), default="")

    parent: Mapped[Region | None] = relationship(remote_side="Region.id")

    def __str__(self) -> str:
        return self.full_name or self.name


@event.listens_for(Region, "after_insert")
@event.listens_for(Region, "after_update")
def _keep_path(_mapper: Mapper[Any], connection: Connection, region: Region) -> None:
    """Derive path, level and full name; when they move, the whole subtree moves along."""
    _derive(connection, region.id)


def _derive(connection: Connection, region_id: int) -> None:
    row = connection.execute(
        text("SELECT parent_id, name, path, level, full_name FROM region WHERE id = :id"), {"id": region_id}
    ).one()
    parent = None
    if row.parent_id is not None:
        parent = connection.execute(
            text("SELECT path, level, full_name FROM region WHERE id = :id"), {"id": row.parent_id}
        ).one()
    new = {
        "id": region_id,
        "path": f"{parent.path if parent else '/'}{region_id}/",
        "level": parent.level + 1 if parent else 0,
        "full_name": f"{row.name}, {parent.full_name}" if parent else row.name,
    }
    if (row.path, row.level, row.full_name) == (new["path"], new["level"], new["full_name"]):
        return
    connection.execute(
        text("UPDATE region SET path = :path, level = :level, full_name = :full_name WHERE id = :id"), new
    )
    children = connection.execute(text("SELECT id FROM region WHERE parent_id = :id"), {"id": region_id})
    for child in children.scalars().all():
        _derive(connection, child)
