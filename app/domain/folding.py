"""Folding of words: lower case without accents, so that what is typed finds what is written."""

from __future__ import annotations

import unicodedata


def fold(words: str) -> str:
    """Lower case without accents, with single blanks.

    >>> fold("Kouamé  N'Guessan")
    "kouame n'guessan"
    """
    plain = unicodedata.normalize("NFKD", words)
    kept = "".join(c for c in plain if not unicodedata.combining(c))
    return " ".join(kept.casefold().split())
