"""How often a sale speaks to the database, and that its token's minute is drawn on the way."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import BigInteger, event, literal, select, text
from sqlalchemy.exc import DBAPIError, OperationalError

from app.extensions import db
from app.models import Meter, ModuleTokenId, Sale, Token
from app.postgresql import OWN_PLAN
from app.services.pricing import Sight
from app.services.search import find_meters
from app.services.vending import Wish, quote, vend
from app.sts.meter_number import pan_from_drn

MOST, MOST_OF_A_QUOTE, MOST_OF_A_SEARCH = 15, 2, 6


@contextmanager
def counted():
    """The statements sent meanwhile, without those that open a transaction."""
    seen: list[str] = []

    def note(_connection, _cursor, statement, *_rest):
        if not statement.startswith("BEGIN"):
            seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


@pytest.fixture
def sold(counter):
    """A counter where a sale was made: accounts are open, the plan is compiled."""
    counter.sells("pump", 5_00)
    counter.sells("palm_street", 50_00)  # into the second step, which is taxed
    return counter


def test_a_sale_is_at_most_fifteen_statements(sold):
    scope = sold.cast.scope("amara")
    # Two that bought minutes ago, and the mill with the fee of its first purchase.
    orders = [sold.order(meter, value) for meter, value in (("pump", 7_00), ("palm_street", 30_00), ("mill", 40_00))]
    for order in orders:
        with counted() as seen:
            vend(order, scope, sold.modules, clock=lambda: sold.clock)
        assert len(seen) <= MOST, "\n".join([order.meter_number, *(text[:90] for text in seen)])


def test_a_quote_is_two_statements_and_looks_for_no_tokens_elsewhere(sold):
    wish, scope = Wish(sold.number("mill"), by_quantity=False, value=20_00), sold.cast.scope("amara")
    with counted() as seen:
        quote(wish, scope)
    assert len(seen) <= MOST_OF_A_QUOTE, seen
    assert not [text for text in seen if "module_id !=" in text], "only a sale asks what other modules gave"


def test_the_same_money_next_month_reads_no_past_again(sold):
    sight = Sight(sold.number("palm_street"), sold.cast.scope("amara"), ahead=timedelta(days=366))
    with counted() as seen:
        now = sight.quote(by_quantity=False, value=20_00)
        then = sight.later(sold.clock + timedelta(days=31), timedelta(days=366)).quote(by_quantity=False, value=20_00)
    assert now.units_before and not then.units_before and not then.facts.spent_today
    assert len([text for text in seen if "newest_sale" in text]) == 1, seen


def test_a_search_is_at_most_six_statements(sold):
    scope = sold.cast.scope("amara")
    find_meters("wanj", scope)
    for typed in ("wanj", "achieng wan", sold.number("pump")[:5]):
        with counted() as seen:
            assert find_meters(typed, scope)
        assert len(seen) <= MOST_OF_A_SEARCH, seen


def test_the_minute_of_a_token_is_drawn_once_and_never_the_reserved_one(counter):
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    counter.clock = midnight
    ids = []
    for value in (5_00, 6_00, 7_00):
        counter.sells("pump", value)
        ids.append(db.session.query(Token.token_id).order_by(Token.id.desc()).first()[0])
    first = ids[0]
    assert first % 1440 == 0, "midnight, which is the minute of the clock"
    assert ids == [first, first + 2, first + 3], "00:01 is nobody's"
    counter.clock = midnight + timedelta(hours=1)
    counter.sells("pump", 8_00)
    pan = pan_from_drn(counter.number("pump"))
    assert db.session.query(ModuleTokenId.token_id).filter_by(pan=pan).scalar() == first + 60
    assert db.session.query(Sale).count() == 4


def test_a_rollback_undoes_and_keeps_what_is_prepared(sold):
    wish, scope = Wish(sold.number("mill"), by_quantity=False, value=20_00), sold.cast.scope("amara")
    for _ in range(8):  # psycopg prepares what it sees for the sixth time
        quote(wish, scope)
        db.session.rollback()
    if db.engine.dialect.name == "postgresql":
        kept = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%security_module%'")
        assert db.session.execute(kept).scalar_one() >= 1
    db.session.execute(text("UPDATE meter SET address = 'elsewhere'"))
    with pytest.raises(DBAPIError):
        db.session.execute(text("SELECT nothing"))
    db.session.rollback()
    assert db.session.query(Meter).filter_by(address="elsewhere").count() == 0


END = text("SELECT pg_terminate_backend(CAST(:pid AS INTEGER), 5000)")
OWN = text("SELECT pg_backend_pid()")


def test_a_connection_that_the_server_ended_is_replaced(sold):
    if db.engine.dialect.name == "postgresql":
        mine = db.session.execute(OWN).scalar_one()
        with db.engine.connect() as other:
            other.execute(END, {"pid": mine})
        with pytest.raises(OperationalError):
            db.session.execute(text("SELECT 1"))
    db.session.rollback()
    assert db.session.execute(text("SELECT 1")).scalar_one() == 1


def test_nobody_meets_a_connection_that_was_ended_while_it_waited(sold):
    if db.engine.dialect.name != "postgresql":
        return
    with db.engine.connect() as other:
        with db.engine.connect() as waiting:
            pid = waiting.execute(OWN).scalar_one()
        assert other.execute(END, {"pid": pid}).scalar_one()
        with db.engine.connect() as taken:
            assert taken.execute(OWN).scalar_one() != pid


def test_numbers_of_all_sizes_are_one_statement_to_prepare(sold):
    if db.engine.dialect.name != "postgresql":
        return
    with db.engine.connect() as connection:
        for number in (7, 7, 70_000, 7_000_000_000, -1):
            assert connection.execute(select(literal(number, BigInteger) + 1)).scalar_one() == number + 1
        kept = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT $1::BIGINT%'")
        assert connection.execute(kept).scalar_one() == 1


def test_what_says_so_is_planned_for_its_own_values_each_time(sold):
    with db.engine.connect() as connection:
        for days in (1, 700, 1):
            asked = select(literal(days, BigInteger) * 2)
            assert connection.execute(asked, execution_options=OWN_PLAN).scalar_one() == 2 * days
        if db.engine.dialect.name == "postgresql":
            kept = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT $1::BIGINT * $2%'")
            assert connection.execute(kept).scalar_one() == 0
            for _ in range(2):
                connection.execute(asked)
            assert connection.execute(kept).scalar_one() == 1


def test_an_answer_names_its_columns_to_who_asks(sold):
    with db.engine.connect() as connection:
        found = connection.execute(text("SELECT 1 AS one, 'b' AS two"))
        assert (list(found.keys()), found.mappings().one()["two"]) == (["one", "two"], "b")
        described = connection.execute(text("SELECT 1 AS one, 'b' AS two")).cursor.description
        assert ([column[0] for column in described], described[-1][0], len(described)) == (["one", "two"], "two", 2)
        assert connection.execute(text("UPDATE meter SET address = address WHERE 1 = 0")).returns_rows is False
