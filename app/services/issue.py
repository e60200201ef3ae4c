"""Step two of a sale: ask the module.  No lock is held, no transaction is open."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from app.db import TransactionMisuse
from app.domain import errors
from app.extensions import db
from app.models import Meter
from app.services.reserved import Reserved
from app.services.security_module import Modules
from app.sts.meter_number import pan_from_drn
from app.sts.module import Amendment, IssuedToken, MeterConfig, ModuleError, SecurityModule

Tokens = tuple[IssuedToken, ...]


def meter_asked_for(request: dict[str, Any]) -> MeterConfig:
    """The meter of a stored request, as it was when the sale was reserved."""
    facts = dict(request["meter"])
    amendment = facts.pop("amendment", None)
    return MeterConfig(**facts, amendment=Amendment(**amendment) if amendment else None)


def meter_to_ask(meter: Meter, *, credit: bool, amendment: Amendment | None) -> dict[str, Any]:
    """A meter as a request stores it.

    Credit lets the module put a key change first when one is due; nothing else does.
    """
    return {
        "pan": pan_from_drn(meter.meter_number),
        "ea": meter.ea,
        "tct": meter.tct,
        "sgc": meter.sgc,
        "krn": meter.krn,
        "ti": meter.ti,
        "ken": meter.ken,
        "amendment": asdict(amendment) if amendment else None,
        "allow_krn_update": credit,
        "allow_ken_update": credit,
    }


def token_columns(token: IssuedToken) -> dict[str, object]:
    """What a token says of itself, by the columns of its row in the books."""
    return {
        "digits": token.digits,
        "pan": token.pan,
        "token_class": token.token_class,
        "subclass": token.subclass,
        "base_date": token.base_date,
        "token_id": token.token_id,
        "amount": token.amount,
        "sgc": token.sgc,
        "krn": token.krn,
        "ti": token.ti,
        "ea": token.ea,
        "tct": token.tct,
        "kcv": token.kcv,
    }


def module_of(sale: Reserved, modules: Modules) -> SecurityModule:
    """The module that was asked at reserve, also after its algorithm was given to another.

    Raises ModuleError when it cannot be opened now: the sale waits.
    """
    if sale.module_id is None or sale.request is None:
        raise AssertionError("a sale without a token asks no module")
    leave_transaction()
    try:
        return modules.by_id(sale.module_id, json.loads(sale.request)["offset_minutes"])
    except errors.NoModule as gone:
        raise ModuleError("EService", permanent=False, detail=str(gone)) from gone


def ask(sale: Reserved, modules: Modules) -> Tokens:
    """Send the stored request under the sale's own message id.

    Raises ModuleError.  The caller sends it once; `resolve` alone may send it again.
    """
    request = json.loads(sale.request or "{}")
    return module_of(sale, modules).credit_token(
        sale.message_id,
        meter_asked_for(request),
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


def leave_transaction() -> None:
    """End the reads before: a network may be silent for as long as it likes."""
    session = db.session()
    if session.info.get("in_transaction") or session.new or session.dirty or session.deleted:
        raise TransactionMisuse("a module asked inside a transaction")
    session.rollback()
