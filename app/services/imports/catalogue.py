"""Every kind of record that can be imported, by the name that its pages bear in addresses."""

from __future__ import annotations

from app.services.imports.consumers import CONSUMERS
from app.services.imports.entity import Entity
from app.services.imports.meters import METERS

ENTITIES: dict[str, Entity] = {"consumers": CONSUMERS, "meters": METERS}
