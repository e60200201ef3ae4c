"""The vending points somebody may sell for, when none is their own."""

from __future__ import annotations

from sqlalchemy import select

from app.access.scope import Scope, criterion
from app.extensions import db
from app.models import VendingPoint

POINTS_MAX = 200


def selling_points(scope: Scope) -> list[VendingPoint]:
    """Active vending points in scope by name, at most two hundred."""
    statement = (
        select(VendingPoint)
        .where(VendingPoint.active, criterion(VendingPoint, scope))
        .order_by(VendingPoint.name)
        .limit(POINTS_MAX)
    )
    return list(db.session().execute(statement).scalars())
