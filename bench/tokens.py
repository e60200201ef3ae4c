"""Tokens per second: one call, batches of 100 000 meters, and a plain C program as the limit.

    .venv/bin/python bench/tokens.py [--quick]

Time is processor time of the process that works, so that neighbours on a shared core count less; one call,
batch and C take turns, so that all three share good and bad moments. Each figure is the median of the
turns (the best stands in brackets). "One call" goes from the fields of a meter record to twenty digits:
validated, typed, decoder key derived. A batch starts from columns. Where there is a C compiler, bench/limit.c
does the same work and must make the same tokens.
"""

from __future__ import annotations

import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from limit import VK8, VK20, checksum, compiled  # noqa: E402

from app.sts import batch, credit, key_change, keys, meter_number, token  # noqa: E402
from app.sts.batch import Group  # noqa: E402
from app.sts.demonstration import demonstration_keys  # noqa: E402
from app.sts.journal import MemoryJournal  # noqa: E402
from app.sts.keys import KeyTarget  # noqa: E402
from app.sts.module import MeterConfig  # noqa: E402
from app.sts.software import SoftwareModule  # noqa: E402

#: name, what, our targets for one call and for a batch (tokens or sets a second)
WORKS = (
    ("credit07", "credit, DKGA02 + EA07", 40_000, 2_500_000),
    ("credit11", "credit, DKGA04 + EA11", 45_000, 1_000_000),
    ("decode07", "decode + CRC, EA07, key known", 40_000, 6_000_000),
    ("decode11", "decode + CRC, EA11, key known", 80_000, 7_000_000),
    ("change07", "key-change set EA07 (2 tokens)", 22_000, 1_200_000),
    ("change11", "key-change set EA11 (4 tokens)", 13_000, 400_000),
)


def random_pans(count: int) -> list[str]:
    """MeterPANs of both lengths, always the same ones."""
    source, pans = random.Random(41), []
    for number in range(count):
        size = 12 if number % 4 == 0 else 10
        body = f"{source.randrange(10**size):0{size}d}"
        pans.append(meter_number.pan_from_drn(body + meter_number.check_digit(body)))
    return pans


def amounts(at: int) -> tuple[int, int]:
    """Tenths and token id of meter number ``at``, the same in every program."""
    return at % 300_000, 6_000_000 + at % 1000


class OneCall:
    """A plain loop over the functions anybody would call."""

    def __init__(self, pans: list[str]) -> None:
        self.pans = pans
        self.ready = {7: keys.prepare(2, VK8), 11: keys.prepare(4, VK20)}
        self.sgc = {7: "123456", 11: "201457"}
        self.keys = {ea: [self.key(ea, self.meter(ea, pan), 1) for pan in pans] for ea in (7, 11)}
        self.digits = {7: self.credit(7), 11: self.credit(11)}

    def meter(self, ea: int, pan: str) -> MeterConfig:
        """A meter record, checked."""
        return MeterConfig(pan, ea, 2, self.sgc[ea], 1, 1, 255)

    def key(self, ea: int, meter: MeterConfig, krn: int) -> keys.DecoderKey:
        """The decoder key of a meter."""
        target = KeyTarget(meter.pan, meter.ea, meter.sgc, meter.key_type, krn, meter.ti, 14)
        return self.ready[ea].decoder_key(target)

    def credit(self, ea: int) -> list[str]:
        """Make a credit token for each meter."""
        made = []
        for at, pan in enumerate(self.pans):
            meter = self.meter(ea, pan)
            tenths, identifier = amounts(at)
            said = credit.Credit(0, tenths, identifier, 5)
            made.append(credit.issue(self.key(ea, meter, 1), said))
        return made

    def decode(self, ea: int) -> list[credit.Credit]:
        """Read known tokens."""
        known = zip(self.digits[ea], self.keys[ea], strict=True)
        return [credit.decode(token.read(digits, key)[1]) for digits, key in known]

    def change(self, ea: int) -> list[str]:
        """Make a key-change set for each meter."""
        made = []
        for pan in self.pans:
            meter = self.meter(ea, pan)
            old, new = self.key(ea, meter, 1), self.key(ea, meter, 2)
            change = key_change.KeyChange(new, meter.sgc, 2, 2, meter.ti, 255)
            made.append("".join(key_change.issue(old, change)))
        return made


