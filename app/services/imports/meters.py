"""Meters by file (manual R3): the same rules as the form's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from app.access.scope import criterion
from app.domain.states import METER_STEPS, Algorithm, MeterStatus
from app.models import (
    Consumer,
    Manufacturer,
    Meter,
    Product,
    Sale,
    SecurityModule,
    SupplyGroupKey,
    Tariff,
    Token,
)
from app.models.token import EngineeringRecord
from app.services import licensing, meter_states
from app.services.imports.entity import CLEARED, Book, Entity, Values
from app.services.imports.fields import Day, Digits, Fault, MeterNumber, Money, Number, Text, Word
from app.services.products import code_differs

UNIQUE_KEY = 2  # key type of a vending unique key: the one meters are sold under
# The key of a new meter, or a new key, is one that an active module still holds, of the same algorithm.
KEY_GONE = (
    "(o.id IS NULL OR o.sgc <> s.sgc OR o.krn <> s.krn) AND (s.sgc, s.krn, s.algorithm) NOT IN"  # noqa: S608
    " (SELECT k.sgc, k.krn, CASE k.dkga WHEN 2 THEN 'legacy' ELSE 'sts6' END FROM supply_group_key AS k"
    f" JOIN security_module AS m ON m.id = k.module_id WHERE m.active AND k.key_type = {UNIQUE_KEY})"
)
# The rule of meter_states.may_be_given.
GIVEN_REMOVED = "s.status = 'removed' AND s.consumer_id IS NOT NULL AND o.consumer_id {differs} s.consumer_id"
UNITS_MOST = Decimal("1820162.4")  # what a token can carry
COLUMNS = (
    "meter_number", "meter_type", "product_id", "tariff_id", "consumer_id", "region_id", "address", "algorithm",
    "ea", "tct", "sgc", "krn", "ti", "ken", "status", "status_reason", "installed_on", "capacity", "capacity_unit",
    "smallest_purchase", "largest_purchase", "daily_limit",
)  # fmt: skip
PLAIN = (
    "address",
    "status_reason",
    "installed_on",
    "capacity",
    "capacity_unit",
    "smallest_purchase",
    "largest_purchase",
    "daily_limit",
)
USUAL: dict[str, Any] = {"ti": 1, "ea": 7, "tct": 2, "status": MeterStatus.INSTALLED}


def _begin(book: Book) -> None:
    session = book.session
    book.tables["products"] = {
        row.model.casefold(): row
        for row in session.execute(
            select(
                Product.id, Product.model, Product.meter_type, Product.active, Manufacturer.name, Manufacturer.code
            ).join(Manufacturer)
        )
    }
    book.tables["makers"] = {row.id: row for row in book.tables["products"].values()}
    book.tables["product_types"] = {
        row.id: row.meter_type for row in book.tables["products"].values()
    }
    book.tables["tariffs"] = {
        row.name.casefold(): row
        for row in session.execute(select(Tariff.id, Tariff.name, Tariff.meter_type, Tariff.active))
    }
    book.tables["tariff_types"] = {
        row.id: row.meter_type for row in book.tables["tariffs"].values()
    }
    keys = session.execute(
        select(SupplyGroupKey.sgc, SupplyGroupKey.krn, SupplyGroupKey.dkga, SupplyGroupKey.ken)
        .join(SecurityModule, SupplyGroupKey.module_id == SecurityModule.id)
        .where(SecurityModule.active, SupplyGroupKey.key_type == UNIQUE_KEY)
        .order_by(SupplyGroupKey.id.desc())
    )
    book.tables["keys"] = {(row.sgc, row.krn): row for row in keys}
    if book.consumer_id is not None:
        own = select(Consumer.id, Consumer.user_number, Consumer.region_id, Consumer.active).where(
            Consumer.id == book.consumer_id
        )
        book.tables["bound_to"] = session.execute(
            own.where(criterion(Consumer, book.scope))
        ).one_or_none()


def _look(book: Book, chunk: Sequence[Values]) -> None:
    """The consumers that the rows name; a stranger's does not exist."""
    numbers = {row["consumer"] for row in chunk if row.get("consumer")}
    facts = select(Consumer.id, Consumer.user_number, Consumer.region_id, Consumer.active).where(
        Consumer.user_number.in_(numbers)
    )
    rows = book.session.execute(facts.where(criterion(Consumer, book.scope))) if numbers else ()
    book.tables["consumers"] = {row.user_number: row for row in rows}


