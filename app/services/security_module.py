"""Builds the security module that serves a meter, from values handed in as arguments.

What it is built from (key store, pass phrase, tables) is read on floor 5; here nothing
knows a setting's name.  Modules are built on first use, because opening a key store
costs a deliberate tenth of a second.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from app.domain import errors
from app.extensions import db
from app.models import SecurityModule as ModuleRow
from app.sts.module import SecurityModule


class Modules(Protocol):
    """Where services find the module of a sale."""

    def by_id(self, module_id: int, offset_minutes: int = 0) -> SecurityModule:
        """The module with this row id.  Raises NoModule."""
        ...


class InstalledModules:
    """The modules of this installation, one object per row, shared by all threads."""

    def __init__(self, software: Callable[[str, int], SecurityModule]) -> None:
        """Build software modules by `software(name, offset_minutes)`."""
        self._software = software
        self._built: dict[tuple[int, int], SecurityModule] = {}
        self._lock = threading.Lock()

    def by_id(self, module_id: int, offset_minutes: int = 0) -> SecurityModule:
        """See Modules."""
        key = (module_id, offset_minutes)
        with self._lock:
            if key not in self._built:
                row = db.session().get(ModuleRow, module_id)
                if row is None or row.kind != "software":
                    raise errors.NoModule(algorithm=None)
                self._built[key] = self._software(row.name, offset_minutes)
            return self._built[key]
