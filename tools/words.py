"""The words of every language: collects them from the program, and keeps the catalogues in step.

    python tools/words.py            collect into messages.pot, bring every catalogue up to date
    python tools/words.py check      the same without writing; exit code 1 if anything is missing
    python tools/words.py add sw     begin a language: its catalogue, and its line in LANGUAGES of config.py

Catalogues are plain text files that any translator's editor opens.  They hold no dates and no
line numbers, so that they change when words change and at no other time.  `flask setup`
compiles them.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator
from gettext import c2py
from io import BytesIO
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "translations"
TEMPLATE = FOLDER / "messages.pot"
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
PLAIN = ("_", "_l", "gettext", "lazy_gettext", "said")  # said: headings of reports (app/reports/headings.py)
KEYWORDS = {
    **dict.fromkeys(PLAIN),
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "lazy_pgettext": ((1, "c"), 2),
}
# What the framework says to people and its own French leaves out or words badly.
FRAMEWORK = ("Access is Denied", "Select Value", "Not a valid choice", "No records found")
IDLE = re.compile(  # heads that say nothing, or change with every run
    rb'^"(Report-Msgid-Bugs-To|POT-Creation-Date|PO-Revision-Date|Last-Translator|Language-Team'
    rb'|Generated-By)[^\n]*\n',
    re.MULTILINE,
)
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]")
COUNTS = {"num", "found"}  # what a plural counts: a form that stands for one number alone may leave it out
MANY = 200  # beyond this the forms of every language repeat


def collect() -> Catalog:
    """Every word that the program may say."""
    words = Catalog(project="STS Vending", version="1", charset="utf-8", fuzzy=False)
    words.header_comment = "# Made by tools/words.py; translate in <language>/LC_MESSAGES/messages.po."
    found = extract_from_dir(ROOT / "app", METHODS, keywords=KEYWORDS, strip_comment_tags=True)
    for file, _line, said, _comments, context in found:
        words.add(said, locations=[(f"app/{Path(file).as_posix()}", 0)], context=context)
    for said in FRAMEWORK:
        words.add(said, locations=[("flask_appbuilder", 0)])
    for message in words:
        message.locations = sorted(set(message.locations))
    return words


def as_bytes(words: Catalog) -> bytes:
    """A catalogue as a file: in the order of its words, one line each."""
    file = BytesIO()
    write_po(file, words, width=0, sort_output=True, include_lineno=False, ignore_obsolete=True)
    return IDLE.sub(b"", file.getvalue())


def catalogues() -> Iterator[Path]:
    """The files of all languages."""
    return iter(sorted(FOLDER.glob("*/LC_MESSAGES/messages.po")))


def read(path: Path) -> Catalog:
    """One catalogue; its language is its folder's name."""
    with path.open("rb") as file:
        words = read_po(file, locale=path.parent.parent.name)
    words.fuzzy = False
    return words


def read_template() -> Catalog:
    """What was collected the last time."""
    with TEMPLATE.open("rb") as file:
        return read_po(file)


def forms(message: Message) -> list[str]:
    """What is said: one text, or one for each plural form."""
    said = message.string or ""
    return [said] if isinstance(said, str) else list(said)


def lone(words: Catalog) -> set[int]:
    """The plural forms that stand for one number alone, as Arabic has for none, one and two."""
    chosen = Counter(c2py(words.plural_expr)(number) for number in range(MANY))
    return {form for form, times in chosen.items() if times == 1}


