"""The connect test: it walks to the end, or names the step that failed."""

from __future__ import annotations

import socket
import threading
from dataclasses import replace

import pytest

from app.sts.prism.trial import connect_test


def test_the_connect_test_walks_to_the_end_and_knows_hardware_by_what_it_does_not_know(client, served):
    trial = connect_test(client(served).line.place)
    assert [step.name for step in trial.steps] == ["address", "connect", "tls", "ping", "sign_in", "status", "keys"]
    assert (trial.ok, trial.keys, trial.version) == (True, None, "TSM250 1.2")
    assert trial.alerts == ("EKey: a key is about to expire",)


@pytest.mark.parametrize(
    ("change", "step", "code"),
    [
        ({"address": "nowhere.invalid"}, "address", "ENetwork.Name"),
        ({"address": "x" * 300}, "address", "ENetwork.Name"),
        ({"port": 1}, "connect", "ENetwork.Refused"),
        ({"password": "not-the-password"}, "sign_in", "ESignin.Authentication"),
    ],
)
def test_the_connect_test_names_the_step_that_failed(client, served, change, step, code):
    place = replace(client(served).line.place, **change)
    trial = connect_test(place)
    assert (trial.steps[-1].name, trial.steps[-1].code, trial.ok) == (step, code, False)
    assert place.password not in repr(trial)


def test_the_connect_test_of_something_that_is_no_tls(client, served):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        answering = threading.Thread(
            target=lambda: (c := listening.accept()[0]).sendall(b"HTTP/1.1 400\r\n\r\n") or c.close(), daemon=True
        )
        answering.start()
        trial = connect_test(replace(client(served).line.place, port=listening.getsockname()[1]))
        answering.join()
    assert (trial.steps[-1].name, trial.steps[-1].ok) == ("tls", False)
