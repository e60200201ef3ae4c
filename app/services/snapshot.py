"""What a slip needs of a sale, frozen as text when the sale is made.

A later change of a name, a tariff or a region does not rewrite a slip.  Exact numbers and
days are kept as a pair of kind and text, so that they come back exact and no name that a
person may have is mistaken for one.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from app.domain.afterwards import same_money_then
from app.domain.quote import Line
from app.domain.states import MeterType
from app.models import Settings

if TYPE_CHECKING:
    from app.services.pricing import Offer

FRACTION, DAY = "$fraction", "$day"


def freeze(value: Any) -> Any:
    """A value as JSON can carry it."""
    if isinstance(value, bool) or value is None or isinstance(value, int | str):
        return value
    if isinstance(value, Fraction | Decimal):
        exact = Fraction(value)
        return {FRACTION: f"{exact.numerator}/{exact.denominator}"}
    if isinstance(value, date):
        return {DAY: value.isoformat()}
    if isinstance(value, tuple | list):
        return [freeze(item) for item in value]
    if isinstance(value, dict):
        return {str(key): freeze(item) for key, item in value.items()}
    raise TypeError(f"a snapshot cannot hold {type(value).__name__}")


def thaw(value: Any) -> Any:
    """The value that was frozen."""
    if isinstance(value, list):
        return [thaw(item) for item in value]
    if isinstance(value, dict):
        if value.keys() == {FRACTION}:
            return Fraction(value[FRACTION])
        if value.keys() == {DAY}:
            return date.fromisoformat(value[DAY])
        return {key: thaw(item) for key, item in value.items()}
    return value


def line_text(line: Line) -> str:
    """The figures of a line's rule, with its quantity and exact amount."""
    figures = {**line.params, "quantity": line.quantity, "exact": line.amount}
    return json.dumps(freeze(figures), sort_keys=True)


def snapshot_text(offer: Offer, asked: dict[str, Any], operator: str) -> str:
    """Consumer, meter, plan, place and utility as they are now."""
    desk = offer.desk
    meter, consumer, point, settings = desk.meter, desk.consumer, desk.point, desk.settings
    if consumer is None or point is None or desk.point_region is None or desk.tariff is None:
        raise AssertionError("the desk was checked before")
    facts = {
        "order": asked,
        "operator": operator,
        "utility": {
            "name": settings.utility_name,
            "address": settings.utility_address,
            "telephone": settings.utility_telephone,
            "tax_number": settings.tax_number,
            "header": settings.slip_header,
            "footer": settings.slip_footer,
            "mask_id_number": settings.mask_id_number,
            "messages": _messages(settings, meter.meter_type),
            "copy_text": settings.slip_copy_text,
            "logo": settings.slip_logo,
            "demonstration": settings.demonstration,
            "time_zone": settings.time_zone,
        },
        "consumer": {
            "name": consumer.name,
            "user_number": consumer.user_number,
            "id_number": consumer.id_number,
            "address": consumer.address,
            "language": consumer.language,
        },
        "meter": {
            "meter_number": meter.meter_number,
            "address": meter.address,
            "region": desk.region.full_name,
            "product": str(desk.product),
            "algorithm": meter.algorithm.value,
            "sgc": meter.sgc,
            "krn": meter.krn,
            "ti": meter.ti,
            "ea": meter.ea,
            "tct": meter.tct,
        },
        "point": {
            "name": point.name,
            "code": point.code,
            "address": point.address,
            "region": desk.point_region.full_name,
        },
        "tariff": {"name": desk.tariff.name, "plan": offer.plan.name},
        "currency": {
            "code": desk.currency.code,
            "symbol": desk.currency.symbol,
            "decimals": desk.currency.decimals,
        },
        "unit": offer.unit,
        "step_period": offer.plan.step_period.value,
        "units_before": offer.units_before,
        "then": _then(offer),
        "given_away": offer.quote.given_away,
        "exact_units": offer.quote.exact_units,
        "priced_units": offer.quote.priced_units,
        "demonstration_key": bool(desk.key and desk.key.demonstration),
    }
    return json.dumps(freeze(facts), sort_keys=True, ensure_ascii=False)


def _then(offer: Offer) -> dict[str, Any] | None:
    """What the same money buys from the first of next month under this price list; None: as much, or nobody can say."""
    desk = offer.desk
    if offer.terms is None or not offer.quote.token_units:
        return None
    then = same_money_then(offer.quote, offer.terms, desk.today, desk.settings.first_weekday)
    most = desk.meter.largest_purchase
    if then is None or (most is not None and (then.units or 0) > most):
        return None
    return asdict(then)


def _messages(settings: Settings, meter_type: MeterType) -> list[str]:
    """What the utility says to everybody, and to the customers of this kind of meter."""
    own = getattr(settings, f"slip_message_{meter_type.value}", None)
    return [text for text in (settings.slip_message, own) if text]
