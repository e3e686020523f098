"""The API client for `def` handlers and threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._gen.api import ApiMixins
from ._transport import SyncTransport, Unconnected

if TYPE_CHECKING:
    from ._database.database import Database


class PluginAPIClient(ApiMixins):
    """Mattermost's plugin API; `self.api` in a plugin.

    Every method waits for its answer. It may be called from any thread but that of the event loop.

    Args:
        transport: Where calls go; the running plugin has its own, a test may pass one.
    """

    def __init__(self, transport: SyncTransport | None = None) -> None:
        self._connected = transport is not None
        self._transport = transport or Unconnected()
        self._call = self._transport.call

    @property
    def connected(self) -> bool:
        """Whether the client belongs to a running plugin, or has a transport of a test."""
        return self._connected

    @property
    def db(self) -> Database:
        """The server's database, if the manifest asks for it by `"server": {"database": true}`."""
        from ._database.database import Database  # loaded only by plugins that use the database

        return Database(self._call)


__all__ = ["PluginAPIClient"]
