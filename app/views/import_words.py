"""The words of imports and exports: headings, closed lists, and what can be wrong with a cell or a file.

Headings and words are taken in every language of the program, whoever reads: a file travels
between people.  What is written is in the reader's language.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from babel.localedata import locale_identifiers
from flask import current_app
from flask_babel import force_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.domain.states import CapacityUnit, MeterStatus, MeterType
from app.services.imports.catalogue import ENTITIES
from app.services.imports.reader import fold
from app.views import choices, figures
from app.views.settings import LANGUAGES

KINDS: Mapping[str, Any] = {"consumers": _l("Consumers"), "meters": _l("Meters")}
IMPORT: Mapping[str, Any] = {"consumers": _l("Import consumers"), "meters": _l("Import meters")}
HEADINGS: Mapping[str, Mapping[str, Any]] = {
    "consumers": {
        "user_number": _l("User number"), "name": _l("Name"), "region": _l("Region"), "address": _l("Address"),
        "gender": _l("Gender"), "id_number": _l("ID number"), "telephone": _l("Phone"), "email": _l("E-mail"),
        "language": _l("Language"), "debt": _l("Opening debt"), "debt_reason": _l("Reason of the debt"),
    },
    "meters": {
        "meter_number": _l("Meter number"), "product": _l("Product model"), "consumer": _l("User number"),
        "region": _l("Region"), "address": _l("Address"), "tariff": _l("Tariff"), "sgc": _l("SGC"), "krn": _l("KRN"),
        "ti": _l("TI"), "ea": _l("EA"), "tct": _l("TCT"), "ken": _l("KEN"), "status": _l("State"),
        "status_reason": _l("Reason"), "installed_on": _l("Installed on"), "capacity": _l("Capacity"), "capacity_unit": _l("Unit of capacity"),
        "smallest_purchase": _l("Smallest purchase, units"), "largest_purchase": _l("Largest purchase, units"),
        "daily_limit": _l("Limit for a day"),
    },
}  # fmt: skip
# Other names that people's own tables give these columns; compared folded.
ALIASES: Mapping[str, Sequence[str]] = {
    "user_number": ("customer number", "account number", "account no", "contract", "user no"),
    "meter_number": ("meter no", "drn", "serial number", "meter serial"),
    "product": ("product", "model"), "consumer": ("consumer", "customer number", "consumer number"),
    "telephone": ("telephone", "phone number", "mobile"), "id_number": ("id", "national id", "identity number"),
    "email": ("email", "mail"), "status": ("status",), "sgc": ("supply group code",), "krn": ("key revision number",),
    "ti": ("tariff index",), "installed_on": ("installation date", "date installed"),
}  # fmt: skip
# What the notes sheet says of a column, beyond what its heading says.
NOTES: Mapping[str, Any] = {
    "user_number": _l("The number on the contract; no two consumers share one."),
    "meter_number": _l("11 or 13 digits, as on the plate. The last one is checked."),
    "consumer": _l("The user number of the consumer who has the meter; empty for a meter in stock."),
    "region": _l("The full name, as in “Market Town, Coast, Kenya”; the town alone if no other bears its name."),
    "product": _l("The model of a product that is registered. The meter type follows it."),
    "tariff": _l("The name of a tariff for the same meter type. Without one the meter cannot buy."),
    "sgc": _l("Six digits; a security module must hold this key."),
    "krn": _l("1 to 9, as set in the meter."),
    "ti": _l("0 to 99; empty is 1."),
    "ea": _l("7 (STA) or 11 (MISTY1, STS6 only); empty is 7."),
    "tct": _l("2 (typed in) or 1 (magnetic card); empty is 2."),
    "ken": _l("0 to 255; empty: as the key says."),
    "status": _l("Empty is installed."),
    "status_reason": _l("Needed for a blocked meter; the counter sees it."),
    "installed_on": _l("A date as 2026-01-31. Fixed fees are counted from this day."),
    "capacity": _l("Where a fee depends on it; with its unit, or both empty."),
    "daily_limit": _l("In the installation's currency."),
    "telephone": _l("Digits, blanks and + ( ) - only, at least five digits."),
    "language": _l("Empty: as the installation."),
    "debt": _l("What a new consumer owes from before, in the installation's currency; later it changes by payments only."),
    "debt_reason": _l("Needed with a debt; it stands in the books."),
    "capacity_unit": _l("kVA, kW or A."),
}
LISTS: Mapping[str, Mapping[Any, Any]] = {
    "gender": choices.GENDER, "status": choices.METER_STATUS, "ea": choices.EA, "tct": choices.TCT, "language": LANGUAGES,
    "capacity_unit": {str(unit.value): str(unit.value) for unit in CapacityUnit}, "carried_over": {"": _l("Carried over")},
}  # fmt: skip
LANGUAGE_MAX = 8  # what is stored of a language's code
# Written by their number, which is the same in every language.
BY_NUMBER = ("ea", "tct")
ERRORS_HEADING = _l("What is wrong")

FAULTS: Mapping[str, Any] = {
    "needed": _l("Missing."),
    "no_column": _l("No column of the file holds this, and a new record needs it."),
    "too_long": _l("At most %(most)s characters."),
    "unstorable": _l("Holds a sign that cannot be kept. Type it again without copying."),
    "formula": _l("Holds a formula. Paste its value instead (Paste special, values)."),
    "formula_text": _l("“%(text)s” looks like a formula. Write the value itself."),
    "merged": _l("Is merged with another cell. Unmerge the cells and fill each of them."),
    "error_cell": _l("Holds an error of the spreadsheet (%(text)s)."),
    "made_a_date": _l("The spreadsheet has made a date of it (%(text)s). Format the column as text and type it again."),
    "shortened": _l("The spreadsheet has shortened the number (%(text)s) and lost its digits. Format the column as text and type it again."),
    "looks_shortened": _l("%(text)s looks like a number that a spreadsheet has shortened. It is taken as it is written."),
    "meter_number": _l("A meter number has 11 or 13 digits."),
    "check_digit": _l("One digit is mistyped. Compare with the plate."),
    "lost_zero": _l("Has %(digits)s digits; a meter number has 11 or 13. The spreadsheet may have dropped a zero at the beginning: format the column as text."),
    "lost_zeros": _l("Has fewer than %(length)s digits. The spreadsheet may have dropped zeros at the beginning: format the column as text."),
    "digits": _l("Is not a code of %(length)s digits."),
    "not_in_list": _l("“%(text)s” is not in the list: %(words)s."),
    "not_a_number": _l("Is not a number."),
    "too_many_digits": _l("Has more than %(maximum)s digits."),
    "too_many_decimals": _l("Has more than %(decimals)s digits after the decimal mark."),
    "out_of_range": _l("Must be from %(least)s to %(most)s."),
    "no_day": _l("Is not a date. Write it as 2026-01-31."),
    "two_days": _l("“%(text)s” may be two different days. Write it as 2026-01-31."),
    "unknown_region": _l("There is no region “%(text)s”."),
    "two_places": _l("More than one region is called “%(text)s”. Write the full name, as in “Market Town, Coast, Kenya”; where that is what you wrote, one of them needs another name."),
    "unknown_product": _l("There is no product model “%(text)s”."),
    "unknown_tariff": _l("There is no tariff “%(text)s”."),
    "switched_off": _l("“%(text)s” is switched off."),
    "unknown_consumer": _l("There is no consumer with the user number “%(text)s”."),
    "other_consumer": _l("This import is for the consumer %(number)s; the row names another."),
    "unknown_key": _l("No security module holds the key of supply group %(sgc)s, revision %(krn)s."),
    "ea_needs_sts6": _l("EA 11 needs an STS6 key; this key is legacy."),
    "tariff_type": _l("This tariff is for %(tariff)s, the product is for %(product)s."),
    "below_smallest": _l("Not below the smallest purchase."),
    "unit_needed": _l("A capacity needs its unit."),
    "maker_differs": _l("The number begins with manufacturer code %(found)s, but %(maker)s has %(code)s. Compare number and product with the plate."),
    "reason_needed": _l("A blocked meter needs a reason."),
    "reason_of_state": _l("A meter is blocked, released or removed for a reason only; say it."),
    "step": _l("A meter that is “%(old)s” cannot become “%(new)s” at once."),
    "removed_meter": _l("The meter is removed. Take it into stock first, then give it to a consumer."),
    "meter_taken": _l("The meter belongs to another consumer. Unbind it there first."),
    "bought_as_other": _l("It has bought as another meter type; choose a product of that type."),
    "telephone": _l("Digits, blanks and + ( ) - only, at least five digits."),
    "email": _l("An address like name@example.org."),
    "debt_known": _l("An opening debt comes in with a new consumer only; this one is registered without. Leave the cell empty."),
    "debt_reason": _l("A debt needs its reason."),
    "twice": _l("Stands in line %(line)s already."),
    "taken": _l("Another record has this number already."),
    "gone": _l("What was chosen for the rows is no longer there or was switched off."),
    "example": _l("This is the example row of the template; it is not imported."),
    "changed_since": _l("The record was changed after the check."),
    "gone_since": _l("Was removed, merged or moved out of your region after the check."),
    "off_since": _l("Was switched off after the check."),
    "key_gone": _l("No security module holds this key any more."),
    "licence_full": _l("The licence has room for %(left)s more meters."),
}
# What stops a whole file, or a piece of work.
TROUBLES: Mapping[str, Any] = {
    "empty": _l("The file is empty."),
    "no_rows": _l("The file has headings and no rows below them."),
    "broken": _l("The file cannot be opened: it is damaged, or not what its name says. Save it again as .xlsx or .csv."),
    "not_a_table": _l("This is not a table. Save it as .xlsx or .csv."),
    "old_excel": _l("This is a workbook of an old or special kind (.xls, .xlsb). Open it and save it as .xlsx."),
    "encrypted": _l("The workbook is protected by a password. Save it without one."),
    "bomb": _l("Unpacked, the workbook would take more than %(megabytes)s MB. Copy the rows into a new workbook."),
    "wide": _l("The table has %(columns)s columns; an import takes %(most)s. Delete the others, also empty ones with a colour."),
    "long": _l("The file has more than %(most)s rows. Split it."),
    "formulas": _l("The sheet is full of formulas. Copy it and paste only the values."),
    "merged_cells": _l("The sheet is full of merged cells. Unmerge them."),
    "encoding": _l("The encoding of the text cannot be told. Save it as “CSV UTF-8”."),
    "wrong_encoding": _l("The text is not in %(encoding)s. Choose another encoding."),
    "quotes": _l("The quotation marks in line %(line)s do not fit. Save the file again, or choose another separator."),
    "long_line": _l("Line %(line)s does not end. This is not a table of rows."),
    "heavy": _l("Reading took too much time or memory, so it was stopped. Copy the rows into a new workbook, or save as .csv."),
    "file_gone": _l("The file is no longer kept. Upload it again."),
    "moved": _l("%(rows)s records were changed since the check, so nothing was stored. Check again."),
    "licence_full": _l("The licence does not allow so many meters, so nothing was stored. Check again."),
    "licence_expired": _l("The licence has ended, so no meters can be added. Nothing was stored."),
    "licence_unproven": _l("The licence cannot be checked, so no meters can be added. Nothing was stored."),
    "refused": _l("The rules refused it. Nothing was stored."),
    "crashed": _l("It failed for a reason that is in the program's log. Nothing of this step was stored."),
    "given_up": _l("It took the worker down three times and is not tried again. Nothing of this step was stored."),
    "not_allowed": _l("You may no longer do this. Nothing was stored."),
    "moved_away": _l("Your region or your vending point has changed since you asked. Ask for the report again."),
    "question_gone": _l("What was asked for is no longer there. Open the report and ask again."),
    "too_many_rows": _l("There are more than %(limit)s rows by now. Take a shorter period."),
}


def heading(kind: str, name: str) -> str:
    """The heading of a column in the reader's language."""
    return str(HEADINGS[kind][name])


