"""The program as `make run` starts it, but with children that are started again at once.

Run as a program by the crash trial; settings come from the environment.
"""

from __future__ import annotations

import sys

import config
import run
from app.supervisor import Supervisor

BACK_OFF_S = (0.2,)


def main() -> int:
    """Module, web server and worker, until a signal."""
    settings = config.load()
    programs = [program for program in run._programs(settings, run.LOOPBACK) if not program.once]
    up = Supervisor(programs, say=lambda line: print(line, flush=True), on_up=lambda: print("UP", flush=True),
                    back_off_s=BACK_OFF_S)  # fmt: skip
    return up.run()


if __name__ == "__main__":
    sys.exit(main())
