"""The API client for `def` handlers and threads."""

from __future__ import annotations

from ._gen.api import ApiMixins
from ._transport import SyncTransport, Unconnected


class PluginAPIClient(ApiMixins):
    """Mattermost's plugin API; `self.api` in a plugin.

    Every method waits for its answer. It may be called from any thread but that of the event loop.

    Args:
        transport: Where calls go; the running plugin has its own, a test may pass one.
    """

    def __init__(self, transport: SyncTransport | None = None) -> None:
        self._transport = transport
        self._call = (transport or Unconnected()).call

    @property
    def connected(self) -> bool:
        """Whether the client belongs to a running plugin, or has a transport of a test."""
        return self._transport is not None


__all__ = ["PluginAPIClient"]
