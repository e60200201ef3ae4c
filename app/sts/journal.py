"""What a security module must remember: the last token id of each meter, and its answers.

One atomic unit writes both, durably, before any digits leave the module: so no token id is ever
used twice and a lost answer can be fetched. ``MemoryJournal`` is for tests and tools; a system that
sells keeps the same protocol in a database.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import NamedTuple, Protocol

from app.sts.module import Advice, IssuedToken, ModuleError

Tokens = tuple[IssuedToken, ...]
_ENCODE = json.JSONEncoder(separators=(",", ":")).encode
_ADVICE_FIELDS = tuple(item.name for item in fields(Advice))


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered to one message id; the digest tells whether a repeat asks the same."""

    request_digest: str
    tokens: Tokens


class Drawing(NamedTuple):
    """A request for tokens of which one has a token id: for whom it is drawn, and what is made of it.

    ``wanted`` gives the id by the last one of (PAN, row of ids), which is None before the first; ``make`` the tokens
    of an id.  An error that either raises leaves no trace.
    """

    message_id: str
    request_digest: str
    pan: str
    row: int
    wanted: Callable[[int | None], int]
    make: Callable[[int], Tokens]


class Journal(Protocol):
    """The memory of a module. All three methods may be called by several threads at once."""

    def answer(self, message_id: str) -> Answer | None:
        """The answer given to a message id, or None when it was never taken."""
        ...

    def issue(self, asked: Drawing) -> Tokens:
        """Draw a token id, make the tokens and remember both, in ONE atomic and durable unit.

        A known message id returns its tokens when the digest is the same, else raises
        ModuleError('EParamRange', permanent).
        """
        ...

    def keep(self, message_id: str, request_digest: str, make: Callable[[], Tokens]) -> Tokens:
        """Remember tokens that carry no token id (key-change sets) under the same rule."""
        ...


class MemoryJournal:
    """A journal that forgets when the program ends; safe between threads."""

    def __init__(self) -> None:
        """Start with nothing remembered."""
        self._lock = threading.RLock()
        self._answers: dict[str, Answer] = {}
        self._last: dict[tuple[str, int], int] = {}

    def answer(self, message_id: str) -> Answer | None:
        """See Journal."""
        with self._lock:
            return self._answers.get(message_id)

    def issue(self, asked: Drawing) -> Tokens:
        """See Journal."""

        def make() -> Tokens:
            drawn = asked.wanted(self._last.get((asked.pan, asked.row)))
            tokens = asked.make(drawn)
            self._last[asked.pan, asked.row] = drawn
            return tokens

        return self.keep(asked.message_id, asked.request_digest, make)

    def keep(self, message_id: str, request_digest: str, make: Callable[[], Tokens]) -> Tokens:
        """See Journal."""
        with self._lock:
            known = self._answers.get(message_id)
            if known is not None:
                return same_request(known, request_digest)
            tokens = make()
            self._answers[message_id] = Answer(request_digest, tokens)
            return tokens


def same_request(known: Answer, request_digest: str) -> Tokens:
    """Return the remembered tokens, or refuse a message id that now asks for something else (ModuleError).

    >>> same_request(Answer('digest', ()), 'digest')
    ()
    >>> same_request(Answer('digest', ()), 'another')
    Traceback (most recent call last):
        ...
    app.sts.module.ModuleError: EParamRange: this message id was used for another request
    """
    if known.request_digest != request_digest:
        raise ModuleError(
            "EParamRange", permanent=True, detail="this message id was used for another request"
        )
    return known.tokens


def tokens_to_json(tokens: Tokens) -> str:
    """Return tokens as text for journals that store text; times in ISO 8601 with their zone.

    >>> tokens_to_json(())
    '[]'
    """
    return f"[{','.join(map(_token_to_json, tokens))}]"


def _token_to_json(token: IssuedToken) -> str:
    # NB: put together by hand, a tenth of what a JSON encoder takes: this stands between a request and its
    # answer.  None of these texts has a character that JSON must escape: digits, hexadecimal digits, a time.
    time, advice = token.issue_time, token.advice
    changed = "null" if advice is None else _ENCODE({name: getattr(advice, name) for name in _ADVICE_FIELDS})
    return (
        f'{{"digits":"{token.digits}","pan":"{token.pan}","ea":{token.ea},"tct":{token.tct},"sgc":"{token.sgc}",'
        f'"krn":{token.krn},"ti":{token.ti},"token_class":{token.token_class},"subclass":{token.subclass},'
        f'"token_id":{_number(token.token_id)},"base_date":{token.base_date},'
        f'"issue_time":{"null" if time is None else _quoted(time)},"amount":{_number(token.amount)},'
        f'"kcv":"{token.kcv}","advice":{changed}}}'
    )


def _number(value: int | None) -> str:
    return "null" if value is None else str(value)


def _quoted(time: datetime) -> str:
    return f'"{time.isoformat()}"'


def tokens_from_json(text: str) -> Tokens:
    """Return the tokens that :func:`tokens_to_json` wrote.

    >>> tokens_from_json('[]')
    ()
    """
    tokens = []
    for row in json.loads(text):
        time, advice = row.pop("issue_time"), row.pop("advice")
        tokens.append(
            IssuedToken(
                **row,
                issue_time=datetime.fromisoformat(time) if time else None,
                advice=Advice(**advice) if advice else None,
            )
        )
    return tuple(tokens)