class Batch:
    """The same work by columns."""

    groups = {7: Group(2, 7, "123456", 1, 93), 11: Group(4, 11, "201457", 1, 14)}  # noqa: RUF012
    newer = {7: Group(2, 7, "123456", 2, 93), 11: Group(4, 11, "201457", 2, 14)}  # noqa: RUF012

    def __init__(self, pans: list[str]) -> None:
        self.pans = np.array([pan.encode() for pan in pans])
        both = np.array([amounts(at) for at in range(len(pans))])
        self.tenths, self.identifiers = both[:, 0].copy(), both[:, 1].copy()
        self.nibbles = np.full(len(pans), 5)
        self.keys = {ea: self.derived(ea, self.groups) for ea in (7, 11)}
        self.digits = {ea: self.credit(ea) for ea in (7, 11)}

    def derived(self, ea: int, groups: dict[int, Group]) -> batch.Keys:
        """Decoder keys of all meters."""
        return batch.decoder_keys(VK8 if ea == 7 else VK20, groups[ea], self.pans, 1)

    def credit(self, ea: int) -> batch.Tokens:
        """Make a credit token for each meter."""
        made = self.derived(ea, self.groups)
        return batch.credit_tokens(made, 0, self.tenths, self.identifiers, rnd=self.nibbles)

    def decode(self, ea: int) -> batch.Reading:
        """Read known tokens."""
        return batch.read_tokens(self.digits[ea], self.keys[ea])

    def change(self, ea: int) -> batch.Tokens:
        """Make a key-change set for each meter."""
        old, new = self.derived(ea, self.groups), self.derived(ea, self.newer)
        return batch.key_change_tokens(old, new, self.newer[ea], 1, ken=255)


def clocked(work: Callable[[], object]) -> float:
    """Processor seconds of one run."""
    start = time.process_time()
    work()
    return time.process_time() - start


