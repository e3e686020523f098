"""The bridge's side of hooks and API calls with streams."""

from __future__ import annotations

import contextlib
import queue
import struct
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from fake_bridge import FakeBridge

PATIENCE = 20.0
HEADER = struct.Struct("<IBBHI")
HOOK_REPLY, HOOK_ERROR, API_CALL, API_REPLY, API_ERROR, CANCEL = 0x11, 0x12, 0x18, 0x19, 0x1A, 0x1F
DATA, CREDIT, END, HEAD, HIJACK, HIJACKED, DEADLINE = range(0x20, 0x27)
OF_API_CALL, BODY, FLUSH, BUFFERED = 1, 2, 2, 4
FIRST_CREDIT, WINDOW, MAX_DATA = 128 * 1024, 256 * 1024, 64 * 1024


class Exchange:
    """The streams of one hook or API call; checks that the worker keeps to its credit."""

    def __init__(self, peer: Any, method: int, ident: int, flag: int, granted: int) -> None:
        self.peer = peer
        self.method = method
        self.ident = ident
        self.flag = flag
        self.frames: queue.Queue[tuple[int, int, bytes]] = queue.Queue()
        self.args: Any = None
        self.body = False
        self.credit = granted
        self._pending: memoryview | None = None
        self.allowed = FIRST_CREDIT
        self.head: Any = None
        self.received = b""
        self.log: list[Any] = []
        self.answer: tuple[int, Any] | None = None

    # What the worker sends

    def next(self, timeout: float = PATIENCE) -> tuple[int, int, bytes]:
        """Return the worker's next frame, and keep its meaning."""
        kind, flags, payload = self.frames.get(timeout=timeout)
        if kind == DATA:
            assert len(payload) <= MAX_DATA
            assert payload or flags & FLUSH
            self.allowed -= len(payload)
            assert self.allowed >= 0, "more than the credit"
            self.received += payload
            self.log.append((len(payload), flags & ~OF_API_CALL))
        elif kind == CREDIT:
            self.credit += msgspec.msgpack.decode(payload)
            self._supply()
        elif kind == HEAD:
            assert self.head is None
            assert not self.received
            self.head = msgspec.msgpack.decode(payload)
        elif kind in (HOOK_REPLY, HOOK_ERROR):
            self.answer = kind, msgspec.msgpack.decode(payload) if payload else None
        return kind, flags, payload

    def wait(self, kind: int, timeout: float = PATIENCE) -> bytes:
        """Take frames until one of a kind comes, and return its payload; the worker gets no credit."""
        while True:
            found, _, payload = self.next(timeout)
            if found == kind:
                return payload
            assert found not in (HOOK_REPLY, HOOK_ERROR), (found, payload)

    def finish(self) -> Exchange:
        """Take everything until the hook is answered; the worker gets its credit back."""
        while self.answer is None:
            kind, _, payload = self.next()
            if kind == DATA and payload:
                with contextlib.suppress(BrokenPipeError):  # it may have ended since
                    self.give(len(payload))
        return self

    def read_all(self) -> bytes:
        """Take a whole stream of an API call."""
        while True:
            kind, _, payload = self.next()
            if kind == END:
                assert not payload
                return self.received
            assert kind in (DATA, CREDIT), kind
            if kind == DATA:
                self.give(len(payload))

    def nothing_comes(self) -> bool:
        """Return whether the worker sends nothing now."""
        try:
            self.next(0.2)
        except queue.Empty:
            return True
        return False

    # What the bridge sends

    def raw(self, kind: int, payload: bytes = b"", flags: int = 0) -> None:
        """Send a frame."""
        header = HEADER.pack(len(payload), kind, flags | self.flag, self.method, self.ident)
        with self.peer.lock:
            self.peer.sock.sendall(header + payload)

    def give(self, size: int) -> None:
        """Let the worker send more."""
        self.allowed += size
        self.raw(CREDIT, msgspec.msgpack.encode(size))

    def data(self, data: bytes) -> None:
        """Send bytes for which there is credit."""
        self.credit -= len(data)
        assert self.credit >= 0
        self.raw(DATA, data)

    def supply(self, data: bytes) -> None:
        """Send a stream as the worker gives credit, while the worker's frames are taken."""
        self._pending = memoryview(data)
        self._supply()

    def _supply(self) -> None:
        while self._pending and self.credit:
            part = self._pending[: min(WINDOW, self.credit)]
            self.data(bytes(part))
            self._pending = self._pending[len(part) :]
        # Only a read of more than there is finds the end.
        if self._pending is not None and not self._pending and self.credit:
            self._pending = None
            self.end()

    def upload(self, data: bytes, piece: int = WINDOW) -> None:
        """Send a stream to its end as the worker gives credit."""
        left = memoryview(data)
        while left:
            while not self.credit:
                self.wait(CREDIT)
            part = left[: min(piece, self.credit)]
            self.data(bytes(part))
            left = left[len(part) :]
        self.end()

    def end(self, message: str | None = None) -> None:
        """End the stream to the worker."""
        self.raw(END, b"" if message is None else msgspec.msgpack.encode({"message": message}))

    def cancel(self) -> None:
        """Tell the worker that the client is gone."""
        self.raw(CANCEL)

    def hijacked(self, message: str | None = None) -> None:
        """Answer HIJACK."""
        self.raw(HIJACKED, b"" if message is None else msgspec.msgpack.encode({"message": message}))
        if message is None:
            self.credit = WINDOW

    def reply(self, *results: Any) -> None:
        """Answer an API call."""
        self.peer.send(API_REPLY, list(results), method=self.method, ident=self.ident)

    def fail(self, **fields: Any) -> None:
        """Answer an API call with an error."""
        self.peer.send(API_ERROR, fields, method=self.method, ident=self.ident)


