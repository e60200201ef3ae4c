"""Tokens for a whole country at once: columns in, columns out, on NumPy; nothing else loads this page.

The rules are those of ``keys``, ``credit``, ``key_change`` and ``token``; only the shape differs. Columns are
NumPy arrays: meter numbers as bytes (``S18``), numbers as integers, tokens as twenty bytes (``S20``).
Work goes in chunks, so that memory stays small whatever the number of meters.

>>> vending_key = bytes.fromhex('ABABABABABABABAB949494949494949401234567')
>>> group = Group(dkga=4, ea=7, sgc='201457', krn=1, base_date=14)
>>> keys = decoder_keys(vending_key, group, np.array([b'600727000000000009']), 1)
>>> tokens = credit_tokens(keys, 0, np.array([1]), np.array([85740]), rnd=np.array([5]))
>>> tokens
array([b'70630503470028726114'], dtype='|S20')
>>> [f'{data:012X}' for data in read_tokens(tokens, keys).data]
['05014EEC0001']
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from app.sts import errors, key_change
from app.sts import keys as plain
from app.sts.amount import MAX_TENTHS
from app.sts.arrays import columns, des, fields, misty1, sta
from app.sts.arrays.fields import Words
from app.sts.ciphers import KEY_BYTES, check_ea
from app.sts.keys import KeyTarget

Column = columns.Column
Tokens = columns.Texts
#: Meters per pass. Larger columns would be handed back to the system and fetched anew at each step, which
#: costs more than the step itself.
CHUNK = 32768
#: The same where each meter is a few Python objects: they should stay in the processor's own cache.
HASH_CHUNK = 4096
_U = np.uint64


@dataclass(frozen=True, slots=True)
class Group:
    """What the meters of a batch share. Ranges as in ``module.MeterConfig`` and ``keystore.VendingKey``."""

    dkga: int
    ea: int
    sgc: str
    krn: int
    base_date: int
    key_type: int = 2
    tables: str = "production"


class Keys(plain.Secret):
    """Decoder keys of many meters; they encrypt, but do not show themselves, and equal only themselves."""

    __slots__ = ("_words", "ea", "tables")

    def __init__(self, ea: int, words: Words, tables: str = "production") -> None:
        """``words``: 64 bits of key each, one column, or two for EA11, the most significant first."""
        self.ea, self._words, self.tables = ea, words, tables

    def __len__(self) -> int:
        """The number of meters."""
        return len(self._words)

    def __repr__(self) -> str:
        """Name the algorithm only."""
        return f"Keys(ea={self.ea}, tables={self.tables!r})"

    def words(self) -> Words:
        """Return the keys, a row of one or two words each: what key-change tokens carry."""
        return self._words.reshape(len(self), _words_per_key(self.ea))

    def part(self, chunk: slice) -> "Keys":
        """The keys of some of the meters."""
        return Keys(self.ea, self._words[chunk], self.tables)

    def encrypt(self, blocks: Words) -> Words:
        """Return the encrypted blocks, one per meter."""
        if self.ea == 7:
            return sta.encrypt(self._words, blocks, self.tables)
        return misty1.encrypt(self._words, blocks)

    def decrypt(self, blocks: Words) -> Words:
        """Return the plain blocks, one per meter."""
        if self.ea == 7:
            return sta.decrypt(self._words, blocks, self.tables)
        return misty1.decrypt(self._words, blocks)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read: class, the 48 data bits, whether ``token.read`` would take it (else the rest is noise)."""

    token_class: npt.NDArray[np.uint8]
    data: Words
    sound: npt.NDArray[np.bool_]


def decoder_keys(vending_key: bytes, group: Group, pans: Tokens, ti: int | Column) -> Keys:
    """Return the decoder keys of meters (``S18``) with one tariff index or one each (0-99).

    Raises InvalidKey, UnknownKeyGeneration, UnknownAlgorithm, InvalidFormat and InvalidCheckDigit (any
    MeterPAN), an OutOfRange (the group, a tariff index; KT 3 under DKGA04, see ``keys.around_pan``),
    UnequalColumns, TypeError for columns of something else.

    >>> decoder_keys(bytes(8), Group(2, 7, '123456', 1, 93), np.array([b'600727000000000009']), 100)
    Traceback (most recent call last):
        ...
    app.sts.errors.TariffIndexOutOfRange: 100 is not in 0..99
    """
    plain.check_vending_key(group.dkga, vending_key)
    if check_ea(group.ea) != 7 and group.dkga == 2:
        raise errors.UnknownAlgorithm(group.ea, 7, "7 under a DKGA02 vending key")
    pans = columns.texts(pans)
    indices = columns.integers(ti, len(pans), errors.TariffIndexOutOfRange, 0, 99)
    if group.dkga == 2:
        work, size = _dkga02(vending_key, group), CHUNK
    else:
        work, size = _dkga04(vending_key, group), HASH_CHUNK
    words = np.empty((len(pans), _words_per_key(group.ea)), _U)
    for chunk in _chunks(len(pans), size):
        words[chunk] = work(pans[chunk], indices[chunk])
    return Keys(group.ea, words[:, 0] if group.ea == 7 else words, group.tables)


