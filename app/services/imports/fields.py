"""What one cell may hold: text, codes, numbers, days, words of a closed list; read exactly or refused.

A refusal is a `Fault` with a code and parameters; the pages word it.  What a spreadsheet does to
figures is told apart from mistyping: a number it shortened (5.19411E+10), a zero it lost, a
code it turned into a date.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

from app.domain.digits import ascii_digits
from app.domain.errors import Refusal
from app.domain.money import parse_decimal
from app.services.imports.layout import Cell
from app.services.imports.reader import fold
from app.sts import meter_number
from app.sts.errors import InvalidCheckDigit, StsError

UNSTORABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
SHORTENED = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+?[0-9]{1,3}")
# As spreadsheets write a number that they have shortened, with a sign and two digits.  In a text that may
# be so by itself (a user number, 5E+10) it is taken, with a warning; the cell of a number is refused.
SHORTENED_TEXT = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+[0-9]{2,3}")
_ERRORS = r"#(?:N/A|REF!|DIV/0!|VALUE!|NAME\?|NUM!|NULL!|SPILL!|CALC!)"
EXCEL_ERROR = re.compile(_ERRORS)
# As an export writes what a spreadsheet would take for a formula or an error: with an apostrophe before it.
QUOTED = re.compile(rf"'+(?:[=+\-@\t\r]|{_ERRORS}\Z)")
# As the forms have it (a test compares).
EMAIL = r"[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]+\.[^@\s,;<>\".]{2,}"
TELEPHONE = r"[ (]*\+?(?:[ ()-]*[0-9]){5,20}[ )]*"
BLANKS = "\u00a0\u202f\u2009\u3000\ufeff\u200b\u200e\u200f"


class Fault(Exception):
    """A cell that cannot be taken."""

    def __init__(self, code: str, /, **params: Any) -> None:
        self.code, self.params = code, params
        super().__init__(f"{code}({params})")


class Reading(Protocol):
    """What a cell is read against: the decimal mark of the file, the money's decimals, the lists."""

    mark: str
    decimals: int
    choices: Mapping[str, Mapping[str, Any]]


def text_of(cell: Cell) -> str:
    """The text of a cell without what a spreadsheet put around it.  Raises Fault.

    >>> text_of("  Palm   Street "), text_of("'+254 700"), text_of("'s place")
    ('Palm Street', '+254 700', "'s place")
    """
    if isinstance(cell, tuple):
        sign, text = cell
        if sign == "f":
            raise Fault("formula")
        if sign == "m":
            raise Fault("merged")
    else:
        text = cell
    quoted = QUOTED.match(text)
    text = plain_text(text[1:] if quoted else text)
    if not quoted and EXCEL_ERROR.fullmatch(text):
        raise Fault("error_cell", text=text)
    return text


def plain_text(text: str) -> str:
    """Single blanks of one kind between the words, without marks that nobody sees; as the forms keep it.

    >>> plain_text(" \u200ePalm\u00a0 Street\u200f ")
    'Palm Street'
    """
    return " ".join(text.translate(_BLANK).split())


_BLANK = {ord(sign): " " if sign in "\u00a0\u202f\u2009\u3000" else None for sign in BLANKS}


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a template.  `needed`: a new record cannot be without it."""

    name: str
    needed: bool = False

    def read(self, cell: Cell, reading: Reading) -> Any:
        """The value, or None for an empty cell.  Raises Fault."""
        text = text_of(cell)
        if not text:
            return None
        try:
            return self.value(text, isinstance(cell, tuple) and cell[0] == "d", reading)
        except Fault:
            if text.startswith("="):  # csv keeps a formula as text: say what it is, not what it is not
                raise Fault("formula_text", text=text[:40]) from None
            raise

    def value(self, text: str, dated: bool, reading: Reading) -> Any:
        """What the text means.  Raises Fault."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Text(Field):
    """Plain text of at most `most` characters; `code`: digits that a spreadsheet may have harmed.

    With a `shape` it is digits only, and can be told from a number that was shortened.
    """

    most: int = 200
    code: bool = False
    shape: str = ""
    fault: str = ""

    def read(self, cell: Cell, reading: Reading) -> Any:
        """The text, or None for an empty cell.  Raises Fault."""
        number = isinstance(cell, tuple) and cell[0] == "n"
        if self.code and number and SHORTENED_TEXT.fullmatch(cell[1]):
            raise Fault("shortened", text=cell[1])
        return Field.read(self, cell, reading)

    def value(self, text: str, dated: bool, reading: Reading) -> str:
        """The text itself."""
        if self.code:
            if dated:
                raise Fault("made_a_date", text=text)
            if self.shape and SHORTENED_TEXT.fullmatch(text):
                raise Fault("shortened", text=text)
        if UNSTORABLE.search(text):
            raise Fault("unstorable")
        if len(text) > self.most:
            raise Fault("too_long", most=self.most)
        if self.shape:
            plain = ascii_digits(text)
            if not re.fullmatch(self.shape, plain):
                raise Fault(self.fault)
            return plain
        return text


