"""Figures as people read and type them: money, units, shares and times in the reader's language.

Digits are always 0 to 9 and exact: integers and Decimals in, text out, no float between.  What
a page shows in a field can be sent back unchanged: `plain_number` reads what `money` writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from unicodedata import bidirectional

from babel import Locale
from babel.dates import format_date, format_datetime, format_interval, format_skeleton
from babel.numbers import format_decimal, get_decimal_symbol, get_group_symbol
from flask import Flask, g
from flask_babel import get_locale, get_timezone

from app.domain.digits import ascii_digits
from app.domain.states import UNIT

SPACES = "\u0020\u00a0\u202f"
NBSP = "\u00a0"
MINUS = "\u2212"
UNITS_DECIMALS = 1
# The signs between the parts of a list, where they are other ones; a full-width one brings its own space.
MARKS = {"ar": {",": "،", ";": "؛"}, "zh": {",": "，", ";": "；", "list": "、"}}
FULL_WIDTH = "，；、"
# Dates whose shape is another than day, month and year side by side.
SHAPES = {
    "es": {"d MMMM": "d 'de' MMMM"},
    "pt": {"d": "dd", "d MMM": "dd/MM", "d MMMM": "d 'de' MMMM", "d MMM y": "dd/MM/y"},
    "zh": {"d MMM": "M月d日", "d MMMM": "M月d日", "d MMM y": "y年M月d日"},
}
# The place whose habits a language has here, where the CLDR means another: Portuguese of Portugal and Africa, not of Brazil.
PLACES = {"pt": Locale("pt", "PT")}


def habits() -> Locale | None:
    """The reader's language with the habits of its place, for all that Babel writes: figures, dates, names of countries.

    It is `flask_babel.get_locale`; once that was found, without its four questions for the context.
    """
    try:
        found: Locale | None = getattr(g.get("_flask_babel"), "babel_locale", None)
    except RuntimeError:  # outside of an application
        return None
    found = found or get_locale()
    return PLACES.get(found.language, found) if found is not None else None


@lru_cache(maxsize=64)
def _pattern(decimals: int, least: int | None = None) -> str:
    least = decimals if least is None else least
    tail = "0" * least + "#" * (decimals - least)
    return "#,##0." + tail if tail else "#,##0"


def number(value: Decimal | Fraction | int, decimals: int, least: int | None = None) -> str:
    """Write `value` with at most `decimals` places, at least `least` (default: all of them)."""
    scaled = value if decimals == 0 and isinstance(value, int) else round(Fraction(value) * 10**decimals)
    return _written(scaled, decimals, _pattern(decimals, least), habits())


@lru_cache(maxsize=20_000)
def _written(scaled: int, decimals: int, pattern: str, locale: Locale | None) -> str:
    """A figure in a language: a page writes the same ones again and again, and Babel takes its time.

    A minus is one sign in every language: the hyphen that most have in its place is short, and a line breaks after it.
    """
    return str(format_decimal(Decimal(scaled).scaleb(-decimals), pattern, locale)).replace("-", MINUS)


def ltr(figure: str) -> str:
    """Hold a figure with its sign together in a right-to-left sentence: "7.5 %" must not jump.

    The isolating signs are used only there, so that texts elsewhere hold nothing unseen.
    """
    return f"\u2066{figure}\u2069" if _runs_left(habits()) else figure


# NB: Babel looks these two up in its tables each time, and a page of cards asks for them at every figure.


@lru_cache(maxsize=64)
def _runs_left(locale: Locale | None) -> bool:
    return locale is not None and locale.text_direction == "rtl"


@lru_cache(maxsize=64)
def _money_shape(locale: Locale | None) -> str:
    return locale.currency_formats["standard"].pattern if locale is not None else "¤0"


def own(words: str) -> str:
    """Let a name or an address keep its own direction in a right-to-left slip or sentence: "3 Obote Road" must not end in 3."""
    if not words or not _runs_left(habits()):
        return words
    isolate = "\u2066" if direction(words) == "ltr" else "\u2067"
    return f"{isolate}{words}\u2069"


def direction(words: str) -> str:
    """Where words begin, as their first letter says (UAX #9, P2 and P3): `ltr` or `rtl`."""
    first = next((sign for sign in map(bidirectional, words) if sign in ("L", "R", "AL")), "L")
    return "ltr" if first == "L" else "rtl"


def money(minor: int, decimals: int) -> str:
    """Minor units as an amount with the currency's decimals: 300000 -> 3,000.00."""
    return _written(minor, decimals, _pattern(decimals), habits())


def price(value: Decimal | Fraction | int, decimals: int) -> str:
    """A price or fee: the currency's decimals, and more where it has more (up to eight)."""
    return number(value, 8, least=decimals)


def money_code(minor: int, decimals: int, code: str) -> str:
    """An amount with its currency, which is never torn from it: KES 3,000.00."""
    return with_code(money(minor, decimals), code)


def with_code(amount: str, code: str) -> str:
    """The currency on the side where the language has it: USD 20.00, and 20,00 USD in French."""
    shape = _money_shape(habits())
    return ltr(f"{code}{NBSP}{amount}" if shape.index("¤") < shape.index("0") else f"{amount}{NBSP}{code}")


def money_symbol(minor: int, decimals: int, symbol: str) -> str:
    """An amount with the currency's own sign where the language has it: $3,000.00, KSh 3,000.00, 3 000,00 $."""
    shape = _money_shape(habits())
    sign, first = shape.index("¤"), shape.index("0")
    amount = money(minor, decimals)
    if sign > first:
        return ltr(f"{amount}{NBSP}{symbol}")
    spaced = symbol[-1:].isalpha() or any(blank in shape[sign:first] for blank in SPACES)
    return ltr(f"{symbol}{NBSP if spaced else ''}{amount}")


def units(tenths: int) -> str:
    """Base units as units: 1087 -> 108.7."""
    return _written(tenths, UNITS_DECIMALS, _pattern(UNITS_DECIMALS), habits())


def units_short(tenths: int) -> str:
    """As `units`, without a decimal that says nothing: 1500 -> 150."""
    return number(Decimal(tenths).scaleb(-1), UNITS_DECIMALS, least=0)


def share(value: Decimal | Fraction | int) -> str:
    """A share as per cent: 0.075 -> 7.5 %."""
    return ltr(f"{number(Fraction(value) * 100, 6, least=0)}{NBSP}%")


def groups_of_four(digits: str) -> str:
    """A token in five groups of four."""
    return " ".join(digits[i : i + 4] for i in range(0, len(digits), 4))


def _dates() -> Locale | None:
    """The language of dates: plain English writes the day first, as most of the world does."""
    locale = habits()
    return Locale("en", "GB") if locale is not None and str(locale) == "en" else locale


def date_of(when: date, form: str = "medium") -> str:
    """A calendar date: 23 Nov 2026."""
    locale = habits()
    if locale is not None and locale.language == "ar" and form == "medium":
        form = "d MMM y"  # with the month's name, as elsewhere: figures alone would be read from either end
    if locale is not None:
        form = SHAPES.get(locale.language, {}).get(form, form)
    return _first(when, str(format_date(when, form, _dates())))


def span(first: date, last: date) -> str:
    """From a day to a later one, both included, what they share said once: 1–25 Oct 2026, 26 Sept – 25 Oct 2026.

    NB: not Babel's own, but for Chinese: its Swahili leaves the first month out.
    """
    locale = habits()
    if locale is not None and locale.language == "zh":
        return str(format_interval(first, last, "yMMMd", locale=locale))
    whole = date_of(last)
    if (first.year, first.month) == (last.year, last.month):
        return f"{date_of(first, 'd')}–{whole}"
    opening = date_of(first)
    if first.year == last.year:
        opening = _first(first, str(format_skeleton("MMMd", first, locale=_dates())))
    return f"{opening} – {whole}"


def together(days: str) -> str:
    """A span that no line breaks at the dash between two days."""
    return re.sub(r"(?<=[0-9r])–(?=[0-9])", "–\u2060", days)


def _first(when: date, said: str) -> str:
    """A date that begins with its day as French writes it: the first alone is an ordinal."""
    locale = habits()
    if locale is not None and locale.language == "fr" and when.day == 1:
        return re.sub(r"(?<![0-9])1(?=[ \u00a0]|$)", "1er", said, count=1)
    return said


def comma(sign: str = ",") -> str:
    """A comma (or semicolon) of the reader's language, with its space."""
    locale = habits()
    mark = MARKS.get(locale.language, {}).get(sign, sign) if locale is not None else sign
    return mark if mark in FULL_WIDTH else f"{mark} "


def _then() -> str:
    """Between a date and its hour: a comma, and in Chinese a space."""
    locale = habits()
    return " " if locale is not None and locale.language == "zh" else comma()


def sentences(*said: object) -> str:
    """Sentences one after the other: with a space between, but in Chinese, whose full stop brings its own."""
    return ("" if comma() in FULL_WIDTH else " ").join(str(one) for one in said)


def bracketed(words: object, more: object) -> str:
    """Words with what belongs to them in brackets, which are wide in Chinese."""
    return f"{words}（{more}）" if comma() in FULL_WIDTH else f"{words} ({more})"


def listed(parts: Iterable[object], sign: str = ",") -> str:
    """Words one after the other, with the commas (or semicolons) of the reader's language."""
    locale = habits()
    own_sign = sign == "," and locale is not None and "list" in MARKS.get(locale.language, {})
    words = comma("list" if own_sign else sign).join(str(part) for part in parts)
    # NB: a list that begins with a Latin code would make its whole cell run from left to right.
    return f"\u200f{words}" if _runs_left(locale) and words[:1].isascii() and words else words


def meter_number(digits: str) -> str:
    """As on the plate: 4-4-3 for eleven digits, 4-4-5 for thirteen."""
    return " ".join(part for part in (digits[:4], digits[4:8], digits[8:]) if part)


def moment(instant: datetime, form: str = "medium") -> str:
    """An instant as date and time of the installation: 23 Nov 2026, 14:05."""
    return f"{date_of(instant.astimezone(get_timezone()).date(), form)}{_then()}{hour(instant)}"


def day(instant: datetime, form: str = "d MMM") -> str:
    """The day of an instant, short: 4 Nov."""
    return date_of(instant.astimezone(get_timezone()).date(), form)


def hour(instant: datetime) -> str:
    """The time of day of an instant: 13:58."""
    return str(format_datetime(instant.astimezone(get_timezone()), "HH:mm", locale=habits()))


def fingerprint(digits: str) -> str:
    """Sixty-four digits in pairs of four, so that two people can read them to each other."""
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def milliseconds(span: int) -> str:
    """A round trip: 12 ms; what is shorter than one says so."""
    return f"{number(span, 0)}{NBSP}ms" if span else f"<{NBSP}1{NBSP}ms"


def lately(instant: datetime) -> str:
    """The time of day of an instant, with its day before it when that is not today: 13:58, 22 Nov, 13:58."""
    today = datetime.now(UTC).astimezone(get_timezone()).date()
    same = instant.astimezone(get_timezone()).date() == today
    return hour(instant) if same else f"{day(instant)}{_then()}{hour(instant)}"


def decimal_mark() -> str:
    """The sign between whole and part in the reader's language."""
    return str(get_decimal_symbol(habits()))


def plain_number(text: str) -> str:
    """Turn what was typed into digits with a point, or give it back untouched to be refused.

    Groups are taken only where they are groups ("3,000.00", "3 000,00" in French), so that
    nothing is guessed: "20,00" in English is not 2000.  Where a point means nothing in the
    language (French), one with at most two places after it is the key of the number pad.
    Digits may be of any script.
    """
    mark, group = decimal_mark(), str(get_group_symbol(habits()))
    # Arabic keyboards have marks of their own, which mean one thing only.
    text = ascii_digits(text.strip()).replace("\u066b", mark).replace("\u066c", group).replace(MINUS, "-")
    separator = f"[{SPACES}{re.escape(group)}]"
    shape = rf"[0-9]{{1,3}}(?:{separator}[0-9]{{2,3}})*{separator}[0-9]{{3}}"
    if re.fullmatch(rf"{shape}(?:{re.escape(mark)}[0-9]*)?", text):
        text = re.sub(separator, "", text)
    if re.fullmatch(rf"[0-9]*{re.escape(mark)}?[0-9]*", text):
        return text.replace(mark, ".")
    if "." not in (mark, group) and re.fullmatch(r"[0-9]+\.[0-9]{1,2}", text):
        return text
    # NB: a point would now be read as the mark; in a language where it groups it must not.
    return text if mark == "." else text.replace(".", "\u2019")


def install(app: Flask) -> None:
    """Give the templates these words."""
    app.jinja_env.filters.update(
        numberformat=lambda value: number(value, 0),  # in the place of flask_babel's own, which knows no habits
        money=money,
        units=units,
        units_short=units_short,
        price=price,
        share=share,
        grouped=groups_of_four,
        ltr=ltr,
        own=own,
        direction=direction,
        meter_number=meter_number,
        fingerprint=fingerprint,
        milliseconds=milliseconds,
        moment=moment,
        day=day,
        hour=hour,
        lately=lately,
        date_of=date_of,
        listed=listed,
        unit=lambda meter_type: UNIT[meter_type],
    )
    app.jinja_env.globals.update(comma=comma, sentences=sentences, bracketed=bracketed, money_code=money_code, with_code=with_code, decimal_mark=decimal_mark)
