"""A Mattermost plugin whose URL is served by a FastAPI application."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request, WebSocket
from fastapi.responses import StreamingResponse
from starlette.requests import HTTPConnection

from mattermost_plugin import Plugin, run_plugin
from mattermost_plugin.exceptions import NotFoundError


def plugin_of(connection: HTTPConnection) -> Plugin:
    """Returns the plugin that serves the request."""
    plugin: Plugin = connection.scope["mattermost"].plugin
    return plugin


def signed_in(connection: HTTPConnection) -> str:
    """Returns the id of the user who is signed in; the server has checked it, a client cannot choose it."""
    user_id: str = connection.scope["mattermost"].user_id
    if not user_id:
        raise HTTPException(401, "sign in to Mattermost first")
    return user_id


UserId = Annotated[str, Depends(signed_in)]
ThisPlugin = Annotated[Plugin, Depends(plugin_of)]


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, float]]:
    """Runs before the plugin counts as active, and after its last request; what it yields is in `request.state`."""
    yield {"started": time.monotonic()}


app = FastAPI(title="Hello, FastAPI", lifespan=lifespan)


@app.get("/hello")
async def hello(user_id: UserId, plugin: ThisPlugin) -> dict[str, str]:
    """Greets by name; the name is asked of Mattermost."""
    try:
        user = await plugin.async_api.get_user(user_id)
    except NotFoundError as error:
        raise HTTPException(404, "there is no such user") from error
    return {"message": f"Hello, @{user.username}!"}


@app.get("/uptime")
async def uptime(request: Request) -> dict[str, float]:
    """Tells how long the application has been running; everybody may know that."""
    return {"seconds": time.monotonic() - request.state.started}


@app.get("/events")
async def events(user_id: UserId, count: int = 10, interval: float = 1.0) -> StreamingResponse:
    """Sends server-sent events, each when it happens."""

    async def happen() -> AsyncIterator[str]:
        for number in range(count):
            yield f"id: {number}\ndata: event {number} for {user_id}\n\n"
            await asyncio.sleep(interval)

    return StreamingResponse(happen(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


@app.post("/upload")
async def upload(request: Request, user_id: UserId) -> dict[str, str | int]:
    """Takes a body of any size piece by piece, and answers with its length and hash."""
    digest, size = hashlib.sha256(), 0
    async for piece in request.stream():
        digest.update(piece)
        size += len(piece)
    return {"bytes": size, "sha256": digest.hexdigest(), "user_id": user_id}


@app.websocket("/echo")
async def echo(websocket: WebSocket, user_id: UserId) -> None:
    """Sends back every message."""
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(f"{user_id}: {text}")


class HelloFastAPI(Plugin):
    """Serves the application at /plugins/com.mattermost.hello-fastapi/."""

    def __init__(self) -> None:
        self.mount(app)


if __name__ == "__main__":
    run_plugin(HelloFastAPI)
