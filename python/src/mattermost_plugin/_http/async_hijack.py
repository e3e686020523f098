"""A client's TCP connection that a handler has taken over, for asyncio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._frames import BUFFERED, END, WINDOW
from .._streams.channel import frozen, plain_view
from .hijack import BOTH, READING, WRITING, deadline_frame

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from .._streams.async_channel import AsyncChannel


class AsyncHijackedConnection:
    """The client's connection: its bytes come and go as they are, until `close` or the end of the handler.

    Raises:
        TimeoutError: By a read, if its deadline has passed; a new deadline lets it go on.
        ClientDisconnectedError: By every method, if the connection is broken.
    """

    def __init__(self, channel: AsyncChannel) -> None:
        self._channel = channel
        self._closed = False

    async def read(self, n: int = 65536) -> bytes:
        """Return what has come, at most n bytes; b"" when the client has sent its last, or after `close`."""
        if self._closed or n == 0 or not await self._channel.receive(WINDOW):
            return b""
        data = self._channel.take(n if n > 0 else WINDOW)
        self._channel.give()
        return data

    async def write(self, data: Buffer) -> None:
        """Send bytes at once; wait while the client does not read."""
        await self._write(data, 0)

    async def write_buffered(self, data: Buffer) -> None:
        """Send bytes through the server's buffer of 4,096 bytes, which is sent when it is full and never flushed."""
        await self._write(data, BUFFERED)

    async def _write(self, data: Buffer, flags: int) -> None:
        if self._closed:
            raise RuntimeError("the connection was closed")
        view = plain_view(data)
        await self._channel.send((frozen(view),), flags)

    async def set_deadline(self, seconds: float | None) -> None:
        """Let reads and writes fail after so many seconds from now; None: never."""
        await self._set(BOTH, seconds)

    async def set_read_deadline(self, seconds: float | None) -> None:
        """Let reads fail after so many seconds from now; None: never."""
        await self._set(READING, seconds)

    async def set_write_deadline(self, seconds: float | None) -> None:
        """Let writes fail after so many seconds from now; None: never."""
        await self._set(WRITING, seconds)

    async def _set(self, which: int, seconds: float | None) -> None:
        channel = self._channel
        channel.check_writing()
        channel.link.write(deadline_frame(channel, which, seconds))

    async def close(self) -> None:
        """Close the connection; a second time does nothing."""
        channel = self._channel
        if not self._closed and not channel.over and not channel.gone:
            self._closed = True
            channel.chunks.clear()
            channel.size = 0
            channel.link.write(channel.header(END))
