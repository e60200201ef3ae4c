"""Which acts take a second person, as a field of the settings: a box for each function, stored by their names.

What is stored is `settings.four_eyes`; `services.four_eyes.needs_second_person` asks it for every act.  Beside it
stand the sentences in which pages say beforehand what that rule will refuse.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup, escape
from wtforms import Field

from app.access.current import current_scope
from app.domain.engineering import FUNCTIONS, KEY_CHANGE
from app.extensions import db
from app.models.base import now
from app.services.four_eyes import apart_from, two_until
from app.services.reversals import FUNCTION as REVERSAL
from app.views import figures
from app.views.engineering_words import TOLD

# Those of the manual first: what cannot be brought back, and money that goes back.
FIRST = ("clear_credit", "clear_tamper_condition", REVERSAL)
WORDS: Mapping[str, Any] = {
    name: _l("Reversal of a sale") if name == REVERSAL else TOLD[name].name
    for name in (*FIRST, *(name for name in (*FUNCTIONS, KEY_CHANGE) if name not in FIRST))
}
# What takes two people whatever the settings say.
ALWAYS = (_l("Decisions on lost sales"),)


def in_words(stored: str, until: Mapping[str, datetime] | None = None) -> str:
    """The functions of a stored list, as people read them; and those that go on to take two people, `until` when."""
    names = stored.split(",")
    listed = [str(word) for name, word in WORDS.items() if name in names]
    return figures.listed([*listed, *_lasting(until or {}).values()]) or _("nothing: one person is enough")


def _lasting(until: Mapping[str, datetime]) -> dict[str, str]:
    """What was ticked off lately, each with the moment until which it takes two people."""
    return {
        name: figures.bracketed(word, _("until %(time)s", time=figures.moment(until[name])))
        for name, word in WORDS.items() if name in until
    }  # fmt: skip


def why_still_two(function: str) -> str:
    """Why an act takes two people that is not ticked, and until when; nothing of any other."""
    until = two_until(db.session()).get(function)
    if until is None:
        return ""
    return _("This was ticked off in the settings lately, and takes two people until %(time)s.", time=figures.moment(until))


def one_hand(people: AbstractSet[int]) -> dict[int, datetime]:
    """With whom of these people the reader counts as one person, each until when; nothing of themselves."""
    me = current_scope().user_id
    others = people - {me}
    return apart_from(db.session(), me, others, now()) if me is not None and others else {}


def why_apart(proposer: int) -> str:
    """Why the reader cannot approve what somebody else proposed, and from when on; nothing of who can."""
    until = one_hand({proposer}).get(proposer)
    if until is None:
        return ""
    return _(
        "You can approve this from %(until)s on, a third person at once. Lately one of the two of you made the other’s account,"
        " gave or opened a link for it, or changed its address, or somebody else did so for both, and could act for both.",
        until=figures.moment(until),
    )


class _Boxes:
    """A box for each function."""

    def __call__(self, field: FourEyes, **_given: Any) -> Markup:
        lasting = _lasting(two_until(db.session()))
        boxes = (
            Markup('<div class="check"><input type="checkbox" name="{0}" id="{0}-{1}" value="{1}"{2}><label for="{0}-{1}">{3}</label></div>').format(
                field.name, name, Markup(" checked") if name in field.data else "", escape(lasting.get(name, str(word)))
            )
            for name, word in WORDS.items()
        )
        # What no setting changes stands with the others, so that the list is whole.
        always = (
            Markup('<div class="check"><input type="checkbox" id="{0}-{1}" checked disabled><label for="{0}-{1}">{2}</label></div>').format(
                field.id, number, _("%(act)s (always)", act=word)
            )
            for number, word in enumerate(ALWAYS)
        )
        return Markup('<div class="boxes" id="{}">{}{}</div>').format(field.id, Markup("").join(boxes), Markup("").join(always))


class FourEyes(Field):
    """The functions that are ticked; `data` is the list of their names in the order of the page."""

    widget = _Boxes()

    @property
    def counted(self) -> frozenset[str]:
        """The ticked names in no order."""
        return frozenset(self.data or ())

    @property
    def in_words(self) -> str:
        """What is ticked."""
        return in_words(",".join(self.data or ()))

    def process_data(self, value: Any) -> None:
        """Tick what is stored."""
        self.data = self._known((value or "").split(","))

    def process_formdata(self, valuelist: list[str]) -> None:
        """Take the ticked names that exist; none ticked is an answer, too."""
        self.data = self._known(valuelist)

    def process(self, formdata: Any, data: Any = None, extra_filters: Any = None) -> None:
        """A form that came back without a tick says that nothing is ticked."""
        super().process(formdata, data, extra_filters)
        if formdata and self.name not in formdata:
            self.data = []

    def populate_obj(self, obj: Any, name: str) -> None:
        """Store the names, comma separated."""
        setattr(obj, name, ",".join(self.data or ()))

    @staticmethod
    def _known(names: Iterable[str]) -> list[str]:
        wanted = set(names)
        return [name for name in WORDS if name in wanted]
