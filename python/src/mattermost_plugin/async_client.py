"""The API client for `async def` handlers and tasks."""

from __future__ import annotations

from ._gen.async_api import AsyncApiMixins
from ._transport import AsyncTransport, AsyncUnconnected


class AsyncPluginAPIClient(AsyncApiMixins):
    """Mattermost's plugin API for asyncio; `self.async_api` in a plugin.

    It has the methods of `PluginAPIClient`, each to be awaited. Any number of calls may be under way at once, and
    cancelling a task cancels its call.

    Args:
        transport: Where calls go; the running plugin has its own, a test may pass one.
    """

    def __init__(self, transport: AsyncTransport | None = None) -> None:
        self._connected = transport is not None
        self._transport = transport or AsyncUnconnected()
        self._call = self._transport.call

    @property
    def connected(self) -> bool:
        """Whether the client belongs to a running plugin, or has a transport of a test."""
        return self._connected


__all__ = ["AsyncPluginAPIClient"]
