"""The Thrift compiler for one test of the module server: there already, or by apt where that is possible.

Prints one line when there will be none; the test run then names what it leaves out.
"""

from __future__ import annotations

import os
import shutil

from tools.chromium import install


def find_thrift() -> str | None:
    """The path of the compiler: THRIFT by hand, else the first on the path."""
    return os.environ.get("THRIFT") or shutil.which("thrift")


def main() -> None:
    """Install Debian's compiler when it is missing, and this machine lets us."""
    if find_thrift() or install("thrift-compiler", "the test of the wire with another Thrift"):
        return
    print("No Thrift compiler here (apt install thrift-compiler): one test of the wire will be left out.")


if __name__ == "__main__":
    main()
