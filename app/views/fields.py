"""Form fields and validators of the reference data: text, words, rows, times, meter numbers.

Every refusal is a sentence at the field; what was typed is shown again unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import current_app, url_for
from flask_appbuilder.fields import QuerySelectField
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from wtforms import Field, SelectField, StringField
from wtforms.fields.choices import Choice
from wtforms.validators import InputRequired, Optional, StopValidation, ValidationError
from wtforms.widgets import Select, TextInput

from app.access.permissions import Permission
from app.domain.calendar import zone
from app.domain.digits import ascii_digits
from app.extensions import db
from app.models import AppUser
from app.models.names import alike, opens
from app.services.imports.fields import plain_text
from app.sts import meter_number
from app.sts.errors import InvalidCheckDigit, StsError
from app.views import figures

NEEDED = _l("Fill this in.")
# C0 and C1 controls, and half characters that no database can store.
UNSTORABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Needed(InputRequired):
    """Something was typed; blanks alone are nothing."""

    def __init__(self) -> None:
        super().__init__(NEEDED)

    def __call__(self, form: Any, field: Any) -> None:
        """Refuse an empty field, and keep the sentence of a value that could not be read."""
        raw = field.raw_data[0] if field.raw_data else ""
        if not (plain_text(raw) if isinstance(raw, str) else raw):
            field.errors = []
            raise StopValidation(NEEDED)


class Sound:
    """Ends the rules of a field whose text was refused already: what comes after would judge a value that is not there."""

    def __call__(self, form: Any, field: Any) -> None:
        """Leave the sentence that stands at the field as it is, and look no further."""
        if field.errors:
            raise StopValidation


def presence(required: bool) -> list[Any]:
    """Whether a field may stay empty; the rules behind it are asked about a sound value only."""
    return [Needed() if required else Optional(strip_whitespace=True), Sound()]


class Text(StringField):
    """One line of text, without spaces around it; empty text is nothing at all (None)."""

    widget = TextInput()

    def __init__(self, label: Any, *, most: int, required: bool = True, rules: Iterable[Any] = (), **more: Any):
        self.most = most
        more["render_kw"] = {"maxlength": most, "autocomplete": "off", **more.get("render_kw", {})}
        super().__init__(label, [*presence(required), *rules], **more)

    def process_formdata(self, valuelist: list[str]) -> None:
        """Take single blanks between the words and no marks that nobody sees; keep it otherwise as it came."""
        text = plain_text(valuelist[0]) if valuelist else ""
        if (self.render_kw or {}).get("inputmode") in ("numeric", "tel"):  # a number, not words
            text = ascii_digits(text)
        self.data = text or None
        if text and UNSTORABLE.search(text):
            raise ValueError(_("This holds a sign that cannot be kept. Type it again without copying."))
        if len(text) > self.most:
            raise ValueError(_("At most %(most)d characters.", most=self.most))


class Word(SelectField):
    """One of a closed list, in the reader's words; the stored value is the list's own."""

    def __init__(
        self,
        label: Any,
        words: Mapping[Any, Any],
        *,
        required: bool = True,
        empty: Any = "",
        rules: Iterable[Any] = (),
        **more: Any,
    ):
        self.words, self.required = words, required
        self.empty = empty or (_l("Choose one") if required else "")
        super().__init__(
            label, [*presence(required), *rules], coerce=self._member, choices=self._choices, **more
        )

    def _choices(self) -> list[tuple[str, Any]]:
        blank = [] if self.required and self.default is not None else [("", self.empty)]
        return blank + [(str(key), word) for key, word in self.words.items()]

    def _member(self, value: Any) -> Any:
        if value in ("", None):
            return None
        return next((key for key in self.words if str(key) == str(value)), value)

    def pre_validate(self, form: Any) -> None:
        """Refuse what is not in the list."""
        if self.data is not None and self.data not in self.words:
            raise ValidationError(_("Choose one of the list."))


@dataclass(frozen=True, slots=True)
class Source:
    """Where the rows of a choice come from: what to say and to offer while there are none.

    `endpoint` is the page that adds or shows them, `permission` what opens it.
    """

    sentence: Any
    act: Any
    endpoint: str
    permission: Permission

    @property
    def url(self) -> str:
        """Where the act leads; nothing for somebody who may not go there."""
        return url_for(self.endpoint) if current_app.appbuilder.sm.has_access(*self.permission) else ""  # type: ignore[attr-defined]


class Row(QuerySelectField):
    """One row of a short list (tens, not hundreds); only rows that `rows` gives are accepted."""

    widget = Select()

    def __init__(
        self,
        label: Any,
        rows: Callable[[], Iterable[Any]],
        *,
        required: bool = True,
        source: Source | None = None,
        **more: Any,
    ):
        rules = more.pop("rules", ())
        self.source = source
        super().__init__(
            label,
            [*presence(required), *rules],
            query_func=rows,
            get_pk_func=lambda row: row.id,
            allow_blank=True,
            blank_text=_l("Choose one") if required else "",
            **more,
        )

    def process_data(self, value: Any) -> None:
        """Fill the field from its row."""
        self.offer_present(value)
        super().process_data(value)

    def offer_present(self, row: Any) -> None:
        """Offer what the row has now, too: it may have been switched off since it was chosen."""
        self.present = row

    def iter_choices(self) -> Iterator[Choice]:
        """The options; the framework's bare tuples are what WTForms warns of."""
        for choice in super().iter_choices():
            yield Choice(*choice)

    def _get_object_list(self) -> Any:
        offered = super()._get_object_list()
        own = getattr(self, "present", None)
        if own is None or any(row is own for _key, row in offered):
            return offered
        return [*offered, (str(self.get_pk_func(own)), own)]

    @property
    def nothing(self) -> Source | None:
        """Where rows come from, while there are none to choose from."""
        return self.source if self.source is not None and not any(True for _row in self.query_func()) else None

    def pre_validate(self, form: Any) -> None:
        """Refuse a row that is not offered, in our words."""
        try:
            super().pre_validate(form)
        except ValidationError:
            raise ValidationError(_("Choose one of the list.")) from None
        if self.data is None and self.flags.required:
            raise ValidationError(NEEDED)