def _settle(values: Values, known: Row[Any] | None, book: Book, faults: list[Any]) -> Values:
    row: Values = {
        name: values.get(name) for name in (*PLAIN, "meter_number", *USUAL, "sgc", "krn", "ken")
    }
    row |= dict.fromkeys(
        ("product_id", "meter_type", "tariff_id", "consumer_id", "region_id", "algorithm")
    )
    owner = _references(row, values, known, book, faults)
    if known is None:
        for name, usual in USUAL.items():
            row[name] = usual if row[name] is None else row[name]
        if owner is not None and row["region_id"] is None and "region" not in values:
            row["region_id"] = _home(owner, book, faults)
        if row["region_id"] is None and not values.get("region"):
            faults.append(("region", Fault("needed")))
    rules = _Rules(row, known, book, faults)
    rules.key()
    rules.plate()
    rules.state()
    rules.past()
    return row


def _references(
    row: Values, values: Values, known: Row[Any] | None, book: Book, faults: list[Any]
) -> Any:
    """Product, tariff, region and consumer of a row by their names; gives the consumer."""

    def find(name: str, look: Callable[[str], Any]) -> Any:
        if values.get(name) is None:
            return None
        try:
            return look(values[name])
        except Fault as fault:
            faults.append((name, fault))
            return None

    row["region_id"] = find("region", lambda text: book.place(text, known))
    product = find("product", lambda text: _named(book, "products", text, "unknown_product"))
    tariff = find("tariff", lambda text: _named(book, "tariffs", text, "unknown_tariff"))
    owner = _owner(values, book, faults)
    if product is not None:
        row["meter_type"] = product.meter_type
    for name, found in (("product", product), ("tariff", tariff), ("consumer", owner)):
        column = f"{name}_id"
        if found is None:
            continue
        row[column] = found.id
        # What is switched off is not given anew; a record that has it keeps it.
        if not found.active and getattr(known, column, None) != found.id:
            faults.append((name, Fault("switched_off", text=str(values.get(name, ""))[:60])))
    return owner


def _named(book: Book, table: str, text: str, code: str) -> Any:
    found = book.tables[table].get(text.casefold())
    if found is None:
        raise Fault(code, text=text[:60])
    return found


def _owner(values: Values, book: Book, faults: list[Any]) -> Any:
    """The consumer of a row: the one it names, or the one on whose page the import began."""
    bound_to, named = book.tables.get("bound_to"), values.get("consumer")
    if named is None:
        return bound_to
    found = book.tables["consumers"].get(named)
    if found is None:
        faults.append(("consumer", Fault("unknown_consumer", text=named[:40])))
    elif bound_to is not None and found.id != bound_to.id:
        faults.append(("consumer", Fault("other_consumer", number=bound_to.user_number)))
    return found


def _home(owner: Any, book: Book, faults: list[Any]) -> int:
    """Where a consumer lives: the place of a meter that names none; not one that is switched off."""
    region_id = int(owner.region_id)
    try:
        book.require_offered(region_id, book.places.names.get(region_id, ""))
    except Fault as fault:
        faults.append(("region", fault))
    return region_id


def _warn(row: Values, known: Row[Any] | None, book: Book) -> list[tuple[str, Fault]]:
    """That the number names another manufacturer than the product it is given now."""
    product_id = row["product_id"]
    if product_id is None or product_id == getattr(known, "product_id", None):
        return []
    maker = book.tables["makers"][product_id]
    differs = code_differs(row["meter_number"], maker.code)
    if differs is None:
        return []
    told = Fault("maker_differs", found=differs.found, maker=maker.name, code=differs.expected)
    return [("meter_number", told)]


