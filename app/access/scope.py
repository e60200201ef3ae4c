"""Which rows are yours: one frozen value, and the two questions asked of it.

`narrow(select, scope, by)` keeps a statement to the rows a person may see, and
`require(row, scope)` refuses a single foreign row.  A region means its whole subtree.
Somebody with neither a region nor a vending point sees nothing.  Decision 0005.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    and_,
    false,
    literal,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.orm import aliased

from app.domain.errors import OutOfScope
from app.domain.states import RowScope
from app.models import (
    ActReprint,
    AppUser,
    BackgroundTask,
    Consumer,
    ImportBatch,
    InactiveDay,
    Meter,
    PurchaseDay,
    PurchaseMonth,
    Region,
    RegionDay,
    RegionMonth,
    Reprint,
    Sale,
    SaleDay,
    SaleMonth,
    SaleQuarter,
    SaleTen,
    Token,
    UserGroup,
    VendingPoint,
)
from app.models.token import EngineeringRecord

S = TypeVar("S", bound=Select[Any])


class By(enum.Enum):
    """The row's owner that a list goes by."""

    VENDING_POINT = "vending_point"
    POINT_REGION = "point_region"
    CONSUMER_REGION = "consumer_region"


@dataclass(frozen=True, slots=True)
class Scope:
    """What one person may see; computed once per request and passed on.

    `region_path` is the path of the own region (``/1/5/``), for an operator without one that of
    the vending point.  `system` is the worker's and the shell's explicit everything.
    """

    user_id: int | None = None
    row_scope: RowScope | None = None
    vending_point_id: int | None = None
    region_path: str | None = None
    system: bool = False

    @classmethod
    def everything(cls, user_id: int | None = None) -> Scope:
        """The explicit system scope of `resolve`, `ledger check`, the worker and the shell."""
        return cls(user_id=user_id, row_scope=RowScope.ALL, system=True)

    @property
    def sees_all(self) -> bool:
        """Whether no row is foreign: the system, or somebody over all without a region."""
        return self.system or (self.row_scope is RowScope.ALL and self.region_path is None)

    @property
    def widest(self) -> RowScope | None:
        """The widest rows that this person may give to a group: never everything while a region keeps them."""
        return RowScope.REGION if self.row_scope is RowScope.ALL and not self.sees_all else self.row_scope


def _subtree(column: Any, scope: Scope) -> ColumnElement[bool]:
    """Rows whose region lies in the subtree; a prefix is a range of the path's index."""
    if scope.region_path is None:
        return false()
    low, high = scope.region_path, scope.region_path[:-1] + "0"  # '0' follows '/'
    return column.in_(select(Region.id).where(Region.path >= low, Region.path < high))  # type: ignore[no-any-return]


def _by_point(model: Any, scope: Scope) -> ColumnElement[bool]:
    if scope.row_scope is RowScope.VENDING_POINT:
        if scope.vending_point_id is None:
            return false()
        return model.vending_point_id == scope.vending_point_id  # type: ignore[no-any-return]
    return _subtree(model.point_region_id, scope)


def criterion(model: Any, scope: Scope, by: By | None = None) -> ColumnElement[bool]:
    """The condition under which rows of `model` are this person's."""
    if scope.sees_all:
        return true()
    if model is Sale:
        return _sale(scope, by)
    if model in (EngineeringRecord, Reprint, ActReprint):
        return _by_point(model, scope)
    if model is Token:
        return _token(scope)
    if model in (Consumer, Meter):
        return _subtree(model.region_id, scope)
    if model is VendingPoint:
        if scope.row_scope is RowScope.VENDING_POINT:
            return VendingPoint.id == scope.vending_point_id if scope.vending_point_id else false()
        return _subtree(VendingPoint.region_id, scope)
    if model in (BackgroundTask, ImportBatch):
        return _owned(model, scope)
    if model in SUMMED:
        return _summed(model, scope, by)
    raise LookupError(f"{model.__name__} has no scope")


def _summed(model: Any, scope: Scope, by: By | None) -> ColumnElement[bool]:
    if by is By.VENDING_POINT and scope.row_scope is RowScope.VENDING_POINT:
        # As the sales themselves: those of the own vending point, wherever it was.
        return model.vending_point_id == scope.vending_point_id if scope.vending_point_id else false()
    return _subtree(model.region_id, scope)


def _sale(scope: Scope, by: By | None) -> ColumnElement[bool]:
    if by is By.CONSUMER_REGION:
        return _subtree(Sale.consumer_region_id, scope)
    if by is By.POINT_REGION:
        return _subtree(Sale.point_region_id, scope)
    return _by_point(Sale, scope)


def known_purchases(scope: Scope) -> ColumnElement[bool]:
    """Sales that somebody may know of: their own, and those of the consumers they look after (manual P7)."""
    return criterion(Sale, scope, By.CONSUMER_REGION) | criterion(Sale, scope)


def told_in_full(scope: Scope) -> ColumnElement[bool]:
    """Of the known purchases, those that pages of a meter or a consumer show with every column (P7 shows its own).

    An operator learns there of a purchase at somebody else's counter when, how many units and where, so that a
    customer can be served; not its money, receipt or seller.
    """
    return criterion(Sale, scope) if scope.row_scope is RowScope.VENDING_POINT else true()


