"""Spanish, Portuguese, Chinese and Swahili are set as these languages are, and no English is left in them.

What every language owes (complete, the same placeholders, all plurals) stands in
test_translations.py; French and Arabic have their own rules there and in test_arabic.py.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from gettext import c2py

import pytest
from babel.messages.catalog import Catalog
from flask_babel import force_locale

import config
from app.views import figures
from tests.test_arabic import NAMES as ARABIC
from tools import words

NAMES = ARABIC | {"mm"}
HAN = "\u4e00-\u9fff"
WORD = re.compile(r"[^\W\d_]+")
NAMED_SIGNS = re.compile(r"/, \?|and \? shows|\. _ - @")  # a sentence that speaks of signs
LATIN = re.compile(r"[A-Za-z][A-Za-z0-9.@-]*[A-Za-z0-9]|[A-Za-z]")
# Words that no Spanish, Portuguese or Swahili sentence has.
THEIRS = """the and this that which with not was were are has have its from will of by is then when what who you your"""
ENGLISH = set(THEIRS.split())
EUROPEAN = {
    "a space before a sign": re.compile(r" [;:?!](?![a-z0-9])|\s[,.](?![a-z0-9])"),
    "a straight quotation mark or apostrophe": re.compile(r"[\"']|``"),
    "three points for one sign": re.compile(r"\.\.\."),
    "a space too many": re.compile(r"  |^\s|\s$"),
}
WRONG = {
    "es": EUROPEAN | {"a guillemet": re.compile("[«»]")},
    "pt": EUROPEAN | {"an opening sign of Spanish": re.compile("[¿¡]")},
    "sw": EUROPEAN | {"an opening sign of Spanish": re.compile("[¿¡]")},
    "zh": {
        "a half-width sign beside Chinese": re.compile(rf"(?<=[{HAN}”）])[,;:?!()]|[,;:?!()](?=[{HAN}“（])|(?<=[{HAN}])\.(?![a-z0-9])"),
        "a space beside a full-width sign": re.compile(r"\s[，。：；？！、（）]|[，。：；？！、（）]\s"),
        "a space between Chinese signs": re.compile(rf"(?<=[{HAN}」])\s(?=[{HAN}])"),
        "Chinese and Latin without a space": re.compile(rf"[{HAN}][A-Za-z0-9]|[A-Za-z0-9%][{HAN}]"),
        "a full-width digit or letter": re.compile(r"[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]"),
        "a traditional sign": re.compile("[們個來時這說對開關單號電錶錢賣買給為過還應該後會發點實價費稅數據設備鑰碼導輸檢驗證]"),
        "a straight quotation mark or apostrophe": re.compile(r"[\"'‘’]"),
        "a space too many": re.compile(r"  |^\s|\s$"),
    },
}
ENDS = {"zh": {"?": "？", ".": "。", ":": "：", "…": "…"}}
SAME_ENDS = {"?": "?", ".": ".", ":": ":", "…": "…"}
LANGUAGES = sorted(WRONG)


@pytest.fixture(scope="module", params=LANGUAGES)
def catalogue(request: pytest.FixtureRequest) -> Catalog:
    return words.read(words.FOLDER / request.param / "LC_MESSAGES" / "messages.po")


def pairs(catalogue: Catalog) -> Iterator[tuple[str, str]]:
    """The English and the translation of every text that is there, a plural's forms one by one."""
    for message in catalogue:
        if message.id:
            source = [message.id] if isinstance(message.id, str) else list(message.id)
            for form, text in enumerate(words.forms(message)):
                if text:
                    yield source[-1] if len(words.forms(message)) == 1 else source[form], text


def bare(text: str) -> str:
    """A text without its placeholders; those that bring a sentence or its space with them leave nothing."""
    text = re.sub(rf"(?<=[{HAN}])%\((?:why|since)\)s|%\((?:why|since)\)s(?=[{HAN}])", "", text)
    if re.search(f"[{HAN}]", text):
        text = re.sub(r"%\((?:day|date)\)s", "0」", text)  # a date ends in its sign for the day, which needs no space
    return words.PLACEHOLDER.sub("0", text)


def foreign(language: str, english: str, text: str) -> set[str]:
    """The English words that stand in a text."""
    if language == "zh":
        return set(LATIN.findall(bare(text))) - NAMES - {word for word in LATIN.findall(bare(english)) if not word.islower()}
    return {word for word in map(str.lower, WORD.findall(bare(re.sub("“[^”]*”", "", text)))) if word in ENGLISH}


def faults(catalogue: Catalog) -> Iterator[str]:
    """What is wrong with a catalogue, a line each."""
    language = str(catalogue.locale)
    for english, text in pairs(catalogue):
        for what, sign in WRONG[language].items():
            if sign.search(bare(text)) and not NAMED_SIGNS.search(english):
                yield f"{what}: {text}"
        if left := foreign(language, english, text):
            yield f"English left, {sorted(left)}: {text}"
        if text == english and len(english.split()) > 2 and set(LATIN.findall(bare(english))) - NAMES:
            yield f"not translated: {text}"
        if text != unicodedata.normalize("NFC", text):
            yield f"not composed: {text}"
        end = ENDS.get(language, SAME_ENDS).get(english[-1])
        if end and not text.endswith(end):
            yield f"ends otherwise: {text}"
        if language == "es" and (text.count("?"), text.count("!")) != (text.count("¿"), text.count("¡")) and not NAMED_SIGNS.search(english):
            yield f"a question or a call not opened: {text}"
        if text.count("“") != text.count("”"):
            yield f"a quotation not closed: {text}"


