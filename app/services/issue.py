"""Step two of a sale: ask the module.  No lock is held, no transaction is open."""

from __future__ import annotations

import json
from datetime import datetime

from app.services.reserved import Reserved
from app.services.security_module import Modules
from app.sts.module import IssuedToken, MeterConfig, ModuleError, SecurityModule

Tokens = tuple[IssuedToken, ...]


def module_of(sale: Reserved, modules: Modules) -> SecurityModule:
    """The module that was asked at reserve, also after its algorithm was given to another."""
    if sale.module_id is None or sale.request is None:
        raise AssertionError("a sale without a token asks no module")
    return modules.by_id(sale.module_id, json.loads(sale.request)["offset_minutes"])


def ask(sale: Reserved, modules: Modules) -> Tokens:
    """Send the stored request under the sale's own message id.

    Raises ModuleError.  The caller sends it once; `resolve` alone may send it again.
    """
    request = json.loads(sale.request or "{}")
    return module_of(sale, modules).credit_token(
        sale.message_id,
        MeterConfig(**request["meter"]),
        request["subclass"],
        request["amount"],
        datetime.fromisoformat(request["issue_time"]),
    )


def fetch(sale: Reserved, modules: Modules) -> Tokens | None:
    """What the module answered to this sale's message, or None: it never took the message.

    Raises ModuleError when the module itself cannot be asked.
    """
    try:
        return module_of(sale, modules).fetch(sale.message_id)
    except ModuleError as error:
        if error.code == "ECacheMiss":
            return None
        raise