def _owned(model: Any, scope: Scope) -> ColumnElement[bool]:
    """One's own, and for an administrator of a region those of its people."""
    own = model.owner_id == scope.user_id if scope.user_id else false()
    if scope.row_scope is not RowScope.ALL or scope.region_path is None:
        return own
    low, high = scope.region_path, scope.region_path[:-1] + "0"
    return or_(own, and_(model.region_path >= low, model.region_path < high))


def _token(scope: Scope) -> ColumnElement[bool]:
    if scope.row_scope is RowScope.VENDING_POINT:
        if scope.vending_point_id is None:
            return false()
        return Token.vending_point_id == scope.vending_point_id
    # As its sale or record: by the region where it was made, wherever the vending point is today.
    sale, record = aliased(Sale), aliased(EngineeringRecord)
    sold = select(sale.id).where(sale.id == Token.sale_id, _subtree(sale.point_region_id, scope))
    made = select(record.id).where(record.id == Token.engineering_id, _subtree(record.point_region_id, scope))
    return or_(sold.correlate(Token).exists(), made.correlate(Token).exists())


def tokens_of_few(scope: Scope) -> ColumnElement[bool]:
    """The same as the scope of tokens by region, for a region of few sales: its sales are found, then their tokens."""
    token = aliased(Token)
    sold = select(token.id).join(Sale, Sale.id == token.sale_id).where(criterion(Sale, scope))
    made = select(token.id).join(EngineeringRecord, EngineeringRecord.id == token.engineering_id)
    return Token.id.in_(sold.union_all(made.where(criterion(EngineeringRecord, scope))))


def own_people(scope: Scope) -> ColumnElement[bool]:
    """The condition under which a person is one's own: of the own region, or kept to a vending point in it; or oneself.

    Whoever sees everything belongs to those who see everything, whichever vending point they have, and
    somebody of one vending point has the people of that one.
    """
    if scope.sees_all:
        return true()
    oneself = AppUser.id == scope.user_id if scope.user_id else false()
    groups = select(UserGroup.id)
    if scope.row_scope is RowScope.VENDING_POINT:
        if scope.vending_point_id is None:
            return oneself
        selling = AppUser.group_id.in_(groups.where(UserGroup.row_scope == RowScope.VENDING_POINT))
        return or_(oneself, and_(AppUser.vending_point_id == scope.vending_point_id, selling))
    points = select(VendingPoint.id).where(_subtree(VendingPoint.region_id, scope))
    kept = or_(AppUser.group_id.is_(None), AppUser.group_id.in_(groups.where(UserGroup.row_scope != RowScope.ALL)))
    placed = and_(AppUser.region_id.is_(None), AppUser.vending_point_id.in_(points), kept)
    return or_(oneself, _subtree(AppUser.region_id, scope), placed)


def of_own_people(user_id: Any, scope: Scope) -> ColumnElement[bool]:
    """The condition under which a column of user ids names one's own people; nobody's row is nobody's."""
    return user_id.in_(select(AppUser.id).where(own_people(scope)))  # type: ignore[no-any-return]


# Sums of a region's days and months: even an operator reads those of the own region (manual P1, P6).
SUMMED = (SaleDay, SaleTen, SaleMonth, SaleQuarter, RegionDay, RegionMonth, PurchaseDay, PurchaseMonth, InactiveDay)
SCOPED = (Sale, EngineeringRecord, Token, Consumer, Meter, VendingPoint, BackgroundTask, ImportBatch)


def narrow(statement: S, scope: Scope, by: By, model: Any = Sale) -> S:
    """Keep `statement` to the rows of `model` that this person may see, by their owner `by`."""
    return statement.where(criterion(model, scope, by))


def asked_of_each(statement: Select[Any]) -> ColumnElement[bool]:
    """Whether there is such a row, asked of each row in its turn.

    NB: without the offset PostgreSQL makes a join of it, and reads a common word or a whole region to its end.
    """
    return statement.offset(literal_column("0", Integer)).exists()


def asked_last(model: Any, scope: Scope, by: By | None = None) -> ColumnElement[bool]:
    """The scope as a question to each row that was found.

    NB: as a plain condition it is a list of regions that SQLite, without statistics, walks first.
    """
    one = select(literal(1).label("one")).subquery()
    return asked_of_each(select(one.c.one).where(criterion(model, scope, by)).correlate(model.__table__))


def require(row: Any, scope: Scope) -> None:
    """Refuse a foreign row.  Raises OutOfScope; the page answers 404."""
    if scope.sees_all:
        return
    if isinstance(row, Consumer | Meter):
        allowed = _in_region(row.region.path, scope)
    elif isinstance(row, VendingPoint):
        own = scope.row_scope is RowScope.VENDING_POINT
        allowed = row.id == scope.vending_point_id if own else _in_region(row.region.path, scope)
    elif isinstance(row, Sale | EngineeringRecord):
        own = scope.row_scope is RowScope.VENDING_POINT
        mine = row.vending_point_id == scope.vending_point_id
        allowed = mine if own else _in_region(row.point_region.path if row.point_region else "", scope)
    elif isinstance(row, BackgroundTask | ImportBatch):
        over = scope.row_scope is RowScope.ALL and _in_region(row.region_path or "", scope)
        allowed = over or (scope.user_id is not None and row.owner_id == scope.user_id)
    else:
        raise LookupError(f"{type(row).__name__} has no scope")  # noqa: TRY004 (as in criterion)
    if not allowed:
        raise OutOfScope


def _in_region(path: str, scope: Scope) -> bool:
    return scope.region_path is not None and path.startswith(scope.region_path)