class LocalMoment(Field):
    """A date and time in the installation's time zone, stored as an instant in UTC."""

    widget = TextInput()

    def __init__(self, label: Any, time_zone: Callable[[], str], *, required: bool = True, **more: Any):
        self.time_zone = time_zone
        more["render_kw"] = {"type": "datetime-local", **more.get("render_kw", {})}
        super().__init__(label, presence(required), **more)

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        if self.data is None:
            return ""
        return self.data.astimezone(zone(self.time_zone())).strftime("%Y-%m-%dT%H:%M")

    @property
    def in_words(self) -> str:
        """The instant as people read it."""
        return "" if self.data is None else figures.moment(self.data)

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read `YYYY-MM-DDTHH:MM` (a blank between date and time will do)."""
        self.data = None
        text = valuelist[0].strip().replace(" ", "T") if valuelist else ""
        if not text:
            return
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:00)?", text):
            raise ValueError(_("A date and time like 2027-01-31 00:00."))
        try:
            local = datetime.fromisoformat(text).replace(tzinfo=zone(self.time_zone()))
            instant = local.astimezone(UTC)
        except (ValueError, OverflowError):
            raise ValueError(_("There is no such date.")) from None
        if not 2000 <= instant.year < 2100:
            raise ValueError(_("A year between 2000 and 2099."))
        self.data = instant


# --- validators ---------------------------------------------------------------------------


class MeterNumber:
    """A meter number of 11 or 13 digits whose check digit fits; says never which digit would."""

    def __call__(self, form: Any, field: Any) -> None:
        """Compact the number, or refuse it."""
        try:
            field.data = meter_number.validate(field.data or "")
        except InvalidCheckDigit:
            raise ValidationError(_("One digit is mistyped. Compare it with the meter.")) from None
        except StsError:
            raise ValidationError(_("A meter number has 11 or 13 digits.")) from None


class Shape:
    """Text of a given shape; `sentence` says which."""

    def __init__(self, pattern: str, sentence: Any):
        self.pattern, self.sentence = re.compile(pattern), sentence

    def __call__(self, form: Any, field: Any) -> None:
        """Refuse text that has another shape."""
        if field.data and not self.pattern.fullmatch(field.data):
            raise ValidationError(self.sentence)


def email() -> Shape:
    """An e-mail address: one @, a dot in the host, no blanks."""
    return Shape(r"[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]+\.[^@\s,;<>\".]{2,}", _l("An address like name@example.org."))


def telephone() -> Shape:
    """A telephone number: 5 to 20 digits, with the usual signs between them."""
    return Shape(
        r"[ (]*\+?(?:[ ()-]*[0-9]){5,20}[ )]*",
        _l("Digits, blanks and + ( ) - only, at least five digits."),
    )


class Unused:
    """The value stands in no other row, whoever owns that row; a name not in other letters either (`exact`: a number)."""

    def __init__(self, column: Any, sentence: Any, *, exact: bool = False):
        self.column, self.sentence, self.exact = column, sentence, exact

    def __call__(self, form: Any, field: Any) -> None:
        """Refuse a value that is taken.  NB: asked unscoped, and answers with no row."""
        if field.data is None:
            return
        model = self.column.class_
        same = self.column == field.data if self.exact else alike(self.column, field.data)
        query = select(model.id).where(same).limit(1)
        own = getattr(form, "_id", None)
        if own is not None:
            query = query.where(model.id != own)
        if db.session.execute(query, execution_options={"unscoped": True}).first():
            raise ValidationError(self.sentence)


class Nobodys:
    """The text opens nobody else's door: user names and addresses both do, in big or small letters."""

    def __init__(self, sentence: Any):
        self.sentence = sentence

    def __call__(self, form: Any, field: Any) -> None:
        """Refuse what is somebody else's name or address.  NB: asked unscoped, and answers with no row."""
        query = select(AppUser.id).where(opens(field.data or ""), AppUser.id != (getattr(form, "_id", None) or 0)).limit(1)
        if field.data and db.session.execute(query, execution_options={"unscoped": True}).first():
            raise ValidationError(self.sentence)
