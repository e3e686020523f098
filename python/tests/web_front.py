"""A small HTTP server in front of a mounted application: what the server and the bridge do, on a socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import web_fakes
from mattermost_plugin._errors import ClientDisconnectedError
from mattermost_plugin._gen.models import Context


class SocketBody:
    """A request's body on a socket: of known length, or in chunks."""

    def __init__(self, reader: asyncio.StreamReader, length: int | None, chunked: bool) -> None:
        self._reader = reader
        self._left = length or 0
        self._chunked = chunked

    async def read(self, n: int = -1) -> bytes:
        if self._chunked and not self._left:
            self._left = int(await self._reader.readline(), 16)
            if not self._left:
                self._chunked = False
                await self._reader.readline()
        if not self._left:
            return b""
        data = await self._reader.read(self._left if n < 0 else min(n, self._left))
        if not data:
            raise ClientDisconnectedError("the client has gone")
        self._left -= len(data)
        if self._chunked and not self._left:
            await self._reader.readline()
        return data


class SocketConnection:
    """A connection that was taken over."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.closed = asyncio.Event()
        self._reader = reader
        self._writer = writer

    async def read(self, n: int = 65536) -> bytes:
        try:
            return await self._reader.read(n)
        except OSError as error:
            raise ClientDisconnectedError("the client has gone") from error

    async def write(self, data: bytes) -> None:
        if self.closed.is_set():
            raise ClientDisconnectedError("the connection is closed")
        self._writer.write(data)
        try:
            await self._writer.drain()
        except OSError as error:
            raise ClientDisconnectedError("the client has gone") from error

    async def close(self) -> None:
        self.closed.set()
        self._writer.close()


class SocketWriter(web_fakes.AsyncWriter):
    """A response on a socket, in chunks unless it has a length; its end is the end of the connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__()
        self.connection: SocketConnection | None = None
        self._reader = reader
        self._writer = writer
        self._chunked = False

    def write_header(self, status: int) -> None:
        super().write_header(status)
        has_body = status not in (204, 304)
        self._chunked = has_body and "Content-Length" not in self.headers
        framing = ["Transfer-Encoding: chunked"] if self._chunked else []
        fields = [f"{name}: {value}" for name, value in self.headers.pairs()]
        lines = [f"HTTP/1.1 {status} Whatever", "Connection: close", *framing, *fields]
        self._writer.write("\r\n".join([*lines, "", ""]).encode())

    async def write(self, data: Any) -> int:
        count = await super().write(data)
        content = data.encode() if isinstance(data, str) else data
        self._writer.write(b"%x\r\n%b\r\n" % (len(content), content) if self._chunked else content)
        await self._writer.drain()
        return count

    def finish(self) -> None:
        if self.connection is not None:
            return
        if self.status_code is None:
            self.write_header(200)
        if self._chunked:
            self._writer.write(b"0\r\n\r\n")

    async def hijack(self) -> Any:
        assert self.status_code is None
        self.connection = SocketConnection(self._reader, self._writer)
        return self.connection


class Front:
    """The server."""

    def __init__(self, handler: Any) -> None:
        self.handler = handler
        self.port = 0
        self.errors: list[BaseException] = []
        self.user_id = ""
        self.connections: list[SocketConnection] = []
        self.tasks: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def idle(self) -> None:
        """Wait until no request is served any more."""
        await asyncio.wait_for(asyncio.gather(*self.tasks, return_exceptions=True), web_fakes.PATIENCE)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        response = SocketWriter(reader, writer)
        try:
            request = await self._request(reader)
            await self.handler.serve(Context(), response, request)
            response.finish()
        except Exception as error:
            self.errors.append(error)
            if response.status_code is None and response.connection is None:
                response.write_header(500)
                await response.write("Internal Server Error\n(error id: 0123456789abcdef)\n")
                response.finish()
            else:
                writer.transport.abort()
        finally:
            self.tasks.discard(task)
            if response.connection is not None:
                self.connections.append(response.connection)
            with contextlib.suppress(OSError):
                writer.close()

    async def _request(self, reader: asyncio.StreamReader) -> Any:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
        method, target, proto = first.split(" ")
        fields = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        headers = [(name, value) for name, value in fields if name.lower() not in ("host", "transfer-encoding")]
        if self.user_id:
            headers.append(("Mattermost-User-Id", self.user_id))
        fixed = {name.lower(): value for name, value in fields}
        length = fixed.get("content-length")
        body = SocketBody(reader, None if length is None else int(length), "transfer-encoding" in fixed)
        return web_fakes.make_request(
            method,
            target.removeprefix(web_fakes.ROOT),
            headers=headers,
            body=body,
            host=fixed["host"],
            proto=proto,
            request_uri=target,
        )


@contextlib.asynccontextmanager
async def front(handler: Any) -> AsyncIterator[Front]:
    """Serve a handler on a port of this machine."""
    running = Front(handler)
    server = await asyncio.start_server(running.serve, "127.0.0.1", 0)
    running.port = server.sockets[0].getsockname()[1]
    try:
        yield running
    finally:
        server.close()
        for task in list(running.tasks):
            task.cancel()
        await asyncio.gather(*running.tasks, return_exceptions=True)
