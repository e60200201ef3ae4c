"""What every test finds ready: databases, the application, a visitor, closed doors to the world.

`database_url`  a fresh, set-up database; the test runs once on SQLite and once on PostgreSQL
                (`@pytest.mark.one_database`: on SQLite only; a browser's too)
`app`           the application on that database; `make_app(**settings)` builds another
`context`       an application context for tests of services (do not mix with `client`)
`client`        a visitor's browser without a screen, CSRF on; `login(client, "amara")`
`site`, `page`  the application served on loopback, and a page of a real Chromium
`said`          every word that the program may say, as a catalogue
`deep_record`   writes figures of a deep test into docs/deep.md; `seed` is its random seed
"""

from __future__ import annotations

import gc
import os

import pytest

pytest_plugins = [
    "tests.fixtures.closed_doors",
    "tests.fixtures.application",
    "tests.fixtures.databases",
    "tests.fixtures.browser",
    "tests.fixtures.deep",
    "tests.fixtures.wording",
]


# They take tens of seconds each: begun last, they would keep one process busy while the others are done.
LONG = ("tests/stories/", "tests/test_run.py", "tests/views/test_grid.py", "tests/test_worker.py", "tests/test_backup.py")
BROWSER = ("tests/stories/test_first_use.py", "tests/browser/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones come first, and those with a browser where the second process begins.

    Each process is given an equal part to begin with and takes from the end of another's when it has
    done its own: so one Chromium is started, and not one in each process for the last few tests.
    """
    browser = [item for item in items if item.nodeid.startswith(BROWSER)]
    browser.sort(key=lambda item: not item.nodeid.startswith(BROWSER[0]))
    long = [item for item in items if item.nodeid.startswith(LONG) and item not in browser]
    others = [item for item in items if not item.nodeid.startswith((*LONG, *BROWSER))]
    share = len(items) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    begin = max(share - len(long), 0)
    items[:] = long + others[:begin] + browser + others[begin:]


def pytest_collection_finish(session: pytest.Session) -> None:
    """What was loaded stays to the end: nobody need look through it for garbage again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what was left out, and why, at the end where somebody reads it."""
    names = [
        f"  {report.nodeid}: {report.longrepr[2]}"
        for report in terminalreporter.getreports("skipped")
        if isinstance(report.longrepr, tuple)
    ]
    if names:
        terminalreporter.section("left out")
        terminalreporter.write_line("\n".join(sorted(names)))
