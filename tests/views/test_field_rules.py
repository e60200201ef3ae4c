"""Rules behind a field: they judge what could be read, and nothing else."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
from flask_wtf import FlaskForm
from wtforms import Form

import app.views
from app.views.plan_rows import Codes, PlanRows

pytestmark = pytest.mark.one_database
NEVER_REFUSED = (PlanRows, Codes)  # they take what has their shape; rows say their own


def _forms(base=Form):
    for one in base.__subclasses__():
        yield one
        yield from _forms(one)


def _ours() -> list[type[Form]]:
    for found in pkgutil.iter_modules(app.views.__path__):
        importlib.import_module(f"app.views.{found.name}")
    return sorted({one for one in _forms() if one.__module__.startswith("app.")}, key=lambda one: one.__qualname__)


def test_no_rule_is_asked_about_a_value_that_was_refused(app, cast):
    """A rule that compares with None, or asks the database about a sign it cannot hold, would be a broken page."""
    asked, seen = [], 0
    with app.test_request_context("/", method="POST"):
        for kind in _ours():
            form = kind(meta={"csrf": False}) if issubclass(kind, FlaskForm) else kind()
            for field in form:
                if not type(field).__module__.startswith("app.views") or isinstance(field, NEVER_REFUSED):
                    continue
                if not (field.validators or hasattr(kind, f"validate_{field.short_name}")):
                    continue
                seen += 1
                field.data, field.raw_data, field.process_errors = None, ["x"], ["It cannot be read."]
                name = f"{kind.__qualname__}.{field.short_name}"
                field.validate(form, [lambda _form, _field, name=name: asked.append(name)])
                if field.errors[:1] != ["It cannot be read."]:
                    asked.append(f"{name}: {field.errors}")
    assert seen > 60 and asked == []