class Streams:
    """Reads a connection of the worker and hands each frame to its hook or call."""

    def __init__(self, bridge: FakeBridge) -> None:
        self._bridge = bridge
        self._open: dict[tuple[Any, int, int], Exchange] = {}
        self.calls: queue.Queue[Exchange] = queue.Queue()

    def open(self, peer: Any, method: int, ident: int, flag: int = 0, granted: int = 0) -> Exchange:
        """Return the streams of a new hook or call."""
        exchange = Exchange(peer, method, ident, flag, granted)
        self._open[peer, flag, ident] = exchange
        return exchange

    def take(self, peer: Any, kind: int, flags: int, method: int, ident: int, payload: bytes) -> Exchange | None:
        """Hand on a frame; return the hook or call that it belongs to, or None if it has no streams."""
        flag = 0
        if kind == API_CALL:
            name = self._bridge.method_name(method)
            if not flags & BODY and name != "PluginHTTP":
                return None
            exchange = self.open(peer, method, ident, OF_API_CALL, WINDOW)
            exchange.args, exchange.body = msgspec.msgpack.decode(payload), bool(flags & BODY)
            self.calls.put(exchange)
            return exchange
        if kind in (CANCEL, DATA, CREDIT, END):
            flag = flags & OF_API_CALL
        found = self._open.get((peer, flag, ident))
        if found is not None:
            found.frames.put((kind, flags, payload))
            if kind in (HOOK_REPLY, HOOK_ERROR):
                del self._open[peer, flag, ident]
        return found

    def read_hook(self, peer: Any, exchange: Exchange) -> None:
        """Read a sync connection until its hook is answered."""
        peer.sock.settimeout(None)
        try:
            while True:
                kind, flags, method, ident, payload = peer.receive()
                if self.take(peer, kind, flags, method, ident, payload) is None and kind == API_CALL:
                    self._bridge.serve_api(peer, method, ident, payload)
                if kind in (HOOK_REPLY, HOOK_ERROR):
                    return
        except (EOFError, OSError):
            exchange.frames.put((HOOK_ERROR, 0, msgspec.msgpack.encode({"message": "the worker is gone"})))
