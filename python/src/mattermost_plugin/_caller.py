"""What the generated mixins call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from ._http.async_client import AsyncHTTPResponse
    from ._http.client import HeadersLike, HTTPResponse
    from ._method import Method
    from ._streams.async_sources import AsyncStreamSource
    from ._streams.sources import StreamSource
    from ._transport import AsyncTransport, SyncTransport

T = TypeVar("T")


class _Call(Protocol):
    def __call__(self, method: Method[T], args: tuple[Any, ...], /) -> T: ...


class _AsyncCall(Protocol):
    async def __call__(self, method: Method[T], args: tuple[Any, ...], /) -> T: ...


class Caller:
    """The base of the generated mixins for threads."""

    _call: _Call
    _transport: SyncTransport

    def _upload(self, method: Method[T], args: tuple[Any, ...], source: StreamSource) -> T:
        return self._transport.upload(method, args, source)

    def _plugin_http(self, method: str, url: str, headers: HeadersLike | None, body: StreamSource) -> HTTPResponse:
        from ._http.client import plugin_http  # few plugins need it

        return plugin_http(self._transport, method, url, headers, body)


class AsyncCaller:
    """The base of the generated mixins for asyncio."""

    _call: _AsyncCall
    _transport: AsyncTransport

    async def _upload(self, method: Method[T], args: tuple[Any, ...], source: AsyncStreamSource) -> T:
        return await self._transport.upload(method, args, source)

    async def _plugin_http(
        self, method: str, url: str, headers: HeadersLike | None, body: AsyncStreamSource
    ) -> AsyncHTTPResponse:
        from ._http.async_client import plugin_http  # few plugins need it

        return await plugin_http(self._transport, method, url, headers, body)
