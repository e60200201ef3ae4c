"""A module that stops answering, as a stopped process does: given up by one moment, asked once."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import replace

import pytest

from app.sts.module import ModuleError
from tests.sts.prism.test_client import METER, NOON, refusal


def test_a_module_that_stops_answering_is_given_up_by_one_moment_and_asked_once(client, hardware, served):
    """Frozen: its connections stay open and new ones are taken by the system, but nothing answers."""
    with socket.create_server(("127.0.0.1", 0)) as frozen:  # nobody accepts
        module = client(served, patience_s=0.6)
        module.line.whole_s = 1.2
        module.credit_token("m1", METER, 0, 1, NOON)
        module.line.place = replace(module.line.place, port=frozen.getsockname()[1])
        module.line._drop_idle()
        for many in (1, 4):  # they must not wait for each other's sign-in either
            module.line._access_token = None
            begun = time.monotonic()
            threads = [
                threading.Thread(target=refusal, args=(module.credit_token, f"m2{n}", METER, 0, 1, NOON))
                for n in range(many)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert time.monotonic() - begun < 2.5
        begun = time.monotonic()
        with pytest.raises(ModuleError):
            module.line.probe()
        assert time.monotonic() - begun < 2.0, "known to be dead: it gets a second"
    assert hardware.made == ["m1"]
