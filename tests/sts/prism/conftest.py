"""A hardware stand-in behind TLS, a proxy that spoils calls, and clients with little patience."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.sts.prism.client import PrismModule
from app.sts.prism.line import Line
from app.sts.prism.place import Place
from tests.sts.prism.certificates import Certificate, make_certificate
from tests.sts.prism.fault_proxy import FaultProxy
from tests.sts.prism.hardware import PASSWORD, USERNAME, Hardware


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Certificate]:
    """The module's, somebody else's, and one that an authority signed."""
    folder: Path = tmp_path_factory.mktemp("certificates")
    return {
        "own": make_certificate(folder, "own"),
        "other": make_certificate(folder, "other"),
        "signed": make_certificate(folder, "signed", signed=True),
        "elsewhere": make_certificate(folder, "elsewhere", host="127.0.0.9", signed=True),
    }


@pytest.fixture
def hardware(certificates: dict[str, Certificate]) -> Hardware:
    """The stand-in, not yet serving."""
    return Hardware(certificates["own"])


@pytest.fixture
def served(hardware: Hardware) -> Iterator[int]:
    """Its port."""
    with hardware.served() as port:
        yield port


@pytest.fixture
def proxy(certificates: dict[str, Certificate], served: int) -> Iterator[FaultProxy]:
    """The proxy before the stand-in; its port is `proxy.port`."""
    made = FaultProxy(certificates["own"], certificates["other"], served)
    with made.served() as port:
        made.port = port
        yield made


@pytest.fixture
def client(hardware: Hardware) -> Iterator[Callable[..., PrismModule]]:
    """`client(port, **place)`: our client, closed at the end."""
    lines = []

    def make(port: int, *, patience_s: float = 0.5, offset: int = 0, facts: Any = None, **changes: Any) -> PrismModule:
        facts_of = {
            "address": "127.0.0.1", "port": port, "username": USERNAME, "password": PASSWORD,
            "fingerprint": hardware.certificate.fingerprint, "connect_timeout_s": 3.0, "answer_timeout_s": 0.8,
        }  # fmt: skip
        line = Line(Place(**(facts_of | changes)), patience_s=patience_s)
        lines.append(line)
        known = facts or (lambda: tuple(key.facts() for key in hardware.keys))
        return PrismModule("hardware", line.place, known, tid_offset_minutes=offset, line=line)

    yield make
    for line in lines:
        line.close()
