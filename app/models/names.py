"""Names that are one name in big and small letters: a unique index for each, and one door for user names and addresses.

A form looks before it saves, so that the refusal stands at its field; these hold when two save at one moment.
NB: `lower` of SQLite knows A to Z only.  Whoever compares names asks the database for both sides, as the indexes do.
Numbers (of meters, of consumers) and codes of one kind of letters are unique as they are written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Index, event, func, inspect, or_, select, text
from sqlalchemy.orm import Mapper

from app.domain.errors import ValueTaken
from app.models.product import Manufacturer, Product
from app.models.region import COUNTRY, PLACE, Region
from app.models.reporting import SavedQuestion
from app.models.security_module import SecurityModule
from app.models.tariff import Tariff
from app.models.user import AppUser, UserGroup
from app.models.vending_point import VendingPoint

# Any number, so long as nothing else of this program locks it.
_LOCK = 0x6E616D6573


class NamesTwice(Exception):
    """The update would refuse names that stand already; the text says which, and what to do."""

    def __init__(self, lines: Sequence[str]) -> None:
        shown = "; ".join(lines[:20]) + (" …" if len(lines) > 20 else "")
        super().__init__(
            "names are the same in big and small letters now, and these stand twice (with row numbers): "
            f"{shown}. Nothing was changed: rename one of each with the release that ran until now, then start this "
            "one again."
        )


def _one(index: str, model: Any, column: str, *within: str, where: str = "") -> None:
    table = model.__table__
    rows = text(where) if where else None
    Index(
        f"uq_{index}_alike", *(table.c[name] for name in within), func.lower(table.c[column]), unique=True,
        sqlite_where=rows, postgresql_where=rows,
    )  # fmt: skip


_one("ab_user_username", AppUser, "username")
_one("ab_user_email", AppUser, "email")
_one("user_group_name", UserGroup, "name")
_one("vending_point_name", VendingPoint, "name")
_one("vending_point_code", VendingPoint, "code")
_one("manufacturer_name", Manufacturer, "name")
_one("product_model", Product, "model")
_one("tariff_name", Tariff, "name")
_one("security_module_name", SecurityModule, "name")
_one("saved_question_name", SavedQuestion, "name", "owner_id", "report")
_one("region_place", Region, "name", "parent_id", where=PLACE)
_one("region_country", Region, "name", where=COUNTRY)


def alike(column: Any, written: str | None) -> ColumnElement[bool]:
    """The condition under which a column holds this name, in big or small letters."""
    return func.lower(column) == func.lower(written)  # type: ignore[no-any-return]


def opens(written: str) -> ColumnElement[bool]:
    """The condition under which a person comes in by what is written: user names and addresses both open the door."""
    return or_(alike(AppUser.username, written), alike(AppUser.email, written))


@event.listens_for(AppUser, "after_insert")
@event.listens_for(AppUser, "after_update")
def _keep_doors_apart(_mapper: Mapper[Any], connection: Connection, user: AppUser) -> None:
    """Nobody's user name is somebody else's address.  Raises ValueTaken.

    NB: after the writing, and one after the other: what is written at the same moment is seen.
    """
    told = inspect(user).attrs
    if not (told.username.history.has_changes() or told.email.history.has_changes()):
        return
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    others = AppUser.__table__.c
    mine = [name for name in (user.username, user.email) if name]
    taken = or_(*(alike(column, name) for column in (others.username, others.email) for name in mine))
    if connection.execute(select(others.id).where(others.id != user.id, taken).limit(1)).first() is not None:
        raise ValueTaken
