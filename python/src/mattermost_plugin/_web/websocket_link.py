"""A WebSocket's frames on a connection that was taken over; wsproto reads and writes them."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.utilities import LocalProtocolError

from .._errors import ClientDisconnectedError
from .websocket_deflate import Deflate

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._http.async_hijack import AsyncHijackedConnection
    from .websocket_inbox import Inbox

MAX_MESSAGE = 16 * 1024 * 1024
"""The longest message that a client may send, in bytes."""

CLOSE_PATIENCE = 10.0
"""Seconds for the client's answer to a close frame."""

PING_INTERVAL = 20.0
"""Seconds between pings; a client that was silent for as long after one is gone."""

_READ = 64 * 1024

_COMPRESSED_READ = 4 * 1024
"""As much is decompressed at once: deflate makes up to a thousand times of it, before the length can be checked."""


class WebSocketLink:
    """An open WebSocket.

    Args:
        connection: The client's connection, after the handshake.
        extension: The extension that both sides use.
        inbox: Where the client's messages go, and the disconnect message in the end.
        on_over: Called when the connection is closed, with the fault of this code that has closed it, if any.
    """

    def __init__(
        self,
        connection: AsyncHijackedConnection,
        extension: Deflate | None,
        inbox: Inbox,
        on_over: Callable[[BaseException | None], None],
    ) -> None:
        self._connection = connection
        self._inbox = inbox
        self._frames = Connection(ConnectionType.SERVER, [extension] if extension is not None else [])
        self._slice = _COMPRESSED_READ if extension is not None else _READ
        self._loop = asyncio.get_running_loop()
        self._writing = asyncio.Lock()
        self._text: list[str] = []
        self._bytes = bytearray()
        self._size = 0
        self._is_waiting = False
        self._is_ping_unanswered = False
        self._is_closing = False
        self._is_over = False
        self._timer = self._loop.call_later(PING_INTERVAL, self._check_alive)
        self._pinging: asyncio.Task[None] | None = None
        self._reading = self._loop.create_task(self._read())
        self._reading.add_done_callback(lambda task: on_over(None if task.cancelled() else task.exception()))

    async def wait_over(self) -> None:
        """Wait until the connection is closed."""
        await asyncio.wait({self._reading})

    async def send(self, data: str | bytes) -> None:
        """Send a message.

        Raises:
            ClientDisconnectedError: The WebSocket is closed.
        """
        await self._write(TextMessage(data=data) if isinstance(data, str) else BytesMessage(data=data))

    async def close(self, code: int, reason: str = "", patience: float | None = None) -> None:
        """Send a close frame; the connection is closed when the client answers, or when the time is over."""
        if self._is_closing:
            return
        self._is_closing = True
        self._inbox.end(code, reason)
        self._set_timer(CLOSE_PATIENCE if patience is None else patience, self.abort)
        await self._write(CloseConnection(code=code, reason=reason))

    def abort(self) -> None:
        """Close the connection at once."""
        self._reading.cancel()

    async def _read(self) -> None:
        try:
            while not await self._read_some():
                pass
        except OSError:  # the client has gone; `finally` says so
            pass
        finally:
            self._is_over = True
            self._timer.cancel()
            self._inbox.end(1006)
            with contextlib.suppress(OSError):
                await self._connection.close()

    async def _read_some(self) -> bool:
        """Read and handle what has come; returns whether that was the end."""
        self._is_waiting = True
        data = await self._connection.read(_READ)
        self._is_waiting = self._is_ping_unanswered = False
        for start in range(0, len(data), self._slice):
            self._frames.receive_data(data[start : start + self._slice])
            for event in self._frames.events():
                if await self._handle(event):
                    return True
        return not data

    async def _handle(self, event: Event) -> bool:
        if isinstance(event, CloseConnection):
            await self._answer_close(event)
            return True
        if self._is_closing:
            return False
        if isinstance(event, Ping):
            await self._write(event.response())
        elif isinstance(event, (TextMessage, BytesMessage)):
            await self._collect(event)
        return False

    async def _answer_close(self, event: CloseConnection) -> None:
        self._is_closing = True
        self._inbox.end(event.code, event.reason or "")
        if self._frames.state is ConnectionState.REMOTE_CLOSING:
            await self._write(event.response())
        elif self._frames.state is ConnectionState.OPEN:
            # wsproto says in this way that the client has broken the protocol.
            await self._write(CloseConnection(code=event.code, reason=event.reason))

    async def _collect(self, event: TextMessage | BytesMessage) -> None:
        """Put the pieces of a message together."""
        data = event.data
        if isinstance(data, str):
            self._text.append(data)
            self._size += len(data) if data.isascii() else len(data.encode("utf-8"))
        else:
            self._bytes += data
            self._size += len(data)
        if self._size > MAX_MESSAGE:
            self._text, self._bytes = [], bytearray()
            # Closing at once would reset the connection while the client still sends, and the code would be lost.
            await self.close(1009, "the message is too long")
            return
        if not event.message_finished:
            return
        size, self._size = self._size, 0
        if isinstance(data, str):
            text, self._text = "".join(self._text), []
            self._inbox.push({"type": "websocket.receive", "text": text}, size)
        else:
            content, self._bytes = bytes(self._bytes), bytearray()
            self._inbox.push({"type": "websocket.receive", "bytes": content}, size)
        await self._inbox.wait_room()

    async def _write(self, event: Event) -> None:
        # Frames must reach the connection in the order in which they were made: compression depends on it.
        async with self._writing:
            if self._is_over:
                raise ClientDisconnectedError("the WebSocket is closed")
            try:
                data = self._frames.send(event)
            except LocalProtocolError as error:
                raise ClientDisconnectedError("the WebSocket is closed") from error
            try:
                await self._connection.write(data)
            except asyncio.CancelledError:
                self.abort()  # what follows half a frame would be taken for the rest of it
                raise
            except RuntimeError as error:  # the hook ended while the client did not read
                raise ClientDisconnectedError("the WebSocket is closed") from error

    def _check_alive(self) -> None:
        """Send a ping; if nothing at all came since the last one, the client is gone.

        It has not been silent while nobody reads because the application takes its time.
        """
        if self._is_ping_unanswered and self._is_waiting:
            self._inbox.end(1006, "the client did not answer a ping")
            self.abort()
            return
        self._set_timer(PING_INTERVAL, self._check_alive)
        if self._pinging is None or self._pinging.done():
            self._pinging = self._loop.create_task(self._ping())

    async def _ping(self) -> None:
        with contextlib.suppress(OSError):
            await self._write(Ping())
            self._is_ping_unanswered = True

    def _set_timer(self, delay: float, callback: Callable[[], None]) -> None:
        self._timer.cancel()
        self._timer = self._loop.call_later(delay, callback)
