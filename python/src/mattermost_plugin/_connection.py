"""A blocking connection to the bridge: frames in, frames out, API calls."""

from __future__ import annotations

import os
import socket
import sys
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from ._codec import SHRINK_ABOVE, encode_frame
from ._errors import UnavailableError
from ._frames import (
    API_CALL,
    API_ERROR,
    API_REPLY,
    CANCEL,
    HEADER,
    HEADER_SIZE,
    HELLO,
    PROTOCOL_VERSION,
    REFUSED,
    WELCOME,
    ProtocolError,
    check_length,
    header,
)
from ._gen.schema import SCHEMA_HASH
from ._version import VERSION

if TYPE_CHECKING:
    from ._method import Method

T = TypeVar("T")

_BUFFER_SIZE = 64 * 1024

Frame = tuple[int, int, int, int, memoryview]
"""Kind, flags, method, id, payload."""


class ConnectionClosedError(Exception):
    """The bridge closed the connection."""

    def __str__(self) -> str:
        return super().__str__() or "the bridge closed the connection"


class RefusedError(Exception):
    """The bridge refused the connection, and says why."""


LINK_ERRORS = (ConnectionClosedError, RefusedError, ProtocolError, OSError)
"""What goes wrong between worker and bridge, as against in the plugin."""


class Welcome(msgspec.Struct):
    """The payload of WELCOME."""

    protocol: int = 0
    plugin_id: str = ""
    bundle_path: str = ""
    sync_connections: int = 0


class Refused(msgspec.Struct):
    """The payload of REFUSED."""

    code: str = ""
    message: str = ""


class Connection:
    """One connection to the bridge, used by one thread at a time.

    The bytes of a frame stay in a buffer that is used again for the next one, so a payload must be decoded before the
    next read.
    """

    __slots__ = ("__weakref__", "_buffer", "_end", "_ident", "_out", "_sock", "_start", "_view", "cancelled", "closed")

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._out = bytearray()
        self._use_buffer(bytearray(_BUFFER_SIZE))
        self._start = 0
        self._end = 0
        self._ident = 0
        self.closed = False
        self.cancelled = 0
        """The id of the last hook that the bridge no longer wants an answer to."""

    def _use_buffer(self, buffer: bytearray) -> None:
        self._buffer = buffer
        self._view = memoryview(buffer)

    @property
    def sock(self) -> socket.socket:
        """The socket."""
        return self._sock

    def close(self) -> None:
        """Close the connection in this process only; a forked copy stays open in the other."""
        self.closed = True
        self._sock.close()

    def detach(self) -> socket.socket:
        """Return the socket and give it up; allowed only between frames."""
        if self._start != self._end:
            raise ProtocolError("the bridge sent frames before it was asked to")
        self.closed = True
        return self._sock

    @property
    def pending(self) -> bool:
        """Whether bytes were received that no one has looked at."""
        return self._start != self._end

    def read(self) -> Frame:
        """Wait for the next frame."""
        start, end = self._start, self._end
        if start == end:
            if len(self._buffer) > SHRINK_ABOVE:
                self._use_buffer(bytearray(_BUFFER_SIZE))
            start = 0
            end = self._sock.recv_into(self._buffer)
            if not end:
                raise ConnectionClosedError
        if end - start < HEADER_SIZE:
            start, end = self._fill(start, end, HEADER_SIZE)
        length, kind, flags, method, ident = HEADER.unpack_from(self._buffer, start)
        if end - start - HEADER_SIZE < length:
            check_length(length)
            start, end = self._fill(start, end, HEADER_SIZE + length)
        stop = start + HEADER_SIZE + length
        self._start = stop
        self._end = end
        return kind, flags, method, ident, self._view[start + HEADER_SIZE : stop]

    def _fill(self, start: int, end: int, size: int) -> tuple[int, int]:
        """Receive until `size` bytes are there from `start` on; return where they now begin and what is received."""
        if start + size > len(self._buffer):
            rest = self._view[start:end]
            buffer = bytearray(max(size, _BUFFER_SIZE))
            buffer[: end - start] = rest
            self._use_buffer(buffer)
            start, end = 0, end - start
        while end - start < size:
            received = self._sock.recv_into(self._view[end:])
            if not received:
                raise ConnectionClosedError
            end += received
        return start, end

    def send_empty(self, kind: int, *, method: int = 0, ident: int = 0, flags: int = 0) -> None:
        """Send a frame without a payload."""
        self._sock.sendall(header(kind, method=method, ident=ident, flags=flags))

    def send(self, value: object, kind: int, method: int = 0, ident: int = 0) -> None:
        """Encode and send a frame.

        Raises:
            ValidationError: The value cannot be sent; nothing was.
        """
        out = self._out
        encode_frame(out, value, kind, method, ident)
        self._sock.sendall(out)
        if len(out) > SHRINK_ABOVE:
            self._out = bytearray()

    def call(self, method: Method[T], args: tuple[Any, ...]) -> T:
        """Call an API method and wait for its answer.

        Raises:
            PluginAPIError: The call failed.
        """
        self._ident = ident = (self._ident + 1) & 0xFFFFFFFF
        try:
            self.send(args, API_CALL, method.ident, ident)
            while True:
                kind, _, _, answered, payload = self.read()
                if kind == API_REPLY and answered == ident:
                    break
                if kind == API_ERROR and answered == ident:
                    raise method.error(payload)
                self._skip(kind, answered)
        except (OSError, ConnectionClosedError, ProtocolError) as error:
            self.close()
            raise UnavailableError(
                "the connection to the server is gone", status_code=503, where=method.name
            ) from error
        return method.result(payload)

    def _skip(self, kind: int, ident: int) -> None:
        """Pass over a frame that is not the awaited answer: a CANCEL, or the answer to a call that was given up."""
        if kind == CANCEL:
            self.cancelled = ident
        elif kind not in (API_REPLY, API_ERROR):
            raise ProtocolError(f"a frame of kind {kind:#04x} came instead of the answer to an API call")


def connect(path: str, token: str, role: str) -> tuple[Connection, Welcome]:
    """Connect to the bridge and introduce this process.

    Raises:
        RefusedError: The bridge does not accept the connection.
        OSError: There is no bridge.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.connect(path)
        connection = Connection(sock)
        connection.send(
            {
                "protocol": PROTOCOL_VERSION,
                "schema": SCHEMA_HASH,
                "token": token,
                "role": role,
                "sdk": f"mattermost-plugin-python {VERSION}",
                "runtime": "Python " + sys.version.split()[0],
                "pid": os.getpid(),
            },
            HELLO,
        )
        return connection, _welcome(connection)
    except BaseException:
        sock.close()
        raise


def _welcome(connection: Connection) -> Welcome:
    try:
        kind, _, _, _, payload = connection.read()
    except ConnectionClosedError:
        raise RefusedError("the bridge closed the connection without an answer") from None
    if kind == REFUSED:
        refused = msgspec.msgpack.decode(payload, type=Refused)
        raise RefusedError(f"the bridge refused the connection ({refused.code}): {refused.message}")
    if kind != WELCOME:
        raise ProtocolError(f"a frame of kind {kind:#04x} came instead of WELCOME")
    return msgspec.msgpack.decode(payload, type=Welcome)