def test_a_language_is_set_as_it_is(catalogue):
    assert list(faults(catalogue)) == []


def test_figures_of_a_sentence_are_its_figures_in_every_language(catalogue):
    def figures_of(text: str) -> list[str]:
        return sorted(re.findall(r"[0-9]+(?!\.ª)", words.PLACEHOLDER.sub("", text)))  # a copy is the "2.ª via" in Portuguese

    assert [text for english, text in pairs(catalogue) if figures_of(english) != figures_of(text)] == []


def test_a_button_that_a_sentence_names_bears_that_name(catalogue):
    said = {message.id: message.string for message in catalogue if isinstance(message.id, str) and not message.context}
    wrong = [
        f"{text}: {said[named]}"
        for english, text in pairs(catalogue)
        for named in re.findall("“([^”%]+)”", english)
        if said.get(named) and f"“{said[named]}”" not in text
    ]
    assert wrong == []


def test_plurals_are_chosen_as_the_language_counts(catalogue):
    """Chinese has one form; the others keep one for a single thing."""
    choose = c2py(catalogue.plural_expr)
    assert [choose(number) for number in (0, 1, 2, 11, 1000)] == ([0] * 5 if str(catalogue.locale) == "zh" else [1, 0, 1, 1, 1])


def test_the_finder_of_faults_finds_them():
    def found(language: str, english: str, text: str) -> list[str]:
        own = Catalog(locale=language, fuzzy=False)
        own.add(english, text)
        return [line.split(":")[0] for line in faults(own)]

    assert found("es", "Sell?", "Vender?") == ["a question or a call not opened"]
    assert found("es", "Sold.", "Vendido") == ["ends otherwise"]
    assert found("pt", "Sell: %(name)s", "Vender : %(name)s") == ["a space before a sign"]
    assert found("sw", "Sell the units", "Uza the uniti") == ["English left, ['the']"]
    assert found("sw", "Sell all units", "Sell all units") == ["not translated"]
    assert found("zh", "Sell?", "售电?") == ["a half-width sign beside Chinese", "ends otherwise"]
    assert found("zh", "Sell token", "出售token") == ["Chinese and Latin without a space", "English left, ['token']"]
    assert found("zh", "Meter", "電錶") == ["a traditional sign"]
    assert found("es", "Sell", "Vender") == []
    assert found("zh", "Sell?", "售电？") == []


# --- figures and dates --------------------------------------------------------------------


@pytest.mark.one_database
def test_figures_dates_and_lists_are_those_of_the_language(app):
    """Typed as it is written there: a decimal comma in Spanish and Portuguese, a point in Chinese and Swahili."""
    when = datetime(2026, 11, 4, 12, 5, tzinfo=UTC)
    said = {}
    for language in LANGUAGES:
        with app.test_request_context(), force_locale(language):
            assert figures.plain_number(figures.money(1_234_567, 2)) == "12345.67"
            said[language] = (
                figures.money_code(300_050, 2, "XTS"), figures.moment(when), figures.day(when), figures.day(when, "d MMMM"),
                figures.listed(("a", "b")), figures.sentences("a.", "b."), figures.bracketed("a", "b"),
            )  # fmt: skip
    assert said == {
        "es": ("3.000,50\u00a0XTS", "4 nov 2026, 12:05", "4 nov", "4 de noviembre", "a, b", "a. b.", "a (b)"),
        "pt": ("3\u00a0000,50\u00a0XTS", "04/11/2026, 12:05", "04/11", "4 de novembro", "a, b", "a. b.", "a (b)"),
        "sw": ("XTS\u00a03,000.50", "4 Nov 2026, 12:05", "4 Nov", "4 Novemba", "a, b", "a. b.", "a (b)"),
        "zh": ("XTS\u00a03,000.50", "2026年11月4日 12:05", "11月4日", "11月4日", "a、b", "a.b.", "a（b）"),
    }


# --- on the page --------------------------------------------------------------------------

DOORS = {"es": ("es-PE", "Contraseña"), "pt": ("pt-MZ", "Palavra-passe"), "sw": ("sw-TZ", "Neno la siri"), "zh": ("zh-CN", "密码")}


@pytest.mark.one_database
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_door_speaks_the_language_of_the_browser_and_offers_every_other(client, language):
    asked, password = DOORS[language]
    page = client.get("/login/", headers={"Accept-Language": f"{asked},en;q=0.5"}).get_data(as_text=True)
    assert f'<html lang="{language}" dir="ltr"' in page
    assert password in page and "Password" not in page
    assert all(offered["name"] in page for offered in config.FIXED["LANGUAGES"].values())
