"""The `control` connection: the worker's report of its start, its log, and the bridge's orders."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ._codec import encode_frame
from ._connection import Connection, ConnectionClosedError
from ._frames import FAILED, OPEN, PING, PONG, READY, STOP, ProtocolError
from ._log_frame import log_frame

_LOG_PATIENCE = 0.05
"""Seconds that a log call may wait for a bridge that does not read."""

_LOCK_PATIENCE = 0.5
"""Seconds that a log call waits for another one: longer, and it is one that this thread itself has interrupted."""

_SHUTDOWN_PATIENCE = 2.0
"""Seconds that the last frames may take before the process exits."""

_MAX_UNSENT = 1024 * 1024
"""Bytes of log that are kept for a bridge that does not read; what comes then is dropped."""


class Control:
    """Sends frames from any thread; one thread reads.

    Every frame goes through one buffer of unsent bytes, so a bridge that is slow to read delays nobody for long and a
    frame is never cut in two.
    """

    def __init__(self, connection: Connection) -> None:
        self._sock = connection.sock
        self._connection = connection
        self._lock = threading.Lock()
        self._unsent = bytearray()
        self._dropped = 0
        self._is_ended = False
        self.health: Callable[[], Mapping[str, Any]] = _unknown_health
        """What is answered to PING."""

    def ready(self, hooks: Sequence[tuple[Any, ...]]) -> None:
        """Report that the plugin is loaded and which hooks it handles."""
        self._send({"hooks": hooks}, READY)

    def failed(self, report: Mapping[str, Any]) -> None:
        """Report that the plugin cannot be loaded, and why."""
        self._send(report, FAILED)

    def log(self, level: str, message: str, fields: Mapping[str, str]) -> None:
        """Send a line of the log; drop it if the bridge has not read for long."""
        if len(self._unsent) > _MAX_UNSENT:
            self._dropped += 1
            return
        if self._dropped:
            fields = {**fields, "dropped_log_lines": str(self._dropped)}
            self._dropped = 0
        frame = log_frame(level, message, fields)
        if not self._lock.acquire(timeout=_LOCK_PATIENCE):
            self._dropped += 1
            return
        try:
            # Whoever comes while the bridge does not read need not wait for what the first one waited for in vain.
            patience = 0.0 if self._unsent else _LOG_PATIENCE
            self._unsent += frame
            self._write(patience)
        finally:
            self._lock.release()

    def flush(self) -> None:
        """Send what is left before the process exits, if the bridge is still there."""
        with self._lock, contextlib.suppress(OSError):
            self._write(_SHUTDOWN_PATIENCE)

    def close(self) -> None:
        """Close this process's copy of the connection."""
        self._connection.close()

    def serve(self, on_open: Callable[[int], None]) -> None:
        """Read the bridge's orders until STOP, or until `end` is called.

        Raises:
            ConnectionClosedError: The bridge is gone.
        """
        while True:
            try:
                kind, _, _, ident, _ = self._connection.read()
            except ConnectionClosedError:
                if self._is_ended:
                    return
                raise
            if kind == PING:
                self._send(self.health(), PONG, ident)
            elif kind == OPEN:
                on_open(ident)
            elif kind == STOP:
                return
            else:
                raise ProtocolError(f"a frame of kind {kind:#04x} has no place on the control connection")

    def end(self) -> None:
        """Take no more orders: `serve` returns, in whichever thread it waits."""
        self._is_ended = True
        with contextlib.suppress(OSError):  # the bridge may be gone already
            self._sock.shutdown(socket.SHUT_RD)

    def _send(self, value: object, kind: int, ident: int = 0) -> None:
        frame = bytearray()
        encode_frame(frame, value, kind, 0, ident)
        with self._lock:
            self._unsent += frame
            self._write(_SHUTDOWN_PATIENCE)

    def _write(self, patience: float) -> None:
        deadline = time.monotonic() + patience
        while self._unsent:
            try:
                sent = self._sock.send(self._unsent, socket.MSG_DONTWAIT)
            except BlockingIOError:
                if not _writable(self._sock, deadline - time.monotonic()):
                    return
            else:
                del self._unsent[:sent]


def _unknown_health() -> Mapping[str, Any]:
    return {"lag_ms": 0, "debugger": False}


def _writable(sock: socket.socket, seconds: float) -> bool:
    if seconds <= 0:
        return False
    poll = select.poll()
    poll.register(sock, select.POLLOUT)
    return bool(poll.poll(int(seconds * 1000)))
