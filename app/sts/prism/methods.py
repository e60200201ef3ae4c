"""The methods of TokenApi and ModuleAdmin: check who asks, ask the module, and say when the answer may leave.

A method returns its value, or a `Later` when something must happen first: the journal's commit, a slow
computation in another thread, or a sleep.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from app.sts import errors, id_record
from app.sts.keyring import refused
from app.sts.module import MeterConfig, ModuleError, ModuleStatus
from app.sts.prism import answers, asked
from app.sts.prism.interface import API
from app.sts.prism.journal import MEMORY, FileJournal
from app.sts.prism.office import Office
from app.sts.prism.users import PASSWORD_MAX, Sessions, Tries, Users
from app.sts.software import SoftwareModule

REALM = "local"
_DAYS_MAX = 400
_MESSAGE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.,-]{0,39}").fullmatch
_PATTERN = re.compile(r"[0-9*?]{1,40}", re.ASCII).fullmatch


@dataclass(frozen=True, slots=True)
class AfterCommit:
    """The value may leave when the journal has committed what is staged."""

    value: Any


@dataclass(frozen=True, slots=True)
class AfterWork:
    """The value is what ``work`` returns in another thread, after ``finish`` in the loop's own."""

    work: Callable[[], Any]
    finish: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class AfterSleep:
    """The value may leave after so many milliseconds."""

    value: Any
    ms: int


#: Which permissions a method needs; one of them is enough.
PERMISSIONS: Mapping[str, tuple[str, ...]] = {
    "getStatus": ("status", "admin"),
    "parseIdRecord": ("verify", "issue", "engineering"),
    "verifyToken": ("verify", "issue", "engineering"),
    "issueCreditToken": ("issue",),
    "fetchTokenResult": ("issue", "engineering"),
    "issueMseToken": ("engineering",),
    "issueKeyChangeTokens": ("engineering",),
    "issueDitkChangeTokens": ("engineering",),
    "issueMeterTestToken": ("engineering",),
    "loadTransactionLicense": ("admin",),
    "ctsResetTidList": ("admin",),
    "loadKeyFile": ("admin",),
    "listKeys": ("admin",),
    "countsPerDay": ("admin",),
}


