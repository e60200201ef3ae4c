"""Each method of TokenApi, as a plain caller sees it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from thriftpy2.thrift import TApplicationException

from app.sts import meter_number, token_id
from app.sts.demonstration import demonstration_keys
from app.sts.keystore import VendingKey
from app.sts.prism import wire
from app.sts.prism.interface import API
from app.sts.prism.service import Settings
from tests.sts.prism.serving import Caller, Server, meter_config, prepared, refusal, served

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MATERIAL = bytes(range(20))
KEYS = (
    *demonstration_keys(),
    VendingKey("300000", 1, 2, 4, 14, 255, MATERIAL),
    VendingKey("300000", 2, 2, 4, 14, 200, MATERIAL[::-1], active_from=datetime(2026, 1, 1, tzinfo=UTC)),
    VendingKey("400000", 1, 1, 4, 14, 255, MATERIAL),
    VendingKey("500000", 1, 2, 4, 14, 103, MATERIAL, active_to=NOON + timedelta(days=30)),
)
PLAIN, EXTERNAL, EXACT, RESERVED = 0, 1, 2, 4


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = prepared(tmp_path_factory.mktemp("module"), KEYS)
    with served(folder, Settings(name="SW1", clock=lambda: NOON)) as server:
        yield server


@pytest.fixture(scope="module")
def call(server: Server) -> Caller:
    return server.caller()


_number = iter(range(1, 10_000))


def fresh() -> str:
    """A meter number nobody else uses, so that tests do not share token ids."""
    body = f"{next(_number):010d}"
    return body + meter_number.check_digit(body)


def test_ping_echoes_after_a_sleep(call: Caller) -> None:
    assert call("ping", sleepMs=0, echo="déjà vu") == "déjà vu"
    before = datetime.now(UTC)
    assert call("ping", sleepMs=120, echo="") == ""
    assert datetime.now(UTC) - before >= timedelta(milliseconds=115)
    assert refusal(call, "ping", sleepMs=-1, echo="") == "EParamRange"
    assert refusal(call, "ping", sleepMs=60_001, echo="") == "EParamRange"


def test_a_credit_token_says_all_that_the_interface_asks(call: Caller) -> None:
    [token] = call.credit("all-fields", meter_config(), transferAmount=20000.0)
    assert (token.drn, token.pan, token.ea, token.tct) == ("00000000000", "600727000000000009", 7, 2)
    assert (token.sgc, token.krn, token.ti, token.tokenClass, token.subclass) == (201457, 1, 1, 0, 0)
    assert token.transferAmount == 20004.0  # rounded in the customer's favour
    assert (token.scaledAmount, token.scaledUnitName, token.stsUnitName) == ("2000.4", "kWh", "0.1 kWh")
    assert (token.idSm, token.vkKcv, token.newConfig, token.isReservedTid) == ("SW1", "13C395", None, False)
    assert len(token.tokenDec) == 20
    assert token.tokenHex == f"{int(token.tokenDec):017X}"
    assert token.tid == token_id.token_id(NOON, 14)


@pytest.mark.parametrize(
    ("given", "drn", "pan"),
    [
        ("00000000000", "00000000000", "600727000000000009"),
        ("600727000000000009", "00000000000", "600727000000000009"),
        ("0100000000008", "0100000000008", "000001000000000082"),
        ("000001000000000082", "0100000000008", "000001000000000082"),
    ],
)
def test_meters_are_named_by_drn_or_pan(call: Caller, given: str, drn: str, pan: str) -> None:
    [token] = call.credit(f"by-{given}", meter_config(drn=given))
    assert (token.drn, token.pan) == (drn, pan)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"drn": "00000000001"}, "ESts.DrnOrPan.CheckDigit"),
        ({"drn": "1"}, "ESts.DrnOrPan"),
        ({"drn": "x" * 11}, "ESts.DrnOrPan"),
        ({"ea": 8}, "EParamRange"),
        ({"tct": 100}, "EParamRange"),
        ({"sgc": -1}, "EParamRange"),
        ({"sgc": 1_000_000}, "EParamRange"),
        ({"krn": 0}, "EParamRange"),
        ({"ti": 100}, "EParamRange"),
        ({"ken": 256}, "EParamRange"),
        ({"doe": "2613"}, "EParamRange"),
        ({"sgc": 999999}, "EKeystore.NotFound"),
        ({"krn": 9}, "EKeystore.NotFound"),
        ({"sgc": 888888}, "ESts.VkExpired"),
        ({"sgc": 123456, "ea": 11}, "EParamRange"),
        ({"sgc": 400000}, "EParamRange"),  # a default key makes no credit
    ],
)
def test_what_no_meter_can_be_is_refused_by_code(call: Caller, changes: Any, code: str) -> None:
    assert refusal(call.credit, "never", meter_config(**changes)) == code
    assert refusal(call, "fetchTokenResult", reqMessageId="never") == "ECacheMiss"


@pytest.mark.parametrize(
    ("subclass", "amount"),
    [(0, 0.5), (0, -1.0), (0, 18201625.0), (0, float("nan")), (0, float("inf")), (8, 1.0), (-1, 1.0),
     (4, 0.000001), (4, 1.7e30), (4, -1.7e30), (3, 1e300)],
)  # fmt: skip
def test_amounts_that_are_no_whole_steps_are_refused(call: Caller, subclass: int, amount: float) -> None:
    assert refusal(call.credit, "never", subclass=subclass, transferAmount=amount) == "EParamRange"


@pytest.mark.parametrize(
    ("amount", "carried"),
    [(0.1, "0.10000"), (-0.00001, "-0.00001"), (-1.0, "-0.99994"), (1.0, "1.00004"), (123456.78901, None), (1.6383e30, None)],
)
def test_currency_is_exact_in_its_text(call: Caller, amount: float, carried: str | None) -> None:
    meter = meter_config(drn=fresh())
    [token] = call.credit(f"money.{meter.drn}", meter, subclass=4, transferAmount=amount)
    value = Decimal(token.scaledAmount)
    assert value >= Decimal(repr(amount))
    assert value.as_tuple().exponent == -5
    assert (carried is None or token.scaledAmount == carried)
    said = call("verifyToken", meterConfig=meter, tokenDec=token.tokenDec)
    assert (said.token.scaledAmount, said.token.scaledUnitName) == (token.scaledAmount, "currency units")


def test_the_same_message_gets_the_same_tokens_and_another_request_is_refused(call: Caller) -> None:
    meter = meter_config(drn=fresh())
    first = call.credit("same", meter)
    assert call.credit("same", meter) == first
    assert call("fetchTokenResult", reqMessageId="same") == first
    assert refusal(call.credit, "same", meter, transferAmount=257.0) == "EParamRange"
    assert refusal(call.credit, "same", meter, flags=RESERVED) == "EParamRange"
    assert refusal(call.credit, "same", meter_config(drn=fresh())) == "EParamRange"
    assert call.credit("same2", meter)[0].tid == first[0].tid + 1


@pytest.mark.parametrize("message_id", ["", "-a", "a" * 41, "a b", "é", "a\n"])
def test_message_ids_have_their_form(call: Caller, message_id: str) -> None:
    assert refusal(call.credit, message_id) == "EParamRange"
    assert refusal(call, "getStatus", messageId=message_id) == "EParamRange"
    assert refusal(call, "fetchTokenResult", reqMessageId=message_id) == "EParamRange"


def test_a_set_is_added_before_the_credit_when_asked_for(call: Caller) -> None:
    new = API.MeterConfigAmendment(toSgc=201457, toKrn=2, toTi=7)
    *change, credit = call.credit("new", meter_config(drn=fresh(), newConfig=new, doe="2812"))
    assert [token.subclass for token in change] == [3, 4]
    advice = change[0].newConfig
    assert (advice.toSgc, advice.toKrn, advice.toTi, advice.toKen) == (201457, 2, 7, 255)
    assert (advice.rollover, advice.toVkKcv) == (False, "13C395")
    assert advice.idRecord == f"{credit.pan}28120207201457072"
    assert advice.record2 == f"\x02{credit.pan}=2812=0207201457072\x03"
    assert change[1].newConfig is None
    assert credit.newConfig is None
    assert (credit.krn, credit.ti) == (2, 7)
    assert [token.tid for token in change] == [0, 0]
    assert call("fetchTokenResult", reqMessageId="new") == [*change, credit]


def test_a_newer_key_is_changed_to_only_when_allowed(call: Caller) -> None:
    meter = {"drn": fresh(), "sgc": 300000, "krn": 1}
    assert len(call.credit("krn0", meter_config(**meter))) == 1
    *change, credit = call.credit("krn1", meter_config(**meter, allowKrnUpdate=True))
    assert len(change) == 2
    assert (change[0].newConfig.toKrn, change[0].newConfig.toKen, credit.krn) == (2, 200, 2)


def test_another_key_expiry_number_is_brought_only_when_allowed(call: Caller) -> None:
    meter = {"drn": fresh(), "sgc": 300000, "krn": 2, "ken": 255}
    assert len(call.credit("ken0", meter_config(**meter))) == 1
    *change, _ = call.credit("ken1", meter_config(**meter, allowKenUpdate=True))
    assert change[0].newConfig.toKen == 200


def test_the_interface_allows_updates_when_nothing_is_said(call: Caller) -> None:
    silent = API.MeterConfigIn(drn=fresh(), ea=7, tct=2, sgc=300000, krn=1, ti=1, ken=255)
    assert len(call.credit("silent", silent)) == 3


@pytest.mark.parametrize(("ea", "three", "count"), [(7, False, 2), (7, True, 3), (11, False, 4), (11, True, 4)])
def test_a_key_change_set_has_its_number_of_tokens(call: Caller, ea: int, three: bool, count: int) -> None:
    meter = meter_config(drn=fresh(), ea=ea, allow3Kct=three)
    new = API.MeterConfigAmendment(toSgc=300000, toKrn=2, toTi=2)
    made = call("issueKeyChangeTokens", messageId=f"kc.{ea}.{three}", meterConfig=meter, newConfig=new)
    assert len(made) == count
    assert made[0].newConfig.toSgc == 300000
    for token in made:
        said = call("verifyToken", meterConfig=meter, tokenDec=token.tokenDec)
        assert (said.validationResult, said.token.subclass) == ("EVerify.Ok", token.subclass)


def test_leaving_an_expired_key_rolls_over(call: Caller) -> None:
    new = API.MeterConfigAmendment(toSgc=888888, toKrn=2, toTi=1)
    made = call("issueKeyChangeTokens", meterConfig=meter_config(sgc=888888), newConfig=new)
    assert made[0].newConfig.rollover
    back = API.MeterConfigAmendment(toSgc=888888, toKrn=1, toTi=1)
    meter = meter_config(sgc=888888, krn=2)
    assert refusal(call, "issueKeyChangeTokens", meterConfig=meter, newConfig=back) == "ESts.VkExpired"


def test_management_tokens_carry_watts_or_a_raw_field(call: Caller) -> None:
    meter = meter_config(drn=fresh())

    def ask(subclass: int, value: float) -> Any:
        return call(
            "issueMseToken", messageId=f"mse.{next(_number)}", meterConfig=meter, subclass=subclass,
            transferAmount=value, tokenTime=0, flags=0,
        )[0]  # fmt: skip

    limit = ask(0, 20000.0)
    assert (limit.transferAmount, limit.scaledAmount, limit.scaledUnitName) == (20004.0, "20004", "W")
    assert ask(5, 0.0).description == "Management: clear tamper condition"
    assert ask(1, 65535.0).tid == limit.tid + 2
    for subclass, value in ((1, 8.0), (5, 1.0), (3, 0.0), (0, 0.5), (2, 65536.0)):
        assert refusal(ask, subclass, value) == "EParamRange"


def test_test_tokens_are_the_same_for_all(call: Caller) -> None:
    made = call("issueMeterTestToken", subclass=0, control=2**36 - 1, mfrcode=0)
    assert (made.tokenDec, made.control, made.mfrcode, made.tokenClass) == ("56493153725450313471", 2**36 - 1, 0, 1)
    said = call("verifyToken", meterConfig=meter_config(), tokenDec=made.tokenDec)
    assert (said.validationResult, said.meterTestToken.control, said.token) == ("EVerify.Ok", 2**36 - 1, None)
    assert refusal(call, "issueMeterTestToken", subclass=3, control=0, mfrcode=0) == "EParamRange"
    assert refusal(call, "issueMeterTestToken", subclass=0, control=2**36, mfrcode=0) == "EParamRange"


def test_verification_says_what_is_wrong(call: Caller) -> None:
    meter = meter_config(drn=fresh())
    [token] = call.credit("verify", meter)

    def say(config: Any, digits: str) -> str:
        return str(call("verifyToken", meterConfig=config, tokenDec=digits).validationResult)

    assert say(meter, token.tokenDec) == "EVerify.Ok"
    assert say(meter_config(drn=fresh()), token.tokenDec) == "EVerify.Crc"
    assert say(meter_config(drn=meter.drn, ken=0), token.tokenDec) == "EVerify.KeyExpired"
    assert say(meter, "1") == "EVerify.Format"
    assert refusal(say, meter_config(krn=9), token.tokenDec) == "EKeystore.NotFound"


def test_a_card_is_read_and_refused_when_it_is_over(call: Caller) -> None:
    record = "60072700000000000926110207300000012"
    read = call("parseIdRecord", idRecord=record)
    assert (read.drn, read.ea, read.tct, read.sgc, read.ti, read.krn) == ("600727000000000009", 7, 2, 300000, 1, 2)
    assert (read.doe, read.ken) == ("2611", 200)
    assert call("parseIdRecord", idRecord="\x02600727000000000009=2611=0207300000012\x03") == read
    assert refusal(call, "parseIdRecord", idRecord=record.replace("2611", "2610")) == "ESts.IdRecord.Expired"
    for wrong in ("", "1" * 35, record[:-1], "é" * 35):
        assert refusal(call, "parseIdRecord", idRecord=wrong) == "ESts.IdRecord"


def test_status_names_keys_counters_and_what_ends_soon(call: Caller) -> None:
    [status] = call("getStatus")
    assert status.info["version"]
    assert status.info["api"] == "1.1"
    assert int(status.info["uptimeSeconds"]) >= 0
    assert status.info["vk.201457.1"] == "kcv=13C395 kt=2 dkga=04 bdt=14 ken=255"
    alerts = {(alert.eCode, alert.eMsgEn) for alert in status.alerts}
    assert any(code == "ESts.VkExpired" and "888888/1" in words for code, words in alerts)
    assert any(code == "EKeystore.Expiring" and "500000/1" in words for code, words in alerts)
    assert MATERIAL.hex() not in str(status)


def test_keys_are_listed_with_all_but_the_key(call: Caller) -> None:
    listed = {(key.sgc, key.krn): key for key in call("listKeys")}
    key = listed[300000, 2]
    assert (key.keyType, key.dkga, key.baseDate, key.ken, key.eas) == (2, 4, 14, 200, [7, 11])
    assert key.activeFrom == int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
    assert key.activeTo is None
    assert len(listed) == len(KEYS)


def test_days_count_their_tokens(call: Caller) -> None:
    def count() -> int:
        rows = call("countsPerDay", fromDay="2026-11-23", toDay="2026-11-23")
        return sum(row.tokens for row in rows if (row.tokenClass, row.subclass) == (0, 1))

    before = count()
    call.credit("counted", meter_config(drn=fresh()), subclass=1)
    assert count() == before + 1
    assert call("countsPerDay", fromDay="2025-01-01", toDay="2025-12-31") == []
    for wrong in ("2026-02-30", "yesterday", "2026-1-1", ""):
        assert refusal(call, "countsPerDay", fromDay=wrong, toDay="2026-11-23") == "EParamRange"
    assert refusal(call, "countsPerDay", fromDay="2000-01-01", toDay="2026-11-23") == "EParamRange"


def test_what_a_software_module_does_not_do(call: Caller) -> None:
    assert refusal(call, "issueDitkChangeTokens", meterConfig=meter_config()) == "EService.Disabled"
    assert refusal(call, "ctsResetTidList", panPattern="*") == "EService.Disabled"


def test_an_unknown_method_is_said_to_be_one_and_the_line_stays(call: Caller) -> None:
    frame = wire.write_call("ping", 5, sleepMs=0, echo="x").replace(b"\0\0\0\x04ping", b"\0\0\0\x04pong")
    call.send(frame)
    with pytest.raises(TApplicationException) as caught:
        wire.read_reply(call.receive(), "pong")
    assert caught.value.type == TApplicationException.UNKNOWN_METHOD
    assert call("ping", sleepMs=0, echo="still here") == "still here"


def test_a_missing_argument_is_named(call: Caller) -> None:
    call.send(wire.write_call("listKeys", 1, accessToken=call.access_token))
    with pytest.raises(API.ApiException, match="messageId is missing"):
        wire.read_reply(call.receive(), "listKeys")


def test_token_ids_are_forgotten_in_test_mode_only(tmp_path: Any) -> None:
    with served(prepared(tmp_path / "m"), Settings(test_mode=True, clock=lambda: NOON)) as server:
        call = server.caller()
        first = call.credit("a")[0].tid
        assert call("ctsResetTidList", panPattern="6007270000000000??") == ["600727000000000009"]
        assert call.credit("b")[0].tid == first
        assert refusal(call, "ctsResetTidList", panPattern="[0-9]") == "EParamRange"
