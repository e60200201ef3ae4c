"""Prints the fastest of the Pythons that are named: the first, unless another counts faster by a good fifth.

Each is looked at in turn, again and again, for a few hundredths of a second: on a busy machine
one look says more of its neighbours than of it.
"""

from __future__ import annotations

import subprocess
import sys

ROUNDS = 4
TIMED = """
import time
def work():
    start, held = time.process_time(), {}
    for n in range(10000):
        held[n % 999] = held.get(n % 999, 0) + len(str(n))
    return time.process_time() - start
print(int(min(work() for _ in range(20)) * 1e6))
"""


def microseconds(python: str) -> int:
    """How long it takes to count, in processor time."""
    return int(subprocess.run([python, "-c", TIMED], capture_output=True, text=True, check=True).stdout)


def fastest(pythons: list[str]) -> str:
    """The one to take."""
    took: dict[str, int] = {}
    for _ in range(ROUNDS):
        for python in pythons:
            took[python] = min(took.get(python, sys.maxsize), microseconds(python))
    quickest = min(pythons, key=took.__getitem__)
    return quickest if took[quickest] * 5 < took[pythons[0]] * 4 else pythons[0]


if __name__ == "__main__":
    print(fastest(sys.argv[1:]))
