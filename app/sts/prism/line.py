"""The line to one module: a few connections, one sign-in, and a breaker, shared by all threads.

Before a call is sent, everything may be tried again (connecting, signing in) as long as patience lasts.
The call itself is sent once. "Sign in again" is the one refusal after which it is sent once more,
because the interface says that nothing was done.
"""

import os
import secrets
import threading
import time
from typing import Any

from app.sts.module import ModuleError
from app.sts.prism.breaker import Breaker
from app.sts.prism.connection import TIMEOUT, Connection, Unanswered, Unsent, left, tls_context
from app.sts.prism.interface import API, SIGN_IN_AGAIN
from app.sts.prism.place import Place

PATIENCE_S = 5.0
WHOLE_S = 20.0
PROBE_S = 1.0  # to a module that is known to be dead: whoever waits behind it is refused anyway
CONNECTIONS_MAX = 8  # kept; more are opened under load and closed afterwards
IDLE_MAX_S = 20.0  # below the idle limits of servers and of firewalls between
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 1.0
SIGN_INS_MAX = 2
LEAVES_OPEN = frozenset({SIGN_IN_AGAIN, "ECacheMiss"})
REALM = "local"


def new_message_id() -> str:
    """An id for a call whose answer need not be found again."""
    return secrets.token_hex(16)


class Backoff:
    """Pauses that grow, until a moment of ``time.monotonic``."""

    def __init__(self, until: float) -> None:
        """Nothing is waited for yet."""
        self._until, self._pause = until, FIRST_PAUSE_S

    def wait(self) -> bool:
        """Sleep a little longer than last time; False, at once, when that would be too long."""
        if time.monotonic() + self._pause >= self._until:
            return False
        time.sleep(self._pause)
        self._pause = min(self._pause * 2, LONGEST_PAUSE_S)
        return True