def languages() -> list[str]:
    """Every language of the program."""
    return list(current_app.config["LANGUAGES"])


def known_headings(kind: str) -> dict[str, str]:
    """Folded headings in every language, and the field that each means."""
    found: dict[str, str] = {}
    for name in HEADINGS[kind]:
        for alias in (name, *ALIASES.get(name, ())):
            found.setdefault(fold(alias), name)
    for language in languages():
        with force_locale(language):
            for name, label in HEADINGS[kind].items():
                found[fold(str(label))] = name
    return found


def suggest(kind: str, headings: Sequence[str]) -> list[str | None]:
    """Which column is which, by its heading; the first of two that would be the same."""
    known, taken, found = known_headings(kind), set(), []
    for text in headings:
        name = known.get(fold(text)) if text else None
        found.append(name if name not in taken else None)
        if name:
            taken.add(name)
    return found


def vocabulary() -> dict[str, dict[str, Any]]:
    """For each closed list: folded words in every language, and what they stand for."""
    found: dict[str, dict[str, Any]] = {}
    for list_name, words in LISTS.items():
        table = {fold(str(key.value if hasattr(key, "value") else key)): key for key in words}
        if list_name in BY_NUMBER:
            table |= {f"{key:02}": key for key in words}
        for language in languages():
            with force_locale(language):
                table |= {fold(str(word)): key for key, word in words.items()}
        found[list_name] = table
    # A consumer may speak what the program does not; such a language is written by its code, as an export does.
    found["language"] = {fold(code): code for code in locale_identifiers() if len(code) <= LANGUAGE_MAX} | found["language"]
    return found


