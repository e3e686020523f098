"""What is true of the whole process while a plugin runs in it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._runtime_config import RuntimeConfig
    from ._transport import AsyncTransport, SyncTransport
    from .async_client import AsyncPluginAPIClient
    from .client import PluginAPIClient


class Runtime:
    """The running plugin's configuration and clients, which `Plugin` falls back to.

    A client's code is loaded when it is first asked for: few plugins need both.
    """

    def __init__(self, config: RuntimeConfig, threads: SyncTransport, tasks: AsyncTransport) -> None:
        self.config = config
        self._threads = threads
        self._tasks = tasks

    @cached_property
    def api(self) -> PluginAPIClient:
        """The client for threads."""
        from .client import PluginAPIClient

        return PluginAPIClient(self._threads)

    @cached_property
    def async_api(self) -> AsyncPluginAPIClient:
        """The client for asyncio."""
        from .async_client import AsyncPluginAPIClient

        return AsyncPluginAPIClient(self._tasks)


current: Runtime | None = None
"""The running plugin of this process, from before its class is loaded; None in tests and other programs."""
