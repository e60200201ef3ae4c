"""The framework objects that live longer than one application.

There is one metadata: FAB's ``ab_*`` tables and ours together, so that migrations see
the whole schema.  The ``AppBuilder`` itself is made per application (see ``wiring.py``):
it holds state of its application.
"""

from __future__ import annotations

from flask_appbuilder import Model
from flask_appbuilder.models.sqla.base import SQLA
from flask_migrate import Migrate
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
migrate = Migrate()
csrf = CSRFProtect()
