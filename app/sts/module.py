"""What the rest of a vending system knows of a security module: its protocol, requests and answers.

Every value is frozen and holds no key material. An implementation may be a library call
(``software.SoftwareModule``) or hardware at the end of a wire; callers cannot tell.
Names and error codes follow the PrismToken interface (TokenApi 1.1).
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from app.sts import errors, id_record, meter_number
from app.sts.ciphers import check_ea
from app.sts.errors import StsError, check_range


@dataclass(frozen=True, slots=True)
class Amendment:
    """What a key change moves a meter to: SGC (six digits), KRN 1-9, TI 0-99."""

    sgc: str
    krn: int
    ti: int

    def __post_init__(self) -> None:
        """Refuse fields out of range (OutOfRange)."""
        _check_key_fields(self.sgc, self.krn, self.ti)


@dataclass(frozen=True, slots=True)
class MeterConfig:
    """What is known of a meter when a token is asked for; checked when built.

    ``pan``: 18-digit MeterPAN; ``ea``: 7 (STA) or 11 (MISTY1); ``tct``: token carrier 0-99;
    ``sgc``: six digits; ``krn``: 1-9; ``ti``: 0-99; ``ken``: 0-255, what the meter holds;
    ``key_type``: 0-3. ``amendment`` asks for a key change first; the two ``allow`` flags let the
    module decide on one. ``three_key_tokens``: an EA07 set also carries the SGC. ``expiry``: of the meter
    card, YYMM, '0000' for none.
    Raises InvalidFormat, InvalidLength, InvalidCheckDigit or an OutOfRange.

    >>> MeterConfig('600727000000000009', ea=7, tct=2, sgc='201457', krn=1, ti=100, ken=255)
    Traceback (most recent call last):
        ...
    app.sts.errors.TariffIndexOutOfRange: 100 is not in 0..99
    """

    pan: str
    ea: int
    tct: int
    sgc: str
    krn: int
    ti: int
    ken: int
    key_type: int = 2
    amendment: Amendment | None = None
    allow_krn_update: bool = False
    allow_ken_update: bool = False
    three_key_tokens: bool = False
    expiry: str = "0000"

    def __post_init__(self) -> None:
        """Refuse what no meter can be."""
        if meter_number.validate_pan(self.pan) != self.pan:
            raise errors.InvalidFormat("a MeterPAN is written without separators here")
        check_ea(self.ea)
        _check_key_fields(self.sgc, self.krn, self.ti)
        check_range(errors.TokenCarrierTypeOutOfRange, self.tct, 0, 99)
        check_range(errors.KeyExpiryNumberOutOfRange, self.ken, 0, 255)
        check_range(errors.KeyTypeOutOfRange, self.key_type, 0, 3)
        if self.expiry != "0000":
            id_record.check_expiry(self.expiry)


@dataclass(frozen=True, slots=True)
class Advice:
    """What to store of a meter after it has taken a key-change set."""

    to_sgc: str
    to_krn: int
    to_ti: int
    to_ken: int
    rollover: bool
    kcv: str
    expiry: str = "0000"


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """One token as made: twenty digits and everything that is to be printed or stored of it.

    ``amount`` is what the token REALLY carries after rounding in the customer's favour: 0.1 kWh,
    0.1 m3, 0.1 minute; 0.00001 currency units (signed); watts of a limit; the raw field of other
    management tokens; None for key-change tokens, which carry no ``token_id`` either.
    ``base_date``: 93, 14 or 35. ``issue_time``: UTC clock of the request. ``kcv``: of the vending key.
    """

    digits: str = field(repr=False)
    pan: str
    ea: int
    tct: int
    sgc: str
    krn: int
    ti: int
    token_class: int
    subclass: int
    token_id: int | None
    base_date: int
    issue_time: datetime | None
    amount: int | None
    kcv: str
    advice: Advice | None = None


@dataclass(frozen=True, slots=True)
class MeterTestToken:
    """A class 1 token: the same twenty digits for every meter (of one manufacturer)."""

    digits: str
    subclass: int
    control: int
    mfr_code: int


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """What may be told of a vending key: everything but the key."""

    sgc: str
    krn: int
    key_type: int
    dkga: int
    base_date: int
    ken: int
    kcv: str
    active_from: datetime | None
    active_to: datetime | None
    eas: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ModuleStatus:
    """How a module says it is: alerts are its own words, for engineers."""

    name: str
    version: str
    keys: tuple[KeyFacts, ...]
    tokens_issued: int
    alerts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verification:
    """What twenty digits mean for one meter, or precisely why they mean nothing.

    ``reason``: 'EVerify.Ok', 'EVerify.Format', 'EVerify.Function' (reserved class or subclass),
    'EVerify.Crc' (other meter, other key or mistyped), 'EVerify.KeyExpired', 'EVerify.DdtkCredit',
    'EVerify.MfrCode'. The other fields are filled as far as the token could be read; ``kind`` is a
    name such as 'electricity' or 'clear_credit'; ``amount`` as in IssuedToken; ``issued_at`` is the
    token id as a time on the key's base date (UTC, without the module's own offset);
    ``facts``: what else the block says, by name (random bits or sign and exponent, raw field; control bits and
    maker; parameters of a key change), but never a word of a new key.
    """

    reason: str
    token_class: int | None = None
    subclass: int | None = None
    kind: str | None = None
    amount: int | None = None
    token_id: int | None = None
    issued_at: datetime | None = None
    facts: tuple[tuple[str, int], ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether the token was made for this meter and is good as far as can be told here."""
        return self.reason == "EVerify.Ok"


