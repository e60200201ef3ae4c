"""The contract of a security module, held by every one there is.

The same tests ask the module in this process, another maker's parts behind TLS, our server over TLS,
and our server through a proxy.  Then the proxy spoils one call in every way it knows, and there is
still one token.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.sts.demonstration import demonstration_keys
from app.sts.journal import MemoryJournal
from app.sts.meter_number import pan_from_drn
from app.sts.module import Amendment, MeterConfig, ModuleError, SecurityModule
from app.sts.prism import admin, folder, service
from app.sts.prism.client import PrismModule
from app.sts.prism.line import Line
from app.sts.prism.place import Place
from app.sts.software import SoftwareModule
from tests.sts.prism.certificates import Certificate, make_certificate
from tests.sts.prism.fault_proxy import Fault, FaultProxy
from tests.sts.prism.hardware import PASSWORD, USERNAME, Hardware

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
METER = MeterConfig(pan_from_drn("00000000000"), ea=7, tct=2, sgc="201457", krn=1, ti=1, ken=255)
MISTY = replace(METER, ea=11)
LEGACY = replace(METER, sgc="123456")
KINDS = ("in process", "another maker's", "our server", "our server, through the proxy")


def known() -> tuple[Any, ...]:
    return tuple(key.facts() for key in demonstration_keys())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Place, Certificate]]:
    """Our server in a thread; its port, how to come in, and its certificate."""
    at: Path = tmp_path_factory.mktemp("module")
    prepared = folder.prepare(at, vending_keys=demonstration_keys())
    stop, listening, ports = threading.Event(), threading.Event(), []

    def say(port: int) -> None:
        ports.append(port)
        listening.set()

    thread = threading.Thread(target=service.serve, args=(at, "127.0.0.1", 0, stop), kwargs={"listening": say})
    thread.start()
    assert listening.wait(10)
    certificate = Certificate(at / folder.CERTIFICATE, at / folder.PRIVATE_KEY, prepared.fingerprint, "")
    place = Place(
        "127.0.0.1", ports[0], prepared.username, prepared.password or "", fingerprint=prepared.fingerprint,
        connect_timeout_s=5.0, answer_timeout_s=3.0,
    )  # fmt: skip
    yield ports[0], place, certificate
    stop.set()
    thread.join(10)
    assert not thread.is_alive()


@pytest.fixture
def proxy(server: tuple[int, Place, Certificate], tmp_path: Path) -> Iterator[FaultProxy]:
    """The proxy before our server; it shows the server's own certificate, unless it is told not to."""
    made = FaultProxy(server[2], make_certificate(tmp_path, "other"), server[0])
    with made.served() as port:
        made.port = port
        yield made


@pytest.fixture
def over_wire() -> Iterator[Callable[[Place], PrismModule]]:
    """Our client at a place, closed at the end."""
    with contextlib.ExitStack() as stack:

        def make(place: Place) -> PrismModule:
            line = Line(place, patience_s=0.4)
            stack.callback(line.close)
            return PrismModule("module", place, known, line=line)

        yield make


@pytest.fixture(params=KINDS)
def module(request: pytest.FixtureRequest, over_wire: Any, tmp_path: Path) -> Iterator[SecurityModule]:
    """Each module in turn."""
    if request.param == KINDS[0]:
        yield SoftwareModule("module", demonstration_keys(), MemoryJournal())
    elif request.param == KINDS[1]:
        certificate = make_certificate(tmp_path, "own")
        with Hardware(certificate).served() as port:
            yield over_wire(Place("127.0.0.1", port, USERNAME, PASSWORD, fingerprint=certificate.fingerprint))
    else:
        place = request.getfixturevalue("server")[1]
        if request.param == KINDS[3]:
            place = replace(place, port=request.getfixturevalue("proxy").port)
        yield over_wire(place)


@pytest.fixture
def message() -> Callable[[], str]:
    """`message()`: an id that no other test of this run has used."""
    return lambda: secrets.token_hex(16)


def refusal(work: Any, *arguments: Any) -> ModuleError:
    with pytest.raises(ModuleError) as caught:
        work(*arguments)
    return caught.value


@pytest.mark.parametrize("meter", [METER, LEGACY, MISTY], ids=["sts6", "legacy", "misty1"])
def test_a_token_means_to_the_meter_what_the_module_says_of_it(module, message, meter):
    for subclass, asked, carried in ((0, 20_000, 20_004), (1, 17, 17), (2, 1, 1), (4, -100_000, -99_994)):
        sent = message()
        [token] = module.credit_token(sent, meter, subclass, asked, NOON)
        read = module.verify(meter, token.digits)
        assert (read.reason, read.token_class, read.subclass) == ("EVerify.Ok", 0, subclass)
        assert token.amount == read.amount
        assert abs(token.amount) >= abs(carried) - 6
        assert (token.pan, token.ea, token.sgc, token.krn, token.ti) == (
            meter.pan, meter.ea, meter.sgc, meter.krn, meter.ti,
        )  # fmt: skip
        assert (read.token_id, token.base_date, token.issue_time) == (token.token_id, 14, NOON)
        assert token.kcv in {facts.kcv for facts in known() if facts.sgc == meter.sgc}
        assert [replace(t, issue_time=NOON) for t in module.fetch(sent)] == [token]


def test_what_was_never_asked_is_a_passing_miss(module, message):
    error = refusal(module.fetch, message())
    assert (error.code, error.permanent) == ("ECacheMiss", False)


def test_token_ids_of_a_meter_rise_whatever_the_clock_says(module, message):
    ids = [
        module.credit_token(message(), METER, 0, 1, NOON - timedelta(days=n))[0].token_id for n in range(3)
    ]
    assert ids == sorted(set(ids))


