"""The batch agrees with the plain implementation on every kind it makes, and refuses what that refuses."""

import copy
import pickle
import random
from collections.abc import Callable
from dataclasses import asdict, replace

import numpy as np
import pytest
from Crypto.Cipher import DES

from app.sts import batch, credit, errors, key_change, keys, meter_number, token
from app.sts.arrays import des
from app.sts.arrays.circuit import compile_functions
from app.sts.batch import Group
from app.sts.keys import KeyTarget

PAN = np.array([b"600727000000000009"])
LEGACY = Group(dkga=2, ea=7, sgc="123456", krn=1, base_date=93)
STS6 = Group(dkga=4, ea=7, sgc="201457", krn=1, base_date=14)
MISTY = Group(dkga=4, ea=11, sgc="201457", krn=9, base_date=35)
GROUPS = [
    LEGACY,
    STS6,
    MISTY,
    Group(4, 7, "000001", 2, 14, 1),
    Group(2, 7, "999999", 3, 93, 3),
    Group(4, 7, "201457", 1, 14, 2, "sample"),
]


def random_pan(source: random.Random) -> str:
    size = source.choice([10, 12])
    body = f"{source.randrange(10**size):0{size}d}"
    return meter_number.pan_from_drn(body + meter_number.check_digit(body))


def disagreements(group: Group, count: int, source: random.Random) -> int:
    """Issue, read and change keys of ``count`` random meters both ways; return how often they differ."""
    vending_key = source.randbytes(8 if group.dkga == 2 else 20)
    pans = [random_pan(source) for _ in range(count)]
    indices = [source.randrange(100) for _ in pans]
    tenths = [source.randrange(10 ** source.randrange(1, 8)) for _ in pans]
    identifiers = [source.getrandbits(24) for _ in pans]
    nibbles = [source.getrandbits(4) for _ in pans]
    subclass = source.randrange(4)
    columns = np.array([pan.encode() for pan in pans], "S18"), np.array(indices, int)
    many = batch.decoder_keys(vending_key, group, *columns)
    tokens = batch.credit_tokens(
        many,
        subclass,
        np.array(tenths, int),
        np.array(identifiers, int),
        rnd=np.array(nibbles, int),
    )
    new_group = Group(
        group.dkga, group.ea, "654321", 5, group.base_date, group.key_type, group.tables
    )
    new = batch.decoder_keys(vending_key, new_group, *columns)
    three, ken = source.random() < 0.5, source.randrange(256)
    sets = batch.key_change_tokens(
        many, new, new_group, columns[1], ken=ken, rollover=True, three_tokens=three
    )
    spoiled = tokens.copy()
    spoiled[::3] = tokens[::-1][::3]
    reading = batch.read_tokens(spoiled, many)

    derivation, found = keys.prepare(group.dkga, vending_key, group.tables), 0
    for at, (pan, ti) in enumerate(zip(pans, indices, strict=True)):
        key, new_key = (
            derivation.decoder_key(
                KeyTarget(pan, group.ea, sgc, group.key_type, krn, ti, group.base_date)
            )
            for sgc, krn in ((group.sgc, group.krn), ("654321", 5))
        )
        said = credit.Credit(subclass, tenths[at], identifiers[at], nibbles[at])
        found += credit.issue(key, said) != tokens[at].decode()
        own = key_change.KeyChange(new_key, "654321", 5, group.key_type, ti, ken, True, three)
        found += key_change.issue(key, own) != tuple(digits.decode() for digits in sets[at])
        try:
            read: tuple[int, int] | None = token.read(spoiled[at].decode(), key)
        except errors.InvalidChecksum:
            read = None
        both = (reading.token_class[at], reading.data[at]) if reading.sound[at] else None
        found += read != both
    return found


@pytest.mark.parametrize("group", GROUPS)
def test_the_batch_agrees_with_the_plain_implementation(group: Group, seed: int) -> None:
    assert disagreements(group, 150, random.Random(seed)) == 0


@pytest.mark.deep
def test_the_batch_agrees_on_a_million_random_cases(
    seed: int, deep_record: Callable[..., None]
) -> None:
    source, cases, found = random.Random(seed), 0, 0
    while cases < 1_000_000:
        group = GROUPS[source.randrange(len(GROUPS))]
        found += disagreements(group, 20_000, source)
        cases += 3 * 20_000  # a credit token, a key-change set and a reading for each meter
    print({"cases": cases, "disagreements": found})
    deep_record("batch against plain", cases=cases, disagreements=found)
    assert found == 0


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65])
def test_any_number_of_meters_will_do(count: int, seed: int) -> None:
    for group in (LEGACY, MISTY):
        assert disagreements(group, count, random.Random(seed)) == 0


