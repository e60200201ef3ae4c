"""Facts of the demonstration: an invented utility in two countries, its people and prices.

`SMALL` is what tests and benches load; `demo_town` makes the large one out of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.domain.states import Algorithm, MeterType

Keys = tuple[Algorithm, str, int]
Person = tuple[str, str, str, str | None, str | None, str]
Customer = tuple[str, str, str, str, str, str, str, str]

PASSWORD = "demo"  # noqa: S105  (shown on purpose; the demonstration listens on loopback)
UTILITY = {
    "utility_name": "Lake Basin Utilities",
    "utility_address": "12 Oginga Street, Kisumu",
    "utility_telephone": "0800 720 555",
    "tax_number": "P051234567X",
    "slip_footer": "Keep this slip until the token is in the meter.",
    "time_zone": "Africa/Nairobi",
}

# key: (name, parent)
REGIONS = {
    "kenya": ("Kenya", None),
    "kisumu": ("Kisumu County", "kenya"),
    "kondele": ("Kondele", "kisumu"),
    "ahero": ("Ahero", "kisumu"),
    "mombasa": ("Mombasa County", "kenya"),
    "likoni": ("Likoni", "mombasa"),
    "senegal": ("Sénégal", None),
    "dakar": ("Région de Dakar", "senegal"),
    "rufisque": ("Rufisque", "dakar"),
}

# key: (name, code, region, address, contact, telephone)
POINTS = {
    "market": ("Market shop", "MKT", "kondele", "Stall 14, Kondele market", "Amara Achieng", "+254 700 100 001"),
    "corner": ("Corner shop", "CRN", "kondele", "Kibos Road", "Fatou Ndiaye", "+254 700 100 003"),
    "harbour": ("Harbour shop", "HRB", "likoni", "Ferry Road", "Bento Carvalho", "+254 700 100 002"),
}

# user name: (first, last, group, region, vending point, language)
PEOPLE = {
    "amara": ("Amara", "Achieng", "Operator", None, "market", "en"),
    "bento": ("Bento", "Carvalho", "Operator", None, "harbour", "en"),
    "fatou": ("Fatou", "Ndiaye", "Operator", None, "corner", "fr"),
    "chidi": ("Chidi", "Okafor", "Manager", "kisumu", None, "en"),
    "dalia": ("Dalia", "Haddad", "Auditor", "kenya", None, "en"),
    "efua": ("Efua", "Mensah", "Administrator", None, None, "en"),
}

MANUFACTURERS = {"hexa": ("Hexa Metering", "01"), "aqua": ("AquaLine", "0100")}

# key: (model, name, type, manufacturer)
PRODUCTS = {
    "home": ("S200", "Hexa single phase", MeterType.ELECTRICITY, "hexa"),
    "shop": ("T300", "Hexa three phase", MeterType.ELECTRICITY, "hexa"),
    "water": ("A15", "AquaLine 15 mm", MeterType.WATER, "aqua"),
    "gas": ("G4", "Hexa diaphragm gas", MeterType.GAS, "hexa"),
    "time": ("K1", "Hexa kiosk timer", MeterType.TIME, "hexa"),
}

# key: (name, type, monthly fee, ((start in tenths, price, tax rate), ...))
TARIFFS = {
    "home": ("Home, two steps", MeterType.ELECTRICITY, "1.50", ((0, "0.18", "0"), (1000, "0.27", "0.075"))),
    "water": ("Water, two steps", MeterType.WATER, "0.80", ((0, "0.90", "0"), (80, "1.45", "0.05"))),
    "gas": ("Gas, kitchen", MeterType.GAS, "0", ((0, "0.65", "0.075"),)),
    "time": ("Kiosk hours", MeterType.TIME, "0", ((0, "0.02", "0"),)),
}

# (name, user number, region, address, ID number, telephone, gender, language)
CONSUMERS = (
    ("Achieng Wanjiru", "10482", "kondele", "7 Palm Street", "27714471", "+254 700 123 456", "f", "en"),
    ("Baraka Wanjala", "10977", "kondele", "3 Obote Road", "22190365", "+254 711 204 518", "m", "sw"),
    ("Juma Otieno", "11206", "kondele", "18 Nyalenda Lane", "30118842", "+254 722 640 117", "m", "en"),
    ("Otieno Okoth", "10311", "ahero", "Ahero rice scheme 4", "19876203", "+254 733 818 290", "m", "sw"),
    ("Zainab Hassan", "10850", "kondele", "Kibuye flats B2", "28840917", "+254 700 551 663", "f", "ar"),
    ("Li Wei", "12044", "kondele", "Milimani 21", "E4471203", "+254 701 330 028", "m", "en"),
    ("Kwame Mensah", "11890", "ahero", "St Luke's school", "31500271", "+254 745 900 114", "m", "en"),
    ("Fatuma Ali", "12313", "likoni", "Ferry Road 5", "24417789", "+254 720 118 402", "f", "sw"),
    ("João Tavares", "12501", "likoni", "Old Town 9", "P8812045", "+254 721 664 300", "m", "pt"),
    ("Mercy Njeri", "12518", "likoni", "Shelly Beach 2", "29904518", "+254 722 019 775", "f", "en"),
    ("Aïssatou Diop", "20014", "rufisque", "Cité SIPRES 12", "1750198804417", "+221 77 540 18 02", "f", "fr"),
    ("Moussa Kouamé", "20031", "rufisque", "Quartier Keury Kao", "1760199102280", "+221 78 112 90 45", "m", "fr"),
)

LEGACY = (Algorithm.LEGACY, "123456", 7)
STS6 = (Algorithm.STS6, "201457", 7)
STS6_MISTY = (Algorithm.STS6, "201457", 11)
ENDED = (Algorithm.LEGACY, "888888", 7)  # base date 1993: a key change is due

# (meter number without its check digit, product, tariff, consumer's user number or None, keys)
METERS = (
    ("0100000001", "home", "home", "10482", LEGACY),
    ("010000000003", "water", "water", "10482", STS6),
    ("0100000005", "home", "home", "10977", LEGACY),
    ("010000000011", "home", "home", "11206", STS6_MISTY),
    ("0100000012", "home", "home", "10311", STS6),
    ("0100000013", "home", "home", "10850", LEGACY),
    ("010000000014", "water", "water", "10850", STS6_MISTY),
    ("0100000015", "gas", "gas", "12044", LEGACY),
    ("0100000016", "shop", "home", "12044", STS6_MISTY),
    ("0100000017", "home", "home", "11890", LEGACY),
    ("0100000018", "time", "time", "11890", STS6),
    ("0100000021", "home", "home", "12313", LEGACY),
    ("010000000022", "water", "water", "12313", STS6),
    ("0100000023", "home", "home", "12501", STS6_MISTY),
    ("0100000024", "home", "home", "12518", LEGACY),
    ("010000000031", "home", "home", "20014", STS6_MISTY),
    ("010000000032", "water", "water", "20014", STS6),
    ("0100000033", "home", "home", "20031", STS6),
    ("0100000041", "home", "home", "10977", ENDED),
    ("0100000042", "shop", "home", None, LEGACY),
)
BLOCKED = ("0100000005", "Removed for inspection")


@dataclass(frozen=True)
class Scene:
    """A utility of some size: its rows as the tables above have them, and how long it has been selling.

    `sales_a_day` of each seller; `debts` and limits are minor units; `removed` and `blocked` give the reason
    by the meter's number without its check digit.
    """

    days: int
    sales_a_day: int
    regions: Mapping[str, tuple[str, str | None]]
    points: Mapping[str, tuple[str, str, str, str, str, str]]
    people: Mapping[str, Person]
    tariffs: Mapping[str, tuple[str, MeterType, str, tuple[tuple[int, str, str], ...]]]
    consumers: tuple[Customer, ...]
    meters: tuple[tuple[str, str, str, str | None, Keys], ...]
    blocked: Mapping[str, str]
    removed: Mapping[str, str] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()  # people who may no longer sign in
    moved_away: frozenset[str] = frozenset()  # consumers switched off, by user number
    debts: Mapping[str, tuple[int, str]] = field(default_factory=dict)  # by user number
    daily_limits: Mapping[str, int] = field(default_factory=dict)
    real_tariffs: bool = False
    acts: bool = False  # engineering acts and reversals among the sales


SMALL = Scene(7, 6, REGIONS, POINTS, PEOPLE, TARIFFS, CONSUMERS, METERS, {BLOCKED[0]: BLOCKED[1]})
