"""The crash trial in short form: the running site, killed again and again, sells each tender once."""

from __future__ import annotations

import socket

from tests.stories.crash_trial import Site, trial

TENDERS, CLIENTS, PAUSE_S = 24, 3, (0.7, 1.8)


def free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def test_every_tender_has_one_token_whatever_is_killed(tmp_path, seed):
    site = Site(tmp_path / "instance", free_ports())
    site.prepare()
    site.start()
    try:
        figures = trial(site, TENDERS, CLIENTS, seed, PAUSE_S)
    finally:
        site.stop()
    assert figures.tenders == TENDERS
    assert sum(figures.kills.values()) >= 3, figures.kills
