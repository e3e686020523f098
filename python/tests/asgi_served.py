"""What the tests of ASGI applications have in common: a request that one serves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from mattermost_plugin._gen.models import Context
from mattermost_plugin._web.asgi import AsgiHandler
from web_fakes import PATIENCE, AsyncBody, AsyncWriter, fake_plugin, make_request

App = Callable[[Any, Any, Any], Awaitable[None]]

DISCONNECT = {"type": "http.disconnect"}


class Served:
    """One request that an application has served, or serves."""

    def __init__(self, app: App, request: Any = None) -> None:
        self.plugin = fake_plugin()
        self.handler = AsgiHandler(app, self.plugin)
        self.request = request or make_request(body=AsyncBody())
        self.writer = AsyncWriter()
        self.task = asyncio.create_task(self.handler.serve(Context(), self.writer, self.request))

    async def finished(self) -> AsyncWriter:
        await asyncio.wait_for(self.task, PATIENCE)
        return self.writer

    async def idle(self) -> None:
        """Wait until the application has ended, too."""
        await asyncio.wait_for(asyncio.gather(*self.handler._tasks, return_exceptions=True), PATIENCE)


async def serve(app: App, request: Any = None) -> AsyncWriter:
    return await Served(app, request).finished()


def start(status: int = 200, headers: Any = (), **more: Any) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": headers, **more}


def body(data: bytes = b"", *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def answers(*messages: Any) -> App:
    """An application that sends these and raises what is an exception."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            if isinstance(message, BaseException):
                raise message
            await send(message)

    return app
