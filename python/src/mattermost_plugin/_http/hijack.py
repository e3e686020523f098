"""A client's TCP connection that a handler has taken over, blocking."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from .._codec import frame
from .._frames import BUFFERED, DEADLINE, END, WINDOW
from .._streams.channel import Channel, plain_view

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from .._streams.blocking_channel import BlockingChannel

BOTH, READING, WRITING = 0, 1, 2
"""What a deadline is for, as DEADLINE numbers it."""


def deadline_frame(channel: Channel, which: int, seconds: float | None) -> bytes:
    """Return the frame that sets or, without seconds, removes a deadline."""
    if which != WRITING:
        channel.forget_timeout()
    time = None
    if seconds is not None:
        time = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return bytes(frame((which, time), DEADLINE, channel.method, channel.ident))


class HijackedConnection:
    """The client's connection: its bytes come and go as they are, until `close` or the end of the handler.

    Raises:
        TimeoutError: By a read, if its deadline has passed; a new deadline lets it go on.
        ClientDisconnectedError: By every method, if the connection is broken.
    """

    def __init__(self, channel: BlockingChannel) -> None:
        self._channel = channel
        self._closed = False

    def read(self, n: int = 65536) -> bytes:
        """Return what has come, at most n bytes; b"" when the client has sent its last, or after `close`."""
        if self._closed or n == 0 or not self._channel.receive(WINDOW):
            return b""
        data = self._channel.take(n if n > 0 else WINDOW)
        self._channel.give()
        return data

    def write(self, data: Buffer) -> None:
        """Send bytes at once; wait while the client does not read."""
        self._write(data, 0)

    def write_buffered(self, data: Buffer) -> None:
        """Send bytes through the server's buffer of 4,096 bytes, which is sent when it is full and never flushed."""
        self._write(data, BUFFERED)

    def _write(self, data: Buffer, flags: int) -> None:
        if self._closed:
            raise RuntimeError("the connection was closed")
        view = plain_view(data)
        self._channel.send((view,), flags)

    def set_deadline(self, seconds: float | None) -> None:
        """Let reads and writes fail after so many seconds from now; None: never."""
        self._set(BOTH, seconds)

    def set_read_deadline(self, seconds: float | None) -> None:
        """Let reads fail after so many seconds from now; None: never."""
        self._set(READING, seconds)

    def set_write_deadline(self, seconds: float | None) -> None:
        """Let writes fail after so many seconds from now; None: never."""
        self._set(WRITING, seconds)

    def _set(self, which: int, seconds: float | None) -> None:
        channel = self._channel
        channel.check_writing()
        channel.send((), after=deadline_frame(channel, which, seconds))

    def close(self) -> None:
        """Close the connection; a second time does nothing."""
        channel = self._channel
        if not self._closed and not channel.over and not channel.gone:
            self._closed = True
            channel.chunks.clear()
            channel.size = 0
            channel.send((), after=channel.header(END))
