"""Meter number (decoder reference number, DRN) of 11 or 13 digits and the 18-digit MeterPAN.

DRN = manufacturer code (2 or 4 digits), serial (8 digits), Luhn check digit. MeterPAN = issuer
number (``600727`` for 11-digit DRNs, ``0000`` for 13), DRN, Luhn check digit; always 18 digits.
Clause: IEC 62055-41, 6.1.2 (MeterPAN) with ISO/IEC 7812 check digits.

>>> validate('0100 0000 0000 8')
'0100000000008'
>>> pan_from_drn('00000000000')
'600727000000000009'
>>> validate('12345678904')
Traceback (most recent call last):
    ...
app.sts.errors.InvalidCheckDigit: the last digit of the meter number does not fit
"""

from app.sts.errors import InvalidCheckDigit, InvalidFormat, InvalidLength

IIN_SHORT = "600727"
IIN_LONG = "0000"
_SEPARATORS = str.maketrans("", "", " -")
# ASCII digit -> its value, and -> the Luhn value of its double (over 9: minus 9)
_ONCE = bytes(max(0, c - 48) if c < 58 else 0 for c in range(256))
_TWICE = bytes(v * 2 - 9 * (v > 4) if v < 10 else 0 for v in _ONCE)


def compact(number: str) -> str:
    """Return the number without spaces and hyphens; nothing else is checked. Raises InvalidFormat for no text.

    >>> compact('0100-0000 0000 8')
    '0100000000008'
    """
    if not isinstance(number, str):
        raise InvalidFormat("a number is written as text")
    return number.translate(_SEPARATORS)


def check_digit(body: str) -> str:
    """Return the Luhn digit for a body without its check digit (ISO/IEC 7812).

    Raises InvalidFormat when the body is not made of ASCII digits.

    >>> check_digit('010000000000'), check_digit('1234567890')
    ('8', '3')
    """
    _require_digits(body)
    raw = body.encode("ascii")
    total = sum(raw[::-1][::2].translate(_TWICE)) + sum(raw[::-1][1::2].translate(_ONCE))
    return str(-total % 10)


def validate(number: str) -> str:
    """Return the compact DRN of 11 or 13 digits (spaces and hyphens allowed), or raise.

    Errors: InvalidFormat (not ASCII digits), InvalidLength, InvalidCheckDigit.

    >>> validate('4750015023 1')
    '47500150231'
    """
    drn = compact(number)
    _require_digits(drn)
    if len(drn) not in (11, 13):
        raise InvalidLength(f"a meter number has 11 or 13 digits, not {len(drn)}")
    if not _luhn_fits(drn):
        raise InvalidCheckDigit("the last digit of the meter number does not fit")
    return drn


def validate_pan(number: str) -> str:
    """Return the compact 18-digit MeterPAN with both its check digits right, or raise.

    Errors: InvalidFormat (not ASCII digits, unknown issuer), InvalidLength, InvalidCheckDigit.

    >>> validate_pan('6007 2700 0000 0000 09')
    '600727000000000009'
    """
    pan = number if type(number) is str and len(number) == 18 else compact(number)
    _require_digits(pan)
    if len(pan) != 18:
        raise InvalidLength(f"a MeterPAN has 18 digits, not {len(pan)}")
    if pan.startswith(IIN_SHORT):
        start = 6
    elif pan.startswith(IIN_LONG):
        start = 4
    else:
        raise InvalidFormat("a MeterPAN starts with 600727 or 0000")
    if not _luhn_fits(pan) or not _luhn_fits(pan[start:17]):
        raise InvalidCheckDigit("a check digit of the MeterPAN does not fit")
    return pan


def is_valid(number: str) -> bool:
    """Answer whether :func:`validate` would accept the number.

    >>> is_valid('11111111115'), is_valid('11111111113')
    (True, False)
    """
    try:
        validate(number)
    except (InvalidFormat, InvalidCheckDigit):
        return False
    return True


def format(number: str) -> str:  # noqa: A001  the verb every number module of this kind has
    """Return the validated DRN in groups of four digits, for people. Errors as :func:`validate`.

    >>> format('0100000000008')
    '0100 0000 0000 8'
    """
    drn = validate(number)
    return " ".join(drn[i : i + 4] for i in range(0, len(drn), 4))


def pan_from_drn(number: str) -> str:
    """Return the 18-digit MeterPAN of a DRN; errors as :func:`validate`.

    >>> pan_from_drn('11111111115'), pan_from_drn('0100000000008')
    ('600727111111111153', '000001000000000082')
    """
    drn = validate(number)
    body = (IIN_SHORT if len(drn) == 11 else IIN_LONG) + drn
    return body + check_digit(body)


def drn_from_pan(number: str) -> str:
    """Return the 11- or 13-digit DRN inside a MeterPAN; errors as :func:`validate_pan`.

    >>> drn_from_pan('600727111111111153')
    '11111111115'
    """
    pan = validate_pan(number)
    return pan[6:17] if pan.startswith(IIN_SHORT) else pan[4:17]


def manufacturer_code(number: str) -> int:
    """Return the manufacturer code of a DRN: 0-99 (11 digits) or 0-9999 (13). Errors as :func:`validate`.

    >>> manufacturer_code('47500150231'), manufacturer_code('0100000000008')
    (47, 100)
    """
    drn = validate(number)
    return int(drn[: len(drn) - 9])


def _require_digits(text: str) -> None:
    if not (isinstance(text, str) and text.isascii() and text.isdigit()):
        raise InvalidFormat("only the digits 0 to 9 make a number")


def _luhn_fits(number: str) -> bool:
    raw = number.encode("ascii")
    # sum() of the digits' codes: each "0" counts 48, taken off again
    once = raw[-1::-2]
    return (sum(once) - 48 * len(once) + sum(raw[-2::-2].translate(_TWICE))) % 10 == 0
