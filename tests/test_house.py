"""The house rules: floors, sizes, names, and tests that can fail."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LINES_MAX = 350
DRAWERS = {"utils", "util", "helpers", "helper", "manager", "misc", "common"}
PROGRAM = sorted([*ROOT.glob("*.py"), *ROOT.glob("app/**/*.py"), *ROOT.glob("tools/*.py")])
TESTS = sorted(ROOT.glob("tests/**/*.py"))
BENCHES = sorted(ROOT.glob("bench/*.py"))
EVERYTHING = [*PROGRAM, *TESTS, *BENCHES]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def python(source: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    "room", ["app.sts", "app.domain", "app.sts.software", "app.domain.pricing"]
)
def test_the_ground_floor_loads_no_framework(room):
    source = (
        f"import sys, {room}; heavy = {{'flask', 'sqlalchemy', 'flask_appbuilder', 'pandas', 'numpy'}};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert python(source) == "[]"


def test_arrows_point_down_only():
    linter = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run(
        [linter, "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


# Each rule looks at all files in one test and names those that break it: a test for every file and
# rule would be a third of the suite's tests, and cost far more than the looking.


@cache
def source_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(source_of(path))


def test_there_are_files_to_look_at():
    assert min(len(PROGRAM), len(TESTS)) > 100
    assert BENCHES


def test_a_file_is_a_few_pages():
    assert [name(path) for path in EVERYTHING if len(source_of(path).splitlines()) > LINES_MAX] == []


def test_a_module_starts_with_its_purpose():
    told = {path: ast.get_docstring(tree_of(path)) for path in PROGRAM if path.stat().st_size}
    assert [name(path) for path, words in told.items() if len((words or "").split()) < 3] == []


def test_no_room_is_a_drawer():
    parts = {path: set(path.with_suffix("").relative_to(ROOT).parts) for path in PROGRAM}
    assert [name(path) for path in PROGRAM if DRAWERS & parts[path]] == []


def loads_at_once(path: Path) -> set[str]:
    """The modules of the program that a file imports while it is being loaded, by the names of their files."""
    found = set()
    for block in tree_of(path).body:
        waits = isinstance(block, ast.FunctionDef | ast.ClassDef) or (isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test))
        for node in () if waits else ast.walk(block):
            if isinstance(node, ast.Import):
                found |= {one.name for one in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module} | {f"{node.module}.{one.name}" for one in node.names}
    return found


def test_every_module_of_the_program_can_be_the_first_that_is_loaded():
    """No ring of modules load one another: it would work from one side only, and break when somebody begins elsewhere."""
    modules = {name(path).removesuffix(".py").removesuffix("/__init__").replace("/", "."): path for path in PROGRAM}
    # NB: a package stands for the names in it, and its modules load without it.
    left = {one: (loads_at_once(path) & modules.keys()) - {one} for one, path in modules.items() if path.stem != "__init__"}
    while free := {one for one, needs in left.items() if not needs & left.keys()}:
        left = {one: needs for one, needs in left.items() if one not in free}
    assert sorted(left) == [], "modules that load one another, and those that wait for them"


def test_nothing_is_left_for_later():
    later = ["TO" + "DO", "FIX" + "ME", "XX" + "X:"]
    assert [(name(path), word) for path in EVERYTHING for word in later if word in source_of(path)] == []


FLOATS = [
    p for room in ("domain", "sts", "services", "access") for p in ROOT.glob(f"app/{room}/**/*.py")
]


def test_no_figure_is_a_float():
    """Decision 0002; seconds to wait and shares for chance are no figures."""
    calls = [
        f"{name(path)}:{node.lineno}"
        for path in sorted(FLOATS)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "float"
    ]
    assert calls == []


def sentences_in(path: Path) -> list[ast.FunctionDef]:
    return [
        node
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


def can_fail(node: ast.AST, source: dict[str, ast.AST], seen: frozenset[str] = frozenset()) -> bool:
    """Whether it asserts, itself or through a function of the same file."""
    for part in ast.walk(node):
        if isinstance(part, ast.Assert | ast.Raise):
            return True
        if isinstance(part, ast.Call):
            words = ast.unparse(part.func)
            if words.split(".")[-1] in {"raises", "fail", "expect", "testmod", "given"}:
                return True
            if words.split(".")[-1].startswith(("assert_", "check_", "must_")):
                return True
            inner = source.get(words)
            if inner is not None and words not in seen and can_fail(inner, source, seen | {words}):
                return True
    return False


def cannot_fail(path: Path) -> list[str]:
    functions: dict[str, ast.AST] = {node.name: node for node in tree_of(path).body if isinstance(node, ast.FunctionDef)}
    return [f"{name(path)}::{test.name}" for test in sentences_in(path) if not can_fail(test, functions)]


def test_every_test_can_fail():
    assert [test for path in TESTS for test in cannot_fail(path)] == []


TARGETS = ["run", "test", "deep", "check", "audit", "bench", "lint", "types", "demo", "words", "docs", "screens", "guide", "clean"]


def test_make_alone_lists_every_chore():
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    listed = [line.split()[1] for line in done.stdout.splitlines()]
    assert sorted(listed) == sorted([*TARGETS, "help"])


def test_every_package_is_pinned_to_one_version():
    for file in ROOT.glob("requirements*.txt"):
        lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line]
        loose = [line for line in lines if "==" not in line and not line.startswith(("#", "-r"))]
        assert loose == [], file.name


@pytest.mark.parametrize("pair", ["requirements", "requirements-dev"])
def test_what_we_ask_for_is_what_is_pinned(pair):
    def pins(suffix: str) -> set[str]:
        lines = (ROOT / f"{pair}{suffix}").read_text(encoding="utf-8").splitlines()
        bare = (line.split("#")[0].strip().lower() for line in lines)
        return {line.replace("[binary]", "").replace("_", "-") for line in bare if "==" in line}

    assert pins(".in") - pins(".txt") == set()
