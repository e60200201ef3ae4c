"""Check the engine against files of test vectors: compliance tokens, worked examples, rules.

A file is JSON with a list ``vectors`` of objects ``id, kind, in, mid, out, source`` (docs/vectors.md).
Every expected value in ``out`` must come out; ``mid`` holds intermediate values, compared where
this engine has them. A kind that is not known counts as failed, and so does a broken vector, a file
that cannot be read or holds none, and a selection that selects nothing.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from app.sts.errors import StsError
from app.sts.selftest_kinds import KINDS

_SELECTION = re.compile(r"([a-z0-9_]+)(?::(\d{1,2})(?:-(\d{1,2}))?)?", re.ASCII).fullmatch
_Selection = tuple[str, str | None, str | None]


def run(files: Iterable[Path | str], kinds: Sequence[str] = ()) -> tuple[int, int, list[str]]:
    """Return (passed, failed, a line per failure) for the vectors of the files.

    ``kinds`` selects: ``KIND`` or ``KIND:SUBCLASS`` or ``KIND:FIRST-LAST``; none means everything.
    Nothing is raised, whatever is in a file: it is a failure. Lines hold ASCII only, so that any
    terminal can show them.

    >>> run(['no such file'])
    (0, 1, ['no such file: No such file or directory'])
    """
    lines: list[str] = []
    wanted: dict[str, _Selection] = {}
    for text in kinds:
        selection = _SELECTION(text)
        if selection is None or selection[1] not in KINDS:
            lines.append(f"{text}: unknown kind")
        else:
            wanted[text] = (selection[1], selection[2], selection[3])
    passed, matched = 0, set()
    for file in files:
        for vector in _vectors(file, lines):
            chosen = {text for text, selection in wanted.items() if _selected(vector, *selection)}
            if kinds and not chosen:
                continue
            matched |= chosen
            fault = _fault(vector)
            if fault is None:
                passed += 1
            else:
                lines.append(f"{_word(vector, 'id')} ({_word(vector, 'kind')}): {fault}")
    lines += [f"{text}: no vector is of this kind" for text in wanted if text not in matched]
    return passed, len(lines), [line.encode("ascii", "backslashreplace").decode() for line in lines]


def _word(vector: Mapping[str, Any], name: str) -> str:
    word = vector.get(name)
    return word if isinstance(word, str) else "?"


def _vectors(file: Path | str, lines: list[str]) -> list[Mapping[str, Any]]:
    try:
        content = json.loads(Path(file).read_text("utf-8"))
        vectors = content["vectors"] if isinstance(content, dict) else content
        if isinstance(vectors, list) and all(isinstance(vector, dict) for vector in vectors):
            if vectors:
                return vectors
            problem = "an empty list of vectors"
        else:
            problem = "no list of vectors"
    except OSError as error:
        problem = error.strerror or "cannot be read"
    except (ValueError, KeyError, RecursionError):
        problem = "no file of test vectors"
    lines.append(f"{file}: {problem}")
    return []


def _selected(vector: Mapping[str, Any], kind: str, first: str | None, last: str | None) -> bool:
    if vector.get("kind") != kind:
        return False
    if first is None:
        return True
    given = vector.get("in", {})
    if not isinstance(given, dict):
        return True  # broken, whatever its subclass would be: to be counted as failed
    subclass = given.get("subclass")
    return type(subclass) is int and int(first) <= subclass <= int(last or first)


def _fault(vector: Mapping[str, Any]) -> str | None:
    """What is wrong with one vector's result, or None."""
    kind = _word(vector, "kind")
    if kind not in KINDS:
        return "unknown kind"
    try:
        expected, middle = vector["out"], vector.get("mid", {})
        actual = _result(kind, vector["in"])
        if not expected:
            return "nothing is expected"
        for name, value in expected.items():
            if name not in actual:
                return f"{name}: expected {value}, got {actual.get('error', 'nothing')}"
            if actual[name] != value:
                return f"{name}: expected {value}, got {actual[name]}"
        for name, value in middle.items():
            if name in actual and actual[name] != value:
                return f"{name} (on the way): expected {value}, got {actual[name]}"
    except Exception as error:  # noqa: BLE001  a vector may hold anything; what it breaks is its failure
        return f"broken vector: {type(error).__name__} {error}"
    return None


def _result(kind: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return KINDS[kind](given)
    except StsError as error:
        return {"error": error.code}
