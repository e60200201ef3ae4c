"""What a list offers to do with many of its rows at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import current_app, request, url_for
from flask_babel import lazy_gettext as _l

from app.access import permissions as p
from app.services.bulk import ACTS

BULK_ACTS = {"tariff": _l("Change tariff"), "region": _l("Change region"), "status": _l("Change state")}


@dataclass(frozen=True, slots=True)
class Many:
    """What may be done with many rows of a list at once, and where."""

    url: str
    acts: Mapping[str, Any]


def offered(kind: str, page: str) -> Many | None:
    """The acts on many rows of this kind, for somebody who may do them."""
    sm = current_app.appbuilder.sm  # type: ignore[attr-defined]
    if not (sm.has_access(*p.CHANGE_MANY) and sm.has_access("can_edit", page)):
        return None
    query = request.query_string.decode("ascii", "replace")
    return Many(
        url_for("BulkView.choose", kind=kind) + (f"?{query}" if query else ""),
        {act: BULK_ACTS[act] for act in ACTS[kind]},
    )
