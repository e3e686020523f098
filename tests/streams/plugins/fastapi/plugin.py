"""A FastAPI application under the URL of a plugin."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import PlainTextResponse, StreamingResponse
from prometheus_client import Counter

from mattermost_plugin import Plugin

GREETINGS = Counter("greetings", "How often somebody was greeted.")
BLOCK = bytes(range(256)) * 256


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, str]]:
    """Note that the application was started."""
    yield {"started": "yes"}


app = FastAPI(lifespan=lifespan)
step = asyncio.Event()
seen = {"left": 0, "sockets": 0}


@app.get("/hello")
async def hello(request: Request) -> dict[str, str]:
    """Greet the user."""
    GREETINGS.inc()
    return {"user": request.scope["mattermost"].user_id, "started": request.state.started}


@app.get("/where")
async def where(request: Request) -> dict[str, str]:
    """Tell the URL of another route, as links need it."""
    return {"url": str(request.url_for("hello")), "path": request.url.path}


@app.post("/hash")
async def digest(request: Request) -> dict[str, str | int]:
    """Read the body in pieces."""
    made, count = hashlib.sha256(), 0
    async for piece in request.stream():
        made.update(piece)
        count += len(piece)
    return {"bytes": count, "sha256": made.hexdigest()}


@app.get("/down")
async def down(size: int) -> StreamingResponse:
    """Send so many bytes."""

    async def body() -> AsyncIterator[bytes]:
        for start in range(0, size, len(BLOCK)):
            yield BLOCK[: min(len(BLOCK), size - start)]

    return StreamingResponse(body())


@app.get("/events")
async def events() -> StreamingResponse:
    """Send an event for each request of `/step`."""

    async def body() -> AsyncIterator[str]:
        try:
            for number in range(1, 1000):
                yield f"data: {number}\n\n"
                await step.wait()
                step.clear()
        finally:
            seen["left"] += 1

    return StreamingResponse(body(), media_type="text/event-stream")


@app.get("/step")
async def take_step() -> None:
    """Let `/events` send one more."""
    step.set()


@app.get("/seen")
async def show() -> dict[str, int]:
    """Tell how many event streams are over and how many sockets are open."""
    return seen


@app.get("/raise")
async def fail() -> None:
    """Fail."""
    raise RuntimeError("the secret of this plugin")


@app.get("/raise-late")
async def fail_late() -> StreamingResponse:
    """Fail after the first byte."""

    async def body() -> AsyncIterator[bytes]:
        yield b"begun"
        raise RuntimeError("the secret of this plugin")

    return StreamingResponse(body())


@app.get("/plain")
def plain() -> PlainTextResponse:
    """Answer from a thread, as FastAPI runs `def` routes."""
    return PlainTextResponse("plain")


@app.websocket("/echo")
async def echo(socket: WebSocket) -> None:
    """Repeat what comes."""
    await socket.accept(subprotocol=socket.scope["subprotocols"][0] if socket.scope["subprotocols"] else None)
    seen["sockets"] += 1
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                break
            if message.get("text") == "close":
                await socket.close(4001, "as you like")
                break
            if message.get("text") is not None:
                await socket.send_text(message["text"])
            else:
                await socket.send_bytes(message["bytes"])
    except WebSocketDisconnect:
        pass
    finally:
        seen["sockets"] -= 1


@app.websocket("/refuse")
async def refuse(socket: WebSocket) -> None:
    """Accept no connection."""
    await socket.close()


class Web(Plugin):
    """Mounts the application."""

    def __init__(self) -> None:
        self.mount(app)
