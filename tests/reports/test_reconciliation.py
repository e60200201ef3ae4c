"""What the reconciliation must see that somebody changed behind the program's back, and whom it shows nothing of."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from app.access.scope import Scope
from app.domain.states import RowScope
from app.extensions import db
from app.models import AppUser
from app.models.base import now
from app.reports.catalogue import BY_NAME
from app.reports.installation import installation
from app.reports.question import ask
from tests.reports.test_each_report import cells
from tests.services.conftest import Counter

pytestmark = pytest.mark.one_database
CASH = "SELECT id FROM ledger_account WHERE code = 'cash' AND scope_key = {0}"


@pytest.fixture
def points(context, cast):
    """A sale of 20.00 at Market and one of 11.00 at Corner, in the same region."""
    Counter(cast, context.extensions["modules"]).sells("palm_street", 20_00)
    Counter(cast, context.extensions["modules"], who="corin", point="corner").sells("mill", 11_00)
    db.session.rollback()
    return cast.points


def behind(*statements):
    """Change rows that nobody may change."""
    with db.engine.begin() as connection:
        for name in ("posting_no_update", "posting_no_delete", "sale_guard_update", "token_no_update"):
            connection.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
        for statement in statements:
            connection.execute(text(statement))


def by_point(forms, **asked):
    return {row["point"]: row for row in cells(forms("reconciliation", group="point", **asked))}


def test_books_that_agree_have_no_row_that_differs(points, forms):
    rows = by_point(forms)
    assert [(row["amount"], row["summed"], row["ledger"], row["differs"]) for row in rows.values()] == [
        (11_00, 11_00, 11_00, 0), (20_00, 20_00, 20_00, 0),
    ]  # fmt: skip
    nothing = forms("reconciliation", group="point", show="differing").answer
    assert (nothing.count, nothing.notes) == (0, ("same",))


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        # The debit stands on another vending point's cash: both differ.
        ("UPDATE posting SET debit_id = ({corner}) WHERE debit_id = ({market})", {"Market": 20_00, "Corner": 20_00}),
        # Money without a sale.
        (("INSERT INTO posting (sale_id, entry_no, debit_id, credit_id, amount, currency, business_date, posted_at)"
         " SELECT NULL, 1, ({market}), credit_id, 999, currency, business_date, posted_at FROM posting LIMIT 1"), {"Market": 9_99}),
        ("UPDATE posting SET business_date = date(business_date, '-1 day') WHERE debit_id = ({market})", {"Market": 40_00}),
    ],
)  # fmt: skip
def test_the_ledger_is_counted_by_its_own_accounts_and_days(points, forms, change, differs):
    behind(change.format(market=CASH.format(points["market"]), corner=CASH.format(points["corner"])))
    rows = by_point(forms)
    assert {name.split()[0]: row["differs"] for name, row in rows.items() if row["differs"]} == differs
    only = by_point(forms, show="differing")
    assert {name.split()[0] for name in only} == set(differs)


@pytest.mark.parametrize("change", ["UPDATE token SET amount = NULL", "UPDATE sale SET carried_units = NULL"])
def test_units_that_are_gone_are_units_that_differ(points, forms, change):
    behind(change)
    assert [row["wrong"] for row in by_point(forms).values()] == [1, 1]


def test_who_sees_one_vending_point_reads_no_sums_of_another(points, cast, forms):
    scope = cast.scope("amara")
    own = Scope(
        user_id=scope.user_id, row_scope=RowScope.VENDING_POINT, vending_point_id=points["market"], region_path=scope.region_path
    )
    one = forms("reconciliation", own, group="point")
    assert [(row["amount"], row["summed"], row["ledger"], row["differs"]) for row in cells(one)] == [(20_00, 20_00, 20_00, 0)]


def test_a_year_by_its_name_is_as_long_as_by_its_days(context, cast):
    session = db.session()
    house = installation(session, now())
    for name in ("reconciliation", "day-sheet", "inactive-consumers"):
        choices = BY_NAME[name].choices
        question, faults = ask(session, Scope.everything(), choices, {"period": "this_year"}, house)
        assert bool(faults) is (question.period.days > choices.days_max)


def test_two_operators_of_one_name_are_told_apart(points, cast, forms):
    with db.engine.begin() as connection:
        connection.execute(AppUser.__table__.update().where(AppUser.username.in_(("amara", "corin"))).values(first_name="Ada", last_name="Obi"))
    assert [row["operator"] for row in cells(forms("day-sheet", group="operator"))] == ["Ada Obi (amara)", "Ada Obi (corin)"]