class Methods:
    """One object serves all connections, in the loop's thread only."""

    def __init__(
        self,
        module: SoftwareModule,
        journal: FileJournal,
        users: Users,
        office: Office,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``office``: what needs the module's folder (see service)."""
        self._module, self._journal, self._users, self._office = module, journal, users, office
        self._clock = clock
        self._sessions, self._tries = Sessions(), Tries()
        self._methods: dict[str, tuple[Callable[..., Any], list[str]]] = {
            name: (getattr(self, f"_{_snake(name)}"), _arguments(name))
            for name in API.ModuleAdmin.thrift_services
        }
        self._started, self._looked = time.monotonic(), time.monotonic()

    def call(self, name: str, arguments: dict[str, Any], peer: str) -> Any:
        """Answer one call. Raises ModuleError, StsError."""
        method, wanted = self._methods[name]
        try:
            given = [arguments[one] for one in wanted]
        except KeyError as missing:
            raise refused(f"{missing.args[0]} is missing") from None
        if "messageId" in wanted and not _MESSAGE_ID(arguments["messageId"]):
            raise refused("messageId has 1 to 40 of A-Z a-z 0-9 _ . , - and begins with a letter or digit")
        if name in PERMISSIONS:
            self._require(given.pop(1), PERMISSIONS[name])
        elif name == "signInWithPassword":
            given.insert(0, peer)
        return method(*given)

    def _require(self, access_token: str, permissions: tuple[str, ...]) -> None:
        name = self._sessions.user_name(access_token)
        now = time.monotonic()
        if now - self._looked > 5.0:  # a user taken out of the file is out within seconds
            self._looked = now
            self._users.refresh()
        user = None if name is None else self._users.find(name)
        if user is None:
            raise ModuleError("EAuthentication.Token", permanent=False, detail="sign in (again)")
        if user.permissions.isdisjoint(permissions):
            raise ModuleError(
                "EAuthentication.Permission",
                permanent=True,
                detail=f"needs {' or '.join(permissions)}",
            )

    def _ping(self, sleep_ms: int, echo: str) -> Any:
        errors.check_range(errors.FieldOutOfRange, sleep_ms, 0, 60_000)
        return AfterSleep(echo, sleep_ms) if sleep_ms else echo

    def _sign_in_with_password(
        self, peer: str, message_id: str, realm: str, username: str, password: str, session: Any
    ) -> Any:
        if session.version != API.ApiVersion:
            raise _sign_in("Version", f"this module speaks version {API.ApiVersion}")
        if realm != REALM:
            raise _sign_in("Realm", f"the realm is {REALM}")
        if not 0 < len(username) <= 64 or len(password.encode()) > PASSWORD_MAX:
            raise _sign_in("Subject", "no such user name, or a password too long")
        if wait := self._tries.wait_s(username, peer):
            raise _sign_in("Authentication", f"too many wrong tries; wait {int(wait) + 1} s")
        self._users.refresh()

        def finish(user: Any) -> Any:
            if user is None:
                self._tries.wrong(username, peer)
                raise _sign_in("Authentication", "the user name or the password is wrong")
            self._tries.right(username, peer)
            return API.SignInResult(accessToken=self._sessions.begin(user))

        return AfterWork(lambda: self._users.check(username, password), finish)

    def _get_status(self, message_id: str) -> Any:
        said = self._module.status()
        alerts, left = said.alerts, self._journal.transactions_left
        if left is not None and left < 1000:
            alerts += (f"EService.Disabled: {left} transactions left of the licence",)
        counters = {
            "uptimeSeconds": int(time.monotonic() - self._started),
            "tokensIssued": self._journal.tokens_made(),
            "transactionsLeft": "unlimited" if left is None else left,
            "commits": self._journal.commits,
            "answersKeptDays": MEMORY.days,
            "clock": self._clock().isoformat(timespec="seconds"),
            **self._office.counters(),
        }
        status = ModuleStatus(said.name, said.version, said.keys, said.tokens_issued, alerts)
        return [answers.status(status, counters)]

    def _parse_id_record(self, message_id: str, text: str) -> Any:
        try:
            parse = id_record.parse if text.isdigit() else id_record.parse_record2
            record = parse(text)
        except errors.StsError as error:
            raise ModuleError("ESts.IdRecord", permanent=True, detail=str(error)) from None
        if record.expiry != "0000" and f"{self._clock():%y%m}" > record.expiry:
            raise ModuleError(
                "ESts.IdRecord.Expired", permanent=True, detail="the card has expired"
            )
        known = self._module.facts(record.sgc, record.krn)
        return API.MeterConfigIn(
            drn=record.pan, ea=record.ea, tct=record.tct, sgc=int(record.sgc), krn=record.krn,
            ti=record.ti, ken=255 if known is None else known.ken, doe=record.expiry,
        )  # fmt: skip

    def _issue_credit_token(
        self, message_id: str, config: Any, subclass: int, amount: float, at: int, flags: int
    ) -> Any:
        time_, rule = asked.timing(at, flags, self._clock())
        wanted = asked.amount(subclass, amount)
        meter = self._meter(config)
        made = self._module.credit_token(message_id, meter, subclass, wanted, time_, rule)
        return self._kept(message_id, made)

    def _issue_mse_token(
        self, message_id: str, config: Any, subclass: int, amount: float, at: int, flags: int
    ) -> Any:
        time_, rule = asked.timing(at, flags, self._clock())
        meter, value = self._meter(config), asked.whole(amount)
        made = self._module.management_token(message_id, meter, subclass, value, time_, rule)
        return self._kept(message_id, made)

    def _issue_key_change_tokens(self, message_id: str, config: Any, new: Any) -> Any:
        made = self._module.key_change_tokens(message_id, self._meter(config), asked.amendment(new))
        return self._kept(message_id, made)

    def _issue_meter_test_token(
        self, message_id: str, subclass: int, control: int, mfr_code: int
    ) -> Any:
        return answers.class_1(self._module.meter_test_token(subclass, control, mfr_code))

    def _issue_ditk_change_tokens(self, message_id: str, config: Any) -> Any:
        raise _disabled("keys of the manufacturer are not in this module")

    def _verify_token(self, message_id: str, config: Any, digits: str) -> Any:
        meter = self._meter(config)
        said = self._module.verify(meter, digits)
        known = self._module.facts(meter.sgc, meter.krn)
        return answers.verification(
            said, meter, digits, (self._module.name, known.kcv if known else "")
        )

    def _fetch_token_result(self, message_id: str, wanted: str) -> Any:
        # Staged is running: the answer waits for the same commit as the request itself.
        return self._kept(wanted, self._module.fetch(wanted))

    def _load_transaction_license(self, message_id: str, text: str) -> Any:
        return self._office.load_licence(text)

    def _cts_reset_tid_list(self, message_id: str, pattern: str) -> Any:
        if not self._office.test_mode:
            raise _disabled("token ids are forgotten in test mode only")
        if not _PATTERN(pattern):
            raise refused("a pattern of PANs has digits, * and ?")
        return self._journal.reset_ids(pattern)

    def _load_key_file(self, message_id: str, text: str, passphrase: str) -> Any:
        return AfterWork(
            lambda: self._office.open_key_file(text, passphrase),
            lambda file: [answers.facts(key) for key in self._office.load_keys(file)],
        )

    def _list_keys(self, message_id: str) -> Any:
        return [answers.facts(key) for key in self._module.status().keys]

    def _counts_per_day(self, message_id: str, first: str, last: str) -> Any:
        first, last = asked.day(first), asked.day(last)
        if datetime.fromisoformat(last) - datetime.fromisoformat(first) > timedelta(days=_DAYS_MAX):
            raise refused(f"at most {_DAYS_MAX} days at once")
        rows = self._journal.counts(first, last)
        return [
            API.DayCount(day=day, tokenClass=token_class, subclass=subclass, tokens=count)
            for day, token_class, subclass, count in rows
        ]

    def _meter(self, config: Any) -> MeterConfig:
        meter = asked.meter(config)
        known = self._module.facts(meter.sgc, meter.krn)
        if known is not None and known.key_type != meter.key_type:
            return asked.meter(config, known.key_type)
        return meter

    def _kept(self, message_id: str, made: Any) -> Any:
        value = answers.tokens(made, self._module.name)
        return AfterCommit(value) if self._journal.is_staged(message_id) else value


def _sign_in(code: str, detail: str) -> ModuleError:
    return ModuleError(f"ESignin.{code}", permanent=code != "Authentication", detail=detail)


def _disabled(detail: str) -> ModuleError:
    return ModuleError("EService.Disabled", permanent=True, detail=detail)


def _arguments(name: str) -> list[str]:
    """The names of a method's arguments; the second is the access token where a permission is needed."""
    return [item[1] for item in getattr(API.ModuleAdmin, f"{name}_args").thrift_spec.values()]


def _snake(name: str) -> str:
    """The method's name here: issueCreditToken is issue_credit_token."""
    return re.sub("([A-Z])", lambda match: "_" + match[1].lower(), name)
