"""Time zones to choose from, by city or country in the reader's language or by their own name, and how weeks begin there."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.dates import get_timezone_location
from flask_babel import gettext as _
from wtforms.validators import ValidationError

from app.views import figures
from app.views.fields import Text

WORLD = "001"  # what the CLDR calls everywhere


class Zone(NamedTuple):
    """A zone as the list offers it: `Africa/Nairobi` and "Kenya, Nairobi, UTC+03:00"."""

    name: str
    label: str


@cache
def names() -> frozenset[str]:
    """Every zone of the system that has a place, and UTC."""
    return frozenset(name for name in available_timezones() if "/" in name and not name.startswith("Etc/")) | {"UTC"}


def offered() -> tuple[Zone, ...]:
    """The zones of inhabited places by country and city, as they stand today."""
    return _offered(str(figures.habits() or "en"), datetime.now(UTC).strftime("%Y-%m-%d"))


@lru_cache(maxsize=8)
def _offered(language: str, _day: str) -> tuple[Zone, ...]:
    locale, at = Locale.parse(language), datetime.now(UTC)
    territories = get_global("zone_territories")
    places = [
        Zone(name, f"{_country(locale, territories[name])}, {_city(name, locale)}, {_offset(name, at)}")
        for name in names()
        if name in territories and territories[name] != WORLD
    ]
    return (Zone("UTC", "UTC"), *sorted(places, key=lambda zone: zone.label))


def _country(locale: Locale, code: str) -> str:
    return str(locale.territories.get(code, code))


def _city(name: str, locale: Locale) -> str:
    return str(get_timezone_location(name, locale=locale, return_city=True))


def _offset(name: str, at: datetime) -> str:
    away = at.astimezone(ZoneInfo(name)).strftime("%z")
    return f"UTC{away[:3]}:{away[3:]}"


def found(typed: str) -> str | None:
    """The zone that is meant: by its name, by its label, or by a city or country that has one zone only."""
    wanted = _bare(typed)
    exact = {_bare(name): name for name in names()}
    if wanted in exact:
        return exact[wanted]
    zones = offered()
    labelled = [zone.name for zone in zones if wanted in (_bare(zone.label), *map(_bare, zone.label.split(", ")[:-1]))]
    labelled = labelled or [name for bare, name in exact.items() if bare.rpartition("/")[2] == wanted]
    return labelled[0] if len(set(labelled)) == 1 else None


def _bare(text: str) -> str:
    return " ".join(text.replace("_", " ").casefold().split())


class UsualWeek(NamedTuple):
    """The day that calendars of a country begin their weeks on: 0 is Monday; the country in the reader's language."""

    first_weekday: int
    country: str


def usual_week(zone_name: str) -> UsualWeek | None:
    """How weeks begin where this time zone is, by the CLDR; None for UTC and places without a calendar of their own.

    The CLDR knows this by country and not by language: Arabic weeks begin on Saturday in Cairo, on Sunday in Riyadh, on Monday in Rabat.
    """
    name = get_global("zone_aliases").get(zone_name, zone_name)
    territory = get_global("zone_territories").get(name, "")
    try:
        there = Locale.parse(f"und_{territory}")
    except (UnknownLocaleError, ValueError):
        return None
    if there is None or there.territory != territory or territory == WORLD:
        return None
    return UsualWeek(int(there.first_week_day), _country(figures.habits() or Locale("en"), territory))


class ZoneField(Text):
    """A time zone, typed or chosen from the list of the page (`datalist`)."""

    def __init__(self, label: Any, **more: Any):
        super().__init__(label, most=100, render_kw={"list": "time-zones", "autocomplete": "off"}, **more)

    @property
    def zones(self) -> tuple[Zone, ...]:
        """What the page's list holds."""
        return offered()

    def pre_validate(self, form: Any) -> None:
        """Take the zone that is meant, or say how to find one."""
        zone = found(self.data or "")
        if self.data and zone is None:
            raise ValidationError(_("No single time zone is called so. Type a city, as in Nairobi, and choose one of the list."))
        self.data = zone
