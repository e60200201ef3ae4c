"""Whatever is typed: everything that parses digits or records answers or raises what it documents."""

import random
from collections.abc import Callable

import pytest

from app.sts import errors, id_record, meter_number, token, verify
from app.sts.keys import DecoderKey
from app.sts.module import MeterConfig
from app.sts.virtual_meter import VirtualMeter

KEY = DecoderKey(7, bytes.fromhex("87F3ECBB2E46B48F"))
LONG_KEY = DecoderKey(11, bytes.fromhex("929BD3A415C9420A05EC5EE9F3CE91C3"))
METER = MeterConfig("600727000000000009", ea=7, tct=2, sgc="201457", krn=1, ti=1, ken=255)
#: Sound beginnings; what is tried are these with something changed.
SEEDS = (
    "70630503470028726114",
    "7063 0503 4700 2872 6114",
    "34494889475378866499",
    "06510894141453018386",
    "00000000000150997584",
    "00000000000",
    "0100000000008",
    "600727000000000009",
    "60072700000000000900000207201457011",
    "\x02600727000000000009===0107201457011\x03",
    "",
)
ODD = "0123456789 -=+_.eExX\x00\x02\x03\n٣３²Ⅷ½é😀\ud800"


def mutations(source: random.Random) -> Callable[[], str]:
    """Return a maker of inputs: a seed with some characters replaced, added, dropped or moved."""

    def make() -> str:
        text = SEEDS[source.randrange(len(SEEDS))]
        choice = source.randrange(8)
        if choice == 0:
            return str(source.getrandbits(67))[: source.choice((19, 20, 20, 20, 21))]
        for _ in range(choice // 2):
            at = source.randrange(len(text) + 1)
            odd = ODD[source.randrange(len(ODD))] if choice < 5 else str(source.randrange(10))
            text = (
                text[:at] + odd * source.choice((1, 1, 1, 2, 20)) + text[at + source.randrange(3) :]
            )
        return text

    return make


def parse_everything(text: str, meter: VirtualMeter) -> int:
    """Hand one input to every parser; return how many took it."""
    taken = 0
    for parser in (
        meter_number.validate,
        meter_number.validate_pan,
        meter_number.pan_from_drn,
        meter_number.drn_from_pan,
        meter_number.format,
        id_record.parse,
        id_record.parse_record2,
        token.groups,
        token.open_digits,
    ):
        try:
            parser(text)
            taken += 1
        except errors.StsError:
            pass
    for key in (KEY, LONG_KEY):
        try:
            token.read(text, key)
            taken += 1
        except errors.StsError:
            pass
    taken += verify.verify(text, KEY, base_date=14, ken=255, mfr_code=0).accepted
    taken += meter.enter(text).accepted
    return taken + meter_number.is_valid(text)


def test_nothing_but_documented_errors_comes_out(seed: int) -> None:
    make, meter = mutations(random.Random(seed)), VirtualMeter(METER, KEY)
    assert sum(parse_everything(make(), meter) for _ in range(3000)) > 500


@pytest.mark.deep
def test_nothing_but_documented_errors_comes_out_of_ten_million_inputs(
    seed: int, deep_record: Callable[..., None]
) -> None:
    """Counts what is handed to a parser; each mutated text goes to fourteen of them."""
    make, meter = mutations(random.Random(seed)), VirtualMeter(METER, KEY)
    texts = 10_000_000 // 14 + 1
    taken = sum(parse_everything(make(), meter) for _ in range(texts))
    figures = {"inputs": 14 * texts, "texts": texts, "taken": taken, "undocumented_errors": 0}
    print(figures)
    deep_record("fuzz of parsers", **figures)
    assert taken > texts // 10