@dataclass(frozen=True, slots=True)
class MeterNumber(Field):
    """Eleven or thirteen digits whose last fits; says never which digit would."""

    def value(self, text: str, dated: bool, reading: Reading) -> str:
        """The digits."""
        if dated:
            raise Fault("made_a_date", text=text)
        if SHORTENED.fullmatch(text):
            raise Fault("shortened", text=text)
        digits = re.sub(r"[ \-]", "", ascii_digits(text))
        if not (digits.isascii() and digits.isdigit()):
            raise Fault("meter_number")
        if len(digits) in (10, 12):
            raise Fault("lost_zero", digits=len(digits))
        try:
            return meter_number.validate(digits)
        except InvalidCheckDigit:
            raise Fault("check_digit") from None
        except StsError:
            raise Fault("meter_number") from None


@dataclass(frozen=True, slots=True)
class Digits(Field):
    """A code of exactly `length` digits."""

    length: int = 6

    def value(self, text: str, dated: bool, reading: Reading) -> str:
        """The digits."""
        digits = ascii_digits(text).replace(" ", "")
        if dated or SHORTENED.fullmatch(digits):
            raise Fault("made_a_date" if dated else "shortened", text=text)
        if not (digits.isascii() and digits.isdigit()) or len(digits) > self.length:
            raise Fault("digits", length=self.length)
        if len(digits) < self.length:
            raise Fault("lost_zeros", length=self.length)
        return digits


@dataclass(frozen=True, slots=True)
class Word(Field):
    """One of a closed list, by its word in any of our languages or by its stored value."""

    words: str = ""

    def value(self, text: str, dated: bool, reading: Reading) -> Any:
        """The stored value."""
        table = reading.choices[self.words]
        found = table.get(fold(text), table.get(text))
        if found is None:
            raise Fault("not_in_list", text=text[:40], words=self.words)
        return found


@dataclass(frozen=True, slots=True)
class Number(Field):
    """An exact number: at most `decimals` places, stored as a whole number of 10**-`scale`."""

    decimals: int = 0
    scale: int = 0
    least: Decimal = Decimal(0)
    most: Decimal = Decimal(10**15 - 1)

    def value(self, text: str, dated: bool, reading: Reading) -> int:
        """The scaled integer."""
        if dated:
            raise Fault("made_a_date", text=text)
        return int(self.number(text, reading, self.decimals).scaleb(self.scale))

    def number(self, text: str, reading: Reading, decimals: int) -> Decimal:
        """The number within its bounds.  Raises Fault."""
        plain = plain_number(ascii_digits(text), reading.mark)
        try:
            number = parse_decimal(plain, decimals=decimals, positive=False)
        except Refusal as refusal:
            raise Fault(
                refusal.code, **{k: v for k, v in refusal.params.items() if k != "text"}
            ) from None
        if not self.least <= number <= self.most:
            raise Fault("out_of_range", least=str(self.least), most=str(self.most))
        return number


@dataclass(frozen=True, slots=True)
class Money(Number):
    """An amount in the installation's currency, stored in its smallest unit."""

    def value(self, text: str, dated: bool, reading: Reading) -> int:
        """Minor units."""
        if dated:
            raise Fault("made_a_date", text=text)
        return int(self.number(text, reading, reading.decimals).scaleb(reading.decimals))


def plain_number(text: str, mark: str) -> str:
    """The number with a point, where only one reading is possible; else unchanged, to be refused.

    A point is always the decimal mark; a comma is what the file's language says.  Blanks
    between groups of three go.

    >>> plain_number("1 234,5", ","), plain_number("1,234.5", "."), plain_number("1,5", ".")
    ('1234.5', '1234.5', '1,5')
    """
    text = re.sub(r"(?<=[0-9]) (?=[0-9]{3}(?![0-9]))", "", text)
    if mark == "," and re.fullmatch(r"-?[0-9]+,[0-9]*", text):
        return text.replace(",", ".")
    if mark == "." and re.fullmatch(r"-?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?", text):
        return text.replace(",", "")
    return text


@dataclass(frozen=True, slots=True)
class Day(Field):
    """A calendar day: 2026-01-31, or another way to write it that means only one day."""

    def value(self, text: str, dated: bool, reading: Reading) -> date:
        """The day."""
        plain = ascii_digits(text)
        iso = re.fullmatch(
            r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})(?:[ T]00:00(?::00)?)?", plain
        )
        other = re.fullmatch(r"([0-9]{1,2})([./-])([0-9]{1,2})\2([0-9]{4})", plain)
        if iso:
            year, month, day = (int(part) for part in iso.groups())
        elif other:
            day, month, year = int(other[1]), int(other[3]), int(other[4])
            if other[2] != "." and day <= 12 and month <= 12 and day != month:
                raise Fault("two_days", text=text)
            if month > 12:
                day, month = month, day
        else:
            raise Fault("no_day")
        try:
            found = date(year, month, day)
        except ValueError:
            raise Fault("no_day") from None
        if not 1970 <= found.year <= 2200:
            raise Fault("no_day")
        return found
