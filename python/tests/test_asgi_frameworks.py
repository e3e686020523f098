"""Real ASGI frameworks, with a real client on a real socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any

import pytest

pytest.importorskip("fastapi", reason="its current release needs Python 3.11")

import httpx2
from fastapi import Depends, FastAPI, HTTPException, Request, UploadFile, WebSocket
from fastapi.responses import StreamingResponse
from fastapi.staticfiles import StaticFiles
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse
from starlette.routing import Mount, Route
from websockets.asyncio.client import connect

from mattermost_plugin._web.asgi import AsgiHandler
from mattermost_plugin._web.mount import detect_interface
from web_fakes import PATIENCE, ROOT, fake_plugin
from web_front import Front, front

Talk = Callable[[Front, httpx2.AsyncClient], Awaitable[None]]


def run(app: Any, talk: Talk) -> Any:
    """Mount an application, start it, let a client talk to it, stop it; return the plugin."""
    plugin = fake_plugin()

    async def main() -> None:
        handler = AsgiHandler(app, plugin)
        await handler.startup()
        async with front(handler) as running:
            base = f"http://{running.address}{ROOT}"
            async with httpx2.AsyncClient(base_url=base, timeout=PATIENCE, trust_env=False) as client:
                await asyncio.wait_for(talk(running, client), PATIENCE)
            await running.idle()
        await handler.shutdown()

    asyncio.run(main())
    return plugin


def user_id(request: Request) -> str:
    found = request.scope["mattermost"].user_id
    if not found:
        raise HTTPException(401, "sign in first")
    return str(found)


def fastapi() -> tuple[FastAPI, list[str]]:
    events: list[str] = []

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, str]]:
        events.append("startup")
        yield {"pool": "the pool"}
        events.append("shutdown")

    app = FastAPI(lifespan=lifespan)

    @app.get("/me")
    async def me(user: Annotated[str, Depends(user_id)]) -> dict[str, str]:
        return {"user": user}

    @app.get("/state")
    async def state(request: Request) -> dict[str, str]:
        return {"pool": request.state.pool, "url": str(request.url_for("me"))}

    @app.get("/thread")
    def thread() -> dict[str, bool]:
        return {"in_thread": True}

    @app.post("/items")
    async def items(item: dict[str, int]) -> dict[str, int]:
        return {"sum": sum(item.values())}

    @app.post("/upload")
    async def upload(file: UploadFile) -> dict[str, Any]:
        return {"name": file.filename, "size": len(await file.read())}

    @app.post("/count")
    async def count(request: Request) -> dict[str, int]:
        return {"bytes": sum([len(piece) async for piece in request.stream()])}

    @app.get("/events")
    async def send_events() -> StreamingResponse:
        async def generate() -> AsyncIterator[str]:
            for number in range(3):
                yield f"data: {number}\n\n"
                await released.acquire()

        released = app.state.released = asyncio.Semaphore(0)
        return StreamingResponse(generate(), media_type="text/event-stream")

    @app.get("/fail")
    async def fail() -> None:
        raise ValueError("secret")

    @app.get("/break")
    async def break_off() -> StreamingResponse:
        async def generate() -> AsyncIterator[str]:
            yield "first"
            raise ValueError("secret")

        return StreamingResponse(generate())

    @app.websocket("/ws/{room}")
    async def socket(websocket: WebSocket, room: str) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_json({"room": room, "text": text, "user": websocket.scope["mattermost"].user_id})
        events.append("left")

    return app, events


@pytest.mark.parametrize("app", [FastAPI(), Starlette()])
def test_they_are_recognised(app):
    assert detect_interface(app) == "asgi"


def test_fastapi():
    app, events = fastapi()

    async def talk(running: Front, client: httpx2.AsyncClient) -> None:
        assert events == ["startup"]
        assert (await client.get("/me")).status_code == 401
        running.user_id = "alice"
        assert (await client.get("/me")).json() == {"user": "alice"}
        assert (await client.get("/state")).json() == {"pool": "the pool", "url": f"http://{running.address}{ROOT}/me"}
        assert (await client.get("/thread")).json() == {"in_thread": True}
        assert (await client.post("/items", json={"a": 1, "b": 2})).json() == {"sum": 3}
        assert (await client.post("/items", json=[])).status_code == 422
        assert (await client.get("/nowhere")).status_code == 404
        schema = (await client.get("/openapi.json")).json()
        assert schema["servers"] == [{"url": ROOT}]

    assert run(app, talk).logger.errors == []
    assert events == ["startup", "shutdown"]


def test_fastapi_takes_uploads():
    app, _ = fastapi()
    content = bytes(range(256)) * 8192

    async def talk(running: Front, client: httpx2.AsyncClient) -> None:
        response = await client.post("/upload", files={"file": ("a.bin", content)})
        assert response.json() == {"name": "a.bin", "size": len(content)}

        async def pieces() -> AsyncIterator[bytes]:
            for start in range(0, len(content), 100_000):
                yield content[start : start + 100_000]

        assert (await client.post("/count", content=pieces())).json() == {"bytes": len(content)}

    run(app, talk)


def test_fastapi_sends_events_one_by_one():
    app, _ = fastapi()

    async def talk(running: Front, client: httpx2.AsyncClient) -> None:
        async with client.stream("GET", "/events") as response:
            assert response.headers["Content-Type"].startswith("text/event-stream")
            lines = response.aiter_lines()
            for number in range(3):
                assert await anext(lines) == f"data: {number}"
                assert await anext(lines) == ""
                app.state.released.release()

    run(app, talk)


def test_fastapi_frees_what_a_client_leaves_behind():
    app, _ = fastapi()

    async def talk(running: Front, client: httpx2.AsyncClient) -> None:
        async with client.stream("GET", "/events") as response:
            assert await anext(response.aiter_lines()) == "data: 0"
        for task in list(running.tasks):
            task.cancel()  # as the SDK does when the server says that the client has gone
        app.state.released.release()
        await asyncio.wait_for(asyncio.gather(*running.handler._tasks, return_exceptions=True), PATIENCE)

    assert run(app, talk).logger.errors == []


def test_fastapi_fails_without_telling_why():
    app, _ = fastapi()

    async def talk(running: Front, client: httpx2.AsyncClient) -> None:
        response = await client.get("/fail")
        assert response.status_code == 500
        assert response.text.startswith("Internal Server Error\n(error id: ")
        assert [str(error) for error in running.errors] == ["secret"]
        with pytest.raises(httpx2.TransportError):
            await client.get("/break")
        assert [str(error) for error in running.errors] == ["secret", "secret"]

    run(app, talk)


def test_fastapi_websocket():
    app, events = fastapi()

    async def talk(running: Front, client: httpx2.AsyncClient) -> None:
        running.user_id = "alice"
        async with connect(f"ws://{running.address}{ROOT}/ws/lobby", proxy=None) as socket:
            await socket.send("hi")
            assert await socket.recv() == '{"room":"lobby","text":"hi","user":"alice"}'

    assert run(app, talk).logger.errors == []
    assert events == ["startup", "left", "shutdown"]


def test_a_failing_lifespan_is_raised_as_it_is():
    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        raise LookupError("no database")
        yield

    with pytest.raises(LookupError, match="no database"):
        asyncio.run(AsgiHandler(FastAPI(lifespan=lifespan), fake_plugin()).startup())


def test_starlette_middleware_mounts_and_background_tasks(tmp_path):
    (tmp_path / "file.txt").write_text("content" * 50_000)
    done: list[str] = []

    class Stamp(BaseHTTPMiddleware):
        async def dispatch(self, request: Any, call_next: Any) -> Any:
            response = await call_next(request)
            response.headers["X-Stamp"] = request.scope["mattermost"].context.request_id
            return response

    async def home(request: Any) -> Any:
        return PlainTextResponse("home", background=BackgroundTask(done.append, "background"))

    async def path(request: Any) -> Any:
        return JSONResponse([request.scope["root_path"], request.url.path, request.path_params["name"]])

    async def custom_error(request: Any, error: Exception) -> Any:
        return JSONResponse({"error": "ours"}, status_code=500)

    async def fail(request: Any) -> Any:
        raise ValueError("secret")

    app = Starlette(
        routes=[
            Route("/", home),
            Route("/fail", fail),
            Route("/file", lambda request: FileResponse(tmp_path / "file.txt")),
            Mount("/static", StaticFiles(directory=tmp_path)),
            Mount("/sub", routes=[Route("/{name}", path)]),
        ],
        middleware=[Middleware(Stamp), Middleware(GZipMiddleware)],
        exception_handlers={Exception: custom_error},
    )

    async def talk(running: Front, client: httpx2.AsyncClient) -> None:
        response = await client.get("/")
        assert (response.text, response.headers["X-Stamp"]) == ("home", "request-1")
        assert (await client.get("/sub/a%20b")).json() == [f"{ROOT}/sub", f"{ROOT}/sub/a b", "a b"]
        assert (await client.get("/file")).text == "content" * 50_000
        response = await client.get("/static/file.txt", headers={"Range": "bytes=2-5", "Accept-Encoding": "identity"})
        assert (response.status_code, response.text) == (206, "nten")
        response = await client.head("/static/file.txt", headers={"Accept-Encoding": "identity"})
        assert response.headers["Content-Length"] == "350000"
        response = await client.get("/fail")
        assert (response.status_code, response.json()) == (500, {"error": "ours"})
        assert len(response.headers["X-Error-Id"]) == 16

    plugin = run(app, talk)
    assert done == ["background"]
    assert [record.exc_info[1].args for record in plugin.logger.errors] == [("secret",)]
