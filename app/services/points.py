"""Vending points: where somebody may sell, what a point's account holds, and who sells there."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from app.access.scope import Scope, criterion
from app.extensions import db
from app.models import AppUser, CashAccount, VendingPoint
from app.models.audit import note

POINTS_MAX = 200
PEOPLE_MAX = 200


def selling_points(scope: Scope) -> list[VendingPoint]:
    """Active vending points in scope by name, at most two hundred."""
    statement = (
        select(VendingPoint)
        .where(VendingPoint.active, criterion(VendingPoint, scope))
        .order_by(VendingPoint.name)
        .limit(POINTS_MAX)
    )
    return list(db.session().execute(statement).scalars())


def account_of(session: Session, point_id: int) -> CashAccount:
    """The cash account of a point; every point has one from the start."""
    return session.scalars(select(CashAccount).where(CashAccount.vending_point_id == point_id)).one()


def set_credit_limit(session: Session, point_id: int, limit_minor: int | None) -> None:
    """Give the account another credit limit in minor units (None: unlimited); in the caller's transaction.

    Only the limit is written, so a sale at the same moment loses nothing; the change stands in the
    audit log of the point.
    """
    before = session.execute(
        select(CashAccount.credit_limit).where(CashAccount.vending_point_id == point_id).with_for_update()
    ).scalar_one()
    if before == limit_minor:
        return
    session.execute(
        update(CashAccount).where(CashAccount.vending_point_id == point_id).values(credit_limit=limit_minor)
    )
    note(session, "change", "vending_point", point_id, {"credit_limit": before}, {"credit_limit": limit_minor})


def people_of(session: Session, point_id: int) -> Sequence[AppUser]:
    """Who belongs to the point, those who may sign in first, then by name; at most two hundred."""
    statement = (
        select(AppUser)
        .where(AppUser.vending_point_id == point_id)
        .options(joinedload(AppUser.group))
        .order_by(AppUser.active.desc(), AppUser.username)
        .limit(PEOPLE_MAX)
    )
    return session.scalars(statement).all()
