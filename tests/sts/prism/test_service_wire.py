"""The wire read strictly: what thriftpy2 writes is understood, its examples run, and nothing is read past an end."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest
from thriftpy2.thrift import TApplicationException

import app.sts.prism
from app.sts.prism import wire
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
