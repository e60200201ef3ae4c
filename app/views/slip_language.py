"""In which language a slip speaks: the consumer's, else the installation's, or the one that was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.services.receipts import Receipt
from app.views.installation import settings
from app.views.language import languages


def slip_language(receipt: Receipt, wanted: str | None = None) -> str:
    """The language of a sale's slip."""
    return language_of(receipt.facts, wanted)


def language_of(facts: Mapping[str, Any], wanted: str | None = None) -> str:
    """The code of a language on offer; one that is unknown (an older release's, an address typed wrongly) is passed over.

    `facts`: the snapshot of a sale or an act.
    """
    consumer = facts.get("consumer") or {}
    offered = languages()
    for code in (wanted, consumer.get("language"), settings().default_language):
        if code in offered:
            return str(code)
    return offered[0]
