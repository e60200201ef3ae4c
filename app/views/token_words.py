"""What the token desk answers, in words: what a meter will say, why, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from app.domain.engineering import FUNCTIONS, KEY_CHANGE, METER_TEST
from app.domain.states import UNIT, MeterType, TokenKind
from app.services.token_desk import Answer, Module, Says, Test
from app.sts import credit, key_change, management
from app.sts.virtual_meter import Result
from app.views import choices, figures
from app.views.engineering_words import TESTS, name_of, value_of


@dataclass(frozen=True, slots=True)
class Told:
    """An answer: its tone, what the display shows (nothing: no meter is asked), what it means, what to do next."""

    tone: str
    face: Result | str
    title: Any
    why: Any
    next: Any


TOLD: Mapping[Says, Told] = {
    Says.ACCEPTED: Told(
        "ok", Result.ACCEPT,
        _l("The meter accepts it, once."),
        _l("If it was entered already, the meter says USED. Whether it was entered, only the meter knows: that other tokens were sold later proves nothing."),
        _l("Have it typed in. If the meter says USED, its units are in the meter already: compare the credit on the display."),
    ),
    Says.REVERSED: Told(
        "bad", "",
        _l("Its sale was reversed: nobody should have this token."),
        _l("The money went back because the token was not handed over. Its meter may accept it all the same."),
        _l("Do not have it typed in. Take the slip back, ask where it comes from, and tell a manager."),
    ),
    Says.OLD: Told(
        "warn", Result.OLD,
        _l("The meter probably says OLD."),
        _l("So many later tokens were handed out for this meter that it no longer remembers one as old as this. If they were not all entered, it may still accept it."),
        _l("Have it typed in once. If the meter says OLD, ask the customer whether it was entered when it was bought; if it was not, a manager decides."),
    ),
    Says.KEY_EXPIRED: Told(
        "bad", Result.KEY_EXPIRED,
        _l("The meter refuses it: its key has expired."),
        _l("The token's number lies beyond the expiry number (KEN) that the meter was given."),
        _l("The meter needs a key change first. Sell again afterwards; a manager decides about this token."),
    ),
    Says.AFTER_CHANGE: Told(
        "warn", Result.CRC,
        _l("The meter accepts it only after its key change."),
        _l("It belongs to the key that the key-change tokens bring. Before they are entered, the meter refuses it."),
        _l("Have the key-change tokens typed in first, all of them in their order, then this one."),
    ),
    Says.BEFORE_CHANGE: Told(
        "bad", Result.CRC,
        _l("The meter refuses it: it belongs to a key that the meter has left."),
        _l("The meter was given a new key after this token was sold. If it was not entered before the key change, it never will be accepted."),
        _l("Ask the customer whether it was entered before the key change. If it was not, ask a manager: a sale whose token was handed over is not reversed, and only a new sale brings a token under the new key."),
    ),
    Says.OTHER_KEY: Told(
        "bad", Result.CRC,
        _l("The meter refuses it: it belongs to another key."),
        _l("The meter is registered under a key that this token was not made for."),
        _l("Look at the meter's own key (test tokens show SGC, KRN and TI) and compare it with its registration."),
    ),
    Says.SET_PART: Told(
        "ok", Result.ACCEPT,
        _l("The meter accepts it as part of its key change."),
        _l("It carries no credit. The new key counts when all parts of the set are entered; typing a part twice does no harm before that."),
        _l("Have all parts of the set typed in, one after the other without a long pause, then the credit token that came with them."),
    ),
    Says.SET_DONE: Told(
        "bad", Result.CRC,
        _l("The meter refuses it: it has left the key that this key change starts from."),
        _l("By the books the meter took this key change, or another one, already."),
        _l("Nothing needs to be entered: go on with the credit token. If the meter refuses that too, compare its key with the registration."),
    ),
    Says.WRONG_METER: Told(
        "bad", Result.CRC,
        _l("This meter refuses it: it is a token of another meter."),
        _l("A token opens only the one meter that it was made for. Nothing is lost by typing it in here."),
        _l("Compare the meter number on the slip with the plate. The token can be used at the meter that it was made for; for this one make a new sale. If the wrong meter was chosen at the sale, ask a manager: a sale whose token was handed over is not reversed."),
    ),
    Says.MISTYPED: Told(
        "bad", Result.CRC,
        _l("The meter refuses it: the digits do not belong together."),
        _l("A digit is mistyped, or it is a token of another meter: under every key that this meter is known to have, the check of the digits fails."),
        _l("Compare the twenty digits with the slip, group by group, and the meter number with the plate."),
    ),
    Says.NOT_HANDED_OUT: Told(
        "warn", "",
        _l("Nobody whose sales you may see handed this token out."),
        _l("Its digits belong together, but no sale and no act that you may see gave them to anybody. Nothing more is told of such digits."),
        _l("Hand nothing over. Ask where the digits come from: a slip of another seller carries a receipt number to ask there. Otherwise tell a manager."),
    ),
    Says.WAITING: Told(
        "warn", "",
        _l("A sale or an act of this meter waits for its token."),
        _l("Until it is settled, nothing is told of digits that are not in the books."),
        _l("Let the waiting sale be asked for again on the home page, then look again. Compare the digits with the slip meanwhile."),
    ),
    Says.DISAGREES: Told(
        "bad", "",
        _l("The books and the security module disagree."),
        _l("The books hold this token for this meter, and the module says that the digits do not belong together under the key it was made with."),
        _l("Hand nothing more out for this meter and tell an administrator: the keys of the module, or the books, are not what they were."),
    ),
    Says.UNCHECKED: Told(
        "warn", "",
        _l("These digits are not among the tokens that you may see, and they could not be checked."),
        _l("By the books no sale and no act that you may see handed them out."),
        _l("Compare them with the slip. Look again when the security module answers."),
    ),
    Says.TEST: Told(
        "ok", Result.ACCEPT,
        _l("The meter shows or tests what this token asks for."),
        _l("Test tokens need no key, carry no credit and change nothing. They may be entered as often as wanted."),
        _l("Have it typed in and read the display."),
    ),
    Says.TEST_OTHER_MAKER: Told(
        "bad", Result.MFR_CODE,
        _l("The meter refuses it: it is a test token of another manufacturer."),
        _l("Test tokens with a manufacturer's code start only that manufacturer's meters."),
        _l("Make a test token with the code 00, or with this meter's own, at the engineering desk."),
    ),
    Says.NO_FUNCTION: Told(
        "bad", Result.FUNCTION,
        _l("No meter knows this token."),
        _l("By its class it belongs to a kind that the standard keeps for later. No system makes such tokens."),
        _l("Compare the twenty digits with the slip, group by group: one is mistyped."),
    ),
    Says.UNKNOWN: Told(
        "warn", "",
        _l("These digits are not among the tokens that you may see."),
        _l("Either a digit is mistyped, or the token was handed out elsewhere, or by nobody."),
        _l("Compare the digits with the slip. With the number of the meter beside them, what the meter says can be told."),
    ),
    Says.METER_MISSING: Told(
        "ok", "",
        _l("This token was handed out."),
        _l("What a meter says to it is told only with the number of a meter that you may see."),
        _l("Type the meter's number beside the token and look again."),
    ),
}  # fmt: skip

CLASSES: Mapping[int, Any] = {
    0: _l("Credit (class 0)"), 1: _l("Test or display (class 1)"), 2: _l("Management or key change (class 2)"),
    3: _l("Kept for later (class 3)"),
}  # fmt: skip
MODULE: Mapping[Module, Any] = {
    Module.AGREED: _l("Checked by the security module “%(name)s”."),
    Module.SILENT: _l("The security module does not answer: this is what the books alone say. Look again when it is back."),
    Module.WITHOUT_KEY: _l("No module holds the key of this token any more: this is what the books alone say."),
}


def told(answer: Answer) -> Told:
    """What is answered."""
    return TOLD[answer.says]


# What a meter answers to the parts of a key change, by the subclass of each; the last of them makes it say Accept.
PARTS: Mapping[int, Result] = {
    key_change.FIRST: Result.FIRST_SECTION, key_change.SECOND: Result.SECOND_SECTION,
    key_change.THIRD: Result.THIRD_SECTION, key_change.FOURTH: Result.FOURTH_SECTION,
}  # fmt: skip


def face(answer: Answer) -> str:
    """What the display shows; nothing where no meter is asked."""
    details = answer.found.details if answer.found is not None else None
    if answer.says is Says.SET_PART and details is not None:
        return PARTS.get(details.subclass, Result.ACCEPT).value
    return str(TOLD[answer.says].face)


def again(answer: Answer) -> str:
    """The other word that the display may show instead."""
    if answer.says is Says.ACCEPTED:
        return _("or, the second time, %(word)s", word=Result.USED.value)
    return _("or, the last of the set, %(word)s", word=Result.ACCEPT.value) if answer.says is Says.SET_PART else ""


def outcome(stored: str) -> str:
    """What was answered to a look-up of the audit log."""
    return str(TOLD[Says(stored)].title).rstrip(".") if stored in {*Says} else stored


def checked(answer: Answer) -> str:
    """Who stands behind the answer: the module, or the books alone."""
    said = MODULE.get(answer.module)
    return "" if said is None else str(said % {"name": answer.module_name} if "%(name)s" in str(said) else said)


def since(answer: Answer) -> str:
    """How many tokens went out later, which proves nothing and is worth knowing."""
    if not answer.later:
        return ""
    return ngettext(
        "%(num)s later token was handed out for this meter.", "%(num)s later tokens were handed out for this meter.",
        answer.later,
    )  # fmt: skip


def what(answer: Answer) -> str:
    """What kind of token it is, as far as that may be told."""
    if answer.test is not None:
        return str(CLASSES[1])
    details = answer.found.details if answer.found is not None else None
    if details is None:
        return str(CLASSES[answer.token_class])
    if details.kind is TokenKind.KEY_CHANGE:
        return name_of(KEY_CHANGE)
    if details.kind is TokenKind.CREDIT:
        return str(choices.TOKEN_KIND[details.kind])
    return name_of(details.function or METER_TEST)


def amount(answer: Answer) -> str:
    """What it carries: units of a credit, the value of a management token."""
    found = answer.found
    if found is None:
        return ""
    details = found.details
    if details is not None and details.amount is not None and found.kind is TokenKind.ENGINEERING:
        function = management.KINDS.get(details.subclass, "")
        return value_of(function, details.amount) if function in FUNCTIONS else ""
    if details is not None and details.amount is not None and details.subclass < len(UNITS):
        return f"{figures.units(details.amount)} {UNITS[details.subclass]}"
    if found.units is None or found.meter_type is None or found.kind is not TokenKind.CREDIT:
        return ""
    return f"{figures.units(found.units)} {UNIT[found.meter_type]}"


# The units of the standard's credit subclasses that carry quantities.
UNITS = tuple(UNIT[MeterType(kind)] for kind in credit.KINDS[:4])


def tests(test: Test) -> list[tuple[Any, Any]]:
    """What a test token starts, each with what the meter then shows."""
    return [TESTS[number] for number in test.tests if number in TESTS]


def maker(test: Test) -> str:
    """Whose meters take a test token."""
    if not test.maker:
        return _("any maker, %(count)s-digit codes", count=test.maker_digits)
    return f"{test.maker:0{test.maker_digits}}"
