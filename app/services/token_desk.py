"""The token desk: what twenty digits are, whether they are ours, and what a meter will say to them.

The books decide; the module is asked only whether the digits belong together under a key, never for a token.
Digits that no sale or act handed out are never explained: neither amount nor time, whatever the module reads, so
that nobody finds a token by trying, and none that waits for its sale is told.  The module is asked outside of
every transaction, by its contract alone (`verify`); where it is silent, what the books say stands alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.orm import Session

from app.access.scope import Scope
from app.db import retried, transaction
from app.domain import errors
from app.domain.states import MeterType, TokenKind
from app.extensions import db
from app.models import Meter, ModuleHealth, SecurityModule, Settings
from app.models.audit import note
from app.services import token_books as books
from app.services.issue import leave_transaction
from app.services.modules import serving
from app.services.security_module import Modules, MustBeTried
from app.services.token_books import Found
from app.sts import meter_number as drn
from app.sts import meter_test, token, token_id, verify
from app.sts.errors import ReservedToken, StsError
from app.sts.module import MeterConfig, ModuleError
from app.sts.virtual_meter import MEMORY

# Former keys that are tried on digits that the books do not know; each is one question to the module.
FORMER_MAX = 3
TEST_CLASS, RESERVED_CLASS = 1, 3


class Says(StrEnum):
    """What a meter will say, as far as it can be told."""

    ACCEPTED = "accepted"  # once: entered before, it says USED
    REVERSED = "reversed"  # nobody should have it: the money went back, and its meter may take it
    OLD = "old"
    KEY_EXPIRED = "key_expired"
    AFTER_CHANGE = "after_change"  # under the key that the meter gets with a set which is under way
    BEFORE_CHANGE = "before_change"  # under a key that the meter has left
    OTHER_KEY = "other_key"
    SET_PART = "set_part"
    SET_DONE = "set_done"
    WRONG_METER = "wrong_meter"
    MISTYPED = "mistyped"  # or another meter's
    NOT_HANDED_OUT = "not_handed_out"  # the digits belong together, and no sale that the asker may see gave them
    WAITING = "waiting"  # a sale of the meter waits: nothing is said of digits that are not in the books
    DISAGREES = "disagrees"  # the books and the module say different things
    UNCHECKED = "unchecked"  # not in the books, and the module is silent
    TEST = "test"
    TEST_OTHER_MAKER = "test_other_maker"
    NO_FUNCTION = "no_function"
    UNKNOWN = "unknown"  # not among what the asker may see
    METER_MISSING = "meter_missing"  # known in part; the meter's number is needed to say more


class Module(StrEnum):
    """What part the security module had in the answer."""

    NOT_ASKED = "not_asked"
    AGREED = "agreed"
    SILENT = "silent"
    WITHOUT_KEY = "without_key"


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a meter, as the books know it: SGC, KRN, TI, and the expiry number it was given."""

    spot: tuple[str, int, int]
    ken: int


@dataclass(frozen=True, slots=True)
class Target:
    """The meter that is asked about, with its keys: the present one, the one under way, those it had."""

    meter_id: int
    meter_number: str
    meter_type: MeterType
    pan: str
    ea: int
    tct: int
    present: Key
    pending: Key | None
    former: tuple[Key, ...]
    module_id: int | None
    offset_minutes: int

    def config(self, key: Key) -> MeterConfig:
        """The meter under one of its keys, as a module wants it."""
        sgc, krn, ti = key.spot
        return MeterConfig(self.pan, ea=self.ea, tct=self.tct, sgc=sgc, krn=krn, ti=ti, ken=key.ken)

    @property
    def keys(self) -> tuple[Key, ...]:
        """All of them, the likeliest first."""
        pending = (self.pending,) if self.pending is not None else ()
        return (self.present, *pending, *self.former[:FORMER_MAX])

    def key_at(self, spot: tuple[str, int, int], ken: int | None) -> Key:
        """The key of a token's own data; what the books do not know of it, its row says."""
        return next((key for key in self.keys if key.spot == spot), Key(spot, 255 if ken is None else ken))


@dataclass(frozen=True, slots=True)
class Test:
    """A token of class 1: numbers of the tests it starts, and the manufacturer's code, 0 for any."""

    tests: tuple[int, ...]
    maker: int
    maker_digits: int


