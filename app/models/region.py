"""Region: the tree Country > Province or State > City or Town.

`path` holds the ids from the root, as ``/1/5/9/``; a subtree is a prefix range of it.
The path is kept by the mapper events below, so that FAB's own forms keep it as well.

A place that was merged into another one stays as a row, because sales keep the region they
were made in.  It has no parent, keeps its name, and its path hangs below the place it went
into: who sees that place sees the sales made here.
"""

from __future__ import annotations

from typing import Any

from flask_appbuilder import Model
from sqlalchemy import (
    Boolean,
    Connection,
    ForeignKey,
    Index,
    Integer,
    String,
    UniqueConstraint,
    event,
    text,
    true,
)
from sqlalchemy.orm import Mapped, Mapper, mapped_column, relationship

from app.domain.folding import fold
from app.models.base import Stamped, binary_string

LEVELS = ("country", "province", "town")
FOLDED_MAX = 640  # a folded letter may be two
# Countries have no parent, and NULL equals nothing: their names are unique by an index of their own.
COUNTRY = "parent_id IS NULL AND merged_into_id IS NULL"
PLACE = "parent_id IS NOT NULL AND merged_into_id IS NULL"


class Region(Stamped, Model):
    """One place of the tree; `level` is 0 for a country, 1 for a province, 2 for a town."""

    __tablename__ = "region"
    __table_args__ = (
        UniqueConstraint("parent_id", "name"),
        Index(
            "uq_region_country_name", "name", unique=True, sqlite_where=text(COUNTRY), postgresql_where=text(COUNTRY)
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("region.id"), index=True)
    level: Mapped[int] = mapped_column(Integer, default=0)
    path: Mapped[str] = mapped_column(binary_string(120), default="", index=True)
    full_name: Mapped[str] = mapped_column(String(320), default="")
    # The full name without accents and in lower case, to be found by.
    search_name: Mapped[str] = mapped_column(String(FOLDED_MAX), default="", server_default="")
    # Off: not offered for anything new, nor is what lies below it.
    active: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("region.id"), index=True)

    parent: Mapped[Region | None] = relationship(remote_side="Region.id", foreign_keys="Region.parent_id")
    merged_into: Mapped[Region | None] = relationship(remote_side="Region.id", foreign_keys="Region.merged_into_id")

    def __str__(self) -> str:
        return self.full_name or self.name


@event.listens_for(Region, "after_insert")
@event.listens_for(Region, "after_update")
def _keep_path(_mapper: Mapper[Any], connection: Connection, region: Region) -> None:
    """Derive path, level and names; when they move, the whole subtree moves along."""
    row = _read(connection, region.id)
    above = _read(connection, row.merged_into_id or row.parent_id) if row.merged_into_id or row.parent_id else None
    path = f"{above.path if above else '/'}{row.id}/"
    if row.merged_into_id:
        level, full_name = row.level, row.full_name or row.name
    else:
        level = above.level + 1 if above else 0
        full_name = f"{row.name}, {above.full_name}" if above else row.name
    new = {"id": row.id, "path": path, "level": level, "full": full_name, "folded": fold(full_name)[:FOLDED_MAX]}
    if (row.path, row.level, row.full_name, row.search_name) == (path, level, full_name, new["folded"]):
        return
    connection.execute(
        text(
            "UPDATE region SET path = :path, level = :level, full_name = :full, search_name = :folded"
            " WHERE id = :id"
        ),
        new,
    )
    if row.path:
        _carry(connection, row, new)


def _read(connection: Connection, region_id: int) -> Any:
    columns = "id, parent_id, merged_into_id, name, path, level, full_name, search_name"
    statement = text(f"SELECT {columns} FROM region WHERE id = :id")  # noqa: S608  (own names)
    return connection.execute(statement, {"id": region_id}).one()


def carry_along(connection: Connection, source: Region, target: Region) -> None:
    """Let what lies below one place lie below another: paths and full names follow (`source` itself stays)."""
    _carry(
        connection, source,
        {"id": source.id, "path": target.path, "full": target.full_name, "folded": target.search_name},
    )  # fmt: skip


def _carry(connection: Connection, old: Any, new: dict[str, Any]) -> None:
    """What lies below begins with the old path, and its full name ends with the old full name.

    Two statements, however many places move along.  A merged place keeps the name it had.
    """
    given = {
        "low": old.path,
        "high": old.path[:-1] + "0",  # '0' follows '/'
        "path": new["path"],
        "after": len(old.path) + 1,
        "full": new["full"],
        "folded": new["folded"],
        "full_cut": len(old.full_name),
        "folded_cut": len(old.search_name),
        "id": new["id"],
    }
    within = "path >= :low AND path < :high AND id <> :id"
    connection.execute(
        text(
            "UPDATE region SET"  # noqa: S608
            " full_name = substr(full_name, 1, CAST(length(full_name) - :full_cut AS INTEGER)) || :full,"
            " search_name = substr(search_name, 1, CAST(length(search_name) - :folded_cut AS INTEGER)) || :folded"
            f" WHERE {within} AND merged_into_id IS NULL"
        ),
        given,
    )
    connection.execute(
        text(f"UPDATE region SET path = :path || substr(path, CAST(:after AS INTEGER)) WHERE {within}"),  # noqa: S608
        given,
    )
