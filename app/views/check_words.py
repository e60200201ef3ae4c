"""What checks of the books have found, in words, with the way to the row it is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import current_app, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.access import permissions as p
from app.access.permissions import Permission
from app.views import figures
from app.views.installation import currency

KINDS: Mapping[str, Any] = {
    "ledger": _l("The books"), "audit": _l("The log of changes"), "match": _l("Counts of the modules"),
}  # fmt: skip
ACCOUNT: Mapping[str, Any] = {
    "balance": _l("balance"), "held": _l("money held for waiting sales"), "receipts": _l("number of receipts"),
}  # fmt: skip
# Differences of the books whose figures are said as they are.
LEDGER: Mapping[str, Any] = {
    "receipts": _l("Vending point %(row)s has %(count)s receipts, but the newest is number %(newest)s."),
    "postings": _l("Sale %(row)s: what is posted is not what its lines say."),
    "tokens": _l("Sale %(row)s has %(counted)s credit tokens in the place of %(wanted)s."),
    "digits": _l("Sale %(row)s: its tokens are not those that the module made."),
    "reversal": _l("Sale %(row)s: it is not the mirror of the sale that it undoes."),
    "meter": _l("Sale %(row)s: its token is for another meter (%(pan)s) than the sale."),
    "fees": _l("Sale %(row)s: what is kept of its fees is not what its lines say."),
    "debt_entry": _l("Consumer %(row)s: the posting of debt entry %(entry)s does not say what the entry says."),
    "day": _l("Sums of the day (%(table)s: %(where)s): stored is %(stored)s; the sales come to %(counted)s."),
}
AUDIT: Mapping[str, Any] = {
    "removed": _l("Sealed entry %(place)s was removed."),
    "altered": _l("Sealed entry %(place)s was altered."),
    "reordered": _l("Sealed entry %(place)s stands in the wrong place."),
    "no_head": _l("The file audit.head is missing: whether the end of the log was cut off cannot be told."),
    "forged_head": _l("The file audit.head was not written under this key: somebody changed it, or the key is another one."),
    "no_key": _l("The file audit.key is missing or readable by others: the chain cannot be followed."),
}
# What may explain that a module's count is not the books'.
REASONS: Mapping[str, Any] = {
    "border": _l("%(num)s made close to midnight or asked for long before"),
    "looked": _l("%(num)s made while we looked"),
    "waiting": _l("%(num)s of sales and acts that wait for their answer"),
    "released": _l("%(num)s of sales and acts that were given up"),
}
SOURCES: Mapping[str, Any] = {
    "day": _l("its own count of the day"), "journal": _l("its answers in this database"),
    "total": _l("its running total"), "none": _l("it does not count"), "silent": _l("it did not answer"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """One finding: the sentence, and where its row is shown (None: nowhere, or not for this person)."""

    sentence: str
    act: str
    url: str | None


def ledger(finding: Mapping[str, Any]) -> Said:
    """One difference of the books."""
    return Said(_ledger_sentence(finding), *_way(str(finding["about"]), int(finding["row"])))


def _ledger_sentence(finding: Mapping[str, Any]) -> str:
    facts, row = finding["facts"], finding["row"]
    match finding["code"]:
        case "account":
            shown = str if facts["name"] == "receipts" else _money
            return _(
                "Vending point %(row)s: the %(what)s is stored as %(stored)s, the sales come to %(counted)s.",
                row=row, what=ACCOUNT[facts["name"]], stored=shown(facts["stored"]), counted=shown(facts["counted"]),
            )  # fmt: skip
        case "lines":
            return _("Sale %(row)s: its lines add up to %(counted)s, its amount is %(stored)s.", row=row, counted=_money(facts["counted"]), stored=_money(facts["stored"]))
        case "posting":
            return _("Posting %(row)s of %(amount)s: no sale and no debt that was entered explains it.", row=row, amount=_money(facts["amount"]))
        case "debt":
            return _("Consumer %(row)s: the debt is stored as %(stored)s, the postings come to %(counted)s.", row=row, counted=_money(facts["counted"]), stored=_money(facts["stored"]))
        case "carried":
            return _("Sale %(row)s: its token carries %(counted)s units, the sale says %(stored)s.", row=row, counted=figures.units(facts["counted"]), stored=figures.units(facts["stored"]))
        case code:
            return str(LEDGER[code]) % {"row": row, **facts}


def audit(finding: Mapping[str, Any], *, linked: bool) -> Said:
    """What is wrong first in the log of changes."""
    sentence = str(AUDIT[finding["code"]]) % {"place": finding.get("place")}
    row = finding.get("row")
    if row is None or not linked or not _may(p.READ_AUDIT_LOG):
        return Said(sentence, "", None)
    return Said(sentence, _("Open the entry that stands there"), url_for("AuditEntryView.show", pk=row))


def reasons(explained: Mapping[str, int]) -> list[str]:
    """What explains a count."""
    return [str(REASONS[name]) % {"num": count} for name, count in explained.items() if name in REASONS]


def _way(about: str, row: int) -> tuple[str, str | None]:
    if about == "sale" and _may(p.READ_RECEIPTS):
        return _("Open the sale"), url_for("ReceiptView.show", sale_id=row)
    if about == "point" and _may(p.READ_VENDING_POINTS):
        return _("Open the vending point"), url_for("VendingPointView.show", pk=row)
    if about == "consumer" and _may(p.READ_CONSUMERS):
        return _("Open the consumer"), url_for("ConsumerView.show", pk=row)
    return "", None


def _may(permission: Permission) -> bool:
    return bool(current_app.appbuilder.sm.has_access(permission.action, permission.page))  # type: ignore[attr-defined]


def _money(minor: int) -> str:
    return figures.money_code(minor, currency().decimals, currency().code)
