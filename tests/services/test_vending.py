"""A sale as somebody at the counter would tell it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.db import transaction
from app.domain import errors
from app.domain.states import MeterStatus, SaleStatus
from app.extensions import db
from app.models import CashAccount, Meter, Posting, Sale, Token, VendingPoint
from app.services.ledger_check import differences
from app.services.pricing import CLOCK_AHEAD
from app.services.reserve import reserve
from app.services.resolve import Patience, resolve_all
from app.services.search import find_meters
from app.services.vending import Wish, quote, vend
from app.sts.meter_number import pan_from_drn
from app.sts.module import MeterConfig
from tests.cast import MILL, PALM_STREET, PIER, end_keys


def rows(model) -> int:
    db.session.rollback()
    return db.session.query(model).count()


def decode(counter, meter_name: str, digits: str):
    """What the meter itself would read in the token."""
    meter = db.session.get_one(Meter, counter.cast.meters[meter_name])
    config = MeterConfig(
        pan_from_drn(meter.meter_number), meter.ea, meter.tct, meter.sgc, meter.krn, meter.ti, meter.ken
    )
    return counter.modules.by_id(1).verify(config, digits)


@pytest.mark.parametrize(("meter", "kind"), [("palm_street", "electricity"), ("pump", "water"), ("mill", "electricity")])
def test_the_token_carries_what_the_receipt_says(counter, meter, kind):
    receipt = counter.sells(meter, 20_00)
    [token] = receipt.tokens
    read = decode(counter, meter, token.digits)
    assert read.accepted
    assert read.kind == kind
    assert read.amount == token.amount == receipt.carried_units
    assert receipt.amount == 20_00 == sum(line.amount for line in receipt.lines)
    assert receipt.number == "MKT-000001"
    assert differences() == []


def test_second_click_gives_the_same_sale_and_token(counter):
    order = counter.order("palm_street", 20_00)
    first, again = counter.sends(order), counter.sends(order)
    assert again.tokens == first.tokens
    assert again.sale_id == first.sale_id
    assert (rows(Sale), rows(Token)) == (1, 1)
    assert counter.account.balance == -20_00


def test_the_same_reference_for_something_else_is_refused(counter):
    order = counter.order("palm_street", 20_00)
    counter.sends(order)
    with pytest.raises(errors.ReferenceTaken):
        counter.sends(replace(order, value=30_00, shown_amount=30_00))
    assert rows(Sale) == 1


def test_the_same_reference_at_another_vending_point_is_another_sale(counter, harbour):
    counter.sells("palm_street", 20_00, reference="paper-0000001")
    harbour.sells("pier", 20_00, reference="paper-0000001")
    assert rows(Sale) == 2


def test_the_second_purchase_of_the_month_pays_no_second_fee_wherever_it_is_made(counter, corner):
    counter.sells("palm_street", 25_00)
    second = corner.sells("palm_street", 25_00)
    kinds = {(line.kind, line.code): line.amount for line in second.lines}
    assert kinds["fee", "fixed_fee"] == 0
    # 25.00 less the fee of 1.50 bought 112.9 units at most; the second starts on the second step.
    assert second.units_before > 1000
    steps = [line for line in second.lines if line.kind == "step" and line.amount]
    assert [line.params["step"] for line in steps] == [2]
    assert differences() == []


def test_a_price_that_moved_is_shown_before_it_is_charged(counter):
    order = counter.order("palm_street", 20_00)
    counter.sells("palm_street", 5_00)  # the fee is paid now, so 20.00 buys more
    with pytest.raises(errors.PriceMoved) as moved:
        counter.sends(order)
    assert moved.value.params["quote"].token_units > order.shown_units
    assert rows(Sale) == 1


def test_a_purchase_that_buys_nothing_wants_a_word(counter):
    order = counter.order("palm_street", 1_50)
    assert order.shown_units == 0
    with pytest.raises(errors.OnlyFees):
        counter.sends(order)
    receipt = counter.sends(replace(order, only_fees_confirmed=True))
    assert receipt.status is SaleStatus.ISSUED
    assert receipt.tokens == ()
    assert receipt.number == "MKT-000001"
    assert differences() == []


def test_a_prepaid_point_cannot_sell_more_than_it_has(counter):
    order = counter.order("palm_street", 20_00)
    with transaction() as session:
        account = session.query(CashAccount).filter_by(vending_point_id=counter.cast.points["market"]).one()
        account.credit_limit = 19_99
    with pytest.raises(errors.InsufficientFunds) as refused:
        counter.sends(order)
    assert refused.value.params["available"] == 19_99
    assert rows(Sale) == 0
    assert counter.account.held == 0


def test_a_foreign_point_tells_neither_its_balance_nor_its_references(counter, harbour):
    taken = harbour.order("pier", 20_00)
    harbour.sends(taken)
    with transaction() as session:
        account = session.query(CashAccount).filter_by(vending_point_id=counter.cast.points["harbour"]).one()
        account.credit_limit = 100_00
    chidi = counter.cast.scope("chidi")
    for change in ({}, {"reference": "new-reference", "shown_amount": 99_999_99}):
        with pytest.raises(errors.NoVendingPoint):
            vend(replace(taken, **change), chidi, counter.modules)


def test_less_money_than_it_costs_is_refused(counter):
    with pytest.raises(errors.PaidTooLittle):
        counter.sells("palm_street", 20_00, received=19_99)
    assert rows(Sale) == 0


def test_change_is_what_was_received_less_what_it_costs(counter):
    assert counter.sells("palm_street", 20_00, received=50_00).change == 30_00


def test_a_strangers_meter_is_an_unknown_meter(counter):
    with pytest.raises(errors.UnknownMeter):
        quote(Wish(PIER, False, 20_00), counter.cast.scope("amara"))


def test_a_strangers_receipt_does_not_exist(counter):
    receipt = counter.sells("palm_street", 20_00)
    from app.services.receipts import receipt_for

    for stranger in ("bento", "corin"):
        with pytest.raises(errors.OutOfScope):
            receipt_for(receipt.sale_id, counter.cast.scope(stranger))
    assert receipt_for(receipt.sale_id, counter.cast.scope("chidi")).number == receipt.number


def test_a_stranger_cannot_sell_under_another_points_name(counter):
    order = counter.order("palm_street", 20_00, vending_point_id=counter.cast.points["harbour"])
    with pytest.raises(errors.NoVendingPoint):
        counter.sends(order)
    assert rows(Sale) == 0


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"status": MeterStatus.BLOCKED, "status_reason": "inspection"}, errors.MeterBlocked),
        ({"status": MeterStatus.IN_STOCK}, errors.MeterBlocked),
        ({"tariff_id": None}, errors.MeterWithoutTariff),
        ({"consumer_id": None}, errors.MeterWithoutConsumer),
        ({"sgc": "999999"}, errors.MeterWithoutKey),
        ({"sgc": "888888"}, errors.KeyExpired),
        ({"largest_purchase": 10}, errors.QuantityTooLarge),
        ({"smallest_purchase": 5000}, errors.QuantityTooSmall),
        ({"daily_limit": 19_99}, errors.DailyLimit),
    ],
)
def test_a_meter_that_cannot_buy_says_why_and_nothing_is_stored(counter, change, refusal):
    with transaction() as session:
        meter = session.get_one(Meter, counter.cast.meters["palm_street"])
        for name, value in change.items():
            setattr(meter, name, value)
    end_keys("888888")
    with pytest.raises(refusal):
        counter.sells("palm_street", 20_00)
    assert (rows(Sale), rows(Token), counter.account.held) == (0, 0, 0)


def test_a_plan_that_has_not_begun_sells_nothing(counter):
    from datetime import UTC, datetime

    counter.clock = datetime(2019, 12, 31, 12, tzinfo=UTC)
    with pytest.raises(errors.NoPlanInForce) as refused:
        counter.sells("palm_street", 20_00)
    assert refused.value.params["since"].year == 2020


def test_a_clock_behind_the_newest_token_sells_nothing_until_it_is_confirmed(counter):
    from app.services.clock import clock_doubt, confirm_clock

    counter.sells("palm_street", 20_00)
    counter.clock -= timedelta(minutes=3)
    with pytest.raises(errors.ClockBehind):
        counter.sells("palm_street", 20_00)
    assert isinstance(clock_doubt(counter.clock), errors.ClockBehind)
    confirm_clock(counter.cast.users["chidi"], counter.clock)
    assert clock_doubt(counter.clock) is None
    counter.sells("palm_street", 20_00)
    token_ids = [token.token_id for token in db.session.query(Token).order_by(Token.id)]
    assert token_ids == sorted(set(token_ids)), "the clock went back, the token ids did not"


def test_the_newest_instant_counts_not_the_newest_row(counter):
    """A sale that waited and was resolved late says nothing about the time."""
    noon, waited = counter.clock, counter.order("pump", 20_00)
    reserve(waited, counter.cast.scope("amara"), noon, CLOCK_AHEAD)
    counter.clock = noon + timedelta(hours=20)
    counter.sells("palm_street", 20_00)
    resolve_all(counter.modules, Patience(wait=timedelta(0)), lambda: noon + timedelta(hours=20, minutes=1))
    newest = db.session.query(Token).order_by(Token.id.desc()).first()
    assert newest.issued_at == noon
    counter.clock = noon + timedelta(hours=1)
    with pytest.raises(errors.ClockBehind):
        counter.sells("palm_street", 20_00)


def test_a_clock_far_ahead_of_the_newest_token_sells_nothing(counter):
    counter.sells("palm_street", 20_00)
    counter.clock += timedelta(days=32)
    with pytest.raises(errors.ClockAhead):
        counter.sells("palm_street", 20_00)


def test_two_tokens_in_one_minute_have_two_ids(counter):
    ids = {counter.sells("palm_street", 20_00).tokens[0].digits for _ in range(3)}
    assert len(ids) == 3
    token_ids = [token.token_id for token in db.session.query(Token).order_by(Token.id)]
    assert token_ids == list(range(token_ids[0], token_ids[0] + 3))


def test_an_inactive_vending_point_sells_nothing(counter):
    order = counter.order("palm_street", 20_00)
    with transaction() as session:
        session.get_one(VendingPoint, counter.cast.points["market"]).active = False
    with pytest.raises(errors.NoVendingPoint):
        counter.sends(order)


def test_the_quick_query_finds_by_whatever_is_begun(counter):
    for typed in ("wanj", "achieng wan", "0700123", "+254 700 123", "10482", "2771", "0100 0000"):
        numbers = {card.meter_number for card in find_meters(typed, counter.cast.scope("amara"))}
        assert {PALM_STREET, MILL} <= numbers, typed
        assert PIER not in numbers, typed


def test_the_quick_query_shows_a_stranger_nothing(counter):
    assert find_meters("wanj", counter.cast.scope("bento")) == []
    assert find_meters("w", counter.cast.scope("amara")) == []


def test_every_posting_of_a_sale_has_the_vending_points_cash_on_one_side(counter):
    counter.sells("palm_street", 35_00)
    assert rows(Posting) >= 3
    assert counter.account.balance == -35_00


@pytest.mark.parametrize("reference", ["", "short", "x" * 65, "é" * 20, "\x00" * 32, "with a space", "line\nbreak"])
def test_a_reference_that_is_none_is_refused(counter, reference):
    with pytest.raises(errors.BadReference):
        counter.sells("palm_street", 20_00, reference=reference)
    assert rows(Sale) == 0


def test_a_price_that_cannot_have_been_shown_holds_nothing(counter):
    with pytest.raises(errors.PriceMoved):
        counter.sells("palm_street", 20_00, shown_amount=-1)
    assert (rows(Sale), counter.account.held) == (0, 0)