class _Rules:
    """What holds between the values of a row, the record's own counted where the file says nothing."""

    def __init__(self, row: Values, known: Row[Any] | None, book: Book, faults: list[Any]) -> None:
        self.row, self.known, self.book, self.faults = row, known, book, faults

    def value(self, name: str) -> Any:
        """What the record would hold."""
        return self.row[name] if self.row[name] is not None else getattr(self.known, name, None)

    def says(self, name: str, code: str, **params: Any) -> None:
        """Something is wrong."""
        self.faults.append((name, Fault(code, **params)))

    def key(self) -> None:
        """The key is one that an active module holds, unless it stays as it was; algorithm and KEN follow it."""
        pair = sgc, krn = self.value("sgc"), self.value("krn")
        known = self.known
        if not sgc or krn is None:
            return
        moved = known is None or pair != (known.sgc, known.krn)
        key = self.book.tables["keys"].get(pair)
        if key is not None:
            self.row["algorithm"] = Algorithm.LEGACY if key.dkga == 2 else Algorithm.STS6
            if self.row["ken"] is None and moved:
                self.row["ken"] = key.ken
        elif moved:
            self.says("sgc", "unknown_key", sgc=sgc, krn=krn)
        if self.value("ea") == 11 and self.value("algorithm") is Algorithm.LEGACY:
            self.says("ea", "ea_needs_sts6")

    def plate(self) -> None:
        """Product and tariff are of one meter type; the limits are in their order."""
        product = self.book.tables["product_types"].get(self.value("product_id"))
        tariff = self.book.tables["tariff_types"].get(self.value("tariff_id"))
        if product and tariff and product is not tariff:
            self.says("tariff", "tariff_type", tariff=tariff.value, product=product.value)
        smallest, largest = self.value("smallest_purchase"), self.value("largest_purchase")
        if smallest is not None and largest is not None and largest < smallest:
            self.says("largest_purchase", "below_smallest")
        if self.row["capacity"] is not None and not self.value("capacity_unit"):
            self.says("capacity_unit", "unit_needed")

    def state(self) -> None:
        """A state may follow the one before it; the reason of the one before goes with it."""
        new, known = self.row["status"], self.known
        if known is None or new is None or new is known.status:
            if self.value("status") is MeterStatus.BLOCKED and not self.value("status_reason"):
                self.says("status_reason", "reason_needed")
            return
        if (known.status, new) not in METER_STEPS:
            self.says("status", "step", old=known.status.value, new=new.value)
        elif self.row["status_reason"] is None and meter_states.needs_reason(known.status, new):
            self.says("status_reason", "reason_of_state")
        if self.row["status_reason"] is None:
            self.row["status_reason"] = CLEARED
        if new is MeterStatus.IN_STOCK and self.row["installed_on"] is None:
            self.row["installed_on"] = (
                CLEARED  # whoever gets it next owes nothing of the time before
            )

    def past(self) -> None:
        """What a known record does not change by a file, and that nobody is given a removed meter."""
        row, known = self.row, self.known
        had = getattr(known, "consumer_id", None)
        if not meter_states.may_be_given(self.value("status"), row["consumer_id"], had):
            self.says("consumer", "removed_meter")
        if known is None:
            return
        if row["consumer_id"] is not None and known.consumer_id not in (None, row["consumer_id"]):
            self.says("consumer", "meter_taken")
        kind = row["meter_type"]
        if (
            kind is not None
            and kind is not known.meter_type
            and _has_history(self.book.session, known.id)
        ):
            self.says("product", "bought_as_other")


def _has_history(session: Session, meter_id: int) -> bool:
    """Whether sales, tokens or engineering acts name the meter.  Asked unscoped."""
    return any(
        session.execute(
            select(model.id).where(model.meter_id == meter_id).limit(1),
            execution_options={"unscoped": True},
        ).first()
        for model in (Sale, Token, EngineeringRecord)
    )


def _room(session: Session) -> int | None:
    return licensing.meters_left(session)


def _claim(session: Session, wanted: int) -> None:
    licensing.require_room(session, wanted)


METERS = Entity(
    name="meter",
    model=Meter,
    key="meter_number",
    fields=(
        MeterNumber("meter_number", needed=True),
        Text("product", needed=True, most=60),
        Text("consumer", most=30, code=True),
        Text("region", most=320),
        Text("address", most=200),
        Text("tariff", most=100),
        Digits("sgc", needed=True, length=6),
        Number("krn", needed=True, least=Decimal(1), most=Decimal(9)),
        Number("ti", most=Decimal(99)),
        Word("ea", words="ea"),
        Word("tct", words="tct"),
        Number("ken", most=Decimal(255)),
        Word("status", words="status"),
        Text("status_reason", most=200),
        Day("installed_on"),
        Number("capacity", decimals=8, scale=8, most=Decimal(1_000_000)),
        Word("capacity_unit", words="capacity_unit"),
        Number("smallest_purchase", decimals=1, scale=1, most=UNITS_MOST),
        Number("largest_purchase", decimals=1, scale=1, most=UNITS_MOST),
        Money("daily_limit", most=Decimal(9_999_999)),
    ),
    columns=COLUMNS,
    settle=_settle,
    begin=_begin,
    look=_look,
    warn=_warn,
    beside=(
        "INSERT INTO meter_lock (meter_id, sales) SELECT meter.id, 0 FROM {staged} AS s"
        " JOIN meter ON meter.meter_number = s.key WHERE s.action = 'new'"
    ),
    on_change={
        "tariff_since": "CASE WHEN meter.tariff_id {differs} {tariff_id} THEN :now ELSE meter.tariff_since END",
        "status_since": "CASE WHEN meter.status {differs} {status} THEN :now ELSE meter.status_since END",
        "status_by": "CASE WHEN meter.status {differs} {status} THEN :who ELSE meter.status_by END",
    },
    on_new={"status_since": ":now", "status_by": ":who"},
    example="00000000000",
    again={("sgc", "key_gone"): KEY_GONE, ("consumer", "removed_meter"): GIVEN_REMOVED},
    links={"consumer_id": "consumer", "product_id": "product", "tariff_id": "tariff"},
    room=_room,
    claim=_claim,
)
