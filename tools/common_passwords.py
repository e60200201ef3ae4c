"""Make app/access/common_passwords.bin anew: `python tools/common_passwords.py LIST`, LIST with a password a line.

LIST is "10-million-password-list-top-1000000.txt", which OWASP's SecLists keeps of Mark Burnett's ten million.  What
is shorter than a password may be here is left out.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
LENGTH_MIN = 12


def main(source: Path) -> int:
    """Write the file; says how many passwords it knows."""
    from app.access.known_passwords import COMMON_FILE, record_of

    lines = source.read_text(encoding="utf-8", errors="replace").splitlines()
    records = {record_of(line) for line in lines if len(line) >= LENGTH_MIN}
    COMMON_FILE.write_bytes(b"".join(sorted(records)))
    print(f"{len(records)} passwords of {LENGTH_MIN} signs and more, out of {len(lines)}")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1])))
