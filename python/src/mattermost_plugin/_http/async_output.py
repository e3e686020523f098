"""The replacement of an uploaded file, for asyncio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._frames import MAX_DATA
from .._streams.channel import Gatherer, frozen, plain_view

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from .._streams.async_channel import AsyncChannel


class AsyncReplacementFile:
    """What is stored instead of the uploaded file; if nothing is written the file stays as it is.

    A write waits while the server does not take what was written before.
    """

    def __init__(self, channel: AsyncChannel) -> None:
        self._channel = channel
        self._waiting = Gatherer()

    async def write(self, data: Buffer) -> int:
        """Write bytes, all of them, and return how many."""
        self._channel.check_writing()
        view = plain_view(data)
        parts = self._waiting.add(frozen(view) if len(view) >= MAX_DATA else view)
        if parts:
            await self._channel.send(parts)
        return len(view)

    async def finish(self, reply: bytes) -> None:
        """Send what is left, together with the answer to the hook."""
        await self._channel.send((self._waiting.take(),), after=reply)
