"""Printings of slips for `bench/reports.py`: every receipt once, each twentieth again; every act once, each tenth again."""

from __future__ import annotations

from sqlalchemy import Table, func, select, text

from app.extensions import db
from app.models import ActReprint, EngineeringRecord, Reprint, Sale
from bench.reports_books import bare

AGAIN, ACTS_AGAIN = 20, 10


def printed() -> bool:
    """Whether they are written."""
    found = select(func.count()).select_from(select(Reprint.id).limit(1).subquery())
    return bool(db.session.execute(found, execution_options={"unscoped": True}).scalar_one())


def write() -> None:
    """Print everything a minute after it was made, and some of it an hour later once more."""
    _print(Reprint.__table__, "sale_id", Sale.__table__, "settled_at", AGAIN)
    _print(ActReprint.__table__, "record_id", EngineeringRecord.__table__, "settled_at", ACTS_AGAIN)


def _print(table: Table, slip: str, source: Table, moment: str, again: int) -> None:
    with bare(table) as connection:
        later = (
            "datetime({0}, '+{1} minutes') || '.000000'" if connection.dialect.name == "sqlite"
            else "{0} + interval '{1} minutes'"
        )  # fmt: skip
        for number, minutes, which in ((1, 1, ""), (2, 61, f" AND id % {again} = 0")):
            connection.execute(text(
                f"INSERT INTO {table.name} ({slip}, copy_number, user_id, printed_at, vending_point_id, point_region_id)"  # noqa: S608  (names of our own)
                f" SELECT id, {number}, operator_id, {later.format(moment, minutes)}, vending_point_id, point_region_id FROM {source.name}"
                f" WHERE status = 'issued'{which} ORDER BY id"
            ))  # fmt: skip
