"""A security module on the network, behind the same contract as the one in this process.

A call that makes tokens is sent once. When it brings no usable answer, its connection is closed and the
module is asked what it answered to that message id, as long as the counter's patience lasts; when it
does not say, the error that comes back is passing, and the caller asks ``fetch`` later.
Errors are ModuleError only; their codes are the interface's, those of ``connection`` (ENetwork) and
those of ``requests`` (EAnswer: an answer that must not be believed).
"""

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from app.sts import asked
from app.sts.errors import StsError, sentence
from app.sts.module import (
    Amendment,
    IssuedToken,
    KeyFacts,
    MeterConfig,
    MeterTestToken,
    ModuleError,
    ModuleStatus,
    Verification,
)
from app.sts.prism import admin, requests
from app.sts.prism.connection import Unanswered, Unsent
from app.sts.prism.interface import API, SIGN_IN_AGAIN
from app.sts.prism.line import Backoff, Line
from app.sts.prism.place import Place
from app.sts.prism.requests import Reader, wrong

Tokens = tuple[IssuedToken, ...]
LOOK_S = 0.5  # what the last question for a lost answer gets, also when patience has ended
Facts = Callable[[], Iterable[KeyFacts]]


class PrismModule:
    """A SecurityModule at the end of a wire; safe between threads."""

    def __init__(
        self,
        name: str,
        place: Place,
        facts: Facts,
        *,
        tid_offset_minutes: int = 0,
        line: Line | None = None,
    ) -> None:
        """Connects when it is first asked. ``facts``: what is known of the module's vending keys now.

        ``tid_offset_minutes`` is added to UTC before it becomes the module's clock; ``line`` is shared
        by those that differ in it only.
        """
        self.name, self.line = name, line or Line(place)
        self._facts, self._offset = facts, tid_offset_minutes

    def credit_token(
        self, message_id: str, meter: MeterConfig, subclass: int, amount: int, issue_time: datetime
    ) -> Tokens:
        """Class 0, see SecurityModule."""
        return self._issue("issueCreditToken", message_id, meter, (0, subclass, amount), issue_time)

    def management_token(
        self, message_id: str, meter: MeterConfig, subclass: int, value: int, issue_time: datetime
    ) -> Tokens:
        """Class 2 but key changes, see SecurityModule."""
        return self._issue("issueMseToken", message_id, meter, (2, subclass, value), issue_time)

    def key_change_tokens(self, message_id: str, meter: MeterConfig, amendment: Amendment) -> Tokens:
        """A key-change set, see SecurityModule; the module judges it by its own clock."""
        given = (requests.meter_in(meter), requests.amendment_in(amendment))
        tokens = self._read(self._once("issueKeyChangeTokens", message_id, given), None)
        _require(asked.change_difference(tokens, meter, amendment))
        return tokens

    def meter_test_token(self, subclass: int, control: int, mfr_code: int) -> MeterTestToken:
        """Class 1, see SecurityModule; a lost answer is asked for again."""
        said = self._again("issueMeterTestToken", subclass, control, mfr_code)
        return requests.test_token(said, subclass, control, mfr_code)

    def verify(self, meter: MeterConfig, digits: str) -> Verification:
        """Decode under this meter's key, see SecurityModule."""
        answer = self._again("verifyToken", requests.meter_in(meter), digits)
        return self._reader().verification(meter, answer)

    def fetch(self, message_id: str) -> Tokens:
        """The remembered answer, see SecurityModule; its tokens bear no time of issue."""
        return self._read(self.line.call("fetchTokenResult", message_id), None)

    def status(self) -> ModuleStatus:
        """Version, keys, tokens made, alerts; keys that hardware does not tell are those known here."""
        nodes = self._again("getStatus")
        if not nodes:
            raise wrong(requests.OTHER, "a status of nothing")
        try:
            keys = admin.keys_of(self.line)
        except ModuleError as error:
            if error.code not in {"EMethod.Unknown", "EAuthentication.Permission"}:
                raise
            keys = tuple(self._facts())
        info = nodes[0].info
        made = info.get("tokensIssued", "")
        alerts = tuple(requests.alert(said) for node in nodes for said in node.alerts)
        return ModuleStatus(
            self.name, info.get("version", ""), keys, int(made) if made.isdecimal() else 0, alerts
        )

    def _issue(
        self, method: str, message_id: str, meter: MeterConfig, wanted: tuple[int, int, int], at: datetime
    ) -> Tokens:
        token_class, subclass, amount = wanted
        given = (
            requests.meter_in(meter), subclass, requests.amount_in(*wanted),
            requests.seconds_in(at, self._offset), API.TokenIssueFlags.EXTERNAL_CLOCK,
        )  # fmt: skip
        tokens = self._read(self._once(method, message_id, given), at)
        try:
            _require(asked.difference(tokens, meter, token_class, subclass, amount))
        except ModuleError:
            raise
        except StsError as error:  # what was asked for cannot be carried, and the module made something
            raise wrong(requests.OTHER, sentence(error)) from None
        return tokens

    def _once(self, method: str, message_id: str, given: tuple[Any, ...]) -> Any:
        """Send a call that makes tokens once; then ask, as long as patience lasts, what came of it.

        One moment bounds it all: connecting, signing in, the answer, and asking for a lost one.
        """
        ends = time.monotonic() + self.line.whole_s
        try:
            return self.line.call(method, *given, message_id=message_id, ends=ends)
        except ModuleError as error:
            if error.permanent or isinstance(error, Unsent) or error.code == SIGN_IN_AGAIN:
                raise  # nothing was done
            reason = error
        until = min(time.monotonic() + self.line.patience_s, ends)
        backoff = Backoff(until)
        while True:
            try:
                return self._result(message_id, until)
            except ModuleError as error:
                # NB: "never heard of it" means nothing yet, the request may still be on its way.
                if error.permanent or not backoff.wait():
                    raise reason from None

    def _result(self, message_id: str, until: float) -> Any:
        ends = max(until, time.monotonic() + LOOK_S)
        return self.line.call("fetchTokenResult", message_id, patience_s=0.0, ends=ends)

    def _again(self, method: str, *given: Any) -> Any:
        """A call that changes nothing: sent again while patience lasts."""
        backoff = Backoff(time.monotonic() + self.line.patience_s)
        ends = time.monotonic() + self.line.whole_s
        while True:
            try:
                return self.line.call(method, *given, ends=ends)
            except Unanswered:
                if not backoff.wait():
                    raise

    def _read(self, answer: Any, issue_time: datetime | None) -> Tokens:
        return self._reader().tokens(answer, issue_time)

    def _reader(self) -> Reader:
        return Reader(self._facts(), self._offset)


def _require(difference: str) -> None:
    if difference:
        raise wrong(requests.OTHER, difference)
