"""Sell credit for one meter, once, whatever happens on the way.

    reserve   one transaction: hold the money, lock the meter, price, write the sale
    issue     no transaction: ask the module under the sale's own message id
    settle    one transaction: tokens, postings, receipt number, daily sums

A second click, a retry or a lost answer finds the same reference and gets the same sale.
Decision 0003.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import Enum

from sqlalchemy.exc import IntegrityError

from app.access.scope import Scope
from app.db import retried
from app.domain import errors
from app.extensions import db
from app.models.base import now
from app.services.health import note_silence
from app.services.issue import Tokens, ask, fetch
from app.services.pricing import CLOCK_AHEAD, Offer, Wish, quote
from app.services.reserve import AlreadyThere, Order, find_by_reference, reserve
from app.services.reserved import Reserved, read_reserved
from app.services.security_module import Modules, MustBeTried
from app.services.settle import ModuleAnsweredWrong, fail, settle
from app.sts.module import ModuleError

__all__ = ["Offer", "Order", "Wish", "quote", "vend"]
log = logging.getLogger(__name__)

# A sale that took longer to reserve leaves the asking to `resolve`: nobody may send a request that
# another process, which counts from the reservation, already holds for lost.
ASK_WITHIN_S = 5.0


class Known(Enum):
    """What a module says of a sale's message."""

    SETTLED = "it answered, and the sale is settled"
    NEVER_TAKEN = "it never took the message, as far as it knows now"
    UNUSABLE = "it answered, and the answer is not to be believed"
    SILENT = "it cannot be asked"


def vend(
    order: Order,
    scope: Scope,
    modules: Modules,
    clock: Callable[[], datetime] = now,
    ahead: timedelta = CLOCK_AHEAD,
) -> int:
    """Sell; gives the id of the sale, which is ISSUED, or RESERVED while the module is silent.

    Raises the refusals of `reserve` and ModuleDown (then nothing is stored), and ModuleRefused
    (then the sale is FAILED and the money released).
    """
    begun = time.monotonic()
    try:
        try:
            ours = _reserve(order, scope, modules, clock(), ahead)
        except MustBeTried as dead:
            modules.probe(dead.module_id)
            begun = time.monotonic()
            ours = _reserve(order, scope, modules, clock(), ahead)
    except (AlreadyThere, IntegrityError):
        sale = find_by_reference(db.session(), order)
        if sale is None:
            raise  # another constraint: a defect, not a second click
        return _again(sale.id, modules, clock)
    except MustBeTried as dead:
        raise errors.ModuleDown(name=dead.name, since=clock()) from dead
    if time.monotonic() - begun > ASK_WITHIN_S:
        log.warning("sale %s waits: it took too long to reserve", ours.sale_id)
        return ours.sale_id
    complete(ours, modules, clock)
    return ours.sale_id


def _reserve(order: Order, scope: Scope, modules: Modules, instant: datetime, ahead: timedelta) -> Reserved:
    return retried(lambda: reserve(order, scope, instant, ahead, modules.require_alive))


def _again(sale_id: int, modules: Modules, clock: Callable[[], datetime]) -> int:
    """The second click: settle what the module already answered, never ask for a token."""
    waiting = read_reserved(db.session(), sale_id)
    if waiting is not None:
        settle_if_known(waiting, modules, clock)
    return sale_id


def complete(
    sale: Reserved, modules: Modules, clock: Callable[[], datetime] = now, *, again: bool = False
) -> None:
    """Issue and settle a reserved sale; the issue call is sent once.

    `again`: it was sent before, so a refusal counts only when the module still knows of nothing.
    Raises ModuleRefused after making the sale FAILED; a silent module leaves it waiting.
    """
    if sale.module_id is None:
        settle(sale, (), clock())
        return
    try:
        tokens = ask(sale, modules)
    except ModuleError as error:
        if not error.permanent:
            log.warning("sale %s waits: the module answered %s", sale.sale_id, error)
            note_silence(sale.module_id, error, clock())  # so that no other process lets a customer wait for it
            return
        if again and settle_if_known(sale, modules, clock) is not Known.NEVER_TAKEN:
            return
        fail(sale, error.code, clock())
        raise errors.ModuleRefused(module_code=error.code) from error
    _settle_answer(sale, tokens, clock())


def settle_if_known(sale: Reserved, modules: Modules, clock: Callable[[], datetime] = now) -> Known:
    """Ask the module what it answered, by message id, and settle that; never issues."""
    if sale.module_id is None:
        settle(sale, (), clock())
        return Known.SETTLED
    try:
        tokens = fetch(sale, modules)
    except ModuleError as error:
        log.warning("sale %s still waits: the module answered %s", sale.sale_id, error)
        return Known.UNUSABLE if error.code.startswith("EAnswer.") else Known.SILENT
    if tokens is None:
        return Known.NEVER_TAKEN
    return Known.SETTLED if _settle_answer(sale, tokens, clock()) else Known.UNUSABLE


def _settle_answer(sale: Reserved, tokens: Tokens, instant: datetime) -> bool:
    """Settle with the module's answer; a wrong answer leaves the sale waiting for a person."""
    try:
        settle(sale, tokens, instant)
    except ModuleAnsweredWrong:
        log.exception("sale %s waits: the answer is not what was asked for", sale.sale_id)
        return False
    return True
