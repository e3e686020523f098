"""A real FastAPI application, asked by a real HTTP client and a real WebSocket client."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Callable

import httpx
import pytest
import websockets
from server import Server, wait_for
from websockets.sync.client import connect

BLOCK = bytes(range(256)) * 256


@pytest.fixture
def web(serve: Callable[..., Server]) -> Server:
    return serve("fastapi")


def socket_url(server: Server, path: str) -> str:
    return server.base.replace("http:", "ws:") + path


def test_the_user_and_the_state_of_the_lifespan(web: Server) -> None:
    answer = web.get("/hello", headers={"Authorization": "Bearer user-ann"})
    assert answer.json() == {"user": "ann", "started": "yes"}
    assert web.get("/hello", headers={"mattermost-user-id": "mallory"}).json()["user"] == ""


def test_links_have_the_plugins_url(web: Server) -> None:
    seen = web.get("/where").json()
    assert seen == {"url": web.base + "/hello", "path": f"/plugins/{web.ids[0]}/where"}


def test_a_route_that_is_not_there_and_one_in_a_thread(web: Server) -> None:
    assert web.get("/nothing").status_code == 404
    assert web.get("/plain").text == "plain"


def test_a_large_body_up_and_down(web: Server) -> None:
    body = BLOCK * 100
    digest = hashlib.sha256(body).hexdigest()
    assert web.post("/hash", content=body).json() == {"bytes": len(body), "sha256": digest}
    assert hashlib.sha256(web.get(f"/down?size={len(body)}").content).hexdigest() == digest


def test_events_come_one_by_one_and_end_with_the_client(web: Server) -> None:
    left = web.get("/seen").json()["left"]
    with web.client.stream("GET", web.base + "/events") as answer:
        lines = answer.iter_lines()
        for number in range(1, 6):
            assert next(lines) == f"data: {number}"
            assert next(lines) == ""
            web.get("/step")

    def is_over() -> bool:
        web.get("/step")
        return web.get("/seen").json()["left"] == left + 1

    wait_for("the generator is closed", is_over)


def test_an_exception_shows_an_id_and_no_text(web: Server) -> None:
    answer = web.get("/raise")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert web.logged("the secret of this plugin")


def test_an_exception_after_the_first_byte(web: Server) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        web.get("/raise-late")


def test_a_websocket(web: Server) -> None:
    with connect(socket_url(web, "/echo"), subprotocols=["chat"]) as socket:  # type: ignore[list-item]
        assert socket.subprotocol == "chat"
        for message in ("text", "ä" * 100_000, b"\x00\xff", b"x" * 1_000_000, ""):
            socket.send(message)
            assert socket.recv(30) == message
        socket.send([b"in ", b"three ", b"pieces"])
        assert socket.recv(30) == b"in three pieces"
        assert socket.ping().wait(30)
        socket.send("close")
        with pytest.raises(websockets.ConnectionClosedError) as closed:
            socket.recv(30)
    assert closed.value.rcvd == websockets.frames.Close(4001, "as you like")


def test_a_websocket_that_is_refused(web: Server) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused, connect(socket_url(web, "/refuse")):
        pass
    assert refused.value.response.status_code == 403


def test_a_websocket_request_that_is_none(web: Server) -> None:
    answer = web.get("/echo", headers={"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "9"})
    assert answer.status_code in (400, 426)


def test_two_hundred_websockets_at_once(web: Server) -> None:
    async def one(number: int) -> None:
        async with websockets.connect(socket_url(web, "/echo"), open_timeout=30) as socket:
            opened.append(number)
            while len(opened) < 200:
                await asyncio.sleep(0.01)
            for turn in range(5):
                await socket.send(f"{number} {turn}")
                assert await asyncio.wait_for(socket.recv(), 30) == f"{number} {turn}"

    async def everybody() -> None:
        await asyncio.gather(*(one(number) for number in range(200)))

    opened: list[int] = []
    asyncio.run(everybody())
    assert sorted(opened) == list(range(200))
    wait_for("the sockets are closed", lambda: web.get("/seen").json()["sockets"] == 0)
    wait_for("streams to be closed", lambda: web.idle_streams() <= 10)


def test_a_client_that_vanishes(web: Server) -> None:
    with connect(socket_url(web, "/echo")) as socket:
        socket.send("hello")
        assert socket.recv(30) == "hello"
        socket.socket.close()
    wait_for("the socket is closed", lambda: web.get("/seen").json()["sockets"] == 0)


def test_many_requests_at_once(web: Server) -> None:
    async def everybody() -> None:
        async with httpx.AsyncClient(timeout=30) as client:
            answers = await asyncio.gather(*(client.get(web.base + "/hello") for _ in range(200)))
        assert {answer.status_code for answer in answers} == {200}

    asyncio.run(everybody())


def test_the_error_id_is_in_the_log(web: Server) -> None:
    ident = re.search(r"error id: ([0-9a-f]+)", web.get("/raise").text)
    if ident is not None:  # Starlette's own middleware answers first, and has no id
        assert "secret" in json.dumps(web.logged(ident[1]))
