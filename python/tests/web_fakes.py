"""Requests and responses without a server: what the SDK's classes promise, kept in memory."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

from mattermost_plugin._errors import ClientDisconnectedError
from mattermost_plugin._gen.models import Context
from mattermost_plugin._http.headers import Headers

ROOT = "/plugins/com.example.test"
PATIENCE = 20.0


class RecordingLogger(logging.Logger):
    """A logger that keeps its records."""

    def __init__(self) -> None:
        super().__init__("test", logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def handle(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    @property
    def errors(self) -> list[logging.LogRecord]:
        return [record for record in self.records if record.levelno >= logging.ERROR]


def fake_plugin() -> Any:
    return SimpleNamespace(logger=RecordingLogger())


class AsyncBody:
    """A request's body that a test feeds."""

    def __init__(self, pieces: Iterable[bytes] = (), *, ends: bool = True) -> None:
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._rest = b""
        for piece in pieces:
            self._queue.put_nowait(piece)
        if ends:
            self._queue.put_nowait(b"")

    def feed(self, piece: bytes) -> None:
        self._queue.put_nowait(piece)

    def end(self) -> None:
        self._queue.put_nowait(b"")

    def break_off(self) -> None:
        self._queue.put_nowait(None)

    async def read(self, n: int = -1) -> bytes:
        if not self._rest:
            piece = await self._queue.get()
            if not piece:
                self._queue.put_nowait(piece)
            if piece is None:
                raise ClientDisconnectedError("the client has gone")
            self._rest = piece
        data, self._rest = (self._rest[:n], self._rest[n:]) if n >= 0 else (self._rest, b"")
        return data


class BlockingBody(io.RawIOBase):
    """A request's body that comes in pieces."""

    def __init__(self, pieces: Iterable[bytes] = (), *, breaks: bool = False) -> None:
        super().__init__()
        self._pieces = list(pieces)
        self._breaks = breaks

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._pieces:
            if self._breaks:
                raise ClientDisconnectedError("the client has gone")
            return 0
        piece = self._pieces.pop(0)
        count = min(len(piece), len(buffer))
        buffer[:count] = piece[:count]
        if piece[count:]:
            self._pieces.insert(0, piece[count:])
        return count


def make_request(
    method: str = "GET",
    target: str = "/",
    *,
    body: Any = None,
    headers: Iterable[tuple[str, str]] = (),
    root_path: str = ROOT,
    **changes: Any,
) -> Any:
    path, _, query = target.partition("?")
    fields = Headers(headers)
    length = fields.get("Content-Length")
    values = {
        "method": method,
        "url": target,
        "path": unquote(path),
        "raw_query": query,
        "proto": "HTTP/1.1",
        "headers": fields,
        "host": "chat.example.com",
        "remote_addr": "192.0.2.7:5123",
        "request_uri": root_path + target,
        "user_id": fields.get("Mattermost-User-Id", ""),
        "plugin_id": fields.get("Mattermost-Plugin-ID", ""),
        "content_length": None if length is None else int(length),
        "root_path": root_path,
        "context": Context(request_id="request-1"),
        "body": body,
    }
    return SimpleNamespace(**{**values, **changes})


class _Writer:
    """What both response writers have in common: everything that was sent, in order."""

    def __init__(self) -> None:
        self.headers = Headers()
        self.status_code: int | None = None
        self.events: list[Any] = []
        self.sent_headers: Headers | None = None
        self.gone = False

    def write_header(self, status: int) -> None:
        assert self.status_code is None
        self.status_code = status
        self.sent_headers = Headers(self.headers.pairs())
        self.events.append(status)

    def _write(self, data: Any) -> int:
        if self.gone:
            raise ClientDisconnectedError("the client has gone")
        if self.status_code is None:
            self.write_header(200)
        self.events.append(data)
        return len(data)

    def _flush(self) -> None:
        if self.gone:
            raise ClientDisconnectedError("the client has gone")
        self.events.append("flush")

    @property
    def body(self) -> bytes:
        return b"".join(event for event in self.events if isinstance(event, bytes))

    @property
    def text(self) -> str:
        return self.body.decode()


class BlockingWriter(_Writer):
    def write(self, data: Any) -> int:
        return self._write(data.encode() if isinstance(data, str) else data)

    def flush(self) -> None:
        self._flush()


class AsyncWriter(_Writer):
    def __init__(self) -> None:
        super().__init__()
        self.changed = asyncio.Event()

    async def write(self, data: Any) -> int:
        count = self._write(data.encode() if isinstance(data, str) else data)
        self.changed.set()
        return count

    async def flush(self) -> None:
        self._flush()
        self.changed.set()

    async def hijack(self) -> Any:
        raise RuntimeError("response cannot be hijacked")

    async def wait_for(self, event: Any) -> None:
        """Wait until something was sent."""

        async def wait() -> None:
            while event not in self.events:
                self.changed.clear()
                await self.changed.wait()

        await asyncio.wait_for(wait(), PATIENCE)
