"""Columns as they come in: of one length, of the right kind, in range; MeterPANs with their check digits.

NumPy repeats a short column, cuts a long text off and takes a part for the whole; none of it may happen to
a meter. Every refusal here is a documented one.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from app.sts import errors

Column = npt.NDArray[np.integer[Any]]
Texts = npt.NDArray[np.bytes_]


def integers(
    values: int | Column, count: int, error: type[errors.OutOfRange], low: int, high: int
) -> npt.NDArray[np.int64]:
    """Return a column of ``count`` integers in low..high; one number alone is everybody's.

    Raises ``error``, UnequalColumns, TypeError for something else than integers.

    >>> integers(7, 2, errors.FieldOutOfRange, 0, 9)
    array([7, 7])
    """
    column = np.asarray(values)
    if column.dtype.kind not in "iu":
        raise TypeError("a column of integers is needed")
    if column.ndim:
        require_as_many(column, count)
    for edge in (column.min(initial=low), column.max(initial=low)):
        if not low <= int(edge) <= high:
            raise error(int(edge), low, high)
    return np.broadcast_to(column.astype(np.int64, copy=False), count)


def texts(values: Texts) -> Texts:
    """Return a column of bytes. Raises UnequalColumns for a table, TypeError for something else than bytes.

    >>> texts([b'7', b'12'])
    array([b'7', b'12'], dtype='|S2')
    """
    column = np.asarray(values)
    if column.dtype.kind != "S":
        raise TypeError("a column of bytes is needed")
    require_as_many(column, column.size)
    return column


def require_as_many(column: npt.NDArray[Any], count: int) -> None:
    """Refuse to guess which row belongs to which meter: UnequalColumns.

    >>> require_as_many(np.zeros(1), 2)
    Traceback (most recent call last):
        ...
    app.sts.errors.UnequalColumns: a column of 1 for 2 meters
    """
    if column.shape != (count,):
        raise errors.UnequalColumns(
            f"a column of {' x '.join(map(str, column.shape))} for {count} meters"
        )


def characters(pans: Texts) -> npt.NDArray[np.uint8]:
    """Return 18 columns, the characters of MeterPANs; a shorter one ends in zero bytes. Raises InvalidFormat."""
    if beyond(pans, 18).any():
        raise errors.InvalidFormat("a MeterPAN in the batch is not made of 18 digits")
    return np.ascontiguousarray(pans.astype("S18", copy=False)).view(np.uint8).reshape(-1, 18)


def beyond(column: Texts, width: int) -> npt.NDArray[np.bool_]:
    """Return which texts are longer than ``width``: NumPy would cut them off without a word."""
    if column.dtype.itemsize <= width:
        return np.zeros(len(column), np.bool_)
    return np.strings.str_len(column) > width


def pan_digits(pans: Texts) -> npt.NDArray[np.uint8]:
    """Return 18 rows, the digits of MeterPANs, after the checks of ``meter_number.validate_pan``.

    Raises InvalidFormat, InvalidCheckDigit. Rows and not columns, so that each step works on one long array;
    a sum of 18 digits fits a byte.
    """
    digits = np.ascontiguousarray(characters(pans).T) - np.uint8(48)
    if digits.max(initial=0) > 9:
        raise errors.InvalidFormat("a MeterPAN in the batch is not made of 18 digits")
    short = np.logical_and.reduce(
        [digits[at] == number for at, number in enumerate((6, 0, 0, 7, 2, 7))]
    )
    if not (short | (digits[:4].max(axis=0) == 0)).all():
        raise errors.InvalidFormat("a MeterPAN in the batch starts with neither 600727 nor 0000")
    twice = digits + digits - (digits > 4).view(np.uint8) * np.uint8(9)
    whole = digits[1::2].sum(axis=0, dtype=np.uint8) + twice[::2].sum(axis=0, dtype=np.uint8)
    # the meter number inside ends at row 16, so even rows count once; it starts at row 6 or 4
    inside = digits[6:17:2].sum(axis=0, dtype=np.uint8) + twice[7:16:2].sum(axis=0, dtype=np.uint8)
    inside += (digits[4] + twice[5]) * ~short
    if (whole % 10).any() or (inside % 10).any():
        raise errors.InvalidCheckDigit("a check digit of a MeterPAN in the batch does not fit")
    return digits
