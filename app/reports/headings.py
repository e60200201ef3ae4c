"""Marks a heading of a report as wording: it is collected here and translated where it is shown.

Reports speak no language (decision 0008); `tools/words.py` collects what stands in `said("...")`,
and the pages and the shell translate it.
"""

from __future__ import annotations


def said(text: str) -> str:
    """The text itself, in English, as it is looked up in the catalogue of a language."""
    return text
