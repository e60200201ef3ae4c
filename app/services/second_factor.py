"""The second factor: six digits that change each half minute (TOTP), and codes for when the phone is lost.

RFC 6238 with SHA-1, as every authenticator app has it; pyotp works the digits out.  The secret is sealed with
`credentials.key`, so a copy of the database makes no code; a code works once, and the one before and after it
are taken, for clocks that differ.  Recovery codes are kept as hashes; they carry 130 random bits, so nobody guesses
one from its hash however fast it is.

>>> code_of("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", 1)  # RFC 6238, appendix B, at 59 seconds
'287082'
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from pathlib import Path

import pyotp
from pyotp.utils import strings_equal
from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from app.db import transaction
from app.domain.digits import ascii_digits
from app.models import AppUser, RecoveryCode
from app.models.base import now
from app.services.credentials import CannotUnseal, seal, unseal

STEP_S, DIGITS = 30, 6
DRIFT = 1  # steps before and after
SECRET_LENGTH = 32  # letters of base32: the 160 bits that RFC 4226, 4 recommends
# Twenty-six letters of base32: 130 bits.  Those that were drawn before had sixteen, and count until they are renewed.
CODES, CODE_LENGTH, CODE_LENGTH_ONCE = 10, 26, 16
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def code_of(secret: str, step: int) -> str:
    """The six digits of one half minute; `secret` is base32."""
    return pyotp.HOTP(secret, digits=DIGITS).at(step)


def step_of(secret: str, typed: str, at: datetime) -> int | None:
    """The half minute near `at` whose code this is, or None."""
    middle = int(at.timestamp()) // STEP_S
    steps = [step for step in range(middle - DRIFT, middle + DRIFT + 1) if strings_equal(code_of(secret, step), typed)]
    return steps[-1] if steps else None


def address(secret: str, name: str, issuer: str) -> str:
    """What the QR code holds for the app."""
    return pyotp.TOTP(secret, digits=DIGITS, interval=STEP_S).provisioning_uri(name=name, issuer_name=issuer)


# --- setting it up --------------------------------------------------------------------------


def begin(user_id: int, key_file: Path) -> None:
    """Draw a secret that counts once its first code was typed.  Raises CannotUnseal without a key file."""
    sealed = seal(pyotp.random_base32(SECRET_LENGTH), key_file)
    with transaction() as session:
        user = session.get_one(AppUser, user_id, with_for_update=True, populate_existing=True)
        if user.totp_since is None:  # one that counts is taken away first
            user.totp_sealed, user.totp_step = sealed, None


def secret_of(user: AppUser, key_file: Path) -> str | None:
    """The person's secret, or None: there is none, or this installation cannot open it."""
    if user.totp_sealed is None:
        return None
    try:
        return unseal(user.totp_sealed, key_file)
    except CannotUnseal:
        return None


def confirm(user_id: int, typed: str, key_file: Path) -> list[str] | None:
    """From now on it counts: gives the recovery codes, or None when the code was wrong."""
    with transaction() as session:
        user = session.get_one(AppUser, user_id, with_for_update=True, populate_existing=True)
        secret = secret_of(user, key_file) if user.totp_since is None else None
        step = step_of(secret, _digits(typed), now()) if secret else None
        if step is None:
            return None
        user.totp_since, user.totp_step = now(), step
        return renew_codes(session, user_id)


def drop(session: Session, user: AppUser) -> None:
    """No second factor any more, in the caller's transaction."""
    user.totp_sealed = user.totp_since = user.totp_step = None
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))


def renew_codes(session: Session, user_id: int) -> list[str]:
    """New recovery codes, to be shown once; the older ones end."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    codes = ["".join(secrets.choice(LETTERS) for _letter in range(CODE_LENGTH)) for _code in range(CODES)]
    session.add_all(RecoveryCode(user_id=user_id, code_hash=_digest(code)) for code in codes)
    return ["-".join(code[at : at + 4] for at in range(0, CODE_LENGTH, 4)) for code in codes]


def codes_left(session: Session, user_id: int) -> int:
    """How many recovery codes were not used yet."""
    unused = select(func.count()).where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
    return session.scalar(unused) or 0


# --- using it -------------------------------------------------------------------------------


def take(user_id: int, typed: str, key_file: Path) -> bool:
    """Whether this is the person's code of now, or one of their recovery codes; it is used up by that."""
    digits = _digits(typed)
    with transaction() as session:
        if len(digits) == DIGITS and digits.isdigit():
            return _take_digits(session, user_id, digits, key_file)
        return _take_recovery(session, user_id, typed)


def _take_digits(session: Session, user_id: int, digits: str, key_file: Path) -> bool:
    user = session.get_one(AppUser, user_id, populate_existing=True)
    secret = secret_of(user, key_file) if user.totp_since is not None else None
    step = step_of(secret, digits, now()) if secret else None
    if step is None:
        return False
    table = AppUser.__table__
    newer = or_(table.c.totp_step.is_(None), table.c.totp_step < step)  # RFC 6238, 5.2: never the same twice
    used = session.execute(update(table).where(table.c.id == user_id, newer).values(totp_step=step))
    return bool(used.rowcount == 1)  # type: ignore[attr-defined]


def _take_recovery(session: Session, user_id: int, typed: str) -> bool:
    plain = "".join(sign for sign in typed.upper() if sign.isalnum()).translate(str.maketrans("018", "OIB"))
    if len(plain) not in (CODE_LENGTH, CODE_LENGTH_ONCE):
        return False
    unused = (RecoveryCode.user_id == user_id) & RecoveryCode.used_at.is_(None)
    mine = unused & (RecoveryCode.code_hash == _digest(plain))
    used = session.execute(update(RecoveryCode).where(mine).values(used_at=now()))
    return bool(used.rowcount == 1)  # type: ignore[attr-defined]


def _digits(typed: str) -> str:
    return "".join(ascii_digits(typed).split())


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode("utf-8", "replace")).hexdigest()