@dataclass(frozen=True, slots=True)
class Answer:
    """All that may be said.  `later`: tokens with a larger id that were handed out for the meter since."""

    digits: str
    token_class: int
    says: Says
    found: Found | None = None
    target: Target | None = None
    module: Module = Module.NOT_ASKED
    module_name: str = ""
    later: int = 0
    test: Test | None = None


def ask(digits: str, meter_number: str | None, scope: Scope, modules: Modules) -> Answer:
    """Look twenty bare digits up, with or without the number of a meter.

    Raises UnknownMeter for a meter that is not the asker's, InvalidFormat and InvalidLength for what is no token.
    """
    token_class, _block = token.open_digits(digits)
    session = db.session()
    meter = None
    if meter_number is not None:
        meter = books.meter_in_scope(session, meter_number, scope)
        if meter is None:
            raise errors.UnknownMeter(meter_number=meter_number)
    pan = None if meter is None else drn.pan_from_drn(meter.meter_number)
    found = books.find(session, digits, scope, pan)
    if token_class == TEST_CLASS:
        return _test(digits, found, None if meter is None else _target(session, meter))
    if token_class == RESERVED_CLASS:
        return Answer(digits, token_class, Says.NO_FUNCTION)
    if meter is None and found is not None and found.details is not None and found.details.meter_number:
        meter = books.meter_in_scope(session, found.details.meter_number, scope)
    target = None if meter is None else _target(session, meter)
    if found is not None and found.reversed:  # whatever a meter would say to it, nobody is to type it
        return Answer(digits, token_class, Says.REVERSED, found, target)
    if target is None:
        says = Says.UNKNOWN if found is None else Says.METER_MISSING
        return Answer(digits, token_class, says, found)
    if found is not None and found.pan != target.pan:
        return Answer(digits, token_class, Says.WRONG_METER, found, target)
    if found is not None:
        return _known(digits, found, target, modules)
    return _unknown(digits, token_class, target, modules)


def note_look_up(answer: Answer) -> None:
    """Write down that somebody asked: when, who, for which meter, what came of it; of the digits the last four."""
    after = {"outcome": answer.says.value, "token": f"…{answer.digits[-4:]}"}
    if answer.target is not None:
        after["for_meter"] = answer.target.meter_number
    row_id = 0 if answer.found is None else answer.found.row_id

    def work() -> None:
        with transaction() as session:
            note(session, "look_up", "token", row_id, {}, after)

    retried(work)


# --- the meter ----------------------------------------------------------------------------


def _target(session: Session, meter: Meter) -> Target:
    present = Key((meter.sgc, meter.krn, meter.ti), meter.ken)
    pending = None
    if meter.pending_sgc is not None and meter.pending_krn is not None and meter.pending_ti is not None:
        ken = meter.ken if meter.pending_ken is None else meter.pending_ken
        pending = Key((meter.pending_sgc, meter.pending_krn, meter.pending_ti), ken)
    now_on = {present.spot} | ({pending.spot} if pending is not None else set())
    had = [spot for spot in books.spots_of(session, meter.id) if spot not in now_on]
    former = tuple(Key(spot, _expiry(session, spot)) for spot in had)
    module = serving(session).get(meter.algorithm)
    return Target(
        meter.id, meter.meter_number, meter.meter_type, drn.pan_from_drn(meter.meter_number), meter.ea, meter.tct,
        present, pending, former, None if module is None else module.id,
        session.get_one(Settings, 1).token_offset_minutes,
    )  # fmt: skip


def _expiry(session: Session, spot: tuple[str, int, int]) -> int:
    ken = books.expiry_of(session, spot[0], spot[1])
    return token_id.MAX_TOKEN_ID >> 16 if ken is None else ken


# --- class 1 ------------------------------------------------------------------------------