def test_a_key_change_comes_before_the_token_and_says_where_it_leads(module, message):
    tokens = module.credit_token(message(), replace(METER, amendment=Amendment("201457", 2, 5)), 0, 10, NOON)
    assert [(t.token_class, t.subclass, t.krn, t.ti) for t in tokens] == [(2, 3, 1, 1), (2, 4, 1, 1), (0, 0, 2, 5)]
    advice = tokens[0].advice
    assert (advice.to_sgc, advice.to_krn, advice.to_ti, advice.to_ken, advice.kcv) == (
        "201457", 2, 5, 255, tokens[2].kcv,
    )  # fmt: skip
    assert module.verify(replace(METER, krn=2, ti=5), tokens[2].digits).accepted
    assert module.verify(METER, tokens[0].digits).kind == "key_change"
    assert module.verify(METER, tokens[2].digits).reason == "EVerify.Crc"
    sets = module.key_change_tokens(message(), METER, Amendment("201457", 2, 5))
    assert [token.digits for token in sets] == [token.digits for token in tokens[:2]]


def test_a_module_changes_a_key_by_itself_only_when_it_may(module, message):
    stale = replace(METER, ken=200)
    assert len(module.credit_token(message(), stale, 0, 1, NOON)) == 1
    assert len(module.credit_token(message(), replace(stale, allow_ken_update=True), 0, 1, NOON)) == 3


def test_three_key_change_tokens_carry_the_supply_group(module, message):
    tokens = module.key_change_tokens(message(), replace(METER, three_key_tokens=True), Amendment("201457", 2, 1))
    assert [token.subclass for token in tokens] == [3, 4, 8]
    four = module.key_change_tokens(message(), MISTY, Amendment("201457", 2, 1))
    assert [token.subclass for token in four] == [3, 4, 8, 9]


def test_engineering_tokens(module, message):
    [limit] = module.management_token(message(), METER, 0, 20_000, NOON)
    read = module.verify(METER, limit.digits)
    assert (limit.amount, read.amount, read.kind) == (20_004, 20_004, "maximum_power_limit")
    test = module.meter_test_token(0, 1, 0)
    assert module.meter_test_token(0, 1, 0) == test
    assert module.verify(METER, test.digits).facts == (("control", 1), ("mfr_code", 0))
    assert module.verify(METER, "1" * 20).accepted is False


@pytest.mark.parametrize(
    ("change", "code"),
    [({"sgc": "777777"}, "EKeystore.NotFound"), ({"sgc": "888888"}, "ESts.VkExpired")],
)
def test_a_refusal_for_good_says_why_and_leaves_nothing(module, message, change, code):
    sent = message()
    error = refusal(module.credit_token, sent, replace(METER, **change), 0, 1, NOON)
    assert (error.code, error.permanent) == (code, True)
    assert refusal(module.fetch, sent).code == "ECacheMiss"


def test_an_amount_that_no_token_carries_is_refused_for_good(module, message):
    for amount in (-1, 18_201_625):
        assert refusal(module.credit_token, message(), METER, 0, amount, NOON).permanent


def test_status(module):
    status = module.status()
    assert status.version
    assert {(key.sgc, key.krn, key.kcv, key.base_date) for key in status.keys} == {
        (key.sgc, key.krn, key.kcv, key.base_date) for key in known()
    }


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name.lower())
def test_whatever_happens_to_a_call_there_is_one_token_in_the_end(server, proxy, over_wire, message, fault):
    place = replace(server[1], port=proxy.port, answer_timeout_s=0.6)
    module = over_wire(place)
    meter = replace(METER, pan=pan_from_drn("11111111115"))
    before = made_today(server[1])
    proxy.raw, proxy.late_s = fault is Fault.FLIPPED_STREAM, 0.6
    if fault is not Fault.WRONG_CERTIFICATE:
        module.line.probe()  # an open line, as in the middle of a day
    proxy.fault, sent, lost = fault, message(), None
    try:
        tokens = module.credit_token(sent, meter, 0, 256, NOON)
    except ModuleError as error:
        lost = error
        proxy.fault = None
        proxy.wait()
        tokens = resolved(module, sent, meter)
    assert lost is None or not lost.permanent
    assert module.verify(meter, tokens[0].digits).amount == tokens[0].amount == 256
    assert (len(tokens), made_today(server[1]) - before) == (1, 1)


def test_a_memory_that_is_lost_beside_the_answer_makes_no_second_token(server, proxy, over_wire, message):
    module, sent = over_wire(replace(server[1], port=proxy.port)), message()
    before = made_today(server[1])
    proxy.fault, proxy.forgets = Fault.CUT_AFTER_REQUEST, True
    assert not refusal(module.credit_token, sent, METER, 0, 256, NOON).permanent
    assert refusal(module.fetch, sent).code == "ECacheMiss"
    again = module.credit_token(sent, METER, 0, 256, NOON)
    proxy.forgets = False
    assert module.fetch(sent)[0].digits == again[0].digits
    assert made_today(server[1]) - before == 1


def resolved(module: SecurityModule, sent: str, meter: MeterConfig) -> Any:
    """What `resolve` does after its wait."""
    try:
        return module.fetch(sent)
    except ModuleError as error:
        if error.code != "ECacheMiss":
            raise
    return module.credit_token(sent, meter, 0, 256, NOON)


def made_today(place: Place) -> int:
    """Credit tokens that our server has made, by its own count."""
    counts = admin.counts_per_day(place, date(2026, 1, 1), date(2026, 12, 31))
    return sum(tokens for _day, token_class, _subclass, tokens in counts if token_class == 0)