def word(list_name: str, stored: Any) -> str:
    """A member of a closed list as it is written into a file."""
    if list_name in BY_NUMBER:
        return str(stored)
    return str(dict(LISTS[list_name].items()).get(stored, stored))


def fault_words(kind: str, fault: Sequence[Any], *, named: bool = True) -> str:
    """One thing that is wrong with a row, with the column before it."""
    name, code, params = fault
    said = str(FAULTS[code]) % _worded(params)
    return _("%(column)s: %(what)s", column=heading(kind, name), what=said) if named and name in HEADINGS[kind] else said


def _worded(params: Mapping[str, Any]) -> dict[str, Any]:
    told = dict(params)
    for name in ("old", "new"):
        if name in told:
            told[name] = choices.METER_STATUS[MeterStatus(told[name])]
    if "product" in told and "tariff" in told:
        told |= {name: choices.METER_TYPE[MeterType(told[name])] for name in ("product", "tariff")}
    if "words" in told:
        told["words"] = figures.listed(word(told["words"], key) for key in LISTS[told["words"]])
    for name in ("least", "most", "left"):
        if name in told:
            told[name] = figures.number(Decimal(told[name]), 1, 0)
    return told


def trouble(error: Sequence[Any] | None) -> str:
    """Why a file or a piece of work came to nothing."""
    if not error:
        return ""
    code, params = error
    return str(TROUBLES.get(code, TROUBLES["crashed"])) % params


def kind_of(name: str) -> str:
    """A known kind of record, or KeyError."""
    return name if name in ENTITIES else _missing(name)


def _missing(name: str) -> str:
    raise KeyError(name)
