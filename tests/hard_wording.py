"""Finds words that people would see in English whatever their language: the reader of test_translations.

In templates: text, titles and hints outside `_()`, and constants inside expressions.  In the
views: sentences and labels outside `_()` and `_l()`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from jinja2 import Environment, nodes

SPOKEN = {"_", "_l", "gettext", "lazy_gettext", "ngettext", "pgettext", "lazy_pgettext"}
# Attributes that are read out or shown.
SHOWN = {"title", "placeholder", "aria-label", "alt", "data-ask", "data-text", "data-act", "data-keep", "data-label"}
HOLE = " "  # stands where an expression was
LETTERS = re.compile(r"[^\W\d_]{2,}")
# What begins like a sentence or a label: "Sell", "Nothing here yet.", but not "CounterView" or "fa-plus".
WORDING = re.compile(r"[A-ZÀ-Ý][a-zà-ÿ’']+([ ,.:!?…].*)?", re.DOTALL)
SENTENCE = re.compile(r"[“A-Z].*[a-z] .*[a-z].*", re.DOTALL)

ENVIRONMENT = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)


class _Seen(HTMLParser):
    """What of a template's own text reaches a reader."""

    def __init__(self) -> None:
        super().__init__()
        self.inside: list[str] = []
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at the attributes that people meet."""
        if tag in ("style", "script"):
            self.inside.append(tag)
        self.found += [value for name, value in attrs if name in SHOWN and value and LETTERS.search(value)]

    def handle_endtag(self, tag: str) -> None:
        """Leave a part that nobody reads."""
        if self.inside and self.inside[-1] == tag:
            self.inside.pop()

    def handle_data(self, data: str) -> None:
        """Keep text with letters in it."""
        if not self.inside and LETTERS.search(data):
            self.found.append(" ".join(data.split()))


def in_template(path: Path) -> list[str]:
    """What a template says without asking the catalogue."""
    source = path.read_text(encoding="utf-8")
    text, depth = [], 0
    for _line, kind, value in ENVIRONMENT.lex(source):
        if kind in ("variable_begin", "block_begin", "comment_begin", "raw_begin"):
            depth += 1
            text.append(HOLE)
        elif kind in ("variable_end", "block_end", "comment_end", "raw_end"):
            depth -= 1
        elif kind == "data" and not depth:
            text.append(value)
    seen = _Seen()
    seen.feed("".join(text))
    seen.close()
    return [*seen.found, *_constants(ENVIRONMENT.parse(source))]


def _constants(node: nodes.Node) -> Iterator[str]:
    """Constants of expressions that read like wording, but those given to the catalogue."""
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name in SPOKEN:
        for given in (*node.args[2:], *node.kwargs):
            yield from _constants(given)
        return
    if isinstance(node, nodes.Const) and isinstance(node.value, str) and WORDING.fullmatch(node.value):
        yield node.value
    for child in node.iter_child_nodes():
        yield from _constants(child)


def in_module(path: Path) -> list[str]:
    """What a module of the top floor says without asking the catalogue."""
    return list(_strings(ast.parse(path.read_text(encoding="utf-8"))))


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


LABELS = {"label", "title", "description", "text", "confirmation", "message", "placeholder"}
TEXTS = ("_title", "_message", "_text", "_label")
UNSEEN = {"debug", "info", "warning", "error", "exception"}  # the log is for the operator of the machine


def _strings(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Raise):  # faults of ours; refusals carry no words
        return
    if isinstance(node, ast.Call):
        called = _name(node)
        if called in SPOKEN or called in UNSEEN:
            return
        labels = [k.value for k in node.keywords if k.arg in LABELS]
        labels += node.args[:1] if called == "flash" else []
        for given in labels:
            if isinstance(given, ast.Constant) and isinstance(given.value, str) and LETTERS.search(given.value):
                yield given.value
    if isinstance(node, ast.Assign | ast.AnnAssign):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        said = node.value.value if isinstance(node.value, ast.Constant) else None
        named = getattr(target, "id", getattr(target, "attr", ""))
        if named.endswith(TEXTS) and isinstance(said, str) and LETTERS.search(said):
            yield said
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):  # a docstring
            continue
        if isinstance(child, ast.Constant) and isinstance(child.value, str) and SENTENCE.fullmatch(child.value):
            yield child.value
        yield from _strings(child)


def asked_in(path: Path) -> Iterator[tuple[int, ast.expr]]:
    """What a module asks the catalogue for: line and first argument of every call."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and _name(node) in SPOKEN and node.args:
            at = 1 if "pgettext" in _name(node) else 0
            yield node.lineno, node.args[at]


def constant(given: ast.expr) -> str | None:
    """The text of a constant argument; None for anything else."""
    try:
        text = ast.literal_eval(given)
    except ValueError:
        return None
    return text if isinstance(text, str) else None