class Line:
    """Calls one module; safe between threads and after a fork."""

    def __init__(
        self,
        place: Place,
        *,
        patience_s: float = PATIENCE_S,
        whole_s: float = WHOLE_S,
        breaker: Breaker | None = None,
    ) -> None:
        """Opens nothing yet; ``patience_s``: how long connecting and signing in are tried again.

        ``whole_s``: when a caller has its answer or an error, whatever happens on the way.
        """
        self.place, self.patience_s, self.whole_s = place, patience_s, whole_s
        self.breaker = breaker or Breaker()
        self._context: Any = None
        self._idle: list[Connection] = []
        self._access_token: str | None = None
        self._lock, self._signing = threading.Lock(), threading.Lock()
        self._process, self._closed = os.getpid(), False

    def call(
        self,
        method: str,
        *arguments: Any,
        message_id: str | None = None,
        service: Any = API.TokenApi,
        patience_s: float | None = None,
        answer_timeout_s: float | None = None,
        ends: float | None = None,
    ) -> Any:
        """Send a call that needs a sign-in, once, and give its answer, by ``ends`` of ``time.monotonic``.

        Raises Unsent (nothing was asked), Unanswered (it was), or ModuleError with the module's code.
        """
        patience = self.patience_s if patience_s is None else patience_s
        if self.breaker.since is not None:
            patience = 0.0  # known to be dead: one try, no waiting
        wait = answer_timeout_s or self.place.answer_timeout_s
        ends = time.monotonic() + max(self.whole_s, wait) if ends is None else ends
        until = min(time.monotonic() + patience, ends)
        message = message_id or new_message_id()
        for attempt in range(1, SIGN_INS_MAX + 1):
            connection, token = self._ready(until, ends)
            if time.monotonic() > ends:
                # NB: this process was stopped for a while; others may hold the request for lost already.
                self._keep(connection)
                raise Unsent(TIMEOUT, "too late to begin")
            try:
                given = (message, token, *arguments)
                answered_by = min(time.monotonic() + wait, ends)
                answer = connection.call(method, given, answered_by, service)
            except Unanswered as error:
                self._failed(error.code)
                raise
            except ModuleError as error:
                if error.permanent or error.code in LEAVES_OPEN:
                    self._keep(connection)
                else:
                    connection.close()  # it is in trouble: nothing of it shall come late
                self.breaker.worked()
                if error.code != SIGN_IN_AGAIN or attempt == SIGN_INS_MAX:
                    raise
                self._forget(token)
            else:
                self._keep(connection)
                self.breaker.worked()
                return answer
        raise AssertionError("unreachable")

    def probe(self) -> None:
        """Find out whether the module lets us in, by a sign-in and a ping, without patience.

        One that is dead for all that is known gets a second; one that others heard lately, or that was never
        asked, gets the time its way may need.  Raises ModuleError; the breaker learns either way.
        """
        with self._lock:
            self._drop_idle()
            self._access_token = None
        begun = time.monotonic()
        ends = begun + (min(PROBE_S, self.whole_s) if self.breaker.dead else self.whole_s)
        connection, _token = self._ready(begun, ends)
        try:
            connection.call("ping", (0, ""), min(time.monotonic() + self.place.connect_timeout_s, ends))
        except Unanswered as error:
            self._failed(error.code)
            raise
        self._keep(connection)
        self.breaker.worked()

    def close(self) -> None:
        """Hang up for good; calls that are under way end by themselves."""
        with self._lock:
            self._closed = True
            self._drop_idle()

    def _failed(self, code: str) -> None:
        """The module is silent: connections that were kept are as dead as the one that was used."""
        with self._lock:
            self._drop_idle()
        self.breaker.failed(code)

    def _ready(self, until: float, ends: float) -> tuple[Connection, str]:
        """A connection and an access token by ``ends``, trying again as long as patience lasts, to ``until``.

        Raises Unsent, or ModuleError when the module does not let us in.
        """
        backoff = Backoff(until)
        connected_until = min(max(until, time.monotonic() + self.place.connect_timeout_s), ends)
        while True:
            connection = None
            try:
                connection = self._connection(connected_until)
                return connection, self._signed_in(connection, ends)
            except ModuleError as error:
                if connection is not None:
                    connection.close()
                # A wrong password does not become right, and tries are counted.
                hopeless = error.permanent or error.code.startswith("ESignin")
                if hopeless or not backoff.wait():
                    self._failed(error.code)
                    raise self._before_sending(error) from None

    @staticmethod
    def _before_sending(error: ModuleError) -> ModuleError:
        """An unanswered sign-in has asked for nothing."""
        return error if error.permanent else Unsent(error.code, error.detail)

    def _connection(self, until: float) -> Connection:
        while True:
            with self._lock:
                if self._process != os.getpid():  # the parent's sockets are not ours to use or close
                    self._process, self._idle, self._access_token = os.getpid(), [], None
                connection = self._idle.pop() if self._idle else None
                if self._context is None:
                    self._context = tls_context(self.place)
            if connection is None:
                return Connection.to(self.place, self._context, until)
            if connection.is_fresh(IDLE_MAX_S):
                return connection
            connection.close()

    def _signed_in(self, connection: Connection, ends: float) -> str:
        """The access token, signing in if there is none; one thread signs in for all.  Raises Unsent."""
        # NB: behind a silent module each would wait for the time-outs of all before it.
        if not self._signing.acquire(timeout=left(ends)):
            raise Unsent(TIMEOUT, "others were signing in")
        try:
            if self._access_token is None:
                options = API.SessionOptions(version=API.ApiVersion)
                given = (new_message_id(), REALM, self.place.username, self.place.password, options)
                until = min(time.monotonic() + self.place.connect_timeout_s, ends)
                self._access_token = connection.call("signInWithPassword", given, until).accessToken
            return self._access_token
        finally:
            self._signing.release()

    def _forget(self, token: str) -> None:
        with self._signing:
            if self._access_token == token:  # somebody may have signed in anew already
                self._access_token = None

    def _keep(self, connection: Connection) -> None:
        with self._lock:
            if connection.open and not self._closed and len(self._idle) < CONNECTIONS_MAX:
                self._idle.append(connection)
                return
        connection.close()

    def _drop_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()
