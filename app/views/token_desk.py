"""The token desk: paste any twenty digits and read what they are and what a meter will say.

Digits come by POST, so that they stand in no address, history or log; an address may fill the form in.
"""

from __future__ import annotations

import re
from typing import Any

from flask import current_app, request
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import Optional, ValidationError

from app.access.current import current_scope
from app.access.fab import SafeBaseView
from app.domain import errors
from app.domain.digits import ascii_digits
from app.extensions import db
from app.services import token_desk
from app.services.token_desk import Answer
from app.services.training import is_trainable
from app.sts import token
from app.sts.errors import StsError
from app.views import signin
from app.views import token_words as words
from app.views.choices import BASE_YEAR
from app.views.engineering_acts import modules_of_app
from app.views.fields import NEEDED
from app.views.messages import sentence
from app.views.meter_lookup import number_refusal

DIGITS = 20
TYPED_MAX = 80
# Blanks, line ends of a scanner, and every kind of dash that a message or a word processor makes.
BETWEEN = re.compile(r"[\s\-\u2010-\u2015\u2212\u00b7\u200b-\u200f\u202a-\u202e\u2066-\u2069]+")


def bare(text: str) -> str:
    """A token or a number without what stands between its digits, which are 0 to 9 then."""
    return ascii_digits(BETWEEN.sub("", text))


class AskForm(FlaskForm):
    """Twenty digits as they come, and the number of a meter or nothing."""

    token = StringField(
        _l("Token"),
        description=_l("Twenty digits, with or without blanks and dashes; a scanner may send them."),
        render_kw={
            "class": "mono", "inputmode": "numeric", "autocomplete": "off", "spellcheck": "false",
            "maxlength": TYPED_MAX, "autofocus": True, "required": False,
        },
    )  # fmt: skip
    meter = StringField(
        _l("Meter number"), [Optional(strip_whitespace=True)],
        description=_l("With it you read what this meter will say. A token of yours finds its meter by itself."),
        render_kw={
            "class": "mono", "inputmode": "numeric", "autocomplete": "off", "spellcheck": "false",
            "maxlength": TYPED_MAX,
        },
    )  # fmt: skip

    @property
    def digits(self) -> str:
        """The token as it is looked up."""
        return bare(self.token.data or "")

    @property
    def meter_number(self) -> str | None:
        """The meter's number as it is looked up; None when nothing was typed."""
        return bare(self.meter.data or "") or None

    def validate_token(self, field: Any) -> None:
        """Twenty digits that a token can have."""
        digits = self.digits
        if not digits:
            raise ValidationError(NEEDED)
        if not (digits.isascii() and digits.isdigit()):
            raise ValidationError(_("A token has only the digits 0 to 9. Compare with the slip."))
        if len(digits) != DIGITS:
            raise ValidationError(
                _("A token has 20 digits, these are %(count)s. Compare with the slip, group by group.", count=len(digits))
            )
        try:
            token.open_digits(digits)
        except StsError:
            raise ValidationError(_("No token begins so high. One of the first digits is mistyped; compare with the slip.")) from None

    def validate_meter(self, field: Any) -> None:
        """Nothing, or a number that a meter can have."""
        number = self.meter_number
        if number is not None and (refusal := number_refusal(number)) is not None:
            raise ValidationError(sentence(refusal))


class TokenDeskView(SafeBaseView):
    """Engineering > Token desk."""

    route_base = "/token-desk"
    default_view = "ask"
    title = list_title = _l("Token desk")

    @expose("/", methods=["GET", "POST"])
    @has_access
    @permission_name("read")
    def ask(self) -> Any:
        """The two fields; after them the answer."""
        if request.method == "GET":
            given = {name: request.args.get(name, "")[:TYPED_MAX] for name in ("token", "meter")}
            return self._page(AskForm(formdata=None, data=given))
        form = AskForm()
        if not form.validate():
            return self._page(form), 422
        if too_many():
            form.token.errors = [_("Too many look-ups in a short time. Wait a minute, then look again.")]
            return self._page(form), 429
        try:
            answer = token_desk.ask(form.digits, form.meter_number, current_scope(), modules_of_app())
        except errors.UnknownMeter:
            form.meter.errors = [_("There is no such meter among yours. Compare with the plate.")]
            return self._page(form), 404
        token_desk.note_look_up(answer)
        return self._page(form, answer)

    def _page(self, form: AskForm, answer: Answer | None = None) -> Any:
        return self.render_template(
            "tokens/desk.html",
            title=self.title,
            form=form,
            answer=answer,
            told=words.told(answer) if answer is not None else None,
            words=words,
            years=BASE_YEAR,
            train=answer is not None and answer.target is not None and may_train(answer.target.meter_number),
            may_open=self.appbuilder.sm.has_access,
        )


def may_train(meter_number: str) -> bool:
    """Whether the reader may try tokens on this meter's training meter."""
    if not current_app.config["TRAINING"] or not current_app.appbuilder.sm.has_access("can_read", "TrainingView"):
        return False
    return is_trainable(db.session(), meter_number, current_scope())


def too_many() -> bool:
    """Count one look-up of this person; True when it must wait: nobody finds a token by trying."""
    return signin.too_many(str(current_scope().user_id), "token desk ", "LOOK_UP_RATE_LIMIT")
