"""What a refusal is: the rules say no, with a code and parameters but no wording.

The tree of refusals grows in `errors`; a class names its code, its form field and its parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar


class Refusal(Exception):
    """The rules say no; nothing has been stored."""

    code: ClassVar[str] = "refused"
    field: ClassVar[str | None] = None
    names: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, **params: Any) -> None:
        unknown = params.keys() - self.names
        if unknown:
            raise TypeError(f"{type(self).__name__} has no parameter {sorted(unknown)}")
        self.params = params
        super().__init__(f"{self.code}({', '.join(f'{k}={v}' for k, v in params.items())})")

    def __init_subclass__(cls, code: str, field: str | None = None, names: str = "") -> None:
        cls.code = code
        cls.field = field if field is not None else cls.field
        cls.names = cls.names | frozenset(names.split())


def all_refusals(root: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    """Every class of the tree below `root`, for lists of wording and for tests."""
    for child in root.__subclasses__():
        yield child
        yield from all_refusals(child)
