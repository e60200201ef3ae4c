"""The examples in the docstrings of the domain are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import app.domain

MODULES = [f"app.domain.{module.name}" for module in pkgutil.iter_modules(app.domain.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples_are_true(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples_to_be_true():
    finder = doctest.DocTestFinder()
    found = [
        test
        for name in MODULES
        for test in finder.find(importlib.import_module(name))
        if test.examples
    ]
    assert len(found) >= 15
