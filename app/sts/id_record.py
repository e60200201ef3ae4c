"""The identification of a meter card: IDRecord, 35 digits, and Record2, what stands on the magnetic track.

IDRecord = MeterPAN 18, date of expiry 4 (YYMM, ``0000`` for none), TCT 2, EA 2, SGC 6, TI 2, KRN 1.
Record2 = STX, PAN, ``=``, date of expiry or ``=`` for none, ``=``, TCT EA SGC TI KRN, ETX.
Clause: IEC 62055-41, 6.1.1 and annex on magnetic cards (IEC 62055-51).

>>> record = IDRecord('600727000000000009', tct=2, ea=7, sgc='201457', ti=1, krn=1)
>>> build(record)
'60072700000000000900000207201457011'
>>> parse('60072700000000000900000207201457011') == record
True
>>> parse_record2(build_record2(record)) == record
True
"""

import re
from dataclasses import dataclass

from app.sts import errors, meter_number
from app.sts.ciphers import check_ea

STX, ETX = "\x02", "\x03"
_RECORD = re.compile(r"(\d{18})(\d{4})(\d{2})(\d{2})(\d{6})(\d{2})(\d)", re.ASCII).fullmatch
_EXPIRY = re.compile("0000|[0-9]{2}(0[1-9]|1[0-2])").fullmatch
_RECORD2 = re.compile(
    r"\x02?(\d{18})=(\d{4}|=)=(\d{2})(\d{2})(\d{6})(\d{2})(\d)\x03?", re.ASCII
).fullmatch


@dataclass(frozen=True, slots=True)
class IDRecord:
    """What a card says; ``expiry`` is YYMM or '0000'. See ``module.MeterConfig`` for the other ranges.

    Raises InvalidFormat, InvalidLength, InvalidCheckDigit or an OutOfRange when built.
    """

    pan: str
    tct: int
    ea: int
    sgc: str
    ti: int
    krn: int
    expiry: str = "0000"

    def __post_init__(self) -> None:
        """Refuse what no card can say."""
        if meter_number.validate_pan(self.pan) != self.pan:
            raise errors.InvalidFormat("a MeterPAN is written without separators here")
        check_ea(self.ea)
        errors.check_sgc(self.sgc)
        check_expiry(self.expiry)
        errors.check_range(errors.TokenCarrierTypeOutOfRange, self.tct, 0, 99)
        errors.check_range(errors.TariffIndexOutOfRange, self.ti, 0, 99)
        errors.check_range(errors.KeyRevisionNumberOutOfRange, self.krn, 1, 9)


def check_expiry(expiry: str) -> None:
    """Raise InvalidFormat for what is no date of expiry of a card: YYMM, or 0000 for none.

    >>> check_expiry('2613')
    Traceback (most recent call last):
        ...
    app.sts.errors.InvalidFormat: a date of expiry is YYMM, or 0000 for none
    """
    if type(expiry) is not str or not _EXPIRY(expiry):
        raise errors.InvalidFormat("a date of expiry is YYMM, or 0000 for none")


def build(record: IDRecord) -> str:
    """Return the 35 digits of a record (IDRecord).

    >>> build(IDRecord('600727000000000009', tct=2, ea=7, sgc='201457', ti=1, krn=1, expiry='2612'))
    '60072700000000000926120207201457011'
    """
    return f"{record.pan}{record.expiry}{_tail(record)}"


def parse(text: str) -> IDRecord:
    """Return the record in 35 digits.

    Raises InvalidLength, InvalidFormat, InvalidCheckDigit or an OutOfRange.

    >>> parse('6007270000000000090000020720145701')
    Traceback (most recent call last):
        ...
    app.sts.errors.InvalidLength: an IDRecord has 35 digits, not 34
    """
    if not isinstance(text, str):
        raise errors.InvalidFormat("an IDRecord is text")
    if len(text) != 35:
        raise errors.InvalidLength(f"an IDRecord has 35 digits, not {len(text)}")
    match = _RECORD(text)
    if match is None:
        raise errors.InvalidFormat("an IDRecord is written with the digits 0 to 9")
    return _record(match)


def build_record2(record: IDRecord) -> str:
    """Return Record2 between its control characters STX and ETX.

    >>> build_record2(IDRecord('600727000000000009', 1, 7, '201457', 1, 1))[1:-1]
    '600727000000000009===0107201457011'
    """
    expiry = "=" if record.expiry == "0000" else record.expiry
    return f"{STX}{record.pan}={expiry}={_tail(record)}{ETX}"


def parse_record2(text: str) -> IDRecord:
    """Return the record in Record2, with or without its control characters. Errors as :func:`parse`.

    >>> parse_record2('600727000000000009===0107201457011').sgc
    '201457'
    """
    match = _RECORD2(text) if isinstance(text, str) else None
    if match is None:
        raise errors.InvalidFormat("no Record2: PAN = expiry = TCT EA SGC TI KRN")
    return _record(match)


def _tail(record: IDRecord) -> str:
    return f"{record.tct:02d}{record.ea:02d}{record.sgc}{record.ti:02d}{record.krn}"


def _record(match: re.Match[str]) -> IDRecord:
    pan, expiry, tct, ea, sgc, ti, krn = match.groups()
    expiry = "0000" if expiry == "=" else expiry
    return IDRecord(pan, int(tct), int(ea), sgc, int(ti), int(krn), expiry)
