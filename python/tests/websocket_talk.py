"""What the tests of WebSockets have in common: an application that is served, and a client that talks to it."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

pytest.importorskip("websockets", reason="its current release needs Python 3.11")

from websockets.asyncio.client import connect

from mattermost_plugin._web.asgi import AsgiHandler
from web_fakes import PATIENCE, ROOT, fake_plugin
from web_front import Front, front

Talk = Callable[[Front], Awaitable[None]]

KEY = base64.b64encode(b"0123456789abcdef").decode()


def run(app: Any, talk: Talk) -> Any:
    """Serve an application while a client talks to it, and return the plugin."""
    plugin = fake_plugin()

    async def main() -> None:
        async with front(AsgiHandler(app, plugin)) as running:
            await asyncio.wait_for(talk(running), PATIENCE)
            await running.idle()
            await asyncio.wait_for(asyncio.gather(*running.handler._tasks, return_exceptions=True), PATIENCE)
            assert all(connection.closed.is_set() for connection in running.connections)

    asyncio.run(main())
    return plugin


def dial(running: Front, path: str = "/ws", **options: Any) -> connect:
    return connect(f"ws://{running.address}{ROOT}{path}", proxy=None, **options)


async def echo(scope: Any, receive: Any, send: Any) -> None:
    assert await receive() == {"type": "websocket.connect"}
    await send({"type": "websocket.accept"})
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            scope.setdefault("seen", []).append(message)
            return
        await send({**message, "type": "websocket.send"})


def recorder(messages: list[Any], *sends: dict[str, Any]) -> Any:
    """An application that accepts, sends these, and keeps what it receives until the end."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        for message in sends:
            await send(message)
        while not messages or messages[-1]["type"] != "websocket.disconnect":
            messages.append(await receive())
        assert await receive() == messages[-1]

    return app


async def raw_handshake(running: Front) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(
        f"GET {ROOT}/ws HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n".encode()
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert b"Sec-WebSocket-Accept: BACScCJPNqyz+UBoqMH89VmURoA=\r\n" in head
    return reader, writer
