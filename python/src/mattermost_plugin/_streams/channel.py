"""The two streams of one hook or API call, as both kinds of connection see them; nothing in here waits."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from .._errors import ClientDisconnectedError, PluginAPIError, gone_call
from .._frames import (
    API_ERROR,
    API_REPLY,
    BUFFERED,
    CREDIT,
    DATA,
    END,
    FIRST_CREDIT,
    FLUSH,
    HIJACKED,
    MAX_DATA,
    OF_API_CALL,
    WINDOW,
    ProtocolError,
    header,
    stream_key,
)

if TYPE_CHECKING:
    from typing_extensions import Buffer

Piece = bytes | bytearray | memoryview

_TIMEOUT = "i/o timeout"
"""How Go says that a deadline has passed."""

GONE = "the client has gone"

KEPT = "the hook has ended; its request, response and files cannot be used any more"


class _Broken(msgspec.Struct):
    """The payload of END and HIJACKED where something went wrong."""

    message: str = ""


_BROKEN = msgspec.msgpack.Decoder(_Broken)
_CREDIT = msgspec.msgpack.Decoder(int)


class Channel:
    """What has come and was not taken yet, and how much may be sent.

    Attributes:
        key: The hook or call, as `stream_key` numbers it.
        credit: How many bytes may be sent now.
        size: How many bytes have come and were not taken.
        granted: How many more bytes the bridge may send.
        ended: Whether nothing more comes.
        broken: Why the incoming stream has ended before its end; None if it has not.
        gone: Whether the bridge wants no answer any more: the client has left.
        over: Whether the hook has ended or the call was given up.
        answer: Kind and payload of the answer to an API call, once it is there.
        hijacked: The answer to HIJACK: an empty text, or why the connection cannot be taken over.
    """

    __slots__ = (
        "answer",
        "broken",
        "chunks",
        "credit",
        "ended",
        "flag",
        "gone",
        "granted",
        "hijacked",
        "ident",
        "key",
        "method",
        "over",
        "size",
    )

    def __init__(self, flag: int, method: int, ident: int, granted: int) -> None:
        self.flag = flag
        self.method = method
        self.ident = ident
        self.key = stream_key(flag, ident)
        self.chunks: deque[Piece] = deque()
        self.size = 0
        self.granted = granted
        self.credit = FIRST_CREDIT
        self.ended = False
        self.broken: str | None = None
        self.gone = False
        self.over = False
        self.answer: tuple[int, bytes] | None = None
        self.hijacked: str | None = None

    def frame(self, kind: int, payload: Piece) -> None:
        """Take a frame of this hook or call; the bytes of DATA are kept, not copied.

        Raises:
            ProtocolError: The bridge sent what it must not.
        """
        if kind == DATA:
            self.put(payload)
        elif kind == CREDIT:
            self.credit += _decode(_CREDIT, payload)
        elif kind == END:
            self.ended = True
            self.broken = _message(payload) if len(payload) else None
        elif kind == HIJACKED:
            self._start_again(payload)
        elif kind in (API_REPLY, API_ERROR):
            self.answer = kind, bytes(payload)

    def put(self, data: Piece) -> None:
        """Take bytes of the incoming stream."""
        size = len(data)
        if size > self.granted:
            raise ProtocolError(f"{size} bytes of a stream came where {self.granted} were allowed")
        self.granted -= size
        if size and not self.over:
            self.ended = False  # after an END for a deadline there may be more
            self.size += size
            self.chunks.append(data)

    def _start_again(self, payload: Piece) -> None:
        if len(payload):
            self.hijacked = _message(payload) or "the connection cannot be taken over"
            return
        self.hijacked = ""
        self.chunks.clear()
        self.size, self.granted = 0, WINDOW
        self.ended, self.broken = False, None

    def take(self, limit: int) -> bytes:
        """Return at most `limit` of the bytes that are there; there must be some."""
        first = self._take_one(limit)
        if self.chunks and len(first) < limit:
            parts = [first]
            size = len(first)
            while self.chunks and size < limit:
                parts.append(self._take_one(limit - size))
                size += len(parts[-1])
            first = b"".join(parts)
        return first if isinstance(first, bytes) else bytes(first)

    def _take_one(self, limit: int) -> Piece:
        piece = self.chunks.popleft()
        if len(piece) > limit:
            view = memoryview(piece)
            self.chunks.appendleft(view[limit:])
            piece = view[:limit]
        self.size -= len(piece)
        return piece

    def grant(self, wanted: int) -> bytes:
        """Return the CREDIT with which `wanted` bytes are here or under way; nothing while it is not worth a frame."""
        missing = wanted - self.size - self.granted
        if self.ended or missing <= 0 or (missing * 2 < wanted and (self.granted or self.size)):
            return b""
        self.granted += missing
        payload = msgspec.msgpack.encode(missing)
        return header(CREDIT, len(payload), flags=self.flag, method=self.method, ident=self.ident) + payload

    def portion(self, views: deque[memoryview], flags: int) -> list[bytes | memoryview]:
        """Take as much off `views` as there is credit for, and return it as frames."""
        frames: list[bytes | memoryview] = []
        while views and self.credit > 0:
            view = views[0]
            size = min(len(view), MAX_DATA, self.credit)
            if size == len(view):
                views.popleft()
            else:
                views[0] = view[size:]
            self.credit -= size
            own = flags & (BUFFERED if views else BUFFERED | FLUSH)  # one flush for all is enough
            frames.append(self.header(DATA, size, own))
            frames.append(view[:size])
        return frames

    def header(self, kind: int, size: int = 0, flags: int = 0) -> bytes:
        """Return the header of a frame of this hook or call."""
        return header(kind, size, flags=flags | self.flag, method=self.method, ident=self.ident)

    def check_reading(self) -> None:
        """Refuse to read what nobody sends any more."""
        if self.gone or self.over:
            raise self._refusal(reading=True)

    def check_writing(self) -> None:
        """Refuse to write what nobody waits for."""
        if self.gone or self.over:
            raise self._refusal(reading=False)

    def _refusal(self, *, reading: bool) -> Exception:
        if self.flag & OF_API_CALL:
            return gone_call("") if self.gone else ValueError("the response is closed")
        if self.gone:
            return ClientDisconnectedError(GONE)
        return ClientDisconnectedError(KEPT) if reading else RuntimeError(KEPT)

    def at_end(self) -> bool:
        """Return whether the incoming stream is at its end.

        Raises:
            TimeoutError: A deadline has passed.
            ClientDisconnectedError: The stream has ended before its end.
            PluginAPIError: The same, for the answer to an API call.
        """
        if not self.ended:
            return False
        if self.broken is None:
            return True
        if self.hijacked is not None and _TIMEOUT in self.broken:
            raise TimeoutError(self.broken)
        if self.flag & OF_API_CALL:
            raise PluginAPIError(f"the answer has ended before its end: {self.broken}")
        raise ClientDisconnectedError(self.broken or GONE)

    def stop_sending(self) -> None:
        """Send no more of the stream of an API call; its source is done without."""

    def forget_timeout(self) -> None:
        """Read on after a deadline has passed: there is a new one."""
        if self.ended and self.broken is not None and _TIMEOUT in self.broken:
            self.ended, self.broken = False, None


class Gatherer:
    """Small writes, until they are worth a frame."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting = bytearray()

    def add(self, view: memoryview) -> tuple[Piece, ...]:
        """Return what is to be sent now that `view` is written, too."""
        if len(view) >= MAX_DATA:
            return self.take(), view
        self._waiting += view
        if len(self._waiting) < MAX_DATA:
            return ()
        full = self._waiting
        self._waiting = full[MAX_DATA:]
        return (memoryview(full)[:MAX_DATA],)

    def take(self) -> bytearray:
        """Return what waits; it does not any more."""
        waiting, self._waiting = self._waiting, bytearray()
        return waiting


def views_of(data: Iterable[Piece]) -> deque[memoryview]:
    """Return what is to be sent as views, without what is empty."""
    return deque(memoryview(piece) for piece in data if len(piece))


def frozen(view: memoryview) -> memoryview:
    """Return a view of bytes that cannot change while they wait to be written, copied if need be."""
    return view if isinstance(view.obj, bytes) else memoryview(bytes(view))


def plain_view(data: Buffer) -> memoryview:
    """Return a flat view of bytes, whatever array it is that has them."""
    view = memoryview(data)
    if view.format != "B" or view.ndim != 1 or not view.c_contiguous:
        return memoryview(view.tobytes())
    return view


def _message(payload: Piece) -> str:
    broken: _Broken = _decode(_BROKEN, payload)
    return broken.message


def _decode(decoder: msgspec.msgpack.Decoder[Any], payload: Piece) -> Any:
    try:
        return decoder.decode(payload)
    except msgspec.DecodeError as error:
        raise ProtocolError(f"a frame of a stream cannot be read: {error}") from error
