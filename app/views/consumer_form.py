"""The consumer's forms (manual R1): the facts, and what somebody owes from before.

A debt is changed by postings only, so it is entered with its reason and never typed over.
"""

from __future__ import annotations

import secrets
from typing import Any

from flask_appbuilder.forms import DynamicForm
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField

from app.models import Consumer
from app.services.debts import Opening
from app.views import choices
from app.views.fields import NEEDED, Text, Unused, Word, email, telephone
from app.views.numbers import Money
from app.views.pickers import REGIONS, Picker
from app.views.settings import LANGUAGES

REASON_MAX = 200
OWES, BACK = "owes", "back"
WAYS = {OWES: _l("is owed from before"), BACK: _l("is taken back, because it was entered wrongly")}


class Language(Word):
    """The language of a consumer: one of the program's, or the one that is stored already."""

    present: str | None = None

    def process_data(self, value: Any) -> None:
        """Fill the field from what is stored."""
        self.offer_present(value)
        super().process_data(value)

    def offer_present(self, code: str | None) -> None:
        """Offer what the row has now, too: it may have come by a file, or from a list that was longer."""
        self.present = code
        if code and all(code != known for known, _word in self.choices):
            self.choices = [*self.choices, (code, LANGUAGES.named(code))]

    def pre_validate(self, form: Any) -> None:
        """Refuse what is neither in the list nor stored."""
        if self.data != self.present:
            super().pre_validate(form)


class ConsumerForm(DynamicForm):
    """The facts of R1."""

    name = Text(_l("Name"), most=200)
    user_number = Text(
        _l("User number"),
        most=30,
        description=_l("The number on the contract; no two consumers share one."),
        render_kw={"class": "mono"},
        rules=[Unused(Consumer.user_number, _l("Another consumer has this number."), exact=True)],
    )
    region = Picker(_l("Region"), REGIONS)
    address = Text(_l("Address"), most=200, required=False)
    gender = Word(_l("Gender"), choices.GENDER, required=False, empty=_l("Not said"))
    id_number = Text(_l("ID number"), most=40, required=False, render_kw={"class": "mono"})
    telephone = Text(_l("Phone"), most=40, required=False, rules=[telephone()], render_kw={"type": "tel"})
    email = Text(_l("E-mail"), most=120, required=False, rules=[email()], render_kw={"type": "email"})
    language = Language(_l("Language"), LANGUAGES, required=False, empty=_l("As the installation"))


class NewConsumerForm(ConsumerForm):
    """A new consumer, who may owe something from before."""

    debt = Money(
        _l("Owed from before"),
        required=False,
        description=_l("An old debt. A share of each purchase goes to it, where the tariff says so."),
    )
    debt_reason = Text(_l("Reason of the debt"), most=REASON_MAX, required=False, description=_l("Needed where something is owed."))

    def populate_obj(self, obj: Consumer) -> None:
        """The debt is posted by the page when the row is there."""
        debt, reason = self._fields.pop("debt"), self._fields.pop("debt_reason")
        super().populate_obj(obj)
        self._fields |= {"debt": debt, "debt_reason": reason}
        obj.owed_before = (debt.data, reason.data) if debt.data else None  # type: ignore[attr-defined]

    def validate(self, extra_validators: Any = None) -> bool:
        """NB: the reason is optional, so its own validators would not run when it is empty."""
        fine = super().validate(extra_validators)
        if self.debt.data and not self.debt_reason.data:
            self.debt_reason.errors = [*self.debt_reason.errors, NEEDED]
            return False
        return fine


class DebtForm(DynamicForm):
    """An entry in a consumer's debt; its reference is made with the page, so that a second click is the same entry."""

    amount = Money(_l("Amount"))
    way = Word(_l("It"), WAYS, default=OWES)
    reason = Text(_l("Reason"), most=REASON_MAX)
    reference = HiddenField()

    def begin(self) -> None:
        """A reference of its own."""
        self.reference.data = secrets.token_hex(16)

    def opening(self, consumer_id: int, user_id: int | None) -> Opening:
        """What is to be entered."""
        amount = -self.amount.data if self.way.data == BACK else self.amount.data
        reference = f"consumer:{consumer_id}:{(self.reference.data or '')[:32]}"
        return Opening(consumer_id, amount, self.reason.data, reference, user_id)

    def explain(self, said: str) -> None:
        """A refusal is about the amount."""
        self.amount.errors = [*self.amount.errors, said or _("This cannot be entered.")]
