"""The engine from the shell: ``python -m app.sts selftest FILE...``."""

import argparse
import sys

from app.sts import selftest


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m app.sts", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("selftest", help="check the engine against files of test vectors")
    check.add_argument("--kind", action="append", default=[], metavar="KIND[:SUBCLASS[-SUBCLASS]]")
    check.add_argument("files", nargs="+", metavar="FILE")
    chosen = parser.parse_args(arguments)
    passed, failed, lines = selftest.run(chosen.files, chosen.kind)
    print(*lines, f"{passed} passed, {failed} failed", sep="\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
