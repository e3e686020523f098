"""ASGI's lifespan protocol: the application's startup and shutdown."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .asgi_types import ASGIApplication, Message

_REASON_PATIENCE = 1.0
"""Seconds in which an application that has failed may raise what it failed by."""

SHUTDOWN_PATIENCE = 10.0
"""Seconds for the application's shutdown; the server waits for it while it deactivates the plugin."""

_OUT_OF_ORDER = "Got invalid state transition on lifespan protocol."


class StartupError(RuntimeError):
    """The application reported that it cannot start."""


class Lifespan:
    """One task in the application that lasts from startup to shutdown.

    An application that raises as soon as it is asked does not support the protocol, and works without it.

    Args:
        app: The application.
        logger: Where a failed shutdown is reported.
    """

    def __init__(self, app: ASGIApplication, logger: logging.Logger) -> None:
        self.state: dict[str, Any] = {}
        self._app = app
        self._logger = logger
        self._task: asyncio.Task[None] | None = None
        self._incoming: asyncio.Queue[Message] = asyncio.Queue()
        self._started = asyncio.Event()
        self._stopped = asyncio.Event()
        self._is_asked_to_stop = False
        self._failure: str | None = None

    async def startup(self) -> None:
        """Start the application, and return when it is ready.

        Raises:
            StartupError: The application sent `lifespan.startup.failed` and raised nothing.
            Exception: What it raised after that.
        """
        self._incoming.put_nowait({"type": "lifespan.startup"})
        self._task = asyncio.get_running_loop().create_task(self._run())
        await self._started.wait()
        if self._failure is None:
            return
        # Frameworks send the traceback as text and raise the exception itself, which says more.
        done, _ = await asyncio.wait({self._task}, timeout=_REASON_PATIENCE)
        if done and not self._task.cancelled():
            error = self._task.exception()
            if error is not None:
                raise error
        self._task.cancel()
        raise StartupError(self._failure or "the ASGI application reported that its startup failed")

    async def shutdown(self) -> None:
        """Let the application clean up; returns when it has, or at once if it takes no part in the protocol."""
        if self._task is None or self._task.done():
            return
        self._is_asked_to_stop = True
        self._incoming.put_nowait({"type": "lifespan.shutdown"})
        try:
            await asyncio.wait_for(self._stopped.wait(), SHUTDOWN_PATIENCE)
        except asyncio.TimeoutError:
            self._logger.error("the ASGI application's shutdown takes more than %s seconds", SHUTDOWN_PATIENCE)
            self._task.cancel()

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        try:
            await self._app(scope, self._incoming.get, self._send)
        except Exception as error:
            if self._failure is not None:
                raise
            if self._started.is_set():
                self._logger.error("the ASGI application's lifespan raised an exception", exc_info=error)
            else:
                self._logger.debug("the ASGI application does not support the lifespan protocol: %r", error)
        finally:
            self._started.set()
            self._stopped.set()

    async def _send(self, message: Message) -> None:
        kind, text = message["type"], str(message.get("message", ""))
        if kind.startswith("lifespan.startup.") and self._started.is_set():
            raise RuntimeError(_OUT_OF_ORDER)
        if kind.startswith("lifespan.shutdown.") and (self._stopped.is_set() or not self._started.is_set()):
            raise RuntimeError(_OUT_OF_ORDER)
        if kind == "lifespan.startup.complete":
            self._started.set()
        elif kind == "lifespan.startup.failed":
            self._failure = text
            self._started.set()
        elif kind == "lifespan.shutdown.complete":
            self._stopped.set()
        elif kind == "lifespan.shutdown.failed":
            # An application may say so, too, when its task is cancelled because the bridge is gone.
            level = logging.ERROR if self._is_asked_to_stop else logging.DEBUG
            self._logger.log(level, "the ASGI application's shutdown failed: %s", text or "no reason given")
            self._stopped.set()
        else:
            raise RuntimeError(f"Unexpected ASGI message '{kind}' on the lifespan protocol.")
