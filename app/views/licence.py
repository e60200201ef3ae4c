"""The licence (manual S8): what it allows, how much is left, loading another one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_wtf import FlaskForm
from sqlalchemy import select
from wtforms import FileField

from app.access.fab import SafeBaseView
from app.domain.calendar import business_date
from app.domain.errors import Refusal
from app.domain.licence import COMMUNITY, GRACE_DAYS, NotALicence, Standing, State
from app.extensions import db
from app.models import Licence
from app.models.base import now
from app.services import licence_file, licensing
from app.views import figures
from app.views.fields import NEEDED
from app.views.installation import time_zone
from app.views.messages import sentence

UNPROCESSABLE = 422
LATEST = 20


class LicenceForm(FlaskForm):
    """The file."""

    file = FileField(_l("Licence file"), description=_l("As the issuer sent it, unchanged."), render_kw={"accept": ".txt,.licence,text/plain"})


@dataclass(frozen=True, slots=True)
class Warned:
    """Something of the licence that needs a person: tone, title, and what it means."""

    tone: str
    title: str
    text: str


def warnings(standing: Standing) -> Iterator[Warned]:
    """What an administrator must know of the licence; nothing while all is well."""
    until = standing.terms.valid_until
    if not standing.proven:
        yield Warned("bad", _("The licence stored here does not bear the trusted signature."), _("No meter can be added. Load it again, or look at the setting LICENCE_KEY."))
    if until is None or standing.sells_until is None or standing.days_left is None:
        pass
    elif standing.state is State.OVER:
        yield Warned("bad", _("The licence ended on %(date)s.", date=figures.date_of(until)), _("Nothing is sold and no meter is added until a new one is loaded. Reading and exporting go on."))
    elif standing.state is State.GRACE:
        left = standing.days_left + GRACE_DAYS
        yield Warned(
            "bad", _("The licence ended on %(date)s.", date=figures.date_of(until)),
            _("No meter is added. Selling goes on until %(date)s.", date=figures.date_of(standing.sells_until))
            + " " + (ngettext("%(num)d day is left after today.", "%(num)d days are left after today.", left) if left else _("That is today.")),
        )  # fmt: skip
    elif standing.ends_soon:
        left = standing.days_left
        title = ngettext("The licence ends in %(num)d day, on %(date)s.", "The licence ends in %(num)d days, on %(date)s.", left, date=figures.date_of(until))
        yield Warned("warn", title if left else _("The licence ends today."), _("Load a new one before that: then no meter can be added, and two weeks later nothing sold."))
    if standing.few_left and standing.proven:
        yield _few(standing)


def _few(standing: Standing) -> Warned:
    used, allowed = (figures.number(count or 0, 0) for count in (standing.meters, standing.terms.meters_allowed))
    title = _("%(used)s of the %(allowed)s meters that the licence allows are registered.", used=used, allowed=allowed)
    if standing.meters_left:
        return Warned("warn", title, _("Load a larger licence before they are all used."))
    return Warned("warn", title, _("No further meter can be added. Everything else goes on. Load a larger licence."))


class LicenceView(SafeBaseView):
    """The licence's details, and the form that loads another."""

    route_base = "/licence"
    default_view = "details"
    title = list_title = _l("Licence")

    @expose("/")
    @has_access
    @permission_name("read")
    def details(self) -> Any:
        """The licence in force, with the meters of the whole installation."""
        self.update_redirect()
        return self._page(LicenceForm(formdata=None))

    @expose("/load", methods=["POST"])
    @has_access
    @permission_name("load")
    def load(self) -> Any:
        """Take a licence file, or say why not."""
        form = LicenceForm()
        try:
            terms = licensing.load(_text_of(form))
        except _NoFile:
            form.file.errors = [str(NEEDED)]
        except Refusal as refusal:
            form.file.errors = [sentence(refusal)]
        else:
            flash(_("The licence of %(holder)s is loaded and counts from now on.", holder=terms.holder), "success")
            return redirect(url_for("LicenceView.details"), 303)
        return self._page(form), UNPROCESSABLE

    @expose("/community", methods=["POST"])
    @has_access
    @permission_name("load")
    def fall_back(self) -> Any:
        """Go back to the community licence."""
        try:
            licensing.fall_back()
        except Refusal as refusal:
            flash(sentence(refusal), "danger")
            return self._page(LicenceForm(formdata=None)), UNPROCESSABLE
        flash(_("The community licence counts again."), "success")
        return redirect(url_for("LicenceView.details"), 303)

    def _page(self, form: LicenceForm) -> Any:
        session = db.session()
        standing = licensing.standing(session)
        allowed = standing.terms.meters_allowed
        today = business_date(now(), time_zone())
        return self.render_template(
            "settings/licence.html",
            title=self.title,
            standing=standing,
            warned=list(warnings(standing)),
            share=min(100, standing.meters * 100 // allowed) if allowed else 0,
            community=standing.terms is COMMUNITY,
            # The clock says an earlier day than the books: it was turned back, or ran ahead before.
            clock_is_behind=standing.today > today,
            installation=licensing.installation(session),
            issuer_known=licensing.issuer_known(session),
            may_load=self.appbuilder.sm.has_access("can_load", "LicenceView"),
            may_fall_back=licensing.may_fall_back(session, standing),
            loaded=list(session.scalars(select(Licence).order_by(Licence.id.desc()).limit(LATEST))),
            form=form,
        )


class _NoFile(Exception):
    """Nothing was chosen."""


def _text_of(form: LicenceForm) -> str:
    """What the chosen file holds, read no further than a licence is long."""
    given = request.files.get(form.file.name)
    if given is None or not given.filename:
        raise _NoFile
    content = given.read(licence_file.SIZE_MAX * 4 + 1)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise NotALicence from None
