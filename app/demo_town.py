"""The large demonstration: sixty consumers, eighty meters, three months, price lists of real utilities.

Names and numbers are invented; whoever loads it gets the same town, because the choices are seeded.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from app import demo_data as data
from app.domain.states import MeterType, StepPeriod
from app.models import Tariff, TariffPlan, TariffStep
from app.services import catalogue

SEED: Final = 60_080
DAYS: Final = 90
# One rate for both price lists, so that the demonstration stays in the currency that set-up brings.
SHILLINGS_PER_DOLLAR: Final = 129
CENT_OF_A_CENT: Final = Decimal("0.0001")
DEBT_SHARE: Final = Decimal("0.25")
PRICE_RISE_AGO: Final = timedelta(days=45)
A_YEAR: Final = timedelta(days=365)

# Nairobi City Water & Sewerage, homes: shillings per m³ from so many m³ a month (water only).
# 2022/23 to 2024/25: nairobiwater.co.ke/?p=1834; before: as reported by the press in July 2022 and October 2016.
WATER_NOW: Final = ((0, 45), (6, 67), (20, 70), (50, 76), (100, 78), (300, 80))
WATER_BEFORE: Final = ((0, 34), (6, 53), (60, 64))

POINTS = {
    "ahero": ("Ahero post office", "AHR", "ahero", "Main Road, Ahero", "Gloria Odhiambo", "+254 700 100 004"),
    "teranga": ("Boutique Teranga", "TRG", "rufisque", "Rue Adama Ndao", "Ibrahima Sarr", "+221 33 836 00 12"),
}
PEOPLE: dict[str, data.Person] = {
    "gloria": ("Gloria", "Odhiambo", "Operator", None, "ahero", "en"),
    "ibrahima": ("Ibrahima", "Sarr", "Operator", None, "teranga", "fr"),
    "jonas": ("Jonas", "Were", "Operator", None, "corner", "en"),
    "hana": ("Hana", "Tesfaye", "Manager", "mombasa", None, "en"),
}
GONE = frozenset({"jonas"})
MOVED_AWAY = frozenset({"30047", "30048"})  # of the three who have no meter

# region: (how many consumers, streets, first names, family names, country code, language)
STREETS = {
    "kondele": ("Kibos Road", "Obote Road", "Palm Street", "Nyalenda Lane", "Kibuye flats", "Milimani"),
    "ahero": ("Rice scheme", "Station Road", "Market Lane"),
    "likoni": ("Ferry Road", "Old Town", "Shelly Beach", "Mtongwe"),
    "rufisque": ("Cité SIPRES", "Quartier Keury Kao", "Rue Adama Ndao"),
}
NEWCOMERS = {"kondele": 20, "ahero": 10, "likoni": 10, "rufisque": 8}
EAST = (
    ("Wanjiku", "Akinyi", "Nafula", "Halima", "Njoki", "Atieno", "Wambui", "Salma", "Chebet", "Moraa"),
    ("Odhiambo", "Kamau", "Mwangi", "Barasa", "Ochieng", "Kiptoo", "Mutua", "Omondi", "Simiyu", "Abdalla"),
    ("Onyango", "Kariuki", "Wafula", "Njoroge", "Hussein", "Cheruiyot", "Mwende", "Ouma", "Nyambura", "Said"),
)
WEST = (
    ("Awa", "Mariama", "Khady", "Ndeye", "Coumba"),
    ("Mamadou", "Cheikh", "Ousmane", "Abdou", "Modou"),
    ("Diallo", "Fall", "Ndour", "Sow", "Faye", "Bâ", "Gueye"),
)
KEYS = (data.LEGACY, data.STS6, data.STS6_MISTY)
BLOCKED = {
    "0100000105": "Seal broken, found at the reading",
    "0100000112": "Meter bypassed, case with the police",
    "0100000121": "House empty, asked by the owner",
}
REMOVED = {"0100000158": "Replaced, display dead", "0100000159": "House pulled down"}
DEBTS = {
    "30003": (45_00, "Balance of the old postpaid account"),
    "30011": (120_50, "Balance of the old postpaid account"),
    "30020": (18_75, "Connection fee, part not paid"),
    "30027": (260_00, "Estimated loss after the bypass"),
}


def scene() -> data.Scene:
    """The small scene and the town around it."""
    chance = random.Random(SEED)  # noqa: S311 (the same town for everybody)
    consumers = _consumers(chance)
    small = data.SMALL
    return replace(
        small,
        days=DAYS,
        sales_a_day=2,
        points={**small.points, **POINTS},
        people={**small.people, **PEOPLE},
        consumers=small.consumers + consumers,
        meters=small.meters + _meters(chance, [row[1] for row in consumers]),
        blocked={**small.blocked, **BLOCKED},
        removed=REMOVED,
        gone=GONE,
        moved_away=MOVED_AWAY,
        debts=DEBTS,
        daily_limits={"0100000103": 30_00, "0100000117": 50_00},
        real_tariffs=True,
        acts=True,
    )


def _consumers(chance: random.Random) -> tuple[data.Customer, ...]:
    rows: list[data.Customer] = []
    known = {row[0] for row in data.CONSUMERS}
    for region, count in NEWCOMERS.items():
        made = 0
        while made < count:
            row = _consumer(chance, region, 30_001 + len(rows))
            if row[0] not in known:
                known.add(row[0])
                rows.append(row)
                made += 1
    return tuple(rows)


def _consumer(chance: random.Random, region: str, number: int) -> data.Customer:
    west = region == "rufisque"
    women, men, families = WEST if west else EAST
    gender = chance.choice("fm")
    name = f"{chance.choice(women if gender == 'f' else men)} {chance.choice(families)}"
    address = f"{chance.choice(STREETS[region])} {chance.randrange(1, 60)}"
    parts = [_digits(chance, length) for length in ((3, 2, 2) if west else (2, 3, 3))]
    telephone = "+221 77 " + " ".join(parts) if west else "+254 7" + " ".join(parts)
    language = "fr" if west else chance.choice(("en", "en", "sw"))
    return (name, str(number), region, address, _digits(chance, 13 if west else 8), telephone, gender, language)


def _digits(chance: random.Random, count: int) -> str:
    return "".join(chance.choice("0123456789") for _ in range(count))


def _meters(chance: random.Random, owners: list[str]) -> tuple[tuple[str, str, str, str | None, data.Keys], ...]:
    """Sixty more: each newcomer but three has one, some two; the last ones lie in the store or were removed."""
    kinds = ["home"] * 30 + ["water"] * 10 + ["shop"] * 3 + ["gas"] * 1 + ["time"] * 1
    tariffs = {"home": "power", "shop": "power", "water": "city_water", "gas": "gas", "time": "time"}
    rows: list[tuple[str, str, str, str | None, data.Keys]] = []
    for number, (kind, owner) in enumerate(zip(kinds, owners, strict=False), start=101):
        rows.append((_body(number, chance), kind, tariffs[kind], owner, chance.choice(KEYS)))
    for number, owner in enumerate(owners[:7], start=146):  # a second one, for water
        rows.append((_body(number, chance), "water", "city_water", owner, chance.choice(KEYS)))
    # A key change is due on two more.
    rows += [(f"0100000{number}", "home", "power", owners[number - 146], data.ENDED) for number in (153, 154)]
    rows += [(f"0100000{number}", "home", "power", None, data.STS6) for number in (155, 156, 157)]
    rows += [(body, "home", "power", None, data.LEGACY) for body in REMOVED]
    rows.append(("0100000160", "shop", "power", None, data.STS6_MISTY))
    return tuple(rows)


def _body(number: int, chance: random.Random) -> str:
    """Eleven digits with the check digit, or thirteen; those that others speak of have eleven."""
    short = f"0100000{number}"
    spoken_of = short in BLOCKED or short in REMOVED or number in (103, 117)
    return short if spoken_of or chance.random() < 0.7 else f"0100{number:08d}"


def real_tariffs(today: datetime) -> dict[str, Tariff]:
    """Homes by Kenya Power's list of 2017, water by Nairobi's with its rise; in dollars, with their taxes."""
    begun = today - A_YEAR
    power = Tariff(name="Homes, by Kenya Power 2017", meter_type=MeterType.ELECTRICITY)
    plan = catalogue.make_plan(catalogue.entry("kplc-2017"))
    plan.name, plan.effective_from, plan.debt_share = "2017, at 129 KES for a dollar", begun, DEBT_SHARE
    for fee in plan.fees:
        fee.amount = _dollars(fee.amount)
    for row in (*plan.steps, *plan.levies):
        row.price = _dollars(row.price)
    power.plans.append(plan)
    water = Tariff(name="Water, by Nairobi City Water", meter_type=MeterType.WATER)
    for name, since, blocks in (("2016", begun, WATER_BEFORE), ("2022/23", today - PRICE_RISE_AGO, WATER_NOW)):
        water.plans.append(
            TariffPlan(
                name=f"{name}, at 129 KES for a dollar",
                effective_from=since,
                step_period=StepPeriod.MONTH,
                steps=[TariffStep(start=start * 10, price=_dollars(Decimal(price))) for start, price in blocks],
            )
        )
    return {"power": power, "city_water": water}


def _dollars(shillings: Decimal) -> Decimal:
    return (shillings / SHILLINGS_PER_DOLLAR).quantize(CENT_OF_A_CENT)
