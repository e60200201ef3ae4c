"""Every example in the engine's documentation runs, and so does the README's."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import app.sts

# sts/prism speaks over the network and has tests of its own
MODULES = [
    module.name
    for module in pkgutil.walk_packages(app.sts.__path__, "app.sts.")
    if not module.name.endswith("__main__") and ".prism" not in module.name
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_run(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0


def test_there_are_examples_to_run() -> None:
    found = [
        len(test.examples)
        for name in MODULES
        for test in doctest.DocTestFinder().find(importlib.import_module(name))
    ]
    assert sum(found) > 60


def test_the_ten_lines_of_the_readme_run() -> None:
    readme = (Path(app.sts.__file__).parent / "README.md").read_text()
    [example] = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    names: dict[str, object] = {}
    exec(example, names)  # noqa: S102  our own text
    assert names["token"].amount == 250
