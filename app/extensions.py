"""The framework objects that live longer than one application.

There is one metadata: FAB's ``ab_*`` tables and ours together, so that migrations see
the whole schema.  The ``AppBuilder`` itself is made per application (see ``wiring.py``):
it holds state of its application.
"""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask_appbuilder import Model
from flask_appbuilder.models.sqla.base import SQLA
from flask_wtf.csrf import CSRFProtect

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

# Only ours are named by the convention: FAB names its own constraints.
Model.metadata.naming_convention = {**Model.metadata.naming_convention, **NAMING}

db = SQLA(metadata=Model.metadata)
csrf = CSRFProtect()


class Migrations:
    """What Flask-Migrate keeps in an application, made when somebody migrates.

    Alembic takes a tenth of the time that a process needs to start, and those that sell never ask for it.
    """

    def __init__(self, app: Flask, directory: str) -> None:
        self._app, self.directory = app, directory
        app.extensions["migrate"] = self

    def __getattr__(self, name: str) -> Any:
        """Put Flask-Migrate's own in this place, and let it answer."""
        from flask_migrate import Migrate

        Migrate(self._app, db, directory=self.directory, render_as_batch=True)
        return getattr(self._app.extensions["migrate"], name)