class ModuleError(StsError):
    """A security module's refusal. ``code`` is PrismToken's eCode; ``permanent``: asking again is vain.

    >>> error = ModuleError('ECacheMiss', permanent=False, detail='never took m1')
    >>> error.code, error.permanent, str(error)
    ('ECacheMiss', False, 'ECacheMiss: never took m1')
    """

    def __init__(self, code: str, *, permanent: bool, detail: str = "") -> None:
        """Keep the code; ``detail`` is for engineers and never holds key material."""
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code, self.permanent, self.detail = code, permanent, detail


class SecurityModule(Protocol):
    """Makes tokens once per ``message_id`` and remembers its answers.

    ``issue_time`` is an aware UTC datetime. A repeated ``message_id`` with the same request gets the
    same tokens; with another request ModuleError('EParamRange'). Tuples hold a key-change set first.
    """

    name: str

    def credit_token(
        self, message_id: str, meter: MeterConfig, subclass: int, amount: int, issue_time: datetime
    ) -> tuple[IssuedToken, ...]:
        """Class 0; ``amount`` in tenths (subclass 0-3) or 0.00001 currency units (4-7)."""
        ...

    def management_token(
        self, message_id: str, meter: MeterConfig, subclass: int, value: int, issue_time: datetime
    ) -> tuple[IssuedToken, ...]:
        """Class 2 but key changes; ``value`` in watts for subclass 0 and 6, else the raw 16 bits."""
        ...

    def key_change_tokens(
        self, message_id: str, meter: MeterConfig, amendment: Amendment
    ) -> tuple[IssuedToken, ...]:
        """Two, three or four tokens that move the meter to another vending key or tariff index."""
        ...

    def meter_test_token(self, subclass: int, control: int, mfr_code: int) -> MeterTestToken:
        """Class 1; needs no key and no memory."""
        ...

    def verify(self, meter: MeterConfig, digits: str) -> Verification:
        """Decode any twenty digits under this meter's key; a bad token is an answer, not an error."""
        ...

    def fetch(self, message_id: str) -> tuple[IssuedToken, ...]:
        """The remembered answer; ModuleError('ECacheMiss', permanent=False) when never taken."""
        ...

    def status(self) -> ModuleStatus:
        """Keys (without material), count of tokens, alerts."""
        ...


def _check_key_fields(sgc: str, krn: int, ti: int) -> None:
    errors.check_sgc(sgc)
    check_range(errors.KeyRevisionNumberOutOfRange, krn, 1, 9)
    check_range(errors.TariffIndexOutOfRange, ti, 0, 99)
