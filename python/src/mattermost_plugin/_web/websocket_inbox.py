"""What a WebSocket has received and the application has not taken yet."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .asgi_types import Message

_LIMIT = 256 * 1024
"""Bytes from which on nothing more is read: a client that sends faster than the application takes is slowed down."""

_OVERHEAD = 256
"""What a message counts besides its text, so that empty ones are limited too."""


class Inbox:
    """A queue of messages, limited by their size, that ends with a disconnect message."""

    def __init__(self) -> None:
        self._messages: deque[tuple[Message, int]] = deque()
        self._size = 0
        self._last: Message | None = None
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()

    def push(self, message: Message, size: int = 0) -> None:
        """Append a message; after the end it is dropped."""
        if self._last is None:
            self._messages.append((message, size + _OVERHEAD))
            self._size += size + _OVERHEAD
            self._arrived.set()

    async def wait_room(self) -> None:
        """Wait until more may be appended."""
        while self._size >= _LIMIT and self._last is None:
            self._room.clear()
            await self._room.wait()

    async def get(self) -> Message:
        """Wait for a message; after the last one it is the disconnect message, every time."""
        while not self._messages:
            if self._last is not None:
                return dict(self._last)
            self._arrived.clear()
            await self._arrived.wait()
        message, size = self._messages.popleft()
        self._size -= size
        self._room.set()
        return message

    def end(self, code: int, reason: str = "") -> None:
        """Append the disconnect message, unless it is there already."""
        if self._last is None:
            self._last = {"type": "websocket.disconnect", "code": code, "reason": reason}
            self._arrived.set()
            self._room.set()
