"""The streams of a hook or API call on a connection that one thread has for itself."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec

from .._connection import ConnectionClosedError
from .._errors import ClientDisconnectedError
from .._frames import DATA, END, FLUSH, WINDOW, ProtocolError
from .channel import Channel, Piece, views_of

if TYPE_CHECKING:
    from .._connection import Connection

_OTHER_THREAD = (
    "the request, response and files of a def handler, and the answer of plugin_http, "
    "belong to the thread that got them; read or write them there"
)


class Rest:
    """What is still to be sent of a stream: pieces that were taken from its source, and the source.

    Args:
        taken: The first pieces.
        pieces: The others.
        whole: Whether taking a piece is nothing to wait for, so that frames before it need not be sent first.

    Attributes:
        views: What was taken and is not sent.
        busy: Whether a piece is being taken; what runs then may come back here, as it may make API calls.
    """

    __slots__ = ("busy", "pieces", "views", "whole")

    def __init__(self, taken: Iterable[Piece], pieces: Iterator[Piece], *, whole: bool) -> None:
        self.views = views_of(taken)
        self.pieces = pieces
        self.whole = whole
        self.busy = False

    def take(self) -> bool:
        """Take the next piece; return False at the end."""
        self.busy = True
        try:
            piece = next(self.pieces, None)
        finally:
            self.busy = False
        if piece is not None:
            self.views = views_of((piece,))
        return piece is not None


class BlockingChannel(Channel):
    """Waits by reading the connection, and hands what it reads there to whom it belongs.

    Attributes:
        rest: What is still to be sent of the stream of an API call, also after its answer.
    """

    __slots__ = ("_thread", "connection", "rest")

    def __init__(self, connection: Connection, flag: int, method: int, ident: int, granted: int) -> None:
        super().__init__(flag, method, ident, granted)
        self.connection = connection
        self._thread = threading.get_ident()
        self.rest: Rest | None = None
        connection.channels[self.key] = self

    def _check_thread(self) -> None:
        if threading.get_ident() != self._thread:
            raise RuntimeError(_OTHER_THREAD)

    def pump(self) -> None:
        """Wait for a frame, whatever it is.

        Raises:
            ClientDisconnectedError: The connection is gone.
        """
        try:
            self.connection.pump()
        except (OSError, ConnectionClosedError, ProtocolError, msgspec.DecodeError) as error:
            self._lost(error)

    def poll(self) -> None:
        """Look at the frames that are there already."""
        try:
            self.connection.poll()
        except (OSError, ConnectionClosedError, ProtocolError, msgspec.DecodeError) as error:
            self._lost(error)

    def send_parts(self, parts: list[Piece]) -> None:
        """Send whole frames."""
        try:
            self.connection.send_parts(parts)
        except OSError as error:
            self._lost(error)

    def _lost(self, error: Exception) -> None:
        self.gone = True
        self.connection.close()
        raise ClientDisconnectedError("the connection to the server is gone") from error

    def receive(self, wanted: int) -> bool:
        """Wait until bytes are there; `wanted` is how many would do. Return False at the end."""
        self._check_thread()
        self.check_reading()
        while not self.size:
            if self.at_end():
                return False
            self.give(wanted)
            if self.rest is not None:
                self._feed_on()
            if not self._has_news(answered=True):
                self.pump()
            self.check_reading()
        return True

    def _feed_on(self) -> None:
        """Send more of the rest behind the answer; a source that fails must not look as if it were at its end."""
        try:
            self.feed()
        except BaseException:
            self.give_up()
            raise

    def feed(self, before: Piece = b"") -> None:
        """Send `before`, and as much of the rest as there is credit for, until there is something to read."""
        parts: list[Piece] = [before] if before else []
        rest, answered = self.rest, self.answer is not None
        # A source may make API calls: by what comes meanwhile it may have become useless.
        while rest is not None and self.rest is rest and not rest.busy and not self._has_news(answered=answered):
            if not rest.views:
                if parts and not rest.whole:
                    self.send_parts(parts)
                    parts = []
                    self.poll()  # the source may be slow, and what is waited for there already
                    if self._has_news(answered=answered):
                        break
                if not rest.take() and self.rest is rest:
                    self.rest = None
                    parts.append(self.header(END))
            elif self.credit > 0:
                parts += self.portion(rest.views, 0)
            else:
                break
        if parts:
            self.send_parts(parts)

    def _has_news(self, *, answered: bool) -> bool:
        """Return whether something has come that is waited for: the answer, or behind it what it brings."""
        if not answered:
            return self.answer is not None
        return bool(self.size or self.ended or self.gone or self.over)

    def give(self, wanted: int = WINDOW) -> None:
        """Let the bridge send more, if it is worth it."""
        credit = self.grant(wanted)
        if credit:
            self.send_parts([credit])

    def read_into(self, view: memoryview, wanted: int) -> int:
        """Fill a part of `view`; a large frame is received right there. Return 0 at the end."""
        connection = self.connection
        if not self.size:
            connection.sink = (self.key, view)
        try:
            if not self.receive(wanted):
                return 0
        finally:
            connection.sink = None
        first = self.chunks[0]
        if isinstance(first, memoryview) and first.obj is view.obj:
            self.chunks.popleft()
            self.size -= len(first)
            return len(first)
        data = self.take(len(view))
        view[: len(data)] = data
        return len(data)

    def send(self, data: Iterable[Piece], flags: int = 0, before: Piece = b"", after: Piece = b"") -> None:
        """Send bytes as DATA between other frames, in as few system calls as the credit allows."""
        self._check_thread()
        self.check_writing()
        views = views_of(data)
        parts: list[Piece] = [before] if before else []
        if flags & FLUSH and not views:
            parts.append(self.header(DATA, 0, flags))
        while views:
            parts += self.portion(views, flags)
            if views:
                if parts:
                    self.send_parts(parts)
                    parts = []
                self.pump()
                self.check_writing()
        if after:
            parts.append(after)
        if parts:
            self.send_parts(parts)

    def give_up(self) -> None:
        """Do without the rest of the answer to an API call."""
        self.stop_sending()
        if self.over:
            return
        if threading.get_ident() == self._thread and not self.connection.closed:
            with contextlib.suppress(OSError):
                self.connection.give_up(self)
        else:
            self.abandon()

    def abandon(self) -> None:
        """The same from any thread, in the middle of anything: the connection's own thread does it when it can."""
        if self.key in self.connection.channels:
            self.connection.abandoned.append(self)

    def stop_sending(self) -> None:
        """Send no more of the stream of an API call; its source is done without."""
        self.rest = None

    def forget(self) -> None:
        """Drop what still comes, because nothing does, and what nobody reads any more."""
        self.stop_sending()
        self.connection.channels.pop(self.key, None)

    def close(self) -> None:
        """Forget the hook or call: its answer is on its way."""
        self.over = True
        self.chunks.clear()
        self.forget()
