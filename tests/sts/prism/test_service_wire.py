"""The wire read strictly: what thriftpy2 writes is understood, its examples run, and nothing is read past an end."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import random

import pytest
from thriftpy2.thrift import TApplicationException

import app.sts.prism
from app.sts.prism import wire, wire_credit
from app.sts.prism.interface import API
from app.sts.prism.wire import Malformed
from tests.sts.prism.serving import meter_config

MODULES = [module.name for module in pkgutil.iter_modules(app.sts.prism.__path__, "app.sts.prism.")]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_a_structure_inside_a_call_comes_back_as_it_was_sent() -> None:
    meter = meter_config(newConfig=API.MeterConfigAmendment(toSgc=1, toKrn=2, toTi=3), doe="2812")
    call = wire.read_call(wire.write_call("verifyToken", 9, messageId="é", meterConfig=meter))
    assert (call.sequence, call.arguments) == (9, {"messageId": "é", "meterConfig": meter})


def test_maps_lists_and_refusals_are_read_from_answers() -> None:
    status = API.NodeStatus(info={"a": "b"}, alerts=[API.Alert(eCode="E", eMsgEn="words")])
    assert wire.read_reply(wire.write_value("getStatus", 1, [status]), "getStatus") == [status]
    with pytest.raises(API.ApiException) as refused:
        wire.read_reply(wire.write_refusal("getStatus", 1, "ESm", "why"), "getStatus")
    assert (refused.value.eCode, refused.value.eMsgEn) == ("ESm", "why")
    with pytest.raises(TApplicationException):
        wire.read_reply(wire.write_unknown("getStatus", 1, "no such method"), "getStatus")
    with pytest.raises(Malformed, match="no answer to ping"):
        wire.read_reply(wire.write_value("getStatus", 1, [status]), "ping")


def test_a_message_cut_anywhere_is_malformed_and_never_read_past_its_end() -> None:
    frame = wire.write_call("verifyToken", 9, messageId="m", accessToken="t", meterConfig=meter_config())
    for end in range(len(frame)):
        with pytest.raises(Malformed):
            wire.read_call(frame[:end])
    with pytest.raises(Malformed, match="bytes after"):
        wire.read_call(frame + b"\0")


def test_a_structure_without_a_required_field_is_named() -> None:
    frame = wire.write_call("verifyToken", 9, meterConfig=API.MeterConfigIn(drn="1"))
    with pytest.raises(Malformed, match="MeterConfigIn without its ea"):
        wire.read_call(frame)


def test_secrets_of_a_call_do_not_show() -> None:
    assert "hidden" not in repr(wire.read_call(wire.write_call("listKeys", 1, accessToken="hidden")))


def _credit_call(chance: random.Random) -> bytes:
    config = API.MeterConfigIn(
        drn=chance.choice(["00000000000", "600727000000000009", "", "é"]), ea=chance.randint(-9, 99), tct=2,
        sgc=chance.randint(-(2**31), 2**31 - 1), krn=1, ti=chance.randint(0, 99), ken=255,
        allowKrnUpdate=chance.random() < 0.5, doe=chance.choice(["0000", "2712"]),
        newConfig=API.MeterConfigAmendment(toSgc=1, toKrn=2, toTi=3) if chance.random() < 0.2 else None,
    )  # fmt: skip
    return wire.write_call(
        "issueCreditToken", 7, messageId=chance.choice(["m", "m" * 40]), accessToken="t" * 43, meterConfig=config,
        subclass=0, transferAmount=chance.random() * 9, tokenTime=chance.randint(0, 2**40), flags=1,
    )  # fmt: skip


def _read(frame: bytes) -> object:
    try:
        return wire.read_call(frame)
    except wire.Malformed as trouble:
        return str(trouble)


def test_the_short_cut_of_credit_reads_what_the_strict_reader_reads(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance, frames = random.Random(seed), []
    for _ in range(60):
        frame = _credit_call(chance)
        frames.append(frame)
        for _ in range(15):
            spoilt = bytearray(frame)
            spoilt[chance.randrange(len(frame))] ^= 1 << chance.randrange(8)
            frames += [bytes(spoilt), frame[: chance.randrange(len(frame))], frame + b"\0"]
    quick = [_read(frame) for frame in frames]
    taken = sum(wire_credit.read(frame, wire._head(frame)[3]) is not None for frame in frames[::46])
    assert taken > 30, "the usual form is read by the short cut"
    monkeypatch.setattr(wire_credit, "read", lambda _frame, _at: None)
    assert [_read(frame) for frame in frames] == quick
