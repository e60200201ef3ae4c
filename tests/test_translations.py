"""Every word that people see stands in the catalogues, and every catalogue says all of them."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from flask_babel import force_locale

import config
from tests import hard_wording
from tools import words

ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = sorted((ROOT / "app" / "templates").rglob("*.html"))
MODULES = sorted([*(ROOT / "app" / "views").glob("*.py"), *(ROOT / "app" / "access").glob("*.py")])
CATALOGUES = list(words.catalogues())
LANGUAGES = [path.parent.parent.name for path in CATALOGUES]

# What may stand in a template as it is, and why.
IN_TEMPLATES = {
    "_fields.html": {
        'id=" " name=" " class=" " aria-required="true" aria-invalid="true" aria-describedby=" -error -help "',  # a macro of attributes
        "Select", "Multiple", "Upload",  # names of widgets
    },
    "search.html": {"_flt_ _", "Integer", "Decimal", "Select", "Not"},  # names of filters and fields
}  # fmt: skip
ICON = re.compile(r"fa-[a-z-]+")
# What may stand in a module as it is, and why.
IN_MODULES = {
    "doors.py": {"SELECT version_num FROM alembic_version"},  # a query
    "devices.py": {"Mac OS X|Macintosh", "Samsung Internet"},  # names of systems and browsers, the same in every language
    # Names of the seeded groups are data: whoever leads the installation renames them.
    "roles.py": {
        "Sets the system up and looks after people.",
        "Leads a region: registers consumers and meters, approves.",
        "Sells at one vending point.",
        "Reads everything of a region and changes nothing.",
    },
}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT / "app"))


# --- nothing past the catalogue -----------------------------------------------------------


def test_no_template_says_anything_of_its_own():
    assert len(TEMPLATES) > 50
    own = {path: set(hard_wording.in_template(path)) - IN_TEMPLATES.get(path.name, set()) for path in TEMPLATES}
    assert [(name(path), text) for path in TEMPLATES for text in sorted(own[path]) if not ICON.fullmatch(text)] == []


def test_no_page_says_anything_of_its_own():
    assert len(MODULES) > 50
    own = {path: set(hard_wording.in_module(path)) - IN_MODULES.get(path.name, set()) for path in MODULES}
    assert [(name(path), text) for path in MODULES for text in sorted(own[path])] == []


def test_every_word_asked_for_was_collected(said):
    """A call inside an f-string, or with a name instead of words, is not found by the collector."""
    known = {message.id if isinstance(message.id, str) else message.id[0] for message in said}
    lost = []
    for path in MODULES:
        for line, asked in hard_wording.asked_in(path):
            text = hard_wording.constant(asked)
            if text not in known:
                lost.append(f"{name(path)}:{line}: {text}")
    assert lost == []


def test_the_finder_of_hard_words_finds_them(tmp_path):
    page, module = tmp_path / "page.html", tmp_path / "page.py"
    page.write_text(
        "<p>Hard <b>{{ _('soft') }}</b></p><input placeholder='Type here'>"
        "{{ 'Said so' if x else _('Soft') }}<p title=\"{{ _('Soft') }}\">{# quiet #}12</p>"
    )
    assert hard_wording.in_template(page) == ["Hard", "Type here", "Said so"]
    module.write_text(
        '"""Some words."""\nflash("Done")\nlist_title = "Meters"\nx = Text(label="Name")\n'
        'y = _("Soft words here")\nz = "Nothing was stored."\nw = {"name": "fa-plus"}\n'
    )
    assert hard_wording.in_module(module) == ["Done", "Meters", "Name", "Nothing was stored."]


# --- the catalogues -----------------------------------------------------------------------


def test_the_words_collected_are_the_words_said(said):
    listed = words.read_template()
    assert {(str(m.id), m.context) for m in listed} == {(str(m.id), m.context) for m in said}, "make words"
    assert len(said) > 700


def test_the_collection_names_no_machine():
    text = words.TEMPLATE.read_text(encoding="utf-8")
    assert not re.search(r"^#: /|POT-Creation|:\d+$", text, re.MULTILINE)


@pytest.mark.parametrize("path", CATALOGUES, ids=LANGUAGES)
def test_a_catalogue_is_complete(path, said):
    """Nothing missing, guessed or left over; the same placeholders; every plural."""
    assert list(words.faults(words.read(path), said)) == []


@pytest.mark.parametrize("path", CATALOGUES, ids=LANGUAGES)
def test_a_catalogue_is_written_as_the_tool_writes_it(path):
    assert words.as_bytes(words.read(path)) == path.read_bytes()


def test_every_language_on_offer_has_a_catalogue():
    assert set(config.FIXED["LANGUAGES"]) == {"en", *LANGUAGES}


def test_faults_of_a_catalogue_are_found():
    wanted = Catalog(fuzzy=False)
    wanted.add("Sell for %(money)s")
    wanted.add(("%(num)s meter", "%(num)s meters"))
    wanted.add("Sell")
    wanted.add("Print")
    own = Catalog(locale="fr", fuzzy=False)
    own.add("Sell for %(money)s", "Vendre")
    own.add(("%(num)s meter", "%(num)s meters"), ("%(num)s compteur", ""))
    own.add("Sell", "Vendre", flags=["fuzzy"])
    own.add("Gone", "Parti")
    assert list(words.faults(own, wanted)) == [
        "other placeholders: Sell for %(money)s",
        "not translated: %(num)s meter",
        "only guessed: Sell",
        "missing: Print",
        "no longer said: Gone",
    ]


def test_a_language_is_begun_by_one_command(tmp_path, capsys, said):
    """Its catalogue is as the tool writes it, and it is on offer in its own name; a slip of the finger begins nothing."""
    offered = tmp_path / "config.py"
    offered.write_text((ROOT / "config.py").read_text("utf-8"), "utf-8")
    words.add("de", said, tmp_path, offered)
    path = tmp_path / "de" / "LC_MESSAGES" / "messages.po"
    begun = words.read(path)
    assert words.as_bytes(begun) == path.read_bytes()
    assert len(begun) == len(said)
    assert begun.num_plurals == 2
    space: dict[str, object] = {"__file__": str(offered), "__name__": "begun"}
    exec(compile(offered.read_text("utf-8"), str(offered), "exec"), space)  # noqa: S102 - our own file
    assert space["FIXED"]["LANGUAGES"] == config.FIXED["LANGUAGES"] | {"de": {"flag": "de", "name": "Deutsch"}}  # type: ignore[index]
    assert "Deutsch is begun" in capsys.readouterr().out
    for wrong in ("de", "qq"):
        with pytest.raises(SystemExit):
            words.add(wrong, said, tmp_path, offered)
    assert offered.read_text("utf-8").count('"de": {') == 1


def french() -> list[str]:
    catalogue = words.read(words.FOLDER / "fr" / "LC_MESSAGES" / "messages.po")
    return [text for message in catalogue if message.id for text in words.forms(message)]


def test_french_is_set_as_french_is():
    """A narrow space that does not break before : ; ! ? % and inside « », the curled apostrophe."""
    wrong = [
        text for text in french()
        if re.search(r"[^\u202f\s\d(][;!?%»](?!\()|[^\u202f\d]:|[ \u00a0][:;!?»]|«[^\u202f]|'|\.\.\.|  ", text.replace("%(", "("))
    ]  # fmt: skip
    assert wrong == []


def test_french_is_composed():
    assert [text for text in french() if text != unicodedata.normalize("NFC", text)] == []


# --- on the page --------------------------------------------------------------------------


@pytest.mark.one_database
def test_set_up_compiles_our_catalogues_and_the_pages_speak_them(app, tmp_path):
    from app.setup_data import compile_translations
    from app.views.messages import SENTENCES

    path = tmp_path / "fr" / "LC_MESSAGES" / "messages.po"
    path.parent.mkdir(parents=True)
    path.write_bytes((words.FOLDER / "fr" / "LC_MESSAGES" / "messages.po").read_bytes())
    assert compile_translations(tmp_path) == ["translation fr compiled"]
    assert compile_translations(tmp_path) == []
    assert path.with_suffix(".mo").stat().st_size > 10_000
    with app.test_request_context(), force_locale("fr"):
        same = [kind.__name__ for kind, template in SENTENCES.items() if " the " in str(template)]
    assert same == []


@pytest.mark.one_database
def test_the_door_speaks_the_language_of_the_browser(client):
    page = client.get("/login/", headers={"Accept-Language": "fr-CI,en;q=0.5"}).get_data(as_text=True)
    assert '<html lang="fr"' in page
    assert "Mot de passe" in page
    assert "Password" not in page
