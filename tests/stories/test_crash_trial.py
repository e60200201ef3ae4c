"""The crash trial in short form: the running site, killed again and again, sells each tender once."""

from __future__ import annotations

from tests.fixtures.ports import free_ports
from tests.stories.crash_trial import Site, trial

TENDERS, CLIENTS, PAUSE_S, KILLS = 12, 3, (0.7, 1.8), 4


def test_every_tender_has_one_token_whatever_is_killed(tmp_path, seed):
    site = Site(tmp_path / "instance", free_ports(2))
    site.prepare()
    site.start()
    try:
        figures = trial(site, TENDERS, CLIENTS, seed, PAUSE_S, most=KILLS)
    finally:
        site.stop()
    assert figures.tenders == TENDERS
    assert sum(figures.kills.values()) >= 2, figures.kills
