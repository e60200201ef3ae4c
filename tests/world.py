"""The cast with something of everybody's in the books: one's own rows and a stranger's.

Amara has sold at Market, Corin at Corner (Amara's region) and Bento at Harbour; at each point
stands an engineering record.  `rows` gives, by kind of row and by place, the id to try a door
with; `SECRETS` are words that only Bento's people may read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import select

from app.db import transaction
from app.domain.states import Every, ImportState, TaskState
from app.extensions import db
from app.models import (
    AuditEntry,
    BackgroundTask,
    ImportBatch,
    Meter,
    Product,
    Region,
    ReportSchedule,
    Sale,
    SavedQuestion,
    SecurityModule,
    Settings,
    SupplyGroupKey,
    TariffPlan,
    Token,
    UserGroup,
    VendingPoint,
)
from app.models.base import now
from app.services.engineering import Wanted, make
from tests.cast import PIER, Cast, make_cast
from tests.fixtures import ready
from tests.services.conftest import Counter

SELLERS = (("amara", "market", "palm_street"), ("corin", "corner", "mill"), ("bento", "harbour", "pier"))
PRICE = 20_00


@dataclass(frozen=True)
class World:
    """Ids of rows by kind and place (`market`, `corner`, `harbour`), and what is secret."""

    cast: Cast
    rows: dict[str, dict[str, Any]]
    secrets: tuple[str, ...]


def make_world(app: Flask) -> World:
    """Write cast, sales and records into a database that has just been set up, unless they are in it."""
    if isinstance(ready.made, World):
        return ready.made
    with app.app_context():
        cast = make_cast()
        sales = {}
        for who, point, meter in SELLERS:
            counter = Counter(cast, app.extensions["modules"], who=who, point=point)
            counter.sells(meter, PRICE)
            sales[point] = _one(Sale.id, Sale.vending_point_id == cast.points[point])
        records = _records(app, cast)
        tokens = {
            place: _one(Token.id, Token.sale_id == sale) for place, sale in sales.items()
        }
        digits = _one(Token.digits, Token.sale_id == sales["harbour"])
        numbers = {
            "market": _one(Meter.meter_number, Meter.id == cast.meters["palm_street"]),
            "harbour": PIER,
        }
        rows = {
            "sale": sales,
            "token": tokens,
            "engineering": records,
            "consumer": {"market": cast.consumers["achieng"], "harbour": cast.consumers["juma"]},
            "meter": {"market": cast.meters["palm_street"], "harbour": cast.meters["pier"]},
            "meter_number": numbers,
            "point": {place: cast.points[place] for place in ("market", "harbour")},
            "region": {place: cast.regions[place] for place in ("market", "harbour")},
            "audit": _changes(cast),
            **_long_work(cast),
            "user": {"market": cast.users["corin"], "harbour": cast.users["bento"]},
        } | _common()
        secrets = ("Juma Otieno", "2 Pier Road", PIER, _grouped(PIER), digits, _grouped(digits))
        db.session.remove()
        return World(cast, rows, secrets)


def _grouped(digits: str) -> str:
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def _one(column: Any, condition: Any) -> Any:
    return db.session.scalars(select(column).where(condition).order_by(column)).first()


def _common() -> dict[str, dict[str, Any]]:
    """Rows of the whole utility: nobody's own, so the same everywhere."""
    kinds = {
        "group": UserGroup.id,
        "product": Product.id,
        "manufacturer": Product.manufacturer_id,
        "tariff": TariffPlan.tariff_id,
        "plan": TariffPlan.id,
        "module": SecurityModule.id,
        "key": SupplyGroupKey.id,
    }
    return {kind: {"market": db.session.scalars(select(column).order_by(column)).first()} for kind, column in kinds.items()}


def _changes(cast: Cast) -> dict[str, int]:
    """One entry of the audit log by Amara and one by Bento."""
    made = {}
    for who, place, shop in (("amara", "market", "market"), ("bento", "harbour", "harbour")):
        with transaction() as session:
            session.info["actor"] = (cast.users[who], who)
            session.get_one(VendingPoint, cast.points[shop]).telephone = "+254 700 000 000"
        db.session().info.pop("actor", None)
        made[place] = _one(AuditEntry.id, AuditEntry.user_id == cast.users[who])
    return made


def _long_work(cast: Cast) -> dict[str, dict[str, int]]:
    """An import and a task of Chidi's, and of Bento's, whose region is foreign to the coast."""
    made: dict[str, dict[str, int]] = {"import": {}, "task": {}, "question": {}, "schedule": {}}
    with transaction() as session:
        for who, place, region in (("chidi", "market", "coast"), ("bento", "harbour", "lake")):
            owned = {
                "owner_id": cast.users[who], "actor": who, "region_path": session.get_one(Region, cast.regions[region]).path,
            }  # fmt: skip
            batch = ImportBatch(
                entity="meters", reference=f"world-{place}", file_name="2 Pier Road.csv" if place == "harbour" else "meters.csv",
                sha256="0" * 64, size=1, state=ImportState.DROPPED, **owned,
            )  # fmt: skip
            task = BackgroundTask(kind="export", reference=f"world-{place}", state=TaskState.DONE, **owned)
            question = SavedQuestion(
                owner_id=cast.users[who], report="sales-statistics", query="period=last_month",
                name="2 Pier Road" if place == "harbour" else "Last month",
            )  # fmt: skip
            session.add_all([batch, task, question])
            session.flush()
            made["import"][place], made["task"][place], made["question"][place] = batch.id, task.id, question.id
            schedule = ReportSchedule(
                owner_id=cast.users[who], question_id=question.id, every=Every.MONTH, at_hour=7, form="xlsx", language="en",
                next_at=now() + timedelta(days=20), reckoned_in=session.get_one(Settings, 1).time_zone,
            )  # fmt: skip
            session.add(schedule)
            session.flush()
            made["schedule"][place] = schedule.id
    return made


def _records(app: Flask, cast: Cast) -> dict[str, int]:
    """One engineering record at every point."""
    return {
        place: make(
            Wanted(
                reference=f"world-{place}", function="maximum_power_limit", meter_number=_number(cast, meter),
                vending_point_id=cast.points[place], operator_id=cast.users[who], reason="A line of the world", value=5_000,
            ),
            cast.scope(who), app.extensions["modules"],
        )
        for who, place, meter in SELLERS
    }  # fmt: skip


def _number(cast: Cast, meter: str) -> str:
    return str(_one(Meter.meter_number, Meter.id == cast.meters[meter]))
