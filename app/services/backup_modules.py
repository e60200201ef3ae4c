"""Which security modules a backup does not hold: their keys and token ids are kept where they are.

A module on the network is inside when the certificate it is known by lies in a folder of this installation.  Of
one that is trusted in another way nothing proves that, and it is named.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import SecurityModule


def modules_elsewhere(session: Session, instance: Path) -> list[dict[str, Any]]:
    """Name, address and port of the modules that a backup of this instance folder does not hold."""
    inside = fingerprints_in(instance)
    rows = session.scalars(
        select(SecurityModule).where(SecurityModule.kind == "prism").order_by(SecurityModule.name)
    )
    return [
        {"name": row.name, "address": row.address, "port": row.port}
        for row in rows
        if row.fingerprint not in inside
    ]


def is_elsewhere(module: SecurityModule, instance: Path) -> bool:
    """Whether a backup of this instance folder holds nothing of this module."""
    return module.kind == "prism" and module.fingerprint not in fingerprints_in(instance)


def fingerprints_in(instance: Path) -> set[str]:
    """The certificates of the module folders inside a folder; one that cannot be read is none."""
    from app.sts.prism import folder as module_folder

    found = set()
    for path in instance.rglob(module_folder.CERTIFICATE):
        try:
            found.add(module_folder.fingerprint(path.parent))
        except (OSError, ValueError):
            continue
    return found


def named(modules: list[dict[str, Any]]) -> str:
    """The modules in one line, for the shell.

    >>> named([{'name': 'Basement', 'address': 'hsm.example', 'port': 9443}])
    'Basement (hsm.example port 9443)'
    """
    return ", ".join(f"{one['name']} ({one['address']} port {one['port']})" for one in modules)
