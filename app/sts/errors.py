"""The refusals of the token engine: one small tree, each with a short code.

Nothing below ever carries key material: a bad key, and a block that may hold one, is described by
its length alone.
The class names itself, the message holds the value and its range, so that Python prints
``TariffIndexOutOfRange: 100 is not in 0..99``; :func:`sentence` gives the same line to callers.
"""


class StsError(ValueError):
    """Any refusal of this package; ``code`` is stable and meant for programs."""

    code = "sts"


class InvalidFormat(StsError):
    """Something else than the expected digits or hexadecimal digits."""

    code = "format"


class InvalidLength(InvalidFormat):
    """The right characters, but too few or too many of them."""


class InvalidCheckDigit(StsError):
    """The Luhn check digit does not fit: the number is mistyped."""

    code = "check_digit"


class InvalidKey(StsError):
    """Key material of a wrong length; the message never shows the material."""

    code = "key"


class InvalidChecksum(StsError):
    """The CRC inside a token is wrong: another meter, another key, or a mistyped digit."""

    code = "crc"


class ReservedToken(StsError):
    """A token class or subclass that the standard keeps for later use."""

    code = "function"


class KeyExpired(StsError):
    """The token id lies beyond the key expiry number (IEC 62055-41, 6.1.10)."""

    code = "key_expired"


class NotAllowed(StsError):
    """Well-formed, but forbidden by the standard's rules for keys and tokens."""

    code = "not_allowed"


class UnequalColumns(StsError):
    """Columns of a batch that are not all of one length: rows would be mixed up."""

    code = "columns"


class OutOfRange(StsError):
    """A field outside its range; ``value``, ``low`` and ``high`` say which."""

    code = "range"

    def __init__(self, value: object, low: object, high: object) -> None:
        """Keep the value and the inclusive range it missed; a long value is shown by its beginning."""
        super().__init__(f"{_shown(value)} is not in {low}..{high}")
        self.value, self.low, self.high = value, low, high


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # Python writes out no integer of more than 4300 digits
        return f"a very long {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:40]}... ({len(text)} characters)"


class AmountOutOfRange(OutOfRange):
    """More (or less) than the amount field can carry."""

    code = "amount_range"


class TokenIdOutOfRange(OutOfRange):
    """Before the base date, or beyond the 24 bits that follow it."""

    code = "tid_range"


class SupplyGroupCodeOutOfRange(OutOfRange):
    """SGC: six digits."""


class KeyRevisionNumberOutOfRange(OutOfRange):
    """KRN: 1 to 9."""


class KeyTypeOutOfRange(OutOfRange):
    """KT: 0 to 3."""


class KeyExpiryNumberOutOfRange(OutOfRange):
    """KEN: 0 to 255."""


class TariffIndexOutOfRange(OutOfRange):
    """TI: 0 to 99."""


class TokenCarrierTypeOutOfRange(OutOfRange):
    """TCT: 0 to 99."""


class SubclassOutOfRange(OutOfRange):
    """A subclass this kind of token does not have."""


class RandomOutOfRange(OutOfRange):
    """RND: 4 bits."""


class FieldOutOfRange(OutOfRange):
    """A raw 16-bit field of a management token, or a part of it."""


class ControlOutOfRange(OutOfRange):
    """The control bits of a meter test token: 36 or 28 of them."""


class ManufacturerCodeOutOfRange(OutOfRange):
    """Manufacturer code: 0 to 99, or 0 to 9999 where 16 bits hold it."""


class TestNumberOutOfRange(OutOfRange):
    """The number of a meter test: 0 for all, else one bit of the control field."""

    __test__ = False  # not a test class, whatever pytest thinks of its name


class TokenClassOutOfRange(OutOfRange):
    """Token class: 0 to 3."""


class BlockOutOfRange(OutOfRange):
    """A data block or token with more bits than it may have; it may hold a new key, so only its size is told."""

    def __init__(self, value: object, bits: int) -> None:
        """Keep the size of the value, nothing else of it."""
        size = type(value).__name__
        if type(value) is int:
            size = "a negative number" if value < 0 else f"a number of {value.bit_length()} bits"
        StsError.__init__(self, f"{size} is not in 0..2^{bits}-1")
        self.value, self.low, self.high = size, 0, 2**bits - 1


class OffsetOutOfRange(OutOfRange):
    """Minutes between UTC and the clock that token ids count by: a day at most, either way."""


class MemoryOutOfRange(OutOfRange):
    """How many token ids a virtual meter remembers: at least one."""


class UnknownAlgorithm(OutOfRange):
    """Encryption algorithm: 7 (STA) or 11 (MISTY1)."""


class UnknownKeyGeneration(OutOfRange):
    """Decoder key generation algorithm: 2 or 4."""


class UnknownBaseDate(OutOfRange):
    """Base date: 93, 14 or 35."""


def check_range(error: type[OutOfRange], value: int, low: int, high: int) -> int:
    """Return ``value`` when it is an int in ``low..high`` (both inclusive); else raise ``error``.

    >>> check_range(TariffIndexOutOfRange, 100, 0, 99)
    Traceback (most recent call last):
        ...
    app.sts.errors.TariffIndexOutOfRange: 100 is not in 0..99
    """
    if type(value) is not int or not low <= value <= high:
        raise error(value, low, high)
    return value


def check_sgc(sgc: str) -> str:
    """Return a supply group code when it is a text of six ASCII digits; else raise.

    >>> check_sgc('20145')
    Traceback (most recent call last):
        ...
    app.sts.errors.SupplyGroupCodeOutOfRange: '20145' is not in 000000..999999
    """
    if type(sgc) is not str or len(sgc) != 6 or not (sgc.isascii() and sgc.isdigit()):
        raise SupplyGroupCodeOutOfRange(sgc, "000000", "999999")
    return sgc


def sentence(error: StsError) -> str:
    """Return one line naming the error and its particulars.

    >>> sentence(KeyRevisionNumberOutOfRange(0, 1, 9))
    'KeyRevisionNumberOutOfRange: 0 is not in 1..9'
    """
    return f"{type(error).__name__}: {error}"
