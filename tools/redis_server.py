"""A Redis server for the test of the worker's queue: there already, or by apt where that is possible.

Prints one line when there will be none; the test run then names what it leaves out.
"""

from __future__ import annotations

import os
import shutil

from tools.chromium import install


def find_redis() -> str | None:
    """The path of the server: REDIS_SERVER by hand, else the first on the path."""
    return os.environ.get("REDIS_SERVER") or shutil.which("redis-server")


def main() -> None:
    """Install Debian's server when it is missing, and this machine lets us."""
    if find_redis() or install("redis-server", "the test of the queue on Redis"):
        return
    print("No Redis server here (apt install redis-server): the tests of the queue on it will be left out.")


if __name__ == "__main__":
    main()