def credit_tokens(
    keys: Keys, subclass: int, tenths: Column, token_ids: Column, *, rnd: Column | None = None
) -> Tokens:
    """Return credit tokens in units (subclass 0-3), one per key; ``rnd`` (4 bits) is drawn if None.

    Tenths as in ``credit.Credit``. Raises SubclassOutOfRange, AmountOutOfRange, TokenIdOutOfRange,
    RandomOutOfRange, UnequalColumns, TypeError for columns of something else than integers.

    >>> keys = decoder_keys(bytes(8), Group(2, 7, '123456', 1, 93), np.array([b'600727000000000009']), 1)
    >>> credit_tokens(keys, 0, np.array([MAX_TENTHS + 1]), np.array([85740]))
    Traceback (most recent call last):
        ...
    app.sts.errors.AmountOutOfRange: 18201625 is not in 0..18201624
    """
    errors.check_range(errors.SubclassOutOfRange, subclass, 0, 3)
    count = len(keys)
    tenths = columns.integers(tenths, count, errors.AmountOutOfRange, 0, MAX_TENTHS)
    identifiers = columns.integers(token_ids, count, errors.TokenIdOutOfRange, 0, 0xFFFFFF)
    if rnd is None:
        rnd = np.frombuffer(os.urandom(count), np.uint8) & 15
    nibbles = columns.integers(rnd, count, errors.RandomOutOfRange, 0, 15)
    out = np.empty(count, "S20")
    for chunk in _chunks(count, CHUNK):
        data = fields.encode_units(tenths[chunk]) | _U(subclass << 44)
        data |= identifiers[chunk].astype(_U) << _U(16)
        data |= nibbles[chunk].astype(_U) << _U(40)
        out[chunk] = _issue(0, data, keys.part(chunk))
    return out


def key_change_tokens(
    old: Keys,
    new: Keys,
    to: Group,
    ti: int | Column,
    *,
    ken: int,
    rollover: bool = False,
    three_tokens: bool = False,
) -> Tokens:
    """Return the key-change sets of meters, a row of two, three or four tokens each.

    ``to`` is the group and ``ti`` (one, or one each) the tariff indices that ``new`` was made with; the
    rest as in ``key_change.KeyChange``. Raises NotAllowed when the algorithms differ, UnequalColumns when
    there are not as many new keys as old ones, and an OutOfRange.

    >>> group, later = (Group(2, 7, '123456', krn, 93) for krn in (1, 2))
    >>> old, new = (decoder_keys(bytes(8), each, np.array([b'600727000000000009']), 1) for each in (group, later))
    >>> key_change_tokens(old, new, later, 1, ken=255).shape
    (1, 2)
    """
    if not old.ea == new.ea == to.ea:
        raise errors.NotAllowed("a key change cannot change the encryption algorithm")
    columns.require_as_many(new.words()[:, 0], len(old))
    # All bits but those of key and tariff index are the same for everybody: made once, plainly.
    no_key = plain.DecoderKey(to.ea, bytes(KEY_BYTES[to.ea]))
    blank = key_change.KeyChange(
        no_key, to.sgc, to.krn, to.key_type, 0, ken, rollover, three_tokens
    )
    shared = key_change.encode(blank)
    indices = columns.integers(ti, len(old), errors.TariffIndexOutOfRange, 0, 99)
    out = np.empty((len(old), len(shared)), "S20")
    words = new.words()
    for chunk in _chunks(len(old), CHUNK):
        first, last = words[chunk, 0], words[chunk, -1]
        carried = [first >> _U(32), last & _U(0xFFFFFFFF) | indices[chunk].astype(_U) << _U(32)]
        if old.ea == 11:
            carried += [first & _U(0xFFFFFFFF), last >> _U(32)]
        for position, data in enumerate(shared):
            with_key = carried[position] if position < len(carried) else _U(0)
            block = np.full(len(first), data, _U) | with_key
            out[chunk, position] = _issue(2, block, old.part(chunk))
    return out


