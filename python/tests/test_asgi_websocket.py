"""WebSockets of ASGI applications, with a real client on a real socket."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("websockets", reason="its current release needs Python 3.11")

import websockets

import mattermost_plugin._web.websocket_inbox as inbox_module
import mattermost_plugin._web.websocket_link as link_module
from web_fakes import PATIENCE, ROOT
from web_front import Front
from websocket_talk import dial, echo, raw_handshake, recorder, run


@pytest.mark.parametrize("compression", ["deflate", None])
@pytest.mark.parametrize("message", ["héllo", b"\x00\xff", "", b"", "x" * 1_000_000, bytes(range(256)) * 4096])
def test_messages_come_back(message, compression):
    async def talk(running: Front) -> None:
        async with dial(running, compression=compression) as client:
            assert ("Sec-WebSocket-Extensions" in client.response.headers) == (compression is not None)
            for _ in range(3):
                await client.send(message)
                assert await client.recv() == message

    plugin = run(echo, talk)
    assert plugin.logger.errors == []


@pytest.mark.parametrize("compression", ["deflate", None])
def test_fragments_and_pings_between_them(compression):
    async def talk(running: Front) -> None:
        async with dial(running, compression=compression) as client:

            async def fragments() -> Any:
                yield "a"
                pong = await client.ping()
                await pong
                yield "é"
                yield ""
                yield "c"

            await client.send(fragments())
            assert await client.recv() == "aéc"
            await client.send("the next one")
            assert await client.recv() == "the next one"

    run(echo, talk)


def test_the_scope():
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await send({"type": "websocket.accept", "subprotocol": "v2", "headers": [(b"x-a", b"1"), (b"x-a", b"2")]})
        await send({"type": "websocket.close"})

    async def talk(running: Front) -> None:
        running.user_id = "alice"
        async with dial(running, "/ws/room%201?x=1", subprotocols=["v1", "v2"]) as client:
            assert client.subprotocol == "v2"
            assert client.response.headers.get_all("X-A") == ["1", "2"]

    run(app, talk)
    [scope] = scopes
    assert scope["type"] == "websocket"
    assert scope["scheme"] == "ws"
    assert scope["path"] == f"{ROOT}/ws/room 1"
    assert scope["raw_path"] == f"{ROOT}/ws/room%201".encode()
    assert scope["root_path"] == ROOT
    assert scope["query_string"] == b"x=1"
    assert scope["subprotocols"] == ["v1", "v2"]
    assert scope["mattermost"].user_id == "alice"
    assert scope["extensions"] == {"websocket.http.response": {}}
    assert "method" not in scope


# Closing


@pytest.mark.parametrize(("code", "reason"), [(1000, "bye"), (1001, ""), (3999, "é")])
def test_the_client_closes(code, reason):
    messages: list[Any] = []

    async def talk(running: Front) -> None:
        async with dial(running) as client:
            await client.close(code, reason)
            assert client.close_code == code

    run(recorder(messages), talk)
    assert messages == [{"type": "websocket.disconnect", "code": code, "reason": reason}]


@pytest.mark.parametrize(
    ("message", "code", "reason"),
    [({}, 1000, ""), ({"code": 4321, "reason": "no é"}, 4321, "no é"), ({"code": 1001, "reason": None}, 1001, "")],
)
def test_the_application_closes(message, code, reason):
    messages: list[Any] = []

    async def talk(running: Front) -> None:
        async with dial(running) as client:
            with pytest.raises(websockets.ConnectionClosed):
                await client.recv()
            assert (client.close_code, client.close_reason) == (code, reason)

    run(recorder(messages, {"type": "websocket.close", **message}), talk)
    assert messages == [{"type": "websocket.disconnect", "code": code, "reason": reason}]


def test_an_application_that_ends_has_closed():
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "last"})

    async def talk(running: Front) -> None:
        async with dial(running) as client:
            assert await client.recv() == "last"
            with pytest.raises(websockets.ConnectionClosedOK):
                await client.recv()

    run(app, talk)


def test_an_application_that_fails_closes_with_1011_and_logs():
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        raise ValueError("secret")

    async def talk(running: Front) -> None:
        async with dial(running) as client:
            with pytest.raises(websockets.ConnectionClosedError):
                await client.recv()
            assert (client.close_code, client.close_reason) == (1011, "")

    [record] = run(app, talk).logger.errors
    assert record.exc_info[1].args == ("secret",)
    assert len(record.error_id) == 16


def test_a_client_that_vanishes_is_1006():
    messages: list[Any] = []

    async def talk(running: Front) -> None:
        async with dial(running) as client:
            await client.send("last words")
            await client.ping()
            client.transport.abort()

    run(recorder(messages), talk)
    assert messages[-1]["type"] == "websocket.disconnect"
    assert messages[-1]["code"] == 1006


def test_sending_to_a_client_that_has_gone_is_an_os_error():
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await receive()
        await asyncio.wait_for(over.wait(), PATIENCE)
        with pytest.raises(OSError, match=r"gone|closed"):
            await send({"type": "websocket.send", "text": "too late"})
        await send({"type": "websocket.close"})

    async def talk(running: Front) -> None:
        async with dial(running):
            pass
        over.set()

    over = asyncio.Event()
    assert run(app, talk).logger.errors == []


def test_a_client_that_does_not_answer_a_close_is_cut_off(monkeypatch):
    monkeypatch.setattr(link_module, "CLOSE_PATIENCE", 0.01)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})

    async def talk(running: Front) -> None:
        reader, writer = await raw_handshake(running)
        assert await reader.read(2) == b"\x88\x02"
        assert await reader.read() == b"\x03\xe8"
        writer.close()

    run(app, talk)


def test_a_silent_client_is_cut_off(monkeypatch):
    monkeypatch.setattr(link_module, "PING_INTERVAL", 0.02)
    messages: list[Any] = []

    async def talk(running: Front) -> None:
        reader, writer = await raw_handshake(running)
        assert (await reader.read())[:2] == b"\x89\x00"  # a ping, and after the next interval the end
        writer.close()

    run(recorder(messages), talk)
    assert messages == [{"type": "websocket.disconnect", "code": 1006, "reason": "the client did not answer a ping"}]


def test_a_client_that_answers_pings_stays(monkeypatch):
    monkeypatch.setattr(link_module, "PING_INTERVAL", 0.01)

    async def talk(running: Front) -> None:
        async with dial(running, ping_interval=None) as client:
            for _ in range(10):
                await client.send("x")
                assert await asyncio.wait_for(client.recv(), PATIENCE) == "x"
                assert not running.connections

    run(echo, talk)


# Load, and stopping


def test_two_hundred_at_once():
    async def talk(running: Front) -> None:
        async def one(number: int) -> None:
            async with dial(running) as client:
                opened.release()
                await all_open.wait()
                await client.send(str(number))
                assert await client.recv() == str(number)

        opened, all_open = asyncio.Semaphore(0), asyncio.Event()
        tasks = [asyncio.create_task(one(number)) for number in range(200)]
        for _ in tasks:
            await opened.acquire()
        all_open.set()
        await asyncio.gather(*tasks)

    run(echo, talk)


def test_a_client_that_sends_faster_than_the_application_takes_is_slowed_down(monkeypatch):
    largest = 0
    push = inbox_module.Inbox.push

    def watched(self: Any, message: Any, size: int = 0) -> None:
        nonlocal largest
        push(self, message, size)
        largest = max(largest, self._size)

    monkeypatch.setattr(inbox_module.Inbox, "push", watched)
    count = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal count
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] == "websocket.receive":
            count += 1
            await asyncio.sleep(0)

    async def talk(running: Front) -> None:
        async with dial(running, compression=None) as client:
            for _ in range(500):
                await client.send(b"x" * 20_000)

    run(app, talk)
    assert count == 500
    assert largest < inbox_module._LIMIT + 21_000


def test_stopping_closes_with_1001():
    messages: list[Any] = []

    async def talk(running: Front) -> None:
        async with dial(running) as client:
            await client.send("x")
            await client.ping()
            while not messages:
                await asyncio.sleep(0)
            await running.handler.shutdown()
            with pytest.raises(websockets.ConnectionClosed):
                await client.recv()
            assert (client.close_code, client.close_reason) == (1001, "the plugin is stopped")

    plugin = run(recorder(messages), talk)
    assert messages[-1] == {"type": "websocket.disconnect", "code": 1001, "reason": "the plugin is stopped"}
    assert plugin.logger.errors == []
