"""Which minute becomes a token's id: the module's clock, the caller's, the caller's own count, the reserved one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from app.sts import meter_number, token_id
from app.sts.prism.service import Settings
from tests.sts.prism.serving import Caller, meter_config, prepared, refusal, served

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
EXTERNAL, EXACT, RESERVED = 1, 2, 4


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    with served(prepared(tmp_path_factory.mktemp("module")), Settings(clock=lambda: NOON)) as server:
        yield server.caller()


_number = iter(range(1, 10_000))


def fresh() -> str:
    """A meter number nobody else uses, so that tests do not share token ids."""
    body = f"{next(_number):010d}"
    return body + meter_number.check_digit(body)


def test_the_external_clock_is_the_clock(call: Caller) -> None:
    at = NOON - timedelta(days=400)
    [token] = call.credit("ext", meter_config(drn=fresh()), tokenTime=int(at.timestamp()), flags=EXTERNAL)
    assert token.tid == token_id.token_id(at, 14)
    early = int(datetime(2013, 12, 31, tzinfo=UTC).timestamp())
    assert refusal(call.credit, "never", meter_config(), tokenTime=early, flags=EXTERNAL) == "ESts.VkBeforeBdt"


def test_an_exact_token_id_moves_to_the_base_date_and_is_not_skipped(call: Caller) -> None:
    drn, minute = fresh(), datetime(2026, 11, 23, 0, 1, tzinfo=UTC)
    since_1993 = token_id.BASE_DATES[93]
    asked = int((minute - since_1993).total_seconds()) // 60
    [token] = call.credit("exact", meter_config(drn=drn), tokenTime=asked, flags=EXACT)
    assert token.tid == token_id.clock_minute(minute, 14)
    assert token.isReservedTid
    again = refusal(call.credit, "exact2", meter_config(drn=drn), tokenTime=asked, flags=EXACT)
    assert again == "EParamRange"  # never twice
    [next_one] = call.credit("exact3", meter_config(drn=drn), tokenTime=asked + 1, flags=EXACT)
    assert next_one.tid == token.tid + 1
    assert refusal(call.credit, "x", meter_config(drn=drn), tokenTime=asked + 1, flags=EXACT) == "EParamRange"


def test_the_reserved_minute_is_good_once_a_day_and_does_not_disturb_the_others(call: Caller) -> None:
    drn = fresh()
    [ordinary] = call.credit("r1", meter_config(drn=drn))
    [special] = call.credit("r2", meter_config(drn=drn), flags=RESERVED)
    [later] = call.credit("r3", meter_config(drn=drn))
    assert special.tid == token_id.special(NOON, 14)
    assert (special.isReservedTid, later.tid) == (True, ordinary.tid + 1)
    assert refusal(call.credit, "r4", meter_config(drn=drn), flags=RESERVED) == "EParamRange"
    tomorrow = int((NOON + timedelta(days=1)).timestamp())
    [next_day] = call.credit("r5", meter_config(drn=drn), tokenTime=tomorrow, flags=RESERVED | EXTERNAL)
    assert next_day.tid == special.tid + 1440


@pytest.mark.parametrize(
    ("flags", "at"), [(3, 0), (6, 0), (7, 0), (8, 0), (-1, 0), (EXACT, -1), (EXACT, 2**40), (EXTERNAL, -1), (EXTERNAL, 2**40)]
)
def test_flags_that_exclude_each_other_are_refused(call: Caller, flags: int, at: int) -> None:
    assert refusal(call.credit, "never", flags=flags, tokenTime=at) == "EParamRange"


def test_two_tokens_of_a_minute_have_two_ids_and_skip_the_reserved_one(call: Caller) -> None:
    meter, midnight = meter_config(drn=fresh()), datetime(2026, 12, 1, tzinfo=UTC)
    at = {"tokenTime": int(midnight.timestamp()), "flags": EXTERNAL}
    ids = [call.credit(f"mid.{number}", meter, **at)[0].tid for number in range(3)]
    assert [one - ids[0] for one in ids] == [0, 2, 3]


def test_an_offset_moves_the_clock_but_not_an_exact_id(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = Settings(clock=lambda: NOON, tid_offset_minutes=120)
    with served(prepared(tmp_path_factory.mktemp("offset")), settings) as server:
        call = server.caller()
        assert call.credit("a")[0].tid == token_id.clock_minute(NOON, 14) + 120
        since_1993 = int((NOON - token_id.BASE_DATES[93]).total_seconds()) // 60 + 500
        [exact] = call.credit("b", tokenTime=since_1993, flags=EXACT)
        assert exact.tid == token_id.clock_minute(NOON, 14) + 500
