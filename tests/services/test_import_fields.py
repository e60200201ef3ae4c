"""What a cell may hold, and what a spreadsheet does to figures."""

from __future__ import annotations

import doctest
from datetime import date
from decimal import Decimal
from types import SimpleNamespace

import pytest
import wtforms
from werkzeug.datastructures import MultiDict

from app.domain.states import MeterStatus
from app.services import exports
from app.services.imports import entity, fields, reader, spreadsheet
from app.services.imports.entity import Places
from app.services.imports.fields import Day, Digits, Fault, MeterNumber, Money, Number, Text, Word
from app.services.imports.reader import fold
from app.views.fields import Text as TextOfForm
from app.views.fields import email, telephone
from tests.cast import PALM_STREET

READING = SimpleNamespace(
    mark=".", decimals=2, choices={"status": {"installed": MeterStatus.INSTALLED, fold("Installé"): MeterStatus.INSTALLED}}
)
COMMA = SimpleNamespace(mark=",", decimals=2, choices={})


@pytest.mark.parametrize("module", [fields, reader, spreadsheet, exports, entity])
def test_its_examples_are_true(module):
    failed, tried = doctest.testmod(module)
    assert failed == 0 and tried >= 0


NUMBER = MeterNumber("meter_number")
TELEPHONE = Text("telephone", code=True, shape=fields.TELEPHONE, fault="telephone")
ARABIC = "".join(chr(0x660 + int(c)) for c in PALM_STREET)


@pytest.mark.parametrize(
    ("field", "cell", "value"),
    [
        (NUMBER, PALM_STREET, PALM_STREET),
        (NUMBER, f"  {PALM_STREET[:4]} {PALM_STREET[4:8]}-{PALM_STREET[8:]}\u00a0", PALM_STREET),
        (NUMBER, ARABIC, PALM_STREET),
        (NUMBER, ("n", PALM_STREET.lstrip("0").zfill(11)), PALM_STREET),
        (NUMBER, "", None),
        (Text("name"), "  Amara   Achieng ", "Amara Achieng"),
        (Text("name"), "'=SUM(A1)", "=SUM(A1)"),
        (Text("telephone", code=True, shape=fields.TELEPHONE, fault="telephone"), "'+254 700 123 456", "+254 700 123 456"),
        (Digits("sgc"), "012345", "012345"),
        (Number("krn", least=Decimal(1), most=Decimal(9)), ("n", "1"), 1),
        (Number("limit", decimals=1, scale=1), "1,234.5", 12345),
        (Number("capacity", decimals=8, scale=8), "0.00000001", 1),
        (Money("daily_limit"), ("n", "12.5"), 1250),
        (Day("installed_on"), "2026-01-31", date(2026, 1, 31)),
        (Day("installed_on"), ("d", "2026-01-31"), date(2026, 1, 31)),
        (Day("installed_on"), "31/01/2026", date(2026, 1, 31)),
        (Day("installed_on"), "01/31/2026", date(2026, 1, 31)),
        (Day("installed_on"), "3.4.2026", date(2026, 4, 3)),
        (Word("status", words="status"), "Installé", MeterStatus.INSTALLED),
    ],
)
def test_a_cell_is_read(field, cell, value):
    assert field.read(cell, READING) == value


def test_a_comma_is_what_the_file_says():
    assert Number("x", decimals=1, scale=1).read("12,5", COMMA) == 125
    with pytest.raises(Fault):
        Number("x", decimals=1, scale=1).read("12,5", READING)


@pytest.mark.parametrize(
    ("field", "cell", "code"),
    [
        (NUMBER, "5.19411E+10", "shortened"),
        (NUMBER, "5,19411E+10", "shortened"),
        (NUMBER, PALM_STREET.lstrip("0")[:10].rjust(10, "1"), "lost_zero"),
        (NUMBER, "123", "meter_number"),
        (NUMBER, "meter", "meter_number"),
        (NUMBER, PALM_STREET[:-1] + str((int(PALM_STREET[-1]) + 1) % 10), "check_digit"),
        (NUMBER, ("f", PALM_STREET), "formula"),
        (NUMBER, ("m", ""), "merged"),
        (NUMBER, ("d", "2026-01-31"), "made_a_date"),
        (NUMBER, "#N/A", "error_cell"),
        (NUMBER, "=1+1", "formula_text"),
        (Number("krn"), "'=A1*2", "formula_text"),
        (Text("name", most=5), "Amara A", "too_long"),
        (Text("name"), "bell\x07", "unstorable"),
        (Text("user_number", code=True), ("d", "2026-01-02"), "made_a_date"),
        (TELEPHONE, "5.19411E+10", "shortened"),
        (Digits("sgc"), "5.19E+10", "shortened"),
        (Text("user_number", code=True), ("n", "5.1941123451234e+16"), "shortened"),
        (Text("email", shape=fields.EMAIL, fault="email"), "nobody", "email"),
        (Digits("sgc"), ("n", "12345"), "lost_zeros"),
        (Digits("sgc"), "1234567", "digits"),
        (Number("krn", least=Decimal(1), most=Decimal(9)), "0", "out_of_range"),
        (Number("krn"), "1.5", "too_many_decimals"),
        (Number("krn"), "one", "not_a_number"),
        (Day("installed_on"), "03/04/2026", "two_days"),
        (Day("installed_on"), "31.02.2026", "no_day"),
        (Day("installed_on"), "soon", "no_day"),
        (Word("status", words="status"), "Broken", "not_in_list"),
    ],
)
def test_a_cell_that_cannot_be_taken_says_why(field, cell, code):
    with pytest.raises(Fault) as fault:
        field.read(cell, READING)
    assert fault.value.code == code


def test_text_that_looks_like_a_formula_comes_back_unchanged():
    for text in ("=1+1", "+254", "-5", "@home", "'=x", "''+y", "'s Gravenhage", "plain", "#N/A", "'#N/A", "''#REF!", "#5"):
        assert fields.text_of(exports.csv_text(text)) == text
        assert fields.text_of(exports.cell_text(text)) == text
        assert exports.csv_text(text)[0] not in "=+-@"


@pytest.mark.parametrize("text", ["5E10", "1.5e10", "12E3", "E+10", "5E+1", "5E+10", "5.19411E+10"])
def test_a_number_with_an_e_in_it_is_text(text):
    assert Text("user_number", code=True).read(text, READING) == text


def test_the_forms_keep_text_as_an_import_does():
    class Form(wtforms.Form):
        name = TextOfForm("Name", most=40)

    typed = "\u200ePalm\u00a0 \u200bStreet\u200f"
    form = Form(MultiDict({"name": typed}))
    assert form.validate() and form.name.data == "Palm Street" == Text("name").read(typed, READING)
    assert not Form(MultiDict({"name": "\u200e\u200b"})).validate()


def test_the_shapes_are_those_of_the_forms():
    assert (email().pattern.pattern, telephone().pattern.pattern) == (fields.EMAIL, fields.TELEPHONE)


def test_a_place_is_found_by_its_name_where_it_is_alone():
    places = Places([(1, "Kenya", "Kenya"), (2, "Coast", "Coast, Kenya"), (3, "Town", "Town, Coast, Kenya"), (4, "Town", "Town, Lake, Kenya")])
    assert [places.find(text) for text in ("coast", "TOWN, Lake, Kenya", "Kenya > Coast > Town", "Town , Coast, Kenya")] == [2, 4, 3, 3]
    for text, why in (("Town", "two_places"), ("Nowhere", "unknown_region")):
        with pytest.raises(Fault) as fault:
            places.find(text)
        assert fault.value.code == why
