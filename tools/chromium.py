"""Sees to a Chromium for the browser tests: there already, or by apt where that is possible.

Prints one line when there will be none; the test run then names what it leaves out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

# The shell without a window first: the same engine for two thirds of the processor time.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def find_chromium() -> str | None:
    """The path of a Chromium: CHROMIUM by hand, else the first on the path."""
    by_hand = os.environ.get("CHROMIUM")
    return by_hand or next(filter(None, map(shutil.which, NAMES)), None)


def _apt(*arguments: str) -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "--quiet", "--yes", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr.strip()[-2000:], file=sys.stderr)
    return done.returncode == 0


def install(package: str, purpose: str) -> bool:
    """Install a package of Debian when this machine lets us; whether it is there now."""
    if not shutil.which("apt-get") or os.geteuid() != 0:
        return False
    print(f"Installing Debian's {package} for {purpose} (once; about a minute).")
    # NB: a new machine has no package lists, so update comes first.
    return _apt("update") and _apt("install", "--no-install-recommends", package)


def main() -> None:
    """Install Debian's Chromium when it is missing, and this machine lets us."""
    if find_chromium() or install(NAMES[0], "the browser tests") or install(NAMES[1], "the browser tests"):
        return
    print("No Chromium here (apt install chromium): the browser tests will be left out.")


if __name__ == "__main__":
    main()
