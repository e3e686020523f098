"""The event loop of a plugin with async handlers, in the main thread; the bridge's orders are read beside it."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Awaitable, Callable, Mapping

from ._async_link import CANCEL_PATIENCE, AsyncLink, new_event_loop
from ._bound_hook import BoundHook
from ._connection import ConnectionClosedError

DRAIN_PATIENCE = 0.5
"""Seconds for what still runs at STOP; the bridge has waited for it before, and kills the process after 1.5."""

_log = logging.getLogger("mattermost_plugin")


class StartupFailedError(Exception):
    """What belongs to the plugin could not be started; the cause says why."""


class AsyncMain:
    """Runs the event loop until STOP, or until the bridge is gone.

    Args:
        sock: The `async` connection.
        hooks: The async handlers.
        take_orders: Takes the bridge's orders until the loop shall end; runs in a thread.
        startup: Awaited before hooks can come, if there is something to start.
        shutdown: Awaited when STOP has come, while the hooks that run are still served.
        use_uvloop: Whether to run on uvloop, if it is installed.
    """

    def __init__(
        self,
        sock: socket.socket,
        hooks: Mapping[int, BoundHook],
        take_orders: Callable[[], None],
        *,
        startup: Callable[[], Awaitable[None]] | None,
        shutdown: Callable[[], Awaitable[None]] | None,
        use_uvloop: bool,
    ) -> None:
        self._startup = startup
        self._shutdown = shutdown
        self._sock = sock
        self._take_orders = take_orders
        self.loop = new_event_loop(use_uvloop)
        self._over: asyncio.Future[None] = self.loop.create_future()
        self.socket_fd = sock.fileno()
        self.link = AsyncLink(self.loop, hooks, self._lost)

    def run(self, ready: Callable[[], None], ending: Callable[[], None]) -> None:
        """Serve hooks until STOP.

        Args:
            ready: Called once when hooks can come.
            ending: Called once when the loop has served its last hook.

        Raises:
            StartupFailedError: What was to be started has failed.
            ConnectionClosedError: The bridge is gone.
            OSError: The bridge is gone.
            ProtocolError: The bridge sent what it must not.
        """
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(self._main(ready))
        finally:
            ending()
            self._close()

    async def _main(self, ready: Callable[[], None]) -> None:
        await self.link.attach(self._sock)
        threading.Thread(target=self._read_orders, name="mattermost-control", daemon=True).start()
        if await self._start():
            ready()
        await self._over
        until = self.loop.time() + DRAIN_PATIENCE
        if self._shutdown is not None:
            await self._stop(self._shutdown)
        await self.link.drain(until)

    @staticmethod
    async def _stop(shutdown: Callable[[], Awaitable[None]]) -> None:
        """Stop what was started, unless `OnDeactivate` has done so, which has more time."""
        try:
            await asyncio.wait_for(shutdown(), DRAIN_PATIENCE)
        except asyncio.TimeoutError:
            _log.error("stopping the application takes more than %s seconds", DRAIN_PATIENCE)
        except Exception:  # it is the author's, and the worker ends in any case  # noqa: BLE001
            _log.exception("stopping the application failed")

    async def _start(self) -> bool:
        """Start what is to be started; return False if STOP comes first."""
        if self._startup is None:
            return True
        starting = asyncio.ensure_future(self._startup())
        await asyncio.wait({starting, self._over}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            await asyncio.wait({starting})
            return False
        error = starting.exception()
        if error is not None:
            self.link.abort()
            raise StartupFailedError from error
        return True

    def _read_orders(self) -> None:
        error: Exception | None = None
        try:
            self._take_orders()
        except Exception as caught:  # whatever it is, a worker that takes no orders must end  # noqa: BLE001
            error = caught
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._finish, error)

    def _lost(self) -> None:
        self._finish(ConnectionClosedError("the bridge closed the async connection"))

    def _finish(self, error: Exception | None) -> None:
        if self._over.done():
            return
        if error is None:
            self._over.set_result(None)
        else:
            self._over.set_exception(error)

    def _close(self) -> None:
        """End what the author's tasks have left, as asyncio.run does."""
        loop = self.loop
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left, timeout=CANCEL_PATIENCE))
        loop.run_until_complete(loop.shutdown_asyncgens())
        asyncio.set_event_loop(None)
        loop.close()
