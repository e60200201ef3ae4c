"""Today's figures as the home page draws them: bars by hour beside what is usual, shares, where each figure stands.

Heights are whole numbers of pixels and every text comes from here, so the page needs no script; the same figures
stand exactly in the table under the bars.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from app.access import permissions as p
from app.domain.states import MeterType
from app.services.day_figures import PointDay, Points, Today
from app.views import choices, figures
from app.views.attention import may

HEIGHT = 128
# From here on amounts of a bar are told in thousands, and in millions.
THOUSANDS, MILLIONS = 10_000, 10_000_000


@dataclass(frozen=True, slots=True)
class Bar:
    """One hour: heights in pixels (`top` is the higher of both), the short figure over it, and the exact ones."""

    hour: str
    span: str
    height: int
    usual_height: int
    short: str
    amount: int
    sales: int
    usual: int
    now: bool
    peak: bool

    @property
    def top(self) -> int:
        """The height of the drawing."""
        return max(self.height, self.usual_height, 1)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a ranking: `share` in thousandths of the largest."""

    label: str
    note: str
    url: str | None
    amount: int
    sales: int
    usual: int
    share: int
    kind: MeterType | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the strip: its name, the text, what it is compared with, and the report that holds it."""

    name: str
    value: str
    note: str
    url: str | None


def report(name: str, **asks: Any) -> str | None:
    """The address of a report of today, for whoever may open it."""
    needed = {"sales-statistics": p.READ_REPORTS, "inactive-consumers": p.READ_CONSUMERS}.get(name, p.READ_SALE_RECORDS)
    if not (may(p.READ_REPORTS) and may(needed)):
        return None
    return url_for("ReportView.show", report=name, **{"period": "today", **asks})


def bars(day: Today) -> list[Bar]:
    """The hours from the first to the last that anything is sold in."""
    most = max((max(sums.amount, sums.usual) for sums in day.hours.values()), default=0)
    best = max((sums.amount for sums in day.hours.values()), default=0)
    found = []
    for hour, sums in day.hours.items():
        found.append(
            Bar(
                hour=f"{hour:02d}", span=f"{hour:02d}:00–{(hour + 1) % 24:02d}:00",
                height=_height(sums.amount, most), usual_height=_height(sums.usual, most), short=_short(sums.amount, day),
                amount=sums.amount, sales=sums.sales, usual=sums.usual, now=hour == day.hour, peak=0 < sums.amount == best,
            )
        )  # fmt: skip
    return found


def _height(amount: int, most: int) -> int:
    return max(amount, 0) * HEIGHT // most if most else 0


def _scale(day: Today) -> int:
    """How many places the bars' figures leave out: 0, 3 or 6."""
    most = max((sums.amount for sums in day.hours.values()), default=0) // 10**day.currency.decimals
    return 6 if most >= MILLIONS else 3 if most >= THOUSANDS else 0


def _short(amount: int, day: Today) -> str:
    if amount <= 0:
        return ""
    places = _scale(day)
    return figures.number(Decimal(amount).scaleb(-day.currency.decimals - places), 1 if places else 0)


def bars_unit(day: Today) -> str:
    """What the bars' short figures are of."""
    code = day.currency.code
    return {0: code, 3: _("thousand %(code)s", code=code), 6: _("million %(code)s", code=code)}[_scale(day)]


def bars_name(day: Today) -> str:
    """The chart in one sentence, for whoever does not see it."""
    best = max(day.hours.items(), key=lambda one: one[1].amount, default=None)
    if best is None or best[1].amount <= 0:
        return _("Bars by hour. Nothing was sold yet today.")
    return _(
        "Bars by hour. Most was taken from %(from)s to %(to)s: %(amount)s. The table below has every hour.",
        **{"from": f"{best[0]:02d}:00", "to": f"{(best[0] + 1) % 24:02d}:00"}, amount=_money(best[1].amount, day),
    )  # fmt: skip


def usual_words(day: Today) -> str:
    """What "usual" means here."""
    return ngettext("usual: the same weekday of last week", "usual: mean of the same weekday in %(num)d weeks", day.weeks)


def kinds(day: Today) -> list[Line]:
    """Kinds of meter in their fixed order."""
    most = max((max(sums.amount, sums.usual) for sums in day.kinds.values()), default=0)
    name = "day-sheet" if day.drawer else "sales-statistics"
    return [
        Line(
            str(choices.METER_TYPE[kind]), "", report(name, group="day" if day.drawer else "type", type=kind.value), sums.amount,
            sums.sales, sums.usual, _share(sums.amount, most), kind,
        )
        for kind, sums in day.kinds.items()
    ]  # fmt: skip


def best(found: Points) -> list[Line]:
    """Vending points by what they sold today."""
    most = max((point.amount for point in found.best), default=0)
    return [_point(point, report("sales-statistics", group="type", point=point.code), most) for point in found.best]


def quiet(found: Points) -> list[Line]:
    """Those that sell nothing today though they usually do; `usual` is what they have on this weekday."""
    return [_point(point, report("sales-statistics", period="this_month", group="day", point=point.code), 0) for point in found.quiet]


def _point(point: PointDay, url: str | None, most: int) -> Line:
    return Line(point.name, point.place, url, point.amount, point.sales, point.amount, _share(point.amount, most))


def _share(amount: int, most: int) -> int:
    return max(amount, 0) * 1000 // most if most else 0


def strip(day: Today, waiting: int, oldest: str) -> list[Figure]:
    """The figures on top: what was taken, how often, what was undone, what waits."""
    money = _money(day.amount, day)
    taken = report("day-sheet") if day.drawer else report("sales-statistics")
    compared = [day.currency.code]
    if day.usual is not None:
        compared = [_("usual by now %(amount)s", amount=_money(day.usual, day)), _change(day.amount, day.usual)]
    if day.drawer and 0 < day.own < day.amount:
        compared.append(_("%(amount)s by you", amount=_money(day.own, day)))
    compared += [figures.money_code(amount, places, code) for code, places, amount in day.others]
    undone = _("given back %(amount)s", amount=_money(day.given_back, day)) if day.given_back else ""
    return [
        Figure(_("Taken today") if day.drawer else _("Sold today"), money, _dotted(compared), taken),
        Figure(_("Sales today"), figures.number(day.sales, 0), _("with a token or a fee receipt"), taken),
        Figure(
            _("Waiting"), figures.number(waiting, 0), _("for an answer of the security module"),
            report("sales-records", period="days", status="reserved", **{"from": oldest}) if waiting else None,
        ),
        Figure(_("Reversals today"), figures.number(day.reversals, 0), undone, report("sales-records", kind="reversal") if day.reversals else None),
    ]  # fmt: skip


def _dotted(parts: list[str]) -> str:
    return " · ".join(part for part in parts if part)


def _change(amount: int, usual: int) -> str:
    """More or less than usual, in per cent; a sign says which."""
    if usual <= 0:
        return ""
    per_cent = round(Fraction(100 * (amount - usual), usual))
    sign = "+" if per_cent > 0 else "−" if per_cent < 0 else "±"
    return figures.ltr(f"{sign}{figures.number(abs(per_cent), 0)}{figures.NBSP}%")


def _money(minor: int, day: Today) -> str:
    return figures.ltr(figures.money(minor, day.currency.decimals))
