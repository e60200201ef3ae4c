"""A stand-in for a hardware module, made of thriftpy2's own server parts: plain TokenApi, nothing of ours.

It is as harsh as the interface allows: an issue call that comes twice makes a second token, also
under the same message id.  So whoever sends twice is found out by `made`.
"""

# ruff: noqa: D102, N802, N803 (methods and arguments have the names of the wire)

from __future__ import annotations

import contextlib
import itertools
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from thriftpy2.protocol.binary import TBinaryProtocol
from thriftpy2.thrift import TProcessor
from thriftpy2.transport.base import TTransportException
from thriftpy2.transport.framed import TFramedTransport
from thriftpy2.transport.socket import TSocket

from app.sts import meter_number
from app.sts.demonstration import demonstration_keys
from app.sts.journal import MemoryJournal
from app.sts.module import Amendment, IssuedToken, MeterConfig, ModuleError
from app.sts.prism.interface import API
from app.sts.software import SoftwareModule
from tests.sts.prism.certificates import Certificate

USERNAME, PASSWORD = "vending", "correct horse"


class Hardware:
    """Its memory and its counters, for tests to look at and to spoil."""

    def __init__(self, certificate: Certificate, keys: Any = None) -> None:
        self.certificate = certificate
        self.keys = tuple(keys or demonstration_keys())
        self.module = SoftwareModule("hardware", self.keys, MemoryJournal())
        self.answers: dict[str, list[Any]] = {}
        self.made: list[str] = []  # message ids of issue calls, in order
        self.sign_ins = 0
        self.access_token = "token-0"
        self.fails_with: list[str] = []  # codes with which the next issue calls are refused
        self.fails_after_making = False
        self.forgets = False  # its memory ends at once
        self.kcv: str | None = None  # a check value to lie with
        self._number = itertools.count()

    # --- the interface ----------------------------------------------------------------------

    def ping(self, sleepMs, echo):
        time.sleep(sleepMs / 1000)
        return echo

    def signInWithPassword(self, messageId, realm, username, password, sessionOpts):
        self.sign_ins += 1
        if (realm, username, password) != ("local", USERNAME, PASSWORD):
            raise API.ApiException(eCode="ESignin.Authentication", eMsgEn="wrong name or password")
        if sessionOpts.version != API.ApiVersion:
            raise API.ApiException(eCode="ESignin.Version", eMsgEn="another version is spoken here")
        return API.SignInResult(accessToken=self.access_token)

    def getStatus(self, messageId, accessToken):
        self._let_in(accessToken)
        alert = API.Alert(eCode="EKey", eMsgEn="a key is about to expire")
        return [API.NodeStatus(info={"version": "TSM250 1.2"}, alerts=[alert])]

    def issueCreditToken(self, messageId, accessToken, meterConfig, subclass, transferAmount, tokenTime, flags):
        self._let_in(accessToken)
        amount = round(Decimal(transferAmount) * 100_000) if subclass >= 4 else int(transferAmount)
        at = _clock(tokenTime, flags)
        return self._issue(
            messageId, lambda own: self.module.credit_token(own, _meter(meterConfig), subclass, amount, at)
        )

    def issueMseToken(self, messageId, accessToken, meterConfig, subclass, transferAmount, tokenTime, flags):
        self._let_in(accessToken)
        at = _clock(tokenTime, flags)
        return self._issue(
            messageId,
            lambda own: self.module.management_token(own, _meter(meterConfig), subclass, int(transferAmount), at),
        )

    def issueKeyChangeTokens(self, messageId, accessToken, meterConfig, newConfig):
        self._let_in(accessToken)
        return self._issue(
            messageId,
            lambda own: self.module.key_change_tokens(own, _meter(meterConfig), _amendment(newConfig)),
        )

    def issueMeterTestToken(self, messageId, accessToken, subclass, control, mfrcode):
        self._let_in(accessToken)
        made = self.module.meter_test_token(subclass, control, mfrcode)
        return API.MeterTestToken(
            drn="00000000000", pan="600727000000000009", tokenClass=1, subclass=subclass, control=control,
            mfrcode=mfrcode, description="test", tokenDec=made.digits, tokenHex=f"{int(made.digits):017X}",
        )  # fmt: skip

    def fetchTokenResult(self, messageId, accessToken, reqMessageId):
        self._let_in(accessToken)
        if reqMessageId not in self.answers:
            raise API.ApiException(eCode="ECacheMiss", eMsgEn="not here")
        return self.answers[reqMessageId]

    def verifyToken(self, messageId, accessToken, meterConfig, tokenDec):
        self._let_in(accessToken)
        meter = _meter(meterConfig)
        read = self.module.verify(meter, tokenDec)
        result = API.VerifyResult(validationResult=read.reason)
        if read.token_class == 1 and read.accepted:
            facts = dict(read.facts)
            result.meterTestToken = self.issueMeterTestToken(
                messageId, accessToken, read.subclass, facts["control"], facts["mfr_code"]
            )
        elif read.kind is not None:
            kcv = next(key.kcv for key in self.keys if (key.sgc, key.krn) == (meter.sgc, meter.krn))
            result.token = _token(
                IssuedToken(
                    tokenDec, meter.pan, meter.ea, meter.tct, meter.sgc, meter.krn, meter.ti, read.token_class,
                    read.subclass, read.token_id, 14, None, read.amount, kcv,
                )
            )  # fmt: skip
        return result

    # --- inside -----------------------------------------------------------------------------

    def _let_in(self, access_token: str) -> None:
        if access_token != self.access_token:
            raise API.ApiException(eCode="EAuthentication.Token", eMsgEn="sign in again")

    def _issue(self, message_id: str, work: Any) -> list[Any]:
        code = self.fails_with.pop(0) if self.fails_with else None
        if code is None or self.fails_after_making:
            try:
                tokens = work(f"own-{next(self._number)}")
            except ModuleError as error:
                raise API.ApiException(eCode=error.code, eMsgEn=error.detail) from None
            self.made.append(message_id)
            self.answers[message_id] = made = [_token(token, self.kcv) for token in tokens]
            if self.forgets:
                self.answers.clear()
        if code is not None:
            raise API.ApiException(eCode=code, eMsgEn="as the test wants")
        return made

    # --- the server ---------------------------------------------------------------------------

    @contextlib.contextmanager
    def served(self, port: int = 0) -> Iterator[int]:
        """Serve on loopback; gives the port."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate.file, self.certificate.key_file)
        listening = socket.create_server(("127.0.0.1", port))
        people: list[socket.socket] = []

        def talk(plain: socket.socket) -> None:
            with contextlib.suppress(OSError, TTransportException):
                sock = context.wrap_socket(plain, server_side=True)
                people.append(sock)
                protocol = TBinaryProtocol(TFramedTransport(TSocket(sock=sock)))
                processor = TProcessor(API.TokenApi, self)
                with sock:
                    while True:
                        processor.process(protocol, protocol)
            plain.close()

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    plain, _ = listening.accept()
                    threads.append(threading.Thread(target=talk, args=(plain,), daemon=True))
                    threads[-1].start()

        threads = [threading.Thread(target=accept, daemon=True)]
        threads[0].start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            listening.close()
            for sock in people:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(5)


def _clock(token_time: int, flags: int) -> datetime:
    if flags != API.TokenIssueFlags.EXTERNAL_CLOCK:
        raise API.ApiException(eCode="EParamRange", eMsgEn="flags")
    return datetime.fromtimestamp(token_time, UTC)


def _amendment(said: Any) -> Amendment:
    return Amendment(f"{said.toSgc:06d}", said.toKrn, said.toTi)


def _meter(said: Any) -> MeterConfig:
    return MeterConfig(
        said.drn, said.ea, said.tct, f"{said.sgc:06d}", said.krn, said.ti, said.ken,
        amendment=_amendment(said.newConfig) if said.newConfig else None,
        allow_krn_update=said.allowKrnUpdate, allow_ken_update=said.allowKenUpdate,
        three_key_tokens=said.allow3Kct,
    )  # fmt: skip


def _token(token: IssuedToken, kcv: str | None = None) -> Any:
    amount = token.amount or 0
    money = token.token_class == 0 and token.subclass >= 4
    scaled = Decimal(amount) / 100_000 if money else Decimal(amount) / 10
    advice = token.advice and API.MeterConfigAdvice(
        toSgc=int(token.advice.to_sgc), toKrn=token.advice.to_krn, toTi=token.advice.to_ti,
        toKen=token.advice.to_ken, idRecord="", record2="", rollover=token.advice.rollover,
        toVkKcv=token.advice.kcv,
    )  # fmt: skip
    return API.Token(
        drn=meter_number.drn_from_pan(token.pan), pan=token.pan, ea=token.ea, tct=token.tct,
        sgc=int(token.sgc), krn=token.krn, ti=token.ti, tokenClass=token.token_class, subclass=token.subclass,
        tid=token.token_id or 0, transferAmount=float(scaled) if money else float(amount),
        isReservedTid=False, newConfig=advice or None, description="a token", stsUnitName="unit",
        scaledAmount=f"{scaled:f}", scaledUnitName="unit", tokenDec=token.digits,
        tokenHex=f"{int(token.digits):017X}", idSm="1", vkKcv=kcv or token.kcv,
    )  # fmt: skip
