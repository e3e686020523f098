"""What a handler reads: a request's body or an uploaded file, for asyncio."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from .._frames import WINDOW

if TYPE_CHECKING:
    from .._streams.async_channel import AsyncChannel
    from .._streams.demand import Demand


class _AsyncReadable:
    def __init__(self, channel: AsyncChannel, demand: Demand) -> None:
        self._channel = channel
        self._demand = demand

    async def _some(self, limit: int, wanted: int) -> bytes:
        """Return what is there, at most `limit` bytes; `wanted` is what the bridge may send if there is nothing."""
        channel, demand = self._channel, self._demand
        if demand.left == 0:
            channel.check_reading()
            return b""
        if not await channel.receive(demand.capped(wanted)):
            return b""
        data = channel.take(limit)
        demand.taken(len(data))
        if wanted == WINDOW:
            channel.give(demand.capped(WINDOW))
        return data

    async def exactly(self, size: int) -> bytes:
        """Return `size` bytes, fewer only at the end."""
        wanted = self._demand.of_read(size)
        reads_on = wanted > size
        parts: list[bytes] = []
        while size > 0 and (data := await self._some(size, wanted if reads_on else min(size, WINDOW))):
            parts.append(data)
            size -= len(data)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _all(self) -> bytes:
        return b"".join([data async for data in self])

    async def __aiter__(self) -> AsyncIterator[bytes]:
        wanted = self._demand.of_all()
        while data := await self._some(WINDOW, wanted):
            yield data


class AsyncRequestBody(_AsyncReadable):
    """The body of a request, for `async def` handlers.

    `await read(n)` returns what is there, at most n bytes and b"" at the end; `await read()` all of it. `async for`
    gives pieces as they come.

    Raises:
        ClientDisconnectedError: By every read, if the client has left before the end.
    """

    async def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes as soon as some are there, b"" at the end; all of the rest without a size."""
        if size < 0:
            return await self._all()
        return await self._some(size, self._demand.of_read(size)) if size else b""


class AsyncUploadedFile(_AsyncReadable):
    """A file that is being uploaded, for `async def` handlers; no more of it is asked for than is read.

    `await read(n)` returns n bytes, fewer only at the end; `await read()` and `async for` read all of it.

    Raises:
        ClientDisconnectedError: By every read, if the upload has ended before its end.
    """

    async def read(self, size: int = -1) -> bytes:
        """Return `size` bytes, fewer only at the end of the file; all of the rest without a size."""
        if size < 0:
            return await self._all()
        return await self.exactly(size)
