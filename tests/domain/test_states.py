"""Which status may follow which, and the words that are stored."""

from __future__ import annotations

import pytest

from app.domain.states import (
    SALE_STEPS,
    UNIT,
    ForbiddenStep,
    MeterStatus,
    MeterType,
    SaleStatus,
    require_step,
)


@pytest.mark.parametrize("old", list(SaleStatus))
@pytest.mark.parametrize("new", list(SaleStatus))
def test_a_sale_only_leaves_reserved(old, new):
    if old is SaleStatus.RESERVED and new is not SaleStatus.RESERVED:
        require_step(old, new)
    else:
        with pytest.raises(ForbiddenStep):
            require_step(old, new)


def test_a_meter_in_stock_is_not_blocked():
    require_step(MeterStatus.IN_STOCK, MeterStatus.INSTALLED)
    with pytest.raises(ForbiddenStep):
        require_step(MeterStatus.IN_STOCK, MeterStatus.BLOCKED)


def test_the_end_of_a_sale_is_the_end():
    assert {old for old, _ in SALE_STEPS} == {SaleStatus.RESERVED}


def test_every_meter_type_has_a_unit():
    assert set(UNIT) == set(MeterType)
