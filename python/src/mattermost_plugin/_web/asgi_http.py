"""One HTTP request of an ASGI application: its `receive` and `send`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .._errors import ClientDisconnectedError
from .asgi_response import ResponseSender

if TYPE_CHECKING:
    from .._http.async_writer import AsyncHTTPResponseWriter
    from .._http.request import AsyncHTTPRequest
    from .asgi_types import Message

_PIECE = 64 * 1024
"""The most that one `http.request` message carries."""

_GONE = "the client has gone"


class HttpExchange:
    """The messages of one HTTP request.

    `over` is set when the response is complete, the client has gone, or the application has ended: from then on
    `receive` returns `http.disconnect`.
    """

    def __init__(self, request: AsyncHTTPRequest, response: AsyncHTTPResponseWriter) -> None:
        self.over = asyncio.Event()
        self.gone = False
        self.response = ResponseSender(response, request.method)
        self._body = request.body
        self._left = request.content_length
        self._more = True

    def client_gone(self) -> None:
        """Note that nobody waits for the response any more."""
        if not self.response.complete:
            self.gone = True
        self.over.set()

    async def receive(self) -> Message:
        """Return the next piece of the body, or wait for the end."""
        if self._more and not self.over.is_set():
            message = await self._next_piece()
            if message is not None:
                return message
        await self.over.wait()
        return {"type": "http.disconnect"}

    async def _next_piece(self) -> Message | None:
        """Return a piece of the body, or None if the client has left before its end."""
        piece = b""
        if self._left != 0:
            try:
                piece = await self._body.read(_PIECE)
            except ClientDisconnectedError:
                self.client_gone()
                return None
            if self._left is not None:
                self._left -= len(piece)
        self._more = bool(piece) and self._left != 0
        return {"type": "http.request", "body": piece, "more_body": self._more}

    async def send(self, message: Message) -> None:
        """Take a message of the response.

        Raises:
            ClientDisconnectedError: The client has gone; it is the OSError that ASGI 2.4 asks for.
            RuntimeError: The message does not belong here.
        """
        if self.gone:
            raise ClientDisconnectedError(_GONE)
        try:
            await self.response.send(message)
        except ClientDisconnectedError:
            self.client_gone()
            raise
        if self.response.complete:
            self.over.set()