def test_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(batch, "CHUNK", 100)
    monkeypatch.setattr(batch, "HASH_CHUNK", 7)
    monkeypatch.setattr(batch.sta, "CHUNK", 64)
    monkeypatch.setattr(batch.misty1, "CHUNK", 30)
    for group in (LEGACY, STS6, MISTY):
        assert disagreements(group, 250, random.Random(seed)) == 0


def test_currency_and_management_tokens_are_read_too() -> None:
    pans = np.array([b"600727000000000009"] * 3)
    many = batch.decoder_keys(bytes(20), STS6, pans, 1)
    key = keys.prepare(4, bytes(20)).decoder_key(
        KeyTarget(pans[0].decode(), 7, "201457", 2, 1, 1, 14)
    )
    digits = [
        credit.issue(key, credit.Credit(4, -100_000, 99)),
        token.issue(2, token.pack(5, 1, 2, 0), key),
        token.issue(1, 0x000000000100, None),
    ]
    reading = batch.read_tokens(np.array([twenty.encode() for twenty in digits]), many)
    assert reading.sound.all()
    assert [token.read(twenty, key) for twenty in digits] == list(
        zip(reading.token_class, reading.data, strict=True)
    )


@pytest.mark.parametrize(
    "digits", [b"9" * 20, b"7" * 19, b"7" * 19 + b"x", b"73786976294838206464", b""]
)
def test_what_is_no_token_is_not_sound(digits: bytes) -> None:
    many = batch.decoder_keys(bytes(20), STS6, PAN, 1)
    assert not batch.read_tokens(np.array([digits], "S20"), many).sound.any()


def test_nothing_is_cut_off_a_token_to_make_it_sound() -> None:
    many = batch.decoder_keys(bytes(20), STS6, np.repeat(PAN, 3), 1)
    [good] = set(batch.credit_tokens(many, 0, np.full(3, 1), np.full(3, 9), rnd=np.full(3, 5)))
    digits = np.array([good + b"0", good, good + b" "])
    assert batch.read_tokens(digits, many).sound.tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("work", "error"),
    [
        (
            lambda k: batch.credit_tokens(k, 4, np.array([1]), np.array([1])),
            errors.SubclassOutOfRange,
        ),
        (
            lambda k: batch.credit_tokens(k, 0, np.array([18201625]), np.array([1])),
            errors.AmountOutOfRange,
        ),
        (
            lambda k: batch.credit_tokens(k, 0, np.array([-1]), np.array([1])),
            errors.AmountOutOfRange,
        ),
        (
            lambda k: batch.credit_tokens(k, 0, np.array([1]), np.array([2**24])),
            errors.TokenIdOutOfRange,
        ),
        (
            lambda k: batch.credit_tokens(k, 0, np.array([1]), np.array([1]), rnd=np.array([16])),
            errors.RandomOutOfRange,
        ),
        (lambda k: batch.credit_tokens(k, 0, np.array([1.5]), np.array([1])), TypeError),
        (
            lambda _: batch.decoder_keys(bytes(20), STS6, np.array([b"600727000000000008"]), 1),
            errors.InvalidCheckDigit,
        ),
        (
            lambda _: batch.decoder_keys(bytes(20), STS6, np.array([b"600727000000000109"]), 1),
            errors.InvalidCheckDigit,
        ),
        (
            lambda _: batch.decoder_keys(bytes(20), STS6, np.array([b"60072700000000000"]), 1),
            errors.InvalidFormat,
        ),
        (
            lambda _: batch.decoder_keys(bytes(20), STS6, np.array([b"700727000000000009"]), 1),
            errors.InvalidFormat,
        ),
        (
            lambda _: batch.decoder_keys(bytes(20), STS6, np.array([b"6007270000000000090"]), 1),
            errors.InvalidFormat,
        ),
        (lambda _: batch.decoder_keys(bytes(20), STS6, PAN.astype("U18"), 1), TypeError),
        (lambda k: batch.read_tokens(np.array(["1" * 20]), k), TypeError),
        (lambda _: batch.decoder_keys(bytes(20), STS6, PAN, 100), errors.TariffIndexOutOfRange),
        (
            lambda _: batch.decoder_keys(bytes(8), replace(LEGACY, krn=0), PAN, 1),
            errors.KeyRevisionNumberOutOfRange,
        ),
        (
            lambda _: batch.decoder_keys(bytes(20), replace(STS6, base_date=13), PAN, 1),
            errors.UnknownBaseDate,
        ),
        (lambda _: batch.decoder_keys(bytes(19), STS6, PAN, 1), errors.InvalidKey),
        (
            lambda _: batch.decoder_keys(bytes(8), Group(2, 11, "1", 1, 14), PAN, 1),
            errors.UnknownAlgorithm,
        ),
    ],
)
def test_a_bad_column_is_refused_by_name(
    work: Callable[..., object], error: type[Exception]
) -> None:
    many = batch.decoder_keys(bytes(20), STS6, PAN, 1)
    with pytest.raises(error):
        work(many)


