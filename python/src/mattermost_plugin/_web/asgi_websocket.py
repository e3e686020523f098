"""One WebSocket of an ASGI application: its `receive` and `send`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from .._errors import ClientDisconnectedError
from .asgi_response import ResponseSender, checked_headers
from .websocket_deflate import negotiate
from .websocket_inbox import Inbox
from .websocket_link import WebSocketLink

if TYPE_CHECKING:
    from .._http.async_writer import AsyncHTTPResponseWriter
    from .asgi_types import Message
    from .websocket_handshake import Handshake

_STOP_PATIENCE = 0.3
"""Seconds that a client has to answer the close frame when the plugin is stopped."""

_STOPPED = "the plugin is stopped"

_OWN_HEADERS = frozenset({b"upgrade", b"connection"})


class WebSocketExchange:
    """The messages of one WebSocket.

    The connection is taken over from the server when the application accepts; until then it can refuse with an
    ordinary response. `over` is set when the WebSocket is closed or refused, or the application has ended.

    Args:
        handshake: The client's handshake.
        response: The server's response.
        logger: Where a fault of the connection is reported.
    """

    def __init__(self, handshake: Handshake, response: AsyncHTTPResponseWriter, logger: logging.Logger) -> None:
        self.handshake = handshake
        self.over = asyncio.Event()
        self.answered = False
        self.gone = False
        self._response = response
        self._logger = logger
        self._refusal = ResponseSender(response, "GET", prefix="websocket.")
        self._link: WebSocketLink | None = None
        self._was_closed = False
        self._inbox = Inbox()
        self._closing: asyncio.Task[None] | None = None
        self._inbox.push({"type": "websocket.connect"})

    async def receive(self) -> Message:
        """Return the next message of the client."""
        return await self._inbox.get()

    async def send(self, message: Message) -> None:
        """Take a message of the application.

        Raises:
            ClientDisconnectedError: The client has gone; it is the OSError that ASGI 2.4 asks for.
            RuntimeError: The message does not belong here.
        """
        kind = message["type"]
        if self._was_closed:
            raise RuntimeError(f"Unexpected ASGI message '{kind}', after sending 'websocket.close'.")
        if self.gone:
            raise ClientDisconnectedError("the client has gone")
        if self._link is not None:
            await self._send_open(self._link, kind, message)
        elif self._refusal.started:
            await self._refuse(message)
        elif kind == "websocket.accept":
            await self._accept(message)
        elif kind == "websocket.close":
            self._was_closed = True
            await self._refuse({"type": "websocket.http.response.start", "status": 403})
            await self._refuse({"type": "websocket.http.response.body"})
        elif kind == "websocket.http.response.start":
            await self._refuse(message)
        else:
            raise RuntimeError(
                "Expected ASGI message 'websocket.accept', 'websocket.close' "
                f"or 'websocket.http.response.start' but got '{kind}'."
            )

    async def _refuse(self, message: Message) -> None:
        await self._refusal.send(message)
        if self._refusal.complete:
            await self._refusal.release()
            self.answered = True
            self._inbox.end(1006)
            self.over.set()

    async def _accept(self, message: Message) -> None:
        subprotocol = message.get("subprotocol")
        if subprotocol is not None and subprotocol not in self.handshake.subprotocols:
            raise RuntimeError(f"The client does not offer the subprotocol '{subprotocol}'.")
        headers = checked_headers(message)
        for name, _ in headers:
            if name.lower() in _OWN_HEADERS or name.lower().startswith(b"sec-websocket-"):
                raise RuntimeError(f"The header '{name.decode('ascii')}' is set by the server.")
        extension, answer = negotiate(self.handshake.extensions)
        connection = await self._response.hijack()
        self.answered = True
        await connection.write(self.handshake.answer(subprotocol, answer, headers))
        self._link = WebSocketLink(connection, extension, self._inbox, self._ended)

    async def _send_open(self, link: WebSocketLink, kind: str, message: Message) -> None:
        if kind == "websocket.send":
            content = message.get("bytes")
            await link.send(message["text"] if content is None else bytes(content))
        elif kind == "websocket.close":
            code = int(message.get("code") or 1000)
            if not 1000 <= code <= 4999:
                raise RuntimeError(f"Invalid WebSocket close code '{code}'.")
            self._was_closed = True
            await link.close(code, message.get("reason") or "")
        else:
            raise RuntimeError(f"Expected ASGI message 'websocket.send' or 'websocket.close', but got '{kind}'.")

    def _ended(self, error: BaseException | None) -> None:
        """Note that the connection is closed; the client has left unless the application has closed it."""
        if error is not None:
            self._logger.error("a WebSocket was closed by a fault", exc_info=error)
        self.gone = not self._was_closed
        self.over.set()

    def client_gone(self) -> None:
        """Note that the server has lost the client."""
        self.gone = True
        self._inbox.end(1006)
        self.over.set()

    def go_away(self) -> None:
        """Close the WebSocket because the plugin is stopped."""
        if self._link is None:
            self._inbox.end(1001, _STOPPED)
            return
        self._closing = asyncio.get_running_loop().create_task(_go_away(self._link))

    async def finish(self, *, failed: bool) -> None:
        """Close what the application has left open when it ended, and wait until the connection is closed."""
        if self._link is None or self.gone:
            return
        with contextlib.suppress(OSError):
            await self._link.close(1011 if failed else 1000)
        await self._link.wait_over()

    def abort(self) -> None:
        """Close the connection at once, if it is open still."""
        if self._link is not None:
            self._link.abort()


async def _go_away(link: WebSocketLink) -> None:
    with contextlib.suppress(OSError):
        await link.close(1001, _STOPPED, _STOP_PATIENCE)
