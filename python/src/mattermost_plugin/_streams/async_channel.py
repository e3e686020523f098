"""The streams of a hook or API call on the connection that many tasks share."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .._frames import DATA, FLUSH, WINDOW
from .channel import Channel, Piece, views_of

if TYPE_CHECKING:
    from .._async_link import AsyncLink


_TORN = "a write was cancelled before all of it was sent; the rest is missing, so nothing can be written any more"


class AsyncChannel(Channel):
    """Waits with futures; every frame, and the end, wakes all who wait here, and they look again.

    Attributes:
        sender: The task that sends the stream of an API call.
        failure: What its source has raised behind the answer.
        torn: Whether a write was cancelled before all of it was sent, so that what follows would not fit.
    """

    __slots__ = ("_sending", "_waiters", "failure", "link", "owner", "sender", "torn")

    def __init__(self, link: AsyncLink, flag: int, method: int, ident: int, granted: int) -> None:
        super().__init__(flag, method, ident, granted)
        self.link = link
        self.owner: asyncio.Task[Any] | None = None
        self._waiters: list[asyncio.Future[None]] = []
        self._sending = False
        self.sender: asyncio.Task[BaseException | None] | None = None
        self.failure: BaseException | None = None
        self.torn = False
        link.channels[self.key] = self

    def frame(self, kind: int, payload: Piece) -> None:
        """Take a frame of this hook or call."""
        super().frame(kind, payload)
        self.wake()

    def wake(self) -> None:
        """Let all who wait look again."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self) -> None:
        """Wait until something has changed."""
        waiter = self.link.loop.create_future()
        self._waiters.append(waiter)
        await waiter

    def check_reading(self) -> None:
        """Refuse to read what nobody sends any more."""
        if self.failure is not None:
            raise self.failure
        super().check_reading()

    def check_writing(self) -> None:
        """Refuse to write what nobody waits for, or what does not fit to what was sent."""
        super().check_writing()
        if self.torn:
            raise RuntimeError(_TORN)

    async def receive(self, wanted: int) -> bool:
        """Wait until bytes are there; `wanted` is how many would do. Return False at the end."""
        self.check_reading()
        while not self.size:
            if self.at_end():
                return False
            self.give(wanted)
            await self.wait()
            self.check_reading()
        return True

    def give(self, wanted: int = WINDOW) -> None:
        """Let the bridge send more, if it is worth it."""
        credit = self.grant(wanted)
        if credit:
            self.link.write(credit)

    async def send(self, data: Iterable[Piece], flags: int = 0, before: Piece = b"", after: Piece = b"") -> None:
        """Send bytes as DATA between other frames; what is sent must not change any more."""
        self.check_writing()
        views = views_of(data)
        try:
            while self._sending:
                await self.wait()
                self.check_writing()
            self._sending = True
            try:
                await self._send(views, flags, before, after)
            finally:
                self._sending = False
                if self._waiters:
                    self.wake()
        except asyncio.CancelledError:
            if views or before or after:
                self.torn = True
            raise

    async def _send(self, views: deque[memoryview], flags: int, before: Piece, after: Piece) -> None:
        if before:
            self.link.write(before)
        if flags & FLUSH and not views:
            self.link.write(self.header(DATA, 0, flags))
        while views:
            if not self.link.paused:
                for part in self.portion(views, flags):
                    self.link.write(part)
            if views:
                await self.wait()
                self.check_writing()
        if after:
            self.link.write(after)

    def stop_sending(self) -> None:
        """Send no more of the stream of an API call; its source is done without."""
        sender, self.sender = self.sender, None
        if sender is not None:
            sender.cancel()

    def disconnect(self) -> None:
        """Note that the bridge wants no answer any more."""
        self.gone = True
        self.wake()

    def close(self) -> None:
        """Forget the hook or call: its answer is on its way."""
        self.over = True
        self.stop_sending()
        self.chunks.clear()
        self.link.forget(self)
        self.wake()
