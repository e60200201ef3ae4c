"""The C program beside which the token bench stands: its tables, its tokens, its time.

The numbers of the ciphers come out of the product's own data files, so that limit.c holds
code only; it must make the same tokens, and prints their checksum.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import isqrt
from pathlib import Path

from app.sts.ciphers import misty1, sta

ROOT = Path(__file__).resolve().parents[1]
VK8 = bytes.fromhex("ABABABABABABABAB")
VK20 = bytes.fromhex("ABABABABABABABAB949494949494949401234567")


def c_table(name: str, kind: str, values: list[int]) -> str:
    """One table as C."""
    return f"static const {kind} {name}[] = {{{', '.join(map(str, values))}}};\n"


def c_header() -> str:
    """The ciphers' numbers for limit.c, out of the product's own data files."""
    tables = sta.load("production")
    boxes = misty1.boxes()
    des_boxes = json.loads((ROOT / "app" / "sts" / "arrays" / "des.json").read_text())
    # the initial permutation takes the even bits of each byte, last byte first, then the odd ones
    des_boxes["ip"] = [
        8 * row + column for column in (2, 4, 6, 8, 1, 3, 5, 7) for row in range(7, -1, -1)
    ]
    primes = [p for p in range(2, 312) if all(p % d for d in range(2, isqrt(p) + 1))]
    cube = [
        next(r for r in range(int((p << 96) ** (1 / 3)) - 99, 2**40) if (r + 1) ** 3 > p << 96)
        for p in primes
    ]
    parts = [
        c_table("STA_S1", "u8", list(tables.s1)),
        c_table("STA_S2", "u8", list(tables.s2)),
        c_table("STA_PERM", "u8", list(tables.perm)),
        c_table("MISTY_S7", "u8", boxes["s7"]),
        c_table("MISTY_S9", "u16", boxes["s9"]),
        c_table("SHA_K", "u32", [root & 0xFFFFFFFF for root in cube]),
        c_table("SHA_START", "u32", [isqrt(p << 64) & 0xFFFFFFFF for p in primes[:8]]),
        c_table("VK8", "u8", list(VK8)),
        c_table("VK20", "u8", list(VK20)),
        "#define CRC_POLY 0xA001\n",
        *(
            c_table(f"DES_{name.upper()}", "u8", des_boxes[name])
            for name in ("pc1", "pc2", "p", "s", "ip")
        ),
    ]
    return (
        "#include <stdint.h>\n#define u8 uint8_t\n#define u16 uint16_t\n#define u32 uint32_t\n"
        + "".join(parts)
        + "#undef u8\n#undef u16\n#undef u32\n"
    )


def checksum(tokens: list[str]) -> int:
    """What limit.c prints of its tokens."""
    total = 0
    for character in "".join(tokens).encode():
        total = (total * 31 + character) % 2**64
    return total


def own_sha() -> list[str]:
    """What lets C use the processor's own SHA-256, where it has it: the library behind hashlib does so too."""
    processor = Path("/proc/cpuinfo")
    known = processor.read_text().split() if processor.exists() else []
    return ["-msha", "-msse4.1"] if "sha_ni" in known else []


@contextmanager
def compiled(pans: list[str]) -> Iterator[Callable[[int], dict[str, tuple[float, int]]]]:
    """A function that runs the C program some times: work -> (best tokens a second, checksum).

    It finds nothing where there is no compiler.
    """
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        yield lambda _: {}
        return
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "limit_tables.h").write_text(c_header())
        (place / "pans").write_text("".join(pans))
        source, program = str(Path(__file__).parent / "limit.c"), f"{folder}/limit"
        command = [compiler, "-O3", *own_sha(), "-w", f"-I{folder}", source, "-o", program]
        subprocess.run(command, check=True)

        def run(repeats: int) -> dict[str, tuple[float, int]]:
            arguments = [program, str(len(pans)), str(repeats), f"{folder}/pans"]
            shown = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout
            rows = (line.split() for line in shown.splitlines())
            return {name: (1 / float(took), int(total)) for name, took, total in rows}

        yield run