def _test(digits: str, found: Found | None, target: Target | None) -> Answer:
    """No key, no memory: the digits say it all."""
    try:
        block = token.open_digits(digits)[1]
        if token.seal(TEST_CLASS, block >> 16) != block:
            return Answer(digits, TEST_CLASS, Says.MISTYPED, None, target)
        subclass, control, maker = meter_test.decode(block >> 16)
    except ReservedToken:
        return Answer(digits, TEST_CLASS, Says.NO_FUNCTION, None, target)
    bits, code_bits = meter_test.layout(subclass)
    asked = tuple(n for n in range(1, bits + 1) if control >> n - 1 & 1)
    test = Test((0,) if len(asked) == bits else asked, maker, 2 if code_bits == 8 else 4)
    own = target is None or maker in (0, drn.manufacturer_code(target.meter_number))
    if subclass > 1:  # the makers' own, and reading of the extended set
        test = Test((), maker, test.maker_digits)
    says = Says.TEST if own else Says.TEST_OTHER_MAKER
    return Answer(digits, TEST_CLASS, says, found, target, test=test)


# --- class 0 and 2 ------------------------------------------------------------------------


def _known(digits: str, found: Found, target: Target, modules: Modules) -> Answer:
    """A token of ours for this meter: the books say under which key, the module confirms it."""
    session = db.session()
    ken = books.expiry_of(session, found.spot[0], found.spot[1]) if found.spot[0] else None
    later = 0
    if found.token_id is not None:
        later = books.later_tokens(session, found.pan, found.base_date, found.token_id)
    key = target.key_at(found.spot, ken)
    part, name, reason = _verified(digits, target, (key,), modules)
    says = _judged(found, target, key, later)
    if part is Module.AGREED and reason not in {verify.OK, verify.KEY_EXPIRED}:
        says = Says.NO_FUNCTION if reason == verify.FUNCTION else Says.DISAGREES
    return Answer(digits, found.token_class, says, found, target, part, name, later)


def _judged(found: Found, target: Target, key: Key, later: int) -> Says:
    """What the meter says by the books alone, in the order of a meter's own checks."""
    change = found.kind is TokenKind.KEY_CHANGE
    if target.pending is not None and key.spot == target.pending.spot and key.spot != target.present.spot:
        return Says.AFTER_CHANGE
    if key.spot != target.present.spot:
        if change:
            return Says.SET_DONE
        left = any(one.spot == key.spot for one in target.former)
        return Says.BEFORE_CHANGE if left else Says.OTHER_KEY
    if change:
        return Says.SET_PART
    if found.token_id is not None and token_id.is_expired(found.token_id, key.ken):
        return Says.KEY_EXPIRED
    return Says.OLD if later >= MEMORY else Says.ACCEPTED


def _unknown(digits: str, token_class: int, target: Target, modules: Modules) -> Answer:
    """Digits that nobody was given, as far as the asker may know: whether they belong together, and no word more."""
    if books.something_waits(db.session(), target.meter_id):
        return Answer(digits, token_class, Says.WAITING, None, target)
    part, name, reason = _verified(digits, target, target.keys, modules)
    if part is not Module.AGREED:
        return Answer(digits, token_class, Says.UNCHECKED, None, target, part, name)
    says = Says.MISTYPED if reason == verify.CRC else Says.NOT_HANDED_OUT
    return Answer(digits, token_class, says, None, target, part, name)


def _verified(
    digits: str, target: Target, keys: Iterable[Key], modules: Modules
) -> tuple[Module, str, str]:
    """Ask the module under each key until one fits: its part, its name, its word.

    Over a network perhaps, so the reads end here.
    """
    session = db.session()
    if target.module_id is None:
        return Module.SILENT, "", ""
    row = session.get_one(SecurityModule, target.module_id)
    name, health = row.name, session.get(ModuleHealth, target.module_id)
    try:
        try:
            modules.require_alive(row, health)
            leave_transaction()
        except MustBeTried as dead:
            leave_transaction()
            modules.probe(dead.module_id)
        module = modules.by_id(target.module_id, target.offset_minutes)
    except (ModuleError, MustBeTried, errors.ModuleDown, errors.NoModule):
        return Module.SILENT, name, ""
    word, missing = "", False
    for key in keys:
        try:
            word = module.verify(target.config(key), digits).reason
        except ModuleError as error:
            if not error.permanent:
                return Module.SILENT, name, ""
            missing = True  # it holds no such key, or not for this algorithm
            continue
        except StsError:
            missing = True
            continue
        if word != verify.CRC:
            break
    if not word:
        return Module.WITHOUT_KEY if missing else Module.SILENT, name, ""
    return Module.AGREED, name, word
