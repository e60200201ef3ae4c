"""Digits of every script as 0 to 9: what is counted is typed on many keyboards and means the same.

Only numbers are read so; words keep the digits that they were written with.
"""

from __future__ import annotations

import unicodedata


def ascii_digits(text: str) -> str:
    """The text with every decimal digit as one of 0 to 9; what only looks like one (a superscript) stays.

    >>> ascii_digits("\u0660\u0661\u0662, \u06f4\u06f5 and 5"), ascii_digits("\uff11\uff10 m\u00b2")
    ('012, 45 and 5', '10 m\u00b2')
    """
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(sign)) if sign.isdecimal() else sign for sign in text)