def faults(words: Catalog, wanted: Catalog) -> Iterator[str]:
    """What is wrong with a catalogue, a line each."""
    single = lone(words)
    for message in wanted:
        if not message.id:
            continue
        source = [message.id] if isinstance(message.id, str) else list(message.id)
        said = words.get(message.id, message.context)
        if said is None:
            yield f"missing: {source[0]}"
        elif said.fuzzy:
            yield f"only guessed: {source[0]}"
        elif not all(forms(said)) or (len(source) > 1 and len(forms(said)) != words.num_plurals):
            yield f"not translated: {source[0]}"
        else:
            allowed = [set(PLACEHOLDER.findall(text)) for text in source]
            for form, text in enumerate(forms(said)):
                shorter = [names - COUNTS for names in allowed] if len(source) > 1 and form in single else []
                if set(PLACEHOLDER.findall(text)) not in allowed + shorter or PLACEHOLDER.sub("", text).count("%(") > 0:
                    yield f"other placeholders: {source[0]}"
    known = {(str(message.id), message.context) for message in wanted}
    for message in words:
        if (str(message.id), message.context) not in known:
            yield f"no longer said: {message.id}"
    for message in words.obsolete.values():
        yield f"no longer said: {message.id}"


def update(words: Catalog, wanted: Catalog) -> None:
    """Take new words in and old ones out; a reworded one keeps its old translation as a guess."""
    words.update(wanted)
    words.obsolete.clear()
    words.header_comment = f"# {words.locale.english_name if words.locale else ''} words of STS Vending."


def own_name(language: str) -> str:
    """A language in its own name, with a capital where its letters have one: Kiswahili, Türkçe, 日本語."""
    name = Locale.parse(language).get_display_name() or language
    return name[0].upper() + name[1:]


def offer(language: str, config: Path) -> None:
    """Name it in LANGUAGES of config.py, after the others; the flag is that of the land where most speak it."""
    text = config.read_text("utf-8")
    listed = re.search(r'    "LANGUAGES": \{\n(?:        .*\n)+', text)
    if listed is None:
        sys.exit("LANGUAGES is not found in config.py.")
    land = Locale.parse(str(get_global("likely_subtags").get(language, language))).territory or language
    line = f'        "{language}": {{"flag": "{land.lower()}", "name": "{own_name(language)}"}},\n'
    config.write_text(text[: listed.end()] + line + text[listed.end() :], "utf-8")


def add(language: str, wanted: Catalog, folder: Path = FOLDER, config: Path = ROOT / "config.py") -> None:
    """Begin a language: an empty catalogue, and its place among the languages on offer."""
    path = folder / language / "LC_MESSAGES" / "messages.po"
    if path.exists():
        sys.exit(f"translations/{language} is there already.")
    try:
        Locale.parse(language)
    except (UnknownLocaleError, ValueError):
        sys.exit(f"{language} is the code of no language that is known here.")
    words = Catalog(locale=language, project="STS Vending", version="1", fuzzy=False)
    update(words, wanted)
    path.parent.mkdir(parents=True)
    path.write_bytes(as_bytes(words))
    offer(language, config)
    print(f"{own_name(language)} is begun: {len(wanted)} words to translate in {path.relative_to(folder.parent)}.")
    print("What is left is said in English, and named by `make words`; docs/languages.md says the rest.")


def main() -> None:
    """Do what the command line asks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("act", nargs="?", choices=["update", "check", "add"], default="update")
    parser.add_argument("language", nargs="?", help="its code, as in sw or ar")
    asked = parser.parse_args()
    wanted, wrong = collect(), 0
    if asked.act == "add":
        add(asked.language or parser.error("which language?"), wanted)
        return
    if asked.act == "update":
        FOLDER.mkdir(exist_ok=True)
        TEMPLATE.write_bytes(as_bytes(wanted))
    elif not TEMPLATE.exists() or TEMPLATE.read_bytes() != as_bytes(wanted):
        print("messages.pot is out of step: make words")
        wrong += 1
    for path in catalogues():
        words = read(path)
        if asked.act == "update":
            update(words, wanted)
            path.write_bytes(as_bytes(words))
        lines = list(faults(words, wanted))
        print(f"{path.parent.parent.name}: {len(wanted)} words, {len(lines)} to do")
        print("".join(f"  {line}\n" for line in lines), end="")
        wrong += len(lines)
    if asked.act == "check" and wrong:
        sys.exit(1)


if __name__ == "__main__":
    main()