TWO = np.array([b"600727000000000009", b"600727111111111153"])


@pytest.mark.parametrize(
    "work",
    [
        lambda two, one: batch.key_change_tokens(two, one, STS6, 1, ken=255),
        lambda two, one: batch.key_change_tokens(one, two, STS6, 1, ken=255),
        lambda two, _: batch.key_change_tokens(two, two, STS6, np.array([1]), ken=255),
        lambda two, _: batch.credit_tokens(two, 0, np.array([1]), np.array([5, 6])),
        lambda two, _: batch.credit_tokens(two, 0, np.array([1, 2]), np.array([5])),
        lambda two, _: batch.credit_tokens(two, 0, np.array([1, 2, 3]), np.array([5, 6])),
        lambda two, _: batch.credit_tokens(two, 0, np.array([[1, 2]]), np.array([5, 6])),
        lambda two, _: batch.credit_tokens(
            two, 0, np.array([1, 2]), np.array([5, 6]), rnd=np.array([5])
        ),
        lambda two, _: batch.read_tokens(np.array([b"1" * 20]), two),
        lambda two, _: batch.read_tokens(np.array([b"1" * 20] * 3), two),
        lambda *_: batch.decoder_keys(bytes(20), STS6, TWO, np.array([1])),
        lambda *_: batch.decoder_keys(bytes(20), STS6, TWO, np.array([1, 2, 3])),
        lambda *_: batch.decoder_keys(bytes(20), STS6, TWO.reshape(1, 2), 1),
    ],
)
def test_no_row_is_guessed_where_columns_are_of_different_length(
    work: Callable[[batch.Keys, batch.Keys], object],
) -> None:
    two, one = (batch.decoder_keys(bytes(20), STS6, pans, 1) for pans in (TWO, TWO[:1]))
    with pytest.raises(errors.UnequalColumns):
        work(two, one)


def test_one_number_is_everybodys() -> None:
    same, each = (batch.decoder_keys(bytes(20), STS6, TWO, ti) for ti in (7, np.array([7, 7])))
    assert (same.words() == each.words()).all()


@pytest.mark.parametrize("ea", [7, 11])
def test_a_common_key_of_160_bits_is_not_offered(ea: int) -> None:
    with pytest.raises(errors.KeyTypeOutOfRange, match="DKGA04"):
        batch.decoder_keys(bytes(20), replace(STS6, ea=ea, key_type=3), TWO, 1)


def test_a_reserved_class_is_not_sound() -> None:
    key = keys.prepare(4, bytes(20)).decoder_key(
        KeyTarget("600727000000000009", 7, "201457", 2, 1, 1, 14)
    )
    many = batch.decoder_keys(bytes(20), STS6, PAN, 1)
    digits = np.array([token.issue(3, 5, key).encode()])
    assert batch.read_tokens(digits, many).sound.tolist() == [False]


def test_keys_do_not_show_and_are_not_stored() -> None:
    many, same = (batch.decoder_keys(bytes(20), STS6, PAN, 1) for _ in range(2))
    other = batch.decoder_keys(bytes(20), STS6, PAN, 2)
    assert repr(many) == "Keys(ea=7, tables='production')"
    assert many not in (same, other)
    for store in (pickle.dumps, copy.copy, copy.deepcopy, asdict):
        with pytest.raises(TypeError):
            store(many)


def test_des_by_the_column_is_des(seed: int) -> None:
    source = random.Random(seed)
    for _ in range(20):
        key, count = source.randbytes(8), source.randrange(70)
        blocks = np.frombuffer(source.randbytes(8 * count), ">u8")
        expected = DES.new(key, DES.MODE_ECB).encrypt(blocks.tobytes())
        assert des.DES(key).encrypt(blocks.astype(np.uint64)).astype(">u8").tobytes() == expected
    assert repr(des.DES(bytes(8))) == "DES()"


@pytest.mark.parametrize("inputs", [2, 3, 4, 5])
def test_a_circuit_computes_its_truth_tables(inputs: int, seed: int) -> None:
    source, rows = random.Random(seed), 2**inputs
    for _ in range(20):
        tables = tuple(source.randrange(1, 2**rows - 1) for _ in range(3))
        program = compile_functions((*tables, 0b10 | 0b1000), inputs)  # the last may be an input
        for row in range(rows):
            slots = [row >> at & 1 for at in range(inputs)] + [0] * (program.slots - inputs)
            for operation, left, right, target in program.gates:
                a, b = slots[left], slots[right]
                slots[target] = {"and": a & b, "or": a | b, "xor": a ^ b}[operation]
            for table, (slot, complemented) in zip(tables, program.outputs, strict=False):
                assert slots[slot] ^ complemented == table >> row & 1