def measured(
    works: dict[str, Callable[[], object]], count: int, repeats: int
) -> dict[str, tuple[float, float]]:
    """(median, best) a second of each work, repeats interleaved so that all share good and bad moments."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            times[name].append(clocked(work))
    return {
        name: (count / statistics.median(took), count / min(took)) for name, took in times.items()
    }


def side_by_side(
    loop: OneCall,
    columns: Batch,
    c_program: Callable[[int], dict[str, tuple[float, int]]],
    repeats: int,
) -> tuple[dict[str, tuple[float, float]], dict[str, int]]:
    """(median, best) a second of "one", "batch" and "C" with the name of each work; the checksums of C."""
    speeds: dict[str, list[float]] = {}
    checksums: dict[str, int] = {}
    for _ in range(repeats):
        for ea in (7, 11):
            for kind in ("credit", "decode", "change"):
                for way, many, runs in (("one", loop, 2), ("batch", columns, 1)):
                    for _ in range(runs):
                        took = clocked(lambda many=many, kind=kind, ea=ea: getattr(many, kind)(ea))
                        speeds.setdefault(f"{way} {kind}{ea:02d}", []).append(len(many.pans) / took)
        for name, (speed, checksums[name]) in c_program(2).items():
            speeds.setdefault(f"C {name}", []).append(speed)
    return {name: (statistics.median(each), max(each)) for name, each in speeds.items()}, checksums


def peak_memory(ea: int, count: int) -> tuple[float, int]:
    """Processor seconds of key-change sets for many meters in a process of their own, and its MB at most."""
    program = (
        "import sys, time, resource, numpy as np\n"
        f"sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'bench')!r}]\n"
        "import tokens\n"
        "from app.sts import batch\n"
        f"pans, count = np.array([pan.encode() for pan in tokens.random_pans(1000)]), {count}\n"
        f"pans = np.resize(pans, count); vk = tokens.VK8 if {ea} == 7 else tokens.VK20\n"
        "start = time.process_time()\n"
        f"old, new = (batch.decoder_keys(vk, g[{ea}], pans, 1) for g in (tokens.Batch.groups, tokens.Batch.newer))\n"
        f"made = batch.key_change_tokens(old, new, tokens.Batch.newer[{ea}], 1, ken=255)\n"
        "took = time.process_time() - start\n"
        "print(took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)\n"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    took, megabytes = shown.stdout.split()
    return float(took), int(megabytes)


def import_time(name: str) -> tuple[float, float]:
    """Median wall and processor milliseconds that importing a module adds to a fresh interpreter."""
    program = (
        f"import time; w, c = time.perf_counter(), time.process_time(); import {name}; "
        "print(time.perf_counter() - w, time.process_time() - c)"
    )
    shown = [
        subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT
        ).stdout.split()
        for _ in range(9)
    ]
    return tuple(1000 * statistics.median(float(pair[at]) for pair in shown) for at in (0, 1))  # type: ignore[return-value]


def module_row(pans: list[str], repeats: int) -> tuple[float, float]:
    """Credit through the software module with a journal in memory, per second."""
    from datetime import UTC, datetime

    meters, now = [MeterConfig(pan, 7, 2, "123456", 1, 1, 255) for pan in pans], datetime.now(UTC)

    def sell() -> None:
        module = SoftwareModule("bench", demonstration_keys(), MemoryJournal())
        for at, meter in enumerate(meters):
            module.credit_token(f"m{at}", meter, 0, at, now)

    return measured({"sell": sell}, len(pans), repeats)["sell"]


def parts(loop: OneCall, columns: Batch) -> None:
    """Print where the time goes, microseconds in one call and nanoseconds in a batch."""
    from app.sts.arrays import fields
    from app.sts.arrays import sta as sliced

    pans, count = loop.pans[:1000], min(1000, len(loop.pans))
    meters = {ea: [loop.meter(ea, pan) for pan in pans] for ea in (7, 11)}
    works: dict[str, Callable[[], object]] = {
        "meter record, checked": lambda: [loop.meter(7, pan) for pan in pans],
        "decoder key DKGA02": lambda: [loop.key(7, meter, 1) for meter in meters[7]],
        "decoder key DKGA04": lambda: [loop.key(11, meter, 1) for meter in meters[11]],
        "block of a credit": lambda: [
            credit.encode(credit.Credit(0, n, n, 5)) for n in range(count)
        ],
        "EA07": lambda: [key.encrypt(n) for n, key in enumerate(loop.keys[7][:1000])],
        "EA11": lambda: [key.encrypt(n) for n, key in enumerate(loop.keys[11][:1000])],
        "CRC": lambda: [token.seal(0, n) for n in range(count)],
    }
    for name, (_, best) in measured(works, count, 40).items():
        print(f"    one call  {name:24} {1e6 / best:7.2f} us")
    works = {
        "decoder keys DKGA02": lambda: columns.derived(7, columns.groups),
        "decoder keys DKGA04": lambda: columns.derived(11, columns.groups),
    }
    for name, (_, best) in measured(works, len(columns.pans), 9).items():
        print(f"    batch     {name:24} {1e9 / best:7.1f} ns")
    many, piece = batch.CHUNK, slice(batch.CHUNK)  # what the batch itself does in one go
    tenths, digits, keys07, keys11 = (
        columns.tenths[piece],
        columns.digits[7][piece],
        columns.keys[7].part(piece),
        columns.keys[11].part(piece),
    )
    data = tenths.astype(np.uint64)
    works = {
        "amount fields": lambda: fields.encode_units(tenths),
        "CRC": lambda: fields.seal(0, data),
        "EA07": lambda: keys07.encrypt(data),
        "EA11": lambda: keys11.encrypt(data),
        "  transposing in EA07": lambda: [
            sliced.transpose(np.zeros((64, many // 64), np.uint64)) for _ in range(3)
        ],
        "twenty digits": lambda: fields.to_digits(0, data),
        "reading twenty digits": lambda: fields.from_digits(digits),
    }
    for name, (_, best) in measured(works, many, 25).items():
        print(f"    batch     {name:24} {1e9 / best:7.1f} ns")


def main() -> None:
    """Measure and print."""
    quick = "--quick" in sys.argv
    loop = OneCall(random_pans(500 if quick else 2000))
    columns = Batch(random_pans(100_000))
    repeats = 3 if quick else 15
    with compiled(random_pans(20_000)) as c_program:
        speeds, limit = side_by_side(loop, columns, c_program, repeats)
    same = {
        "credit07": loop.credit(7)
        == [digits.decode() for digits in columns.digits[7][: len(loop.pans)]],
        "credit11": loop.credit(11)
        == [digits.decode() for digits in columns.digits[11][: len(loop.pans)]],
    }
    print(
        "| work | one call /s | target | batch of 100 000 /s | target | C -O3 /s | batch : C |\n"
        "|---|---:|---:|---:|---:|---:|---:|"
    )
    for name, what, target_one, target_many in WORKS:
        one, many, bound = (speeds.get(f"{way} {name}") for way in ("one", "batch", "C"))
        cells = [f"{each[0]:,.0f} ({each[1]:,.0f})" if each else "-" for each in (one, many, bound)]
        ratio = f"{many[0] / bound[0]:.2f} ({many[1] / bound[1]:.2f})" if bound else "-"
        print(
            f"| {what} | {cells[0]} | {target_one:,} | {cells[1]} | {target_many:,} | {cells[2]} | {ratio} |"
        )
    middle, best = module_row(loop.pans, repeats)
    print(
        f"\nsoftware module, journal in memory, EA07: {middle:,.0f} credit tokens/s ({best:,.0f})"
    )
    if limit:
        pans = Batch(random_pans(20_000))
        for ea, name in ((7, "07"), (11, "11")):
            same[f"C credit{name}"] = (
                checksum([d.decode() for d in pans.digits[ea]]) == limit[f"credit{name}"]
            )
            sets = pans.change(ea).reshape(-1)
            # limit.c knows SGC 201457 for both algorithms; an EA07 set of two tokens carries no SGC
            same[f"C change{name}"] = checksum([d.decode() for d in sets]) == limit[f"change{name}"]
    for ea in (7, 11):
        took, megabytes = peak_memory(ea, 1_000_000)
        print(
            f"key-change sets for 1 000 000 EA{ea:02d} meters: {took:.2f} s, {megabytes} MB at most"
        )
    for name in ("app.sts", "app.sts.software"):
        wall, own = import_time(name)
        print(f"import {name}: {own:.0f} ms of processor time, {wall:.0f} ms on the clock")
    print(f"same tokens everywhere: {same}")
    print("where the time goes (best):")
    parts(loop, columns)
    print(f"peak of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")
    if not all(same.values()):
        sys.exit("tokens differ")


if __name__ == "__main__":
    main()
