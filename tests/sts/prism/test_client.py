"""Our client and a module made of another's parts: who is let in, what is believed, when it is given up."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.sts.meter_number import pan_from_drn
from app.sts.module import Amendment, MeterConfig, ModuleError
from app.sts.prism import admin
from app.sts.prism.breaker import Permit
from app.sts.prism.connection import Unsent
from app.sts.prism.trial import connect_test
from tests.sts.prism.fault_proxy import Fault
from tests.sts.prism.hardware import Hardware

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
METER = MeterConfig("600727000000000009", ea=7, tct=2, sgc="201457", krn=1, ti=1, ken=255)


OTHER_PAN = pan_from_drn("11111111115")


def refusal(work, *arguments) -> ModuleError:
    with pytest.raises(ModuleError) as caught:
        work(*arguments)
    return caught.value


# --- who is let in ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "trust", "code"),
    [
        ("own", {}, None),
        ("other", {}, "ENetwork.Certificate"),
        ("own", {"fingerprint": None}, "ENetwork.Certificate"),
        ("other", {"trust": "unchecked"}, None),
        ("signed", {"trust": "authority", "authority": "signed"}, None),
        ("own", {"trust": "authority", "authority": "signed"}, "ENetwork.Certificate"),
        ("elsewhere", {"trust": "authority", "authority": "elsewhere"}, "ENetwork.Certificate"),
        ("signed", {"trust": "authority", "authority": "no certificate"}, "ENetwork.Certificate"),
    ],
)
def test_only_the_expected_certificate_is_spoken_to(certificates, hardware, client, shown, trust, code):
    pin = hardware.certificate.fingerprint
    hardware.certificate = certificates[shown]
    if "authority" in trust:
        known = certificates.get(trust["authority"])
        trust = trust | {"authority": known.authority if known else trust["authority"]}
    with hardware.served() as port:
        module = client(port, patience_s=0.0, **({"fingerprint": pin} | trust))
        trial = connect_test(module.line.place)
        if code is None:
            assert module.credit_token("m1", METER, 0, 256, NOON)
            assert trial.ok
        else:
            error = refusal(module.credit_token, "m1", METER, 0, 256, NOON)
            assert (error.code, error.permanent, type(error)) == (code, False, Unsent)
            assert (trial.steps[-1].name, trial.steps[-1].code) == ("tls", code)
            assert (hardware.sign_ins, hardware.made) == (0, []), "not a word before it is known who listens"
        assert trial.fingerprint == certificates[shown].fingerprint


def test_one_sign_in_serves_many_calls_and_threads(client, hardware, served):
    module = client(served)
    threads = [
        threading.Thread(target=module.credit_token, args=(f"m{n}", METER, 0, 1, NOON)) for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(hardware.made), hardware.sign_ins) == (6, 1)


def test_an_expired_sign_in_is_renewed_and_the_call_made_once(client, hardware, served):
    module = client(served)
    module.credit_token("m1", METER, 0, 1, NOON)
    hardware.access_token = "token-1"
    module.credit_token("m2", METER, 0, 1, NOON)
    assert (hardware.made, hardware.sign_ins) == (["m1", "m2"], 2)


def test_a_wrong_password_is_tried_once_and_opens_the_breaker(client, hardware, served):
    module = client(served, password="wrong")
    error = refusal(module.credit_token, "m1", METER, 0, 1, NOON)
    assert (error.code, error.permanent) == ("ESignin.Authentication", False)
    assert hardware.sign_ins == 1
    assert module.line.breaker.may_ask() is Permit.STOP


def test_a_module_that_is_away_for_a_moment_is_waited_for(client, hardware):
    with hardware.served() as port:
        pass
    module = client(port, patience_s=10.0)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(module.credit_token("m1", METER, 0, 1, NOON)))
    thread.start()
    time.sleep(0.3)
    with hardware.served(port):
        thread.join()
        assert (len(answers), hardware.made) == (1, ["m1"])
        module.line.close()


def test_a_module_that_stays_away_is_given_up_in_seconds(client, hardware):
    with hardware.served() as port:
        pass
    module = client(port)
    begun = time.monotonic()
    error = refusal(module.credit_token, "m1", METER, 0, 1, NOON)
    assert (error.code, type(error)) == ("ENetwork.Refused", Unsent)
    assert time.monotonic() - begun < 8
    assert module.line.breaker.since is not None


def test_a_restarted_module_is_found_again_without_a_lost_call(client, hardware):
    with hardware.served() as port:
        module = client(port)
        module.credit_token("m1", METER, 0, 1, NOON)
    with hardware.served(port):
        module.credit_token("m2", METER, 0, 1, NOON)
        module.line.close()
    assert hardware.made == ["m1", "m2"]


# --- what is believed -----------------------------------------------------------------------


@pytest.mark.parametrize("subclass", range(8))
def test_every_credit_travels_exactly(client, served, subclass):
    module = client(served)
    asked = -123_456_789 if subclass >= 4 else 20_000
    [token] = module.credit_token(f"m{subclass}", METER, subclass, asked, NOON)
    read = module.verify(METER, token.digits)
    assert read.accepted
    assert (token.amount, read.subclass, token.base_date, token.issue_time) == (read.amount, subclass, 14, NOON)
    assert module.fetch(f"m{subclass}") == (replace(token, issue_time=None),)


def test_the_offset_of_the_installation_moves_the_modules_clock(client, served):
    [token] = client(served, offset=180).credit_token("m1", METER, 0, 1, NOON)
    [plain] = client(served).credit_token("m2", replace(METER, pan=OTHER_PAN), 0, 1, NOON)
    assert token.token_id - plain.token_id == 180
    assert client(served, offset=180).verify(METER, token.digits).issued_at == NOON


def test_a_key_that_is_not_the_known_one_is_not_believed(client, hardware, served):
    hardware.kcv = "BADBAD"
    error = refusal(client(served).credit_token, "m1", METER, 0, 1, NOON)
    assert (error.code, error.permanent) == ("EAnswer.Kcv", False)
    assert refusal(client(served).fetch, "m1").code == "EAnswer.Kcv"
    hardware.kcv = None
    assert refusal(client(served, facts=lambda: ()).credit_token, "m2", METER, 0, 1, NOON).code == "EAnswer.Key"


@pytest.mark.parametrize(
    "spoil",
    [
        {"pan": OTHER_PAN}, {"transferAmount": 255.0}, {"transferAmount": 256.5}, {"subclass": 1},
        {"ti": 2}, {"krn": 2}, {"tid": -1}, {"tokenDec": "1" * 20}, {"tokenDec": "12"}, {"tokenClass": 1},
        {"transferAmount": float("nan")},
    ],
)  # fmt: skip
def test_a_token_for_something_else_is_not_believed(client, hardware, served, monkeypatch, spoil):
    original = Hardware._issue

    def spoilt(self, message_id, work):
        tokens = original(self, message_id, work)
        for name, value in spoil.items():
            setattr(tokens[-1], name, value)
        return tokens

    monkeypatch.setattr(Hardware, "_issue", spoilt)
    error = refusal(client(served).credit_token, "m1", METER, 0, 256, NOON)
    assert (error.code, error.permanent) in {("EAnswer.Other", False), ("EAnswer.Kcv", False)}
    assert len(hardware.made) == 1


def test_an_answer_of_no_tokens_is_not_believed(client, hardware, served, monkeypatch):
    monkeypatch.setattr(Hardware, "_issue", lambda *_: [])
    assert refusal(client(served).credit_token, "m1", METER, 0, 256, NOON).code == "EAnswer.Other"


def test_key_changes_come_whole_and_only_when_allowed(client, hardware, served):
    module = client(served)
    changed = module.key_change_tokens("k1", METER, Amendment("201457", 2, 1))
    assert [token.subclass for token in changed] == [3, 4]
    both = module.credit_token("m1", replace(METER, amendment=Amendment("201457", 2, 1)), 0, 1, NOON)
    assert [(t.token_class, t.krn) for t in both] == [(2, 1), (2, 1), (0, 2)]
    assert both[0].advice.to_krn == 2
    other_ken = replace(METER, ken=100, allow_ken_update=True)
    assert len(module.credit_token("m2", other_ken, 0, 1, NOON)) == 3


def test_management_and_test_tokens(client, served):
    module = client(served)
    [limit] = module.management_token("p1", METER, 0, 20_000, NOON)
    assert (limit.amount, limit.subclass) == (20_004, 0)
    assert module.verify(METER, limit.digits).kind == "maximum_power_limit"
    test = module.meter_test_token(0, 1, 0)
    assert module.verify(METER, test.digits).facts == (("control", 1), ("mfr_code", 0))


# --- errors and the time they take ----------------------------------------------------------


def test_a_refusal_for_good_is_permanent_and_not_asked_after(client, hardware, served):
    error = refusal(client(served).credit_token, "m1", replace(METER, sgc="777777"), 0, 1, NOON)
    assert (error.code, error.permanent) == ("EKeystore.NotFound", True)


@pytest.mark.parametrize("code", ["EService", "ESm", "ESomethingNew"])
def test_a_passing_error_is_never_followed_by_a_second_issue_call(client, hardware, served, code):
    hardware.fails_with = [code]
    error = refusal(client(served).credit_token, "m1", METER, 0, 1, NOON)
    assert (error.code, error.permanent, hardware.made) == (code, False, [])


def test_a_module_that_made_the_token_and_then_failed_is_asked_for_it(client, hardware, served):
    hardware.fails_with, hardware.fails_after_making = ["EService"], True
    [token] = client(served).credit_token("m1", METER, 0, 256, NOON)
    assert (token.amount, hardware.made) == (256, ["m1"])


@pytest.mark.parametrize(
    "fault",
    [Fault.CUT_AFTER_REQUEST, Fault.CUT_IN_ANSWER, Fault.GIANT_ANSWER, Fault.DUPLICATED_ANSWER],
)
def test_a_lost_answer_is_fetched_within_the_counters_patience(client, hardware, proxy, fault):
    module = client(proxy.port)
    proxy.fault = fault
    [token] = module.credit_token("m1", METER, 0, 256, NOON)
    [after] = module.credit_token("m2", METER, 0, 1, NOON)
    assert (token.amount, after.amount, hardware.made) == (256, 1, ["m1", "m2"])


@pytest.mark.parametrize("fault", [Fault.CUT_BEFORE_REQUEST, Fault.MUTE, Fault.LATE])
def test_a_request_that_vanished_is_not_sent_again(client, hardware, proxy, fault):
    module = client(proxy.port)
    proxy.fault, proxy.late_s = fault, 0.9
    error = refusal(module.credit_token, "m1", METER, 0, 256, NOON)
    assert not error.permanent
    assert proxy.counts["issueCreditToken"] == 0
    proxy.wait()
    assert hardware.made == (["m1"] if fault is Fault.LATE else [])


def test_whatever_byte_of_an_answer_is_flipped_the_token_is_right_or_refused(client, hardware, proxy):
    module = client(proxy.port, patience_s=0.15)
    outcomes = set()
    for at in range(0, 420, 7):
        proxy.fault, proxy.flip_at = Fault.FLIPPED_ANSWER, at
        try:
            [token] = module.credit_token(f"m{at}", METER, 0, 256, NOON + timedelta(minutes=at))
        except ModuleError as error:
            outcomes.add((error.code, error.permanent))
            [token] = module.fetch(f"m{at}")
        read = module.verify(METER, token.digits)
        assert (read.reason, read.amount, token.amount) == ("EVerify.Ok", 256, 256)
        proxy.fault = None
    assert len(hardware.made) == len(set(hardware.made))
    assert outcomes, "some flips must have been noticed"
    assert {permanent for _code, permanent in outcomes} == {False}


def test_slow_bytes_do_not_lengthen_the_wait(client, certificates, hardware):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates["own"].file, certificates["own"].key_file)

    def dribble(listening):
        with contextlib.suppress(OSError), context.wrap_socket(listening.accept()[0], server_side=True) as sock:
            for byte in b"\x00\x00\x00\xff" + bytes(100):
                sock.sendall(bytes([byte]))
                time.sleep(0.1)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=dribble, args=(listening,))
        thread.start()
        begun = time.monotonic()
        trial = connect_test(client(listening.getsockname()[1]).line.place)
        took = time.monotonic() - begun
        thread.join()
    assert (trial.steps[-1].name, trial.steps[-1].code) == ("ping", "ENetwork.Timeout")
    assert took < 8  # it drips for ten seconds and more


# --- status, connect test, what hardware does not know --------------------------------------


def test_status_of_hardware_shows_the_keys_that_were_typed_in(client, served):
    status = client(served).status()
    assert (status.version, len(status.keys)) == ("TSM250 1.2", 5)
    assert status.alerts == ("EKey: a key is about to expire",)


def test_hardware_does_not_know_our_own_calls(client, served):
    place = client(served).line.place
    for call in (
        lambda: admin.list_keys(place),
        lambda: admin.load_key_file(place, "{}", "x"),
        lambda: admin.counts_per_day(place, NOON.date(), NOON.date()),
    ):
        error = refusal(call)
        assert (error.code, error.permanent) == ("EMethod.Unknown", True)
