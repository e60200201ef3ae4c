"""The slip's own settings (language, paper, words, logo), with a preview of a made-up sale beside them.

They stand in the one row of settings; what a slip said when it was sold does not change with them.
"""

from __future__ import annotations

from typing import Any

from flask import redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.forms import DynamicForm
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_appbuilder.widgets import FormWidget
from flask_babel import force_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, FileField
from wtforms.validators import ValidationError

from app.access.fab import SafeModelView
from app.domain.errors import LogoRefused
from app.domain.states import Paper
from app.extensions import db
from app.models import Settings
from app.services.papers import paper_of
from app.services.slip_logo import BYTES_MAX, Logo, accept, keep, logo_of
from app.views import choices
from app.views.fields import Text, Word
from app.views.lists import Listed, Rows
from app.views.lists import words as holds
from app.views.messages import sentence
from app.views.receipts import draw
from app.views.roll import height_mm
from app.views.settings import LANGUAGES
from app.views.slip import make_slip, picture
from app.views.slip_sample import sample

WIDE = {"data-wide": "1"}


class LogoField(FileField):
    """A picture to upload; what was accepted is the row's new logo, by its digest."""

    accepted: Logo | None = None

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Check the file and draw it anew; nothing chosen changes nothing."""
        super().process_formdata(valuelist)
        if not getattr(self.data, "filename", ""):
            self.data = None
            return
        try:
            self.accepted = accept(self.data.stream.read(BYTES_MAX + 1), self.data.filename)
        except LogoRefused as refusal:
            raise ValueError(sentence(refusal)) from None

    def populate_obj(self, obj: Any, name: str) -> None:
        """Leave it for the view, which stores the picture with the row."""
        obj.new_logo = self.accepted


class SlipForm(DynamicForm):
    """What stands on every slip, and how it is printed where nobody chose otherwise."""

    default_language = Word(
        _l("Language of slips"), LANGUAGES, default="en", description=_l("Where the consumer has no language of their own.")
    )
    slip_paper = Word(
        _l("Paper"), choices.PAPER, default=Paper.ROLL_80,
        description=_l("Where neither the vending point nor the person has another one."),
    )  # fmt: skip
    logo = LogoField(
        _l("Logo"), description=_l("PNG or JPEG, at most 2 MB. Black on white prints best."),
        render_kw={"accept": ".png,.jpg,.jpeg,image/png,image/jpeg", "data-wide": "1"},
    )  # fmt: skip
    remove_logo = BooleanField(_l("Print no logo"))
    tax_number = Text(_l("Tax number"), most=60, required=False, description=_l("With one, the slip is a tax invoice."))
    slip_header = Text(_l("Line above the slip"), most=200, required=False, render_kw=WIDE)
    slip_footer = Text(_l("Line below the slip"), most=200, required=False, render_kw=WIDE)
    mask_id_number = BooleanField(_l("Mask ID numbers on slips"), description=_l("Only the last four digits are printed."))
    slip_copy_text = Text(
        _l("Words on a copy"), most=100, required=False, render_kw=WIDE, description=_l("Stand under COPY and its number."),
    )  # fmt: skip
    slip_message = Text(_l("For everybody"), most=200, required=False, render_kw=WIDE)
    slip_message_electricity = Text(_l("For electricity"), most=200, required=False, render_kw=WIDE)
    slip_message_water = Text(_l("For water"), most=200, required=False, render_kw=WIDE)
    slip_message_gas = Text(_l("For gas"), most=200, required=False, render_kw=WIDE)

    def validate_remove_logo(self, field: Any) -> None:
        """A new picture and none at once is a mistake."""
        if field.data and self.logo.accepted:
            raise ValidationError(_("A logo was chosen, and none. Take one of the two back."))


class SlipWidget(FormWidget):
    """The form with its preview beside it."""

    template = "settings/slip_form.html"


class SlipSettingsView(Listed, SafeModelView):
    """Slips: the settings' one row, seen from the paper."""

    datamodel = Rows(
        Settings,
        computed={
            "default_language": lambda row: dict(LANGUAGES.items()).get(row.default_language, row.default_language),
            "slip_paper": lambda row: choices.PAPER.get(paper_of(row.slip_paper), row.slip_paper),  # type: ignore[call-overload]
            "slip_logo": lambda row: bool(row.slip_logo),
        },
    )
    route_base = "/slips"
    default_view = "current"
    include_route_methods = {"current", "show", "edit", "preview"}
    method_permission_name = {**SafeModelView.method_permission_name, "preview": "edit"}
    list_title = title = show_title = _l("Slips")
    add_title = edit_title = _l("Change slips")
    edit_row_message = _l("The slips are changed. What was sold before keeps its words.")
    label_columns = {
        "utility_name": _l("Name of the utility"), "default_language": _l("Language of slips"), "slip_paper": _l("Paper"), "slip_logo": _l("Logo"),
        "tax_number": _l("Tax number"), "slip_header": _l("Line above the slip"),
        "slip_footer": _l("Line below the slip"), "mask_id_number": _l("Mask ID numbers on slips"),
        "slip_copy_text": _l("Words on a copy"), "slip_message": _l("Message for everybody"),
        "slip_message_electricity": _l("Message for electricity"), "slip_message_water": _l("Message for water"),
        "slip_message_gas": _l("Message for gas"),
    }  # fmt: skip
    list_columns = ["slip_paper"]
    _head = ["tax_number", "slip_header", "slip_footer", "mask_id_number", "slip_copy_text"]
    _said = ["slip_message", "slip_message_electricity", "slip_message_water", "slip_message_gas"]
    show_fieldsets = [
        (_l("Paper and language"), {"fields": ["utility_name", "default_language", "slip_paper", "slip_logo"]}),
        (_l("Head and foot"), {"fields": _head}),
        (_l("Messages"), {"fields": _said}),
    ]
    edit_fieldsets = add_fieldsets = [
        (_l("Paper and language"), {"fields": ["default_language", "slip_paper", "logo", "remove_logo"]}),
        (_l("Head and foot"), {"fields": _head}),
        (_l("Messages"), {"fields": _said}),
    ]
    order_columns = ["slip_paper"]
    found_by = {"slip_header": holds(_l("Line above the slip"))}
    add_form = edit_form = SlipForm
    edit_widget = SlipWidget
    edit_template = "settings/slip_edit.html"
    show_template = "settings/slip_show.html"

    @expose("/")
    @has_access
    @permission_name("read")
    def current(self) -> Any:
        """There is one row: show it."""
        return redirect(url_for("SlipSettingsView.show", pk=1))

    @expose("/preview", methods=["POST"])
    @has_access
    @permission_name("edit")
    def preview(self) -> Any:
        """The sample slip as the form would make it; nothing is stored."""
        form = SlipForm()
        logo = None if form.remove_logo.data else form.logo.accepted or _logo()
        return _preview(form, logo, paper_of(request.form.get("shown")) or Paper.ROLL_80)

    def beside(self, pk: str) -> dict[str, Any]:
        """The sample as it is printed now, beside the facts."""
        row = db.session.get_one(Settings, 1)
        paper = paper_of(request.args.get("paper")) or paper_of(row.slip_paper) or Paper.ROLL_80
        return {
            "article": _preview(SlipForm(formdata=None, obj=row), _logo(), paper)["slip"],
            "paper": paper.value,
            "papers": {each.value: choices.PAPER[each] for each in Paper},
        }

    def _get_edit_widget(self, form: Any, **more: Any) -> Any:
        """The preview begins as the form does."""
        paper = paper_of(form.slip_paper.data) or Paper.ROLL_80
        form.shown = _preview(form, _logo(), paper)
        form.shown_paper = paper.value
        form.papers = {each.value: choices.PAPER[each] for each in Paper}
        form.logo_now = picture(logo) if (logo := _logo()) else ""
        return super()._get_edit_widget(form=form, **more)

    def pre_update(self, item: Settings) -> None:
        """The picture is stored with the row that names it; an old one stays, for slips that have it."""
        if getattr(item, "remove_logo", False):
            item.slip_logo = None
        logo = getattr(item, "new_logo", None)
        if logo is not None:
            keep(db.session(), logo)
            item.slip_logo = logo.digest

    def post_edit_redirect(self) -> Any:
        """Back to the slips."""
        return redirect(url_for("SlipSettingsView.show", pk=1), 303)


def _logo() -> Logo | None:
    return logo_of(db.session(), db.session.get_one(Settings, 1).slip_logo)


def _preview(form: Any, logo: Logo | None, paper: Paper) -> dict[str, Any]:
    """The sample on one paper, in the language that is chosen: as its first copy, so that the words on it are seen."""
    language = form.default_language.data
    with force_locale(language if language in LANGUAGES else "en"):
        slip = make_slip(sample(form, db.session.get_one(Settings, 1)), 1, logo=logo)
        drawn, height = draw(slip, paper), 0 if paper is Paper.SHEET else height_mm(slip, paper)
    said = _("A4") if paper is Paper.SHEET else _("%(height)s mm long", height=height)  # to the reader, not on the slip
    return {"slip": drawn, "size": said, "refused": [str(error) for error in form.logo.process_errors]}
