"""What a handler reads: a request's body or an uploaded file, blocking."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .._frames import WINDOW

if TYPE_CHECKING:
    from .._streams.blocking_channel import BlockingChannel
    from .._streams.demand import Demand


class _Readable(io.RawIOBase):
    """A readable file on a channel; only the thread of the handler may use it."""

    def __init__(self, channel: BlockingChannel, demand: Demand) -> None:
        self._channel = channel
        self._demand = demand

    def readable(self) -> bool:
        """Return True."""
        return True

    def _some(self, limit: int, wanted: int) -> bytes:
        """Return what is there, at most `limit` bytes; `wanted` is what the bridge may send if there is nothing."""
        channel, demand = self._channel, self._demand
        if demand.left == 0:
            channel.check_reading()
            return b""
        if not channel.receive(demand.capped(wanted)):
            return b""
        data = channel.take(limit)
        demand.taken(len(data))
        if wanted == WINDOW:
            channel.give(demand.capped(WINDOW))
        return data

    def exactly(self, size: int) -> bytes:
        """Return `size` bytes, fewer only at the end."""
        wanted = self._demand.of_read(size)
        reads_on = wanted > size
        parts: list[bytes] = []
        while size > 0 and (data := self._some(size, wanted if reads_on else min(size, WINDOW))):
            parts.append(data)
            size -= len(data)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def readinto(self, buffer: Any, /) -> int:
        """Fill a part of a buffer; 0 at the end."""
        view = memoryview(buffer).cast("B")
        if not len(view):
            return 0
        channel, demand = self._channel, self._demand
        wanted = demand.of_read(len(view))
        if demand.left == 0:
            channel.check_reading()
            return 0
        size = channel.read_into(view, wanted)
        demand.taken(size)
        if wanted == WINDOW:
            channel.give(demand.capped(WINDOW))
        return size

    def readall(self) -> bytes:
        """Return all that is left."""
        return b"".join(self.iterate())

    def iterate(self) -> Iterator[bytes]:
        """Return what is left in pieces, as they come."""
        wanted = self._demand.of_all()
        while data := self._some(WINDOW, wanted):
            yield data

    def __iter__(self) -> Iterator[bytes]:  # pieces, where files give lines
        return self.iterate()


class RequestBody(_Readable):
    """The body of a request.

    `read(n)` returns what is there, at most n bytes and b"" at the end; `read()` all of it. Iterating gives pieces as
    they come. `io.BufferedReader(body)` makes it a file with lines and exact lengths.

    Raises:
        ClientDisconnectedError: By every read, if the client has left before the end.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        """Return at most `size` bytes as soon as some are there, b"" at the end; all of the rest without a size."""
        if size is None or size < 0:
            return self.readall()
        return self._some(size, self._demand.of_read(size)) if size else b""


class UploadedFile(_Readable):
    """A file that is being uploaded; the server is asked for no more of it than is read.

    `read(n)` returns n bytes, fewer only at the end; `read()` and iterating read all of it, in pieces.

    Raises:
        ClientDisconnectedError: By every read, if the upload has ended before its end.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        """Return `size` bytes, fewer only at the end of the file; all of the rest without a size."""
        if size is None or size < 0:
            return self.readall()
        return self.exactly(size)
