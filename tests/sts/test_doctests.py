"""Every example in the engine's documentation runs, and so does the README's."""

import doctest
import importlib
import inspect
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


def test_every_public_function_shows_an_example() -> None:
    """Methods are shown by their class or module; the parts of a batch by ``batch``."""
    without = [
        f"{name}.{function.__name__}"
        for name in MODULES
        if ".arrays" not in name
        for function in vars(importlib.import_module(name)).values()
        if inspect.isfunction(inspect.unwrap(function))
        and function.__module__ == name
        and not function.__name__.startswith("_")
        and ">>>" not in (function.__doc__ or "")
    ]
    assert without == []


def test_the_ten_lines_of_the_readme_run() -> None:
    readme = (Path(app.sts.__file__).parent / "README.md").read_text()
    [example] = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    names: dict[str, object] = {}
    exec(example, names)  # noqa: S102  our own text
    assert names["token"].amount == 250
