"""Why the installation's currency stays before anything was sold: what is kept in it, counted, in words."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select

from app.extensions import db
from app.models import Currency, Settings
from app.services.money_kept import Kept, kept
from app.views import figures


def why_it_stays() -> str:
    """The sentence for the currency in use, or nothing while no sum is kept in it."""
    found = kept(db.session())
    if not found:
        return ""
    code = db.session.execute(
        select(Currency.code).join(Settings, Settings.currency_id == Currency.id).where(Settings.id == 1)
    ).scalar_one()
    if found.postings:
        return _("The books are kept in %(code)s already: %(what)s. It stays.", code=code, what=_counted(found))
    return _(
        "Sums are kept in %(code)s and would be read as sums of another currency: %(what)s. Take them out first, or keep %(code)s.",
        code=code, what=_counted(found),
    )  # fmt: skip


def _counted(found: Kept) -> str:
    says = (
        (found.postings, lambda n: ngettext("%(num)d posting", "%(num)d postings", n)),
        (found.debts, lambda n: ngettext("%(num)d consumer with a debt", "%(num)d consumers with a debt", n)),
        (found.daily_limits, lambda n: ngettext("%(num)d meter with a daily limit", "%(num)d meters with a daily limit", n)),
        (
            found.credit_limits,
            lambda n: ngettext("%(num)d vending point with a credit limit", "%(num)d vending points with a credit limit", n),
        ),
        (found.imports, lambda n: ngettext("%(num)d import that waits", "%(num)d imports that wait", n)),
    )
    return figures.listed(say(number) for number, say in says if number)
