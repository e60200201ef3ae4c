"""What the module server allows a stranger: sizes, times and numbers, all in one place."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the server; times in seconds. The defaults bound its memory as docs/module_server.md says.

    ``frame_bytes``: one message; ``backlog_bytes``: what a connection may send ahead of its answers.
    ``handshake_s``, ``frame_s``, ``write_s``: for a TLS handshake, a whole frame, a whole answer, from its
    first byte; ``idle_s``: between two. ``answer_s``: a request that has waited longer is not begun any more.
    """

    connections: int = 256
    frame_bytes: int = 64 * 1024
    backlog_bytes: int = 128 * 1024
    handshake_s: float = 10.0
    frame_s: float = 10.0
    write_s: float = 10.0
    idle_s: float = 300.0
    #: When all connections are taken, one that was idle for so long makes room.
    sleeper_s: float = 5.0
    answer_s: float = 20.0
    #: Sign-ins and key files that wait for a processor.
    slow_calls: int = 32
    #: A stop waits so long for requests that have begun.
    stop_s: float = 8.0
