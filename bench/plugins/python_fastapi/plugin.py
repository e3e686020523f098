"""The benchmark's HTTP routes as a FastAPI application."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, StreamingResponse

from mattermost_plugin import Plugin

BLOCK = bytes(64 * 1024)
app = FastAPI()


@app.get("/hello")
async def hello() -> PlainTextResponse:
    """Answer with a short text."""
    return PlainTextResponse("hello")


async def blocks(size: int) -> AsyncIterator[bytes]:
    """Yield so many bytes."""
    for start in range(0, size, len(BLOCK)):
        yield BLOCK[: min(len(BLOCK), size - start)]


@app.get("/down")
async def down(request: Request) -> StreamingResponse:
    """Answer with many bytes."""
    size = int(request.query_params["bytes"])
    return StreamingResponse(blocks(size), headers={"Content-Length": str(size)})


@app.post("/up")
async def up(request: Request) -> dict[str, int]:
    """Tell how many bytes came."""
    count = 0
    async for piece in request.stream():
        count += len(piece)
    return {"bytes": count}


class BenchPlugin(Plugin):
    """Mounts the application."""

    def __init__(self) -> None:
        self.mount(app)
