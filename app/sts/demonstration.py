"""The only vending keys this program brings: the public compliance test keys of STS 531-1.

They are printed in the Association's test documents, so tokens made with them protect nothing: pages
and slips say "demonstration". No other vending key belongs into the source code.

>>> [(key.sgc, key.krn, key.dkga, key.base_date) for key in demonstration_keys()][:2]
[('123456', 1, 2, 14), ('888888', 1, 2, 93)]
"""

from app.sts.keystore import VendingKey

_LEGACY = bytes.fromhex("ABABABABABABABAB")
_LEGACY_OTHER = bytes.fromhex("9494949494949494")
_STS6 = bytes.fromhex("ABABABABABABABAB949494949494949401234567")


def demonstration_keys() -> tuple[VendingKey, ...]:
    """Return unique (KT 2) keys: legacy, one whose base date is over with its successor, two of STS6.

    >>> len(demonstration_keys())
    5
    """
    return (
        VendingKey("123456", 1, 2, dkga=2, base_date=14, ken=255, material=_LEGACY),
        # Base date 1993 ended on 24 November 2024: good for nothing but a key change to KRN 2.
        VendingKey("888888", 1, 2, dkga=2, base_date=93, ken=255, material=_LEGACY_OTHER),
        VendingKey("888888", 2, 2, dkga=2, base_date=14, ken=255, material=_LEGACY),
        VendingKey("201457", 1, 2, dkga=4, base_date=14, ken=255, material=_STS6),
        VendingKey("201457", 2, 2, dkga=4, base_date=14, ken=255, material=_STS6),
    )


def is_demonstration(kcv: str) -> bool:
    """Answer whether a key check value is one of the public keys'.

    >>> is_demonstration('C33F45'), is_demonstration('000000')
    (True, False)
    """
    return kcv in {key.kcv for key in demonstration_keys()}
