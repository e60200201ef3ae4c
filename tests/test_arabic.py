"""The Arabic catalogue is set as Arabic is: its own signs, six plurals, Western digits, no English left in it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from gettext import c2py

import pytest
from babel import Locale
from babel.messages.catalog import Catalog
from flask_babel import force_locale

from app.views import figures
from tools import words

LETTER = re.compile(r"[\u0621-\u063a\u0641-\u064a]")
LATIN = re.compile(r"[A-Za-z][A-Za-z0-9.@-]*[A-Za-z0-9]|[A-Za-z]")
ISOLATE = re.compile(r"\u2066[^\u2066\u2069]*\u2069")
# Abbreviations of the standard, units, names of keys, files, formats, commands and examples: the same in every language.
SAME_EVERYWHERE = """STS STS6 STA MISTY1 EA KRN SGC TI KEN TCT KCV DRN DKGA DKGA02 DKGA04 VIDK VDDK VUDK VCDK DLMS COSEM Association
    kWh kVA kW A MB UTC Z F a f Enter Esc Tab USED SHA-256 TLS PEM PDF A4 CSV UTF-8 csv Excel xls xlsb xlsx
    flask audit seal backup module keyfile create run.py LICENCE_KEY LICENCE KEY BEGIN END CERTIFICATE local
    USD KSh FCFA MKT-000123 MKT-000413 OLD REJECT EXPIRED TYPE OVERFLOW FORMAT RANGE FUNCTION MANUFACTURER
    TAMPER PNG JPEG SVG audit.head audit.key hsm.example name@example.org Market Town Coast Kenya Nairobi m"""
NAMES = set(SAME_EVERYWHERE.split())


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    return words.read(words.FOLDER / "ar" / "LC_MESSAGES" / "messages.po")


def pairs(catalogue: Catalog) -> Iterator[tuple[str, str]]:
    """The English and the Arabic of every text, a plural's forms one by one."""
    for message in catalogue:
        if message.id:
            for text in words.forms(message):
                yield (message.id if isinstance(message.id, str) else message.id[-1]), text


def bare(text: str) -> str:
    """A text without its placeholders and without what is held together from left to right."""
    return ISOLATE.sub("0", words.PLACEHOLDER.sub("0", text))


def english_words(text: str) -> set[str]:
    """Its Latin words that are no names."""
    return set(LATIN.findall(bare(text))) - NAMES


# --- what a wrong text looks like ---------------------------------------------------------------------

WRONG = {
    "a Latin sign where Arabic has its own": re.compile(r"[;?\"'“”‘’]|(?<![A-Za-z0-9]),|\.\.\."),
    "a space too many or before a sign": re.compile(r"  |\s[،؛؟.:!»](?![0-9a-z])|«\s|\s$|^\s"),
    "Eastern digits, which the pages do not have": re.compile(r"[\u0660-\u0669\u06f0-\u06f9\u066a-\u066c]"),
    "a stretched or a ready-shaped letter": re.compile(r"(?<!\bب)(?<!\bل)(?<!\bال)\u0640|\u0640(?! |$)|[\ufb50-\ufdff\ufe70-\ufeff]"),
    "a letter of Persian": re.compile(r"[\u06a9\u06cc\u06c1\u06d2]"),
    "an ending behind its alif": re.compile("\u0627\u064b"),
}


def faults(catalogue: Catalog) -> Iterator[str]:
    """What is wrong with the Arabic, a line each."""
    for message in catalogue:
        if isinstance(message.id, tuple) and message.id:
            hundred, eleven = (text.count("\u064b") for text in message.string[4:6])
            if message.string[4] != message.string[5] and hundred >= eleven:
                yield f"11 to 99 counted as 100 are: {message.string[5]}"
    for english, text in pairs(catalogue):
        for what, sign in WRONG.items():
            if sign.search(bare(text)):
                yield f"{what}: {text}"
        if not LETTER.search(text) and english_words(english):
            yield f"not Arabic: {text}"
        elif left := english_words(text):
            yield f"English left, {sorted(left)}: {text}"
        if text != unicodedata.normalize("NFC", text):
            yield f"not composed: {text}"
        if text.count("\u2066") != text.count("\u2069"):
            yield f"held together and not let go: {text}"
        ends = {"?": "؟", ".": ".", ":": ":", "…": "…"}.get(english[-1])
        if ends and not text.endswith(ends) and not text.endswith("\u2069"):
            yield f"ends otherwise: {text}"


def test_arabic_is_set_as_arabic_is(catalogue):
    assert list(faults(catalogue)) == []


def test_faults_of_arabic_are_found():
    own = Catalog(locale="ar", fuzzy=False)
    own.add("Sell?", "بيع?")
    own.add("Sell, then print", "بيع, ثم طباعة")
    own.add("Print", "Print")
    own.add("Print it", "طباعة Print")
    own.add("Twenty", "٢٠ رمز")
    own.add("Keep", "حفـظ")
    own.add("Done.", "تمّ")
    assert [line.split(":")[0] for line in faults(own)] == [
        "a Latin sign where Arabic has its own", "ends otherwise", "a Latin sign where Arabic has its own", "not Arabic",
        "English left, ['Print']", "Eastern digits, which the pages do not have", "a stretched or a ready-shaped letter",
        "ends otherwise",
    ]  # fmt: skip


