"""API calls with streams from an event loop that is not the SDK's: through a thread, which has its own connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from ._frames import WINDOW
from ._http.async_client import AsyncHTTPResponse

if TYPE_CHECKING:
    from ._http.client import HTTPAnswer, HTTPResponse
    from ._method import Method
    from ._streams.async_sources import AsyncStreamSource
    from ._streams.sources import StreamSource
    from ._transport import ThreadTransport

T = TypeVar("T")


async def upload(threads: ThreadTransport, method: Method[T], args: tuple[Any, ...], source: AsyncStreamSource) -> T:
    """Call an API method that reads a stream."""
    loop = asyncio.get_running_loop()
    executor = ThreadPoolExecutor(1)
    try:
        return await loop.run_in_executor(executor, threads.upload, method, args, _blocking(source, loop))
    finally:
        executor.shutdown(wait=False)


async def fetch(
    threads: ThreadTransport, method: Method[HTTPAnswer], args: tuple[Any, ...], source: AsyncStreamSource | None
) -> AsyncHTTPResponse:
    """Call an API method that answers with a stream."""
    loop = asyncio.get_running_loop()
    executor = ThreadPoolExecutor(1)
    try:
        body = None if source is None else _blocking(source, loop)
        response = await loop.run_in_executor(executor, threads.fetch, method, args, body)
    except BaseException:
        executor.shutdown(wait=False)
        raise
    return _ThreadedResponse(response, executor)


class _ThreadedResponse(AsyncHTTPResponse):
    """An answer that a thread of its own reads, because it belongs to that thread's connection."""

    def __init__(self, response: HTTPResponse, executor: ThreadPoolExecutor) -> None:
        self.status, self.headers = response.status, response.headers
        self._response = response
        self._executor = executor

    async def read1(self, limit: int = WINDOW) -> bytes:
        """Return what is there, at most `limit` bytes; b"" at the end."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self._response.read1, limit)

    async def close(self) -> None:
        """Do without the rest of the body."""
        self.__del__()

    def __del__(self) -> None:
        # The thread closes its connection when it ends, and with that the answer.
        self._executor.shutdown(wait=False)


def _blocking(source: AsyncStreamSource, loop: asyncio.AbstractEventLoop) -> StreamSource:
    if isinstance(source, AsyncIterable):
        return _pieces(source.__aiter__(), loop)
    return source


def _pieces(iterator: AsyncIterator[bytes], loop: asyncio.AbstractEventLoop) -> Iterator[bytes]:
    async def step() -> bytes | None:
        try:
            return await iterator.__anext__()
        except StopAsyncIteration:
            return None

    while (piece := asyncio.run_coroutine_threadsafe(step(), loop).result()) is not None:
        yield piece
