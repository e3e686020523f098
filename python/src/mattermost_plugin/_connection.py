"""A blocking connection to the bridge: frames in, frames out, API calls."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from ._codec import SHRINK_ABOVE, encode_frame
from ._errors import gone_call
from ._frames import (
    API_CALL,
    API_ERROR,
    API_REPLY,
    CANCEL,
    DATA,
    HEADER,
    HEADER_SIZE,
    HELLO,
    OF_API_CALL,
    PROTOCOL_VERSION,
    REFUSED,
    STREAM_KINDS,
    WELCOME,
    ProtocolError,
    check_length,
    header,
    stream_key,
)
from ._gen.schema import SCHEMA_HASH
from ._secret import Secret
from ._version import VERSION

if TYPE_CHECKING:
    from ._method import Method
    from ._streams.channel import Channel, Piece

T = TypeVar("T")

_BUFFER_SIZE = 64 * 1024

_SMALL = 4 * 1024
"""Frames up to this are worth copying to save a system call."""

_JOINED = 16 * 1024
"""Frames up to this are copied into one piece of memory and not handed to the kernel one by one."""

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
    worker_index: int | None = None
    workers: int | None = None


class Refused(msgspec.Struct):
    """The payload of REFUSED."""

    code: str = ""
    message: str = ""


class Connection:
    """One connection to the bridge, used by one thread at a time.

    The bytes of a frame stay in a buffer that is used again for the next one, so a payload must be decoded before the
    next read.
    """

    __slots__ = (
        "__weakref__",
        "_buffer",
        "_end",
        "_first",
        "_ident",
        "_out",
        "_sock",
        "_start",
        "_view",
        "abandoned",
        "cancelled",
        "channels",
        "closed",
        "moved",
        "sink",
    )

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._out = bytearray()
        self._use_buffer(bytearray(_BUFFER_SIZE))
        self._start: int = 0
        self._end: int = 0
        self._ident = 0
        self.closed = False
        self.cancelled = 0
        """The id of the last hook that the bridge no longer wants an answer to."""
        self.channels: dict[int, Channel] = {}
        """The hook and the API calls with streams that are under way, by `stream_key`."""
        self.abandoned: list[Channel] = []
        """Answers to API calls that nobody reads to their end; whichever thread has dropped them."""
        self.moved = 0
        """How often a stream has gone on, in either direction."""
        self.sink: tuple[int, memoryview] | None = None
        """Where the next large DATA frame of a stream may be received without a copy."""
        self._first = 0

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

    def read(self, first: int = 0) -> Frame:
        """Wait for the next frame; `first` limits what is received in one go before its length is known."""
        start, end = self._start, self._end
        if start == end:
            if len(self._buffer) > SHRINK_ABOVE:
                self._use_buffer(bytearray(_BUFFER_SIZE))
            start = 0
            end = self._sock.recv_into(self._buffer, first)
            if not end:
                raise ConnectionClosedError
        if end - start < HEADER_SIZE:
            start, end = self._fill(start, end, HEADER_SIZE)
        length, kind, flags, method, ident = HEADER.unpack_from(self._buffer, start)
        if end - start - HEADER_SIZE < length:
            check_length(length)
            if kind == DATA and length > _SMALL:
                self._start = self._end = 0
                data = self._receive_data(stream_key(flags, ident), self._view[start + HEADER_SIZE : end], length)
                return kind, flags, method, ident, data
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

    def _receive_data(self, key: int, head: memoryview, length: int) -> memoryview:
        """Receive the rest of a large DATA frame straight to where it stays."""
        if self.sink is not None and self.sink[0] == key and length <= len(self.sink[1]):
            view = self.sink[1][:length]
        elif not len(head):
            data = self._sock.recv(length, socket.MSG_WAITALL)
            if len(data) == length:
                return memoryview(data)
            head, view = memoryview(data), memoryview(bytearray(length))
        else:
            view = memoryview(bytearray(length))
        have = len(head)
        view[:have] = head
        while have < length:
            received = self._sock.recv_into(view[have:], 0, socket.MSG_WAITALL)
            if not received:
                raise ConnectionClosedError
            have += received
        return view

    def pump(self) -> None:
        """Wait for one frame while a stream is waited for, and hand it to where it belongs."""
        # After a large frame there is probably another one: its header alone comes first, and the rest without a copy.
        kind, flags, _, ident, payload = self.read(self._first or _SMALL)
        self.moved += 1
        self._first = HEADER_SIZE if kind == DATA and len(payload) > _SMALL else 0
        self.route(kind, flags, ident, payload)

    def poll(self) -> None:
        """Hand the frames that are there already to where they belong."""
        while True:
            if self._start == self._end:
                try:
                    received = self._sock.recv_into(self._buffer, _SMALL, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    return
                if not received:
                    raise ConnectionClosedError
                self._start, self._end = 0, received
            self.pump()

    def route(self, kind: int, flags: int, ident: int, payload: memoryview) -> None:
        """Hand a frame that may come at any time to the stream or call that it belongs to; drop it if that is over.

        Raises:
            ProtocolError: The frame has no place here.
        """
        if kind == CANCEL:
            if not flags & OF_API_CALL:
                self.cancelled = ident
                channel = self.channels.get(ident)
                if channel is not None:
                    channel.gone = True
            return
        if kind in (API_REPLY, API_ERROR):
            flags = OF_API_CALL
        elif kind not in STREAM_KINDS:
            raise ProtocolError(f"a frame of kind {kind:#04x} has no place while a hook or an API call is under way")
        channel = self.channels.get(stream_key(flags, ident))
        if channel is not None:
            copied: Piece = bytes(payload) if kind == DATA and payload.obj is self._buffer else payload
            channel.frame(kind, copied)

    def send_parts(self, parts: Sequence[bytes | bytearray | memoryview]) -> None:
        """Send frames that are there in parts, in one system call; long parts are not copied."""
        self.moved += 1
        size = sum(map(len, parts))
        if size <= _JOINED or len(parts) == 1:
            self._sock.sendall(b"".join(parts))
            return
        sent = self._sock.sendmsg(parts)
        if sent < size:  # a signal came in between
            self._sock.sendall(memoryview(b"".join(parts))[sent:])

    def next_ident(self) -> int:
        """Return the id of the next API call."""
        ident = (self._ident + 1) & 0xFFFFFFFF
        while stream_key(OF_API_CALL, ident) in self.channels:
            ident = (ident + 1) & 0xFFFFFFFF
        self._ident = ident
        return ident

    def cancel_calls(self) -> None:
        """Give up the API calls whose streams are still open: their hook has ended."""
        for channel in [channel for channel in self.channels.values() if channel.flag & OF_API_CALL]:
            self.give_up(channel)

    def cancel_abandoned(self) -> None:
        """Give up the API calls whose answers were dropped unread."""
        while self.abandoned:
            self.give_up(self.abandoned.pop())

    def give_up(self, channel: Channel) -> None:
        """Tell the bridge that nothing more of an API call is wanted, if it is not at its end."""
        channel.over = True
        channel.stop_sending()
        channel.chunks.clear()
        if self.channels.pop(channel.key, None) is not None and not (channel.ended and channel.answer):
            self.send_empty(CANCEL, method=channel.method, ident=channel.ident, flags=OF_API_CALL)

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
        try:
            if self.channels:
                ident = self.next_ident()
                self.cancel_abandoned()
            else:
                self._ident = ident = (self._ident + 1) & 0xFFFFFFFF
            self.send(args, API_CALL, method.ident, ident)
            while True:
                kind, flags, _, answered, payload = self.read()
                if kind == API_REPLY and answered == ident:
                    break
                if kind == API_ERROR and answered == ident:
                    raise method.error(payload)
                self.route(kind, flags, answered, payload)
        except (OSError, ConnectionClosedError, ProtocolError) as error:
            self.close()
            raise gone_call(method.name) from error
        return method.result(payload)


def connect(path: str, token: Secret, role: str) -> tuple[Connection, Welcome]:
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
    except BaseException as error:  # raised again  # noqa: BLE001
        sock.close()
        # The frames below hold what was sent, and with it the token; some loggers show local variables.
        raise error.with_traceback(None) from None


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