def test_every_plural_has_its_six_forms_and_they_are_chosen_as_arabic_counts(catalogue):
    """None, one, two, 3 to 10, 100 to 102, 11 to 99: the order is that of the file's own rule."""
    assert catalogue.num_plurals == 6
    choose, rule = c2py(catalogue.plural_expr), Locale("ar").plural_form
    names: dict[int, set[str]] = {}
    for number in range(500):
        names.setdefault(choose(number), set()).add(rule(number))
    assert [names[form] for form in range(6)] == [{"zero"}, {"one"}, {"two"}, {"few"}, {"other"}, {"many"}]
    several = [message for message in catalogue if message.id and not isinstance(message.id, str)]
    assert len(several) > 40
    assert [message.id for message in several if len(set(words.forms(message))) == 1 and message.id[0] != message.id[1]] == []


def test_a_form_for_many_names_how_many(catalogue):
    """Only none, one and two may do without their number."""
    assert words.lone(catalogue) == {0, 1, 2}
    lost = [
        message.id[1] for message in catalogue if message.id and not isinstance(message.id, str)
        if any(set(words.PLACEHOLDER.findall(text)) != set(words.PLACEHOLDER.findall(message.id[1])) for text in words.forms(message)[3:])
    ]  # fmt: skip
    assert lost == []


def test_a_button_that_a_sentence_names_bears_that_name(catalogue):
    said = {message.id: message.string for message in catalogue if isinstance(message.id, str) and not message.context}
    wrong = [
        f"{text}: {said[named]}"
        for english, text in pairs(catalogue)
        for named in re.findall("“([^”%]+)”", english)
        if named in said and f"«{said[named]}»" not in text
    ]
    assert wrong == []


def test_figures_of_a_sentence_are_its_figures_in_arabic(catalogue):
    def figures_of(text: str) -> list[str]:
        return sorted(re.findall(r"[0-9]+", words.PLACEHOLDER.sub("", text)))

    assert [text for english, text in pairs(catalogue) if figures_of(english) != figures_of(text)] == []


# --- on the page ----------------------------------------------------------------------------------------


@pytest.mark.one_database
def test_the_door_opens_from_the_right_for_who_reads_arabic(client):
    page = client.get("/login/", headers={"Accept-Language": "ar-EG,en;q=0.5"}).get_data(as_text=True)
    assert '<html lang="ar" dir="rtl"' in page
    assert "كلمة المرور" in page
    assert "Password" not in page


@pytest.mark.one_database
def test_figures_in_arabic_keep_western_digits_and_hold_together(app):
    from datetime import UTC, datetime

    with app.test_request_context(), force_locale("ar"):
        assert figures.money_code(300000, 2, "SDG") == "\u20663,000.00\u00a0SDG\u2069"
        assert figures.share(figures.Fraction(3, 40)) == "\u20667.5\u00a0%\u2069"
        assert figures.plain_number("3,000.50") == "3000.50"
        assert figures.moment(datetime(2026, 11, 4, 12, 5, tzinfo=UTC)).startswith("4 نوفمبر 2026، ")


@pytest.mark.one_database
def test_a_list_and_a_token_keep_their_order_from_right_to_left(app):
    with app.test_request_context(), force_locale("ar"):
        assert figures.listed(("SGC", "التعرفة")) == "\u200fSGC، التعرفة"
        assert figures.listed(("الحالة", "EA"), ";") == "الحالة؛ EA"
        assert figures.ltr(figures.groups_of_four("48889736695037213741")) == "\u20664888 9736 6950 3721 3741\u2069"
    with app.test_request_context(), force_locale("fr"):
        assert figures.listed(("SGC", "Tarif")) == "SGC, Tarif"


# --- the sheets -----------------------------------------------------------------------------------------

SHEETS = sorted((words.ROOT / "app" / "static" / "css").glob("*.css"))
RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")


def rules(path) -> list[tuple[str, str]]:
    """Selector and declarations of every plain rule."""
    text = re.sub(r"/\*.*?\*/", "", path.read_text("utf-8"), flags=re.DOTALL)
    return [(selector.strip(), body) for selector, body in RULE.findall(text)]


def test_a_field_that_turns_with_its_words_keeps_the_place_of_its_sign():
    """`dir="auto"` gives the field a direction of its own, so sides of the line in its rule are not the page's."""
    found = [(selector, body) for path in SHEETS for selector, body in rules(path) if ".search-box input" in selector]
    assert not [body for _selector, body in found if "padding-inline" in body or "margin-inline" in body]
    assert any('[dir="rtl"] .search-box input' in selector for selector, _body in found)


def test_arabic_letters_are_never_spaced():
    """They hang together: what spaces letters takes it back for Arabic, or holds nothing but digits."""
    digits_only = {".door-digits"}
    spaced = {selector for path in SHEETS for selector, body in rules(path) if re.search(r"letter-spacing:\s*\.?[1-9.]", body)}
    back = {
        target.strip() for path in SHEETS for selector, body in rules(path)
        if "letter-spacing: 0" in body for target in re.findall(r":lang\(ar\)\s+([^,]+)", selector)
    }  # fmt: skip
    assert spaced - digits_only - back == set()