def read_tokens(tokens: Tokens, keys: Keys) -> Reading:
    """Return what twenty digits (``S20``, no separators) say under their keys, and whether they are sound.

    A bad token is an answer, not an error. Raises UnequalColumns, TypeError for a column of something else
    than bytes.

    >>> keys = decoder_keys(bytes(8), Group(2, 7, '123456', 1, 93), np.array([b'600727000000000009']), 1)
    >>> read_tokens(np.array([b'no token']), keys).sound
    array([False])
    """
    count, tokens = len(keys), columns.texts(tokens)
    columns.require_as_many(tokens, count)
    reading = Reading(np.empty(count, np.uint8), np.empty(count, _U), np.empty(count, np.bool_))
    for chunk in _chunks(count, CHUNK):
        digits = tokens[chunk]
        token_class, block, good = fields.from_digits(digits.astype("S20", copy=False))
        good &= ~columns.beyond(digits, 20)
        good &= token_class != 3
        np.copyto(block, keys.part(chunk).decrypt(block), where=token_class != 1)
        data = block >> _U(16)
        reading.token_class[chunk], reading.data[chunk] = token_class, data
        reading.sound[chunk] = good & (fields.seal(token_class, data) == block)
    return reading


def _issue(token_class: int, data: Words, keys: Keys) -> Tokens:
    return fields.to_digits(token_class, keys.encrypt(fields.seal(token_class, data)))


def _dkga02(vending_key: bytes, group: Group) -> Callable[[Tokens, Column], Words]:
    """All DES of a chunk is one call, because the vending key is the DES key."""
    cipher, own = _prepared_des(vending_key), _U(int.from_bytes(vending_key, "big"))
    targets = [
        KeyTarget("", 7, group.sgc, group.key_type, group.krn, ti, group.base_date)
        for ti in range(100)
    ]
    control = np.array([plain.control_block(target) for target in targets], _U)
    common = [_U(plain.pan_block(issuer.ljust(18, "0"), 3)) for issuer in ("600727", "0000")]

    def work(pans: Tokens, ti: Column) -> Words:
        digits = columns.pan_digits(pans)
        if group.key_type == 3:
            x = np.where(digits[0] == 6, *common)
        else:
            pairs = digits[1:17:2] << np.uint8(4) | digits[2:17:2]
            x = np.ascontiguousarray(pairs.T).view(">u8").reshape(-1).astype(_U)
        x ^= control[ti]
        return (cipher.encrypt(x) ^ x ^ own).reshape(-1, 1)

    return work


@lru_cache(maxsize=8)
def _prepared_des(vending_key: bytes) -> des.DES:
    """The tables of a vending key, made once: a thousand times the work of one meter."""
    return des.DES(vending_key)


def _dkga04(vending_key: bytes, group: Group) -> Callable[[Tokens, Column], Words]:
    """Both hashes of the HMAC are begun once for each tariff index; each meter goes on from copies."""
    start, outer_start = plain.hmac_hashes(vending_key)
    new_outer = outer_start.copy
    new_inner_of, after = [], b""
    for ti in range(100):
        before, after = plain.around_pan(
            group.ea, group.sgc, group.key_type, group.krn, ti, group.base_date
        )
        begun = start.copy()
        begun.update(before)
        new_inner_of.append(begun.copy)

    def work(pans: Tokens, ti: Column) -> Words:
        columns.pan_digits(pans)
        ends = np.empty((len(pans), 22), np.uint8)  # of the data blocks; no end is a zero byte
        ends[:, :18], ends[:, 18:] = columns.characters(pans), list(after)
        new_inners = [new_inner_of[index] for index in ti.tolist()]
        made = []
        for new_inner, end in zip(new_inners, ends.view("S22").ravel().tolist(), strict=True):
            inner, outer = new_inner(), new_outer()
            inner.update(end)
            outer.update(inner.digest())
            made.append(outer.digest())
        words = np.frombuffer(b"".join(made), ">u8").reshape(-1, 4)
        return words[:, : _words_per_key(group.ea)].astype(_U)

    return work


def _words_per_key(ea: int) -> int:
    return KEY_BYTES[ea] // 8


def _chunks(count: int, size: int) -> Iterator[slice]:
    return (slice(start, min(start + size, count)) for start in range(0, count, size))
