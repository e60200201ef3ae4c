"""What a meter number says of its maker, held against the product it is registered as."""

from __future__ import annotations

from dataclasses import dataclass

from app.models import Product
from app.sts import meter_number as drn
from app.sts.errors import StsError


@dataclass(frozen=True, slots=True)
class MakerDiffers:
    """The manufacturer digits of a number, and the code of the product's manufacturer: they disagree."""

    found: str
    expected: str


def maker_differs(meter_number: str, product: Product) -> MakerDiffers | None:
    """Whether the number names another manufacturer than the product has.

    A number of 11 digits begins with a code of two, one of 13 with a code of four (IEC 62055-41).
    Nothing is said of a manufacturer without a code, nor of a number that is none.  This is a
    warning and never a refusal: codes change hands, and old stock is sold under new names.
    """
    return code_differs(meter_number, product.manufacturer.code)


def code_differs(meter_number: str, expected: str | None) -> MakerDiffers | None:
    """The same by the code alone, for whoever looks at many numbers."""
    if not expected:
        return None
    try:
        number = drn.validate(meter_number)
    except StsError:
        return None
    found = number[: len(number) - 9]
    return None if found == expected else MakerDiffers(found, expected)
