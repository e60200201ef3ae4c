"""What is true of every price, tried on random plans and pasts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.domain.price_properties import PROPERTIES

CHECKS = [HealthCheck.filter_too_much, HealthCheck.too_slow, HealthCheck.data_too_large]
names = [holds.__name__ for holds in PROPERTIES]
DEEP_EXAMPLES = 2_500


@pytest.mark.parametrize("holds", PROPERTIES, ids=names)
def test_every_price(holds: Callable[[st.DataObject], None]) -> None:
    given(st.data())(settings(suppress_health_check=CHECKS)(holds))()


@pytest.mark.deep
@pytest.mark.parametrize("holds", PROPERTIES, ids=names)
def test_every_price_at_length(
    holds: Callable[[st.DataObject], None], deep_record: Callable[..., None]
) -> None:
    many = settings(suppress_health_check=CHECKS, max_examples=DEEP_EXAMPLES, deadline=None)
    tried = 0

    def counted(data: st.DataObject) -> None:
        nonlocal tried
        holds(data)
        tried += 1

    given(st.data())(many(counted))()
    assert tried > DEEP_EXAMPLES // 2
    deep_record(f"price: {holds.__name__.replace('_', ' ')}", purchases=tried)
