"""The STS Vending and Management System.

The application is put together by :func:`create_app`.  Its imports stand inside the
function, so that ``import app.sts`` in a fresh interpreter loads neither Flask nor a
database: the STS engine can be lifted out as a library.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Flask


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Build one application; `config` overrides what the environment says (tests)."""
    # Nothing made here is garbage: looking for some takes a seventh of the time of a start.
    collecting = gc.isenabled()
    gc.disable()
    try:
        from app.wiring import build

        return build(config)
    finally:
        if collecting:
            gc.enable()
