"""An ASGI application as the handler of ServeHTTP."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any

from .._errors import ClientDisconnectedError, describe
from .asgi_http import HttpExchange
from .asgi_lifespan import Lifespan
from .asgi_scope import http_scope, websocket_scope
from .websocket_handshake import BadHandshakeError, Handshake, is_websocket

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._gen.models import Context
    from .._http.async_writer import AsyncHTTPResponseWriter
    from .._http.request import AsyncHTTPRequest
    from .._plugin import Plugin
    from .asgi_types import ASGIApplication, Receive, Scope, Send
    from .asgi_websocket import WebSocketExchange

LEAVING_PATIENCE = 5.0
"""Seconds that an application may go on with a request whose client has gone; then it is cancelled."""

_STOP_PATIENCE = 0.5
"""Seconds for what runs when the plugin is stopped. The bridge ends a worker that takes more than 1.5 altogether."""

_LAST_PATIENCE = 0.1
"""The same when there was no OnDeactivate: the bridge has waited for what runs, and websockets need to be told."""

_CANCEL_PATIENCE = 0.2

_RAISE_PATIENCE = 0.05
"""Seconds in which an application may raise after it has sent an error response, as Starlette does at once."""

_PLAIN_ERROR = b"Internal Server Error"
"""The body of Starlette's response to an exception, which is less than the SDK's own says."""

_NO_WSPROTO = (
    "a WebSocket was refused: the package wsproto is not in the bundle; add wsproto>=1.2 to the plugin's "
    "requirements.txt and pack the plugin again"
)


class AsgiHandler:
    """Serves requests by an ASGI application.

    The application runs in a task of its own. The request ends as soon as its response is complete; what the
    application does afterwards, such as Starlette's background tasks, goes on. If the client leaves earlier, `receive`
    returns the disconnect message and `send` raises OSError; an application that has not ended 5 seconds later is
    cancelled.

    When the plugin is deactivated, after its own OnDeactivate, WebSockets are closed with code 1001, everything else
    has half a second to end, and the application's shutdown runs; the API still answers then.

    Args:
        app: The application.
        plugin: The plugin that it is mounted on.
        on_deactivate: The plugin's own handler of OnDeactivate.
    """

    def __init__(self, app: ASGIApplication, plugin: Plugin, on_deactivate: Callable[[], Any] | None = None) -> None:
        self._app = app
        self._plugin = plugin
        self._on_deactivate = on_deactivate
        self._lifespan = Lifespan(app, plugin.logger)
        self._is_stopping = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._websockets: set[WebSocketExchange] = set()

    async def startup(self) -> None:
        """Run the application's startup."""
        await self._lifespan.startup()

    async def shutdown(self, patience: float = _STOP_PATIENCE) -> None:
        """End what runs, then run the application's shutdown; a second time does nothing."""
        if self._is_stopping:
            return
        self._is_stopping = True
        for websocket in list(self._websockets):
            websocket.go_away()
        await self._wait_for_all(patience)
        for task in self._tasks:
            task.cancel()
        await self._wait_for_all(_CANCEL_PATIENCE)
        await self._lifespan.shutdown()

    async def stop(self) -> None:
        """Do without OnDeactivate what belongs to it, in the short time before the process is ended."""
        await self.shutdown(_LAST_PATIENCE)

    async def deactivate(self) -> None:
        """Handle OnDeactivate: first the plugin's own handler, as its OnActivate comes after the startup."""
        try:
            if self._on_deactivate is not None:
                # In a thread, where a `def` handler may block; what an `async def` one returns is run here.
                outcome = await asyncio.to_thread(self._on_deactivate)
                if hasattr(outcome, "__await__"):
                    await outcome
        finally:
            await self.shutdown()

    async def _wait_for_all(self, patience: float) -> None:
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=patience)

    async def serve(self, context: Context, response: AsyncHTTPResponseWriter, request: AsyncHTTPRequest) -> None:
        """Handle ServeHTTP."""
        if is_websocket(request):
            await self._serve_websocket(response, request)
        else:
            await self._serve_http(response, request)

    async def _serve_http(self, response: AsyncHTTPResponseWriter, request: AsyncHTTPRequest) -> None:
        exchange = HttpExchange(request, response)
        task = self._start(http_scope(request, self._plugin, self._lifespan.state), exchange.receive, exchange.send)
        task.add_done_callback(lambda _: exchange.over.set())
        try:
            await exchange.over.wait()
            if exchange.response.held is not None:
                await self._send_error(exchange, task)
                return
        except asyncio.CancelledError:
            exchange.client_gone()
            self._leave(task)
            raise
        if exchange.response.complete:
            task.add_done_callback(self._log_failure)
        elif exchange.gone:
            self._leave(task)
        else:
            raise self._failure(task, "completing response" if exchange.response.started else "starting response")

    async def _send_error(self, exchange: HttpExchange, task: asyncio.Task[None]) -> None:
        """Send an error response, with the id of the exception if the application raises it now."""
        await asyncio.wait({task}, timeout=_RAISE_PATIENCE)
        error = _exception(task)
        if error is None:
            await exchange.response.release()
            task.add_done_callback(self._log_failure)
            return
        if exchange.response.held == _PLAIN_ERROR:
            raise error
        await exchange.response.release(self._log(error))

    async def _serve_websocket(self, response: AsyncHTTPResponseWriter, request: AsyncHTTPRequest) -> None:
        try:
            from .asgi_websocket import WebSocketExchange  # wsproto is optional
        except ImportError as error:
            if (error.name or "").partition(".")[0] != "wsproto":
                raise
            self._plugin.logger.error(_NO_WSPROTO)
            await _refuse(response, 501, "WebSocket is not supported")
            return
        try:
            handshake = Handshake(request)
        except BadHandshakeError as error:
            response.headers["Sec-WebSocket-Version"] = "13"
            await _refuse(response, error.status, str(error))
            return
        await self._run_websocket(WebSocketExchange(handshake, response, self._plugin.logger), request)

    async def _run_websocket(self, exchange: WebSocketExchange, request: AsyncHTTPRequest) -> None:
        scope = websocket_scope(request, self._plugin, self._lifespan.state, exchange.handshake.subprotocols)
        task = self._start(scope, exchange.receive, exchange.send)
        task.add_done_callback(lambda _: exchange.over.set())
        self._websockets.add(exchange)
        try:
            await exchange.over.wait()
            if task.done() and not exchange.answered and not exchange.gone:
                raise self._failure(task, "completing handshake")
            await exchange.finish(failed=_exception(task) is not None)
        except asyncio.CancelledError:
            exchange.client_gone()
            raise
        finally:
            self._websockets.discard(exchange)
            exchange.abort()
            if exchange.gone:
                self._leave(task)
            elif exchange.answered:
                task.add_done_callback(self._log_failure)

    def _start(self, scope: Scope, receive: Receive, send: Send) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(self._run(scope, receive, send))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except (SystemExit, KeyboardInterrupt) as error:
            # In a task these two would end the event loop, and with it the plugin.
            raise RuntimeError(f"the ASGI application raised {type(error).__name__}") from error

    def _failure(self, task: asyncio.Task[None], missing: str) -> BaseException:
        """Return why an application has ended without doing what it must."""
        if not task.cancelled():
            return task.exception() or RuntimeError(f"ASGI callable returned without {missing}.")
        if self._is_stopping:
            return asyncio.CancelledError()
        return RuntimeError("the ASGI application was cancelled")

    def _leave(self, task: asyncio.Task[None]) -> None:
        """Give the application a while to end, now that its client has gone."""
        timer = asyncio.get_running_loop().call_later(LEAVING_PATIENCE, task.cancel)
        task.add_done_callback(lambda _: timer.cancel())
        task.add_done_callback(self._log_failure)

    def _log_failure(self, task: asyncio.Task[None]) -> None:
        """Log what an application has raised when there was nobody left to be told."""
        error = _exception(task)
        if error is not None and not _is_disconnect(error):
            self._log(error)

    def _log(self, error: BaseException) -> str:
        error_id = secrets.token_hex(8)
        self._plugin.logger.error(
            "the ASGI application raised %s", describe(error), exc_info=error, extra={"error_id": error_id}
        )
        return error_id


async def _refuse(response: AsyncHTTPResponseWriter, status: int, text: str) -> None:
    response.headers["Content-Type"] = "text/plain; charset=utf-8"
    response.write_header(status)
    await response.write(f"{text}\n")


def _exception(task: asyncio.Task[None]) -> BaseException | None:
    """Return what a task has raised; None if it still runs or was cancelled."""
    return task.exception() if task.done() and not task.cancelled() else None


def _is_disconnect(error: BaseException) -> bool:
    """Return whether an exception comes from the client's leaving, also if a framework has wrapped it."""
    seen: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        current = left.pop()
        if current is None or id(current) in seen:
            continue
        if isinstance(current, ClientDisconnectedError):
            return True
        seen.add(id(current))
        # Exception groups are newer than Python 3.10; there the package of that name gives them the same attribute.
        left += [current.__cause__, current.__context__, *getattr(current, "exceptions", ())]
    return False
