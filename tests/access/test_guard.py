"""The wall: in a request, an ORM select gives one's own rows and nothing else."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import aliased, joinedload, selectinload

from app.access.current import current_scope
from app.access.guard import install_guard
from app.access.scope import SCOPED
from app.extensions import db
from app.models import Consumer, Meter, Sale, Token, VendingPoint
from app.models.token import EngineeringRecord

# Rows that each person sees: sales, tokens, engineering records, consumers, meters, points.
SEEN = {
    "amara": (1, 2, 1, 1, 3, 1),
    "corin": (1, 2, 1, 1, 3, 1),
    "bento": (1, 2, 1, 1, 1, 1),
    "chidi": (2, 4, 2, 1, 3, 2),
    "dalia": (2, 4, 2, 1, 3, 2),
    "efua": (3, 6, 3, 2, 4, 3),
    None: (0, 0, 0, 0, 0, 0),
}
MODELS = (Sale, Token, EngineeringRecord, Consumer, Meter, VendingPoint)


def test_everybody_sees_their_own_rows_and_nobody_none(as_):
    counted, listed = {}, {}
    for name in SEEN:
        with as_(name):
            counted[name] = tuple(
                db.session.scalar(select(func.count()).select_from(model)) for model in MODELS
            )
            listed[name] = tuple(len(db.session.scalars(select(model)).all()) for model in MODELS)
    assert listed == SEEN
    assert counted == SEEN


def test_a_foreign_row_cannot_be_fetched_by_its_key(as_, world):
    with as_("amara"):
        assert db.session.get(Sale, world.rows["sale"]["market"]) is not None
        assert db.session.get(Sale, world.rows["sale"]["harbour"]) is None
        assert db.session.get(Sale, world.rows["sale"]["corner"]) is None
        assert db.session.get(Consumer, world.rows["consumer"]["harbour"]) is None


def test_a_foreign_row_is_not_reached_through_a_relation(as_, world):
    """Chidi's meter belongs to a consumer who has moved to Bento's region."""
    with as_("efua"):
        meter = db.session.get_one(Meter, world.cast.meters["pump"])
        meter.consumer_id = world.cast.consumers["juma"]
        db.session.commit()
    for load in (None, joinedload, selectinload):
        with as_("chidi"):
            query = select(Meter).where(Meter.id == world.cast.meters["pump"])
            meter = db.session.scalars(query.options(load(Meter.consumer)) if load else query).one()
            assert meter.consumer_id == world.cast.consumers["juma"]
            assert meter.consumer is None, load


def test_an_alias_and_a_join_are_narrowed_too(as_):
    other = aliased(Meter)
    with as_("bento"):
        names = db.session.scalars(select(other.meter_number)).all()
        pairs = db.session.execute(
            select(Consumer.name, Meter.meter_number).join(Meter, Meter.consumer_id == Consumer.id)
        ).all()
    assert len(names) == 1
    assert [name for name, _number in pairs] == ["Juma Otieno"]


def test_a_named_exception_sees_everything(as_):
    with as_("amara"):
        query = select(func.count()).select_from(Sale).execution_options(unscoped=True)
        assert db.session.scalar(query) == 3


def test_a_person_without_a_place_sees_nothing(as_, app, world):
    with app.app_context():
        from app.models import AppUser

        db.session.get_one(AppUser, world.cast.users["amara"]).vending_point_id = None
        db.session.get_one(AppUser, world.cast.users["chidi"]).region_id = None
        db.session.commit()
    for name in ("amara", "chidi"):
        with as_(name):
            assert [len(db.session.scalars(select(model)).all()) for model in MODELS] == [0] * 6


def test_an_administrator_with_a_region_is_kept_to_it(as_, app, world):
    with app.app_context():
        from app.models import AppUser

        db.session.get_one(AppUser, world.cast.users["efua"]).region_id = world.cast.regions["lake"]
        db.session.commit()
    with as_("efua"):
        assert [len(db.session.scalars(select(model)).all()) for model in MODELS] == [1, 2, 1, 1, 1, 1]


def test_outside_a_request_services_say_their_scope_themselves(app, world):
    with app.app_context():
        assert len(db.session.scalars(select(Sale)).all()) == 3
        assert not current_scope().sees_all


# Tables that name an owner and are not narrowed by the guard, each with its reason.
EXEMPT = {
    "ab_user": "its page has a filter of its own (own people)",
    "audit_entry": "its page has a filter of its own (own people)",
    "cash_account": "read by services under the seller's scope",
    "clock_confirmation": "a fact of the installation",
    "consumer_term": "joined to consumers, which are narrowed",
    "inactive_day": "read by the home page through narrow()",
    "debt_entry": "read by the ledger check and by its reference alone",
    "meter_lock": "reached through its meter",
    "posting": "read by the ledger check alone",
    "purchase_day": "read by reports through narrow()",
    "purchase_month": "read by reports through narrow()",
    "region_day": "read by reports through narrow()",
    "region_month": "read by reports through narrow()",
    "reprint": "reached through its sale",
    "act_reprint": "reached through its act",
    "sale_decision": "reached through its sale, which is asked for first",
    "reversal_request": "reached through its sale, which is asked for first",
    "report_schedule": "asked for with its owner alone",
    "saved_question": "asked for with its owner alone",
    "sale_day": "read by reports through narrow()",
    "sale_fee": "facts for pricing, given as sums",
    "sale_line": "reached through its sale",
    "sale_month": "read by reports through narrow()",
    "sale_quarter": "read by reports through narrow()",
    "sale_ten": "read by reports through narrow()",
    "training_state": "reached through its meter, which is asked for first",
    "failed_sign_in": "its page has a filter of its own (own people)",
    "password_link": "asked by the hash of its secret alone",
    "recovery_code": "asked by its person, who is signing in",
    "user_session": "asked by the hash of the cookie alone",
}
OWNERS = (
    "vending_point_id", "region_id", "point_region_id", "consumer_id", "meter_id", "sale_id", "user_id", "owner_id",
)  # fmt: skip


def test_a_table_with_an_owner_is_narrowed_or_says_why_not(app):
    owned = {
        name
        for name, table in db.metadata.tables.items()
        if name == "ab_user"
        or (not name.startswith("ab_") and any(column in table.columns for column in OWNERS))
    }
    narrowed = {model.__tablename__ for model in SCOPED}
    assert owned - narrowed == EXEMPT.keys()
    assert narrowed <= owned


def test_the_guard_stands_once_however_many_applications(app, world, as_):
    install_guard(db.session)
    install_guard(db.session)
    with as_("amara"):
        sql = []
        from sqlalchemy import event

        def note(_connection, _cursor, statement, *_rest):
            sql.append(statement)

        event.listen(db.engine, "before_cursor_execute", note)
        try:
            db.session.scalars(select(Sale)).all()
        finally:
            event.remove(db.engine, "before_cursor_execute", note)
    assert sql[-1].count("sale.vending_point_id =") == 1
