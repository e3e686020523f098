"""The answer of another plugin to `plugin_http`, for asyncio."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from .._frames import WINDOW
from .._gen.methods import PLUGIN_HTTP
from .client import BaseHTTPResponse, http_request, no_response, request_body

if TYPE_CHECKING:
    from .._streams.async_channel import AsyncChannel
    from .._streams.async_sources import AsyncStreamSource
    from .._transport import AsyncTransport
    from .client import HeadersLike, HTTPAnswer


class AsyncHTTPResponse(BaseHTTPResponse):
    """Another plugin's answer, for asyncio; its body is read as it comes.

    Read it to its end or close it, best with `async with`; the end of the task's hook closes it, too.
    """

    def __init__(self, answer: HTTPAnswer, channel: AsyncChannel) -> None:
        self._channel = channel
        super().__init__(answer)

    async def read(self, n: int = -1) -> bytes:
        """Return n bytes of the body, fewer only at its end; all of the rest without a number."""
        if n < 0:
            return b"".join([data async for data in self])
        parts: list[bytes] = []
        while n > 0 and (data := await self.read1(n)):
            parts.append(data)
            n -= len(data)
        return b"".join(parts)

    async def read1(self, limit: int = WINDOW) -> bytes:
        """Return what is there, at most `limit` bytes; b"" at the end."""
        channel = self._channel
        if not await channel.receive(WINDOW):
            channel.link.forget(channel)
            return b""
        data = channel.take(limit)
        channel.give()
        return data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while data := await self.read1(WINDOW):
            yield data

    async def text(self) -> str:
        """Return the body as text (UTF-8; other bytes become U+FFFD)."""
        return (await self.read()).decode("utf-8", "replace")

    async def json(self) -> Any:
        """Return the body's JSON value.

        Raises:
            ValueError: The body is not JSON.
        """
        return json.loads(await self.read())

    async def close(self) -> None:
        """Do without the rest of the body."""
        if not self._channel.over:
            self._channel.link.give_up(self._channel)

    async def __aenter__(self) -> AsyncHTTPResponse:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __del__(self) -> None:
        channel = self._channel
        loop = channel.link.loop
        if channel.key in channel.link.channels and not loop.is_closed():
            # Any thread may come here, in the middle of anything.
            loop.call_soon_threadsafe(channel.link.give_up, channel)


async def plugin_http(
    transport: AsyncTransport, method: str, url: str, headers: HeadersLike | None, body: AsyncStreamSource
) -> AsyncHTTPResponse:
    """Make a request to another plugin."""
    response = await transport.fetch(PLUGIN_HTTP, (http_request(method, url, headers),), request_body(body))
    if not response.status:
        await response.close()
        raise no_response()
    return response
