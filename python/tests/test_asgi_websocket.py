"""WebSockets of ASGI applications, with a real client on a real socket."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

pytest.importorskip("websockets", reason="its current release needs Python 3.11")

import websockets
from websockets.asyncio.client import connect

import mattermost_plugin._web.websocket_deflate as deflate_module
import mattermost_plugin._web.websocket_inbox as inbox_module
import mattermost_plugin._web.websocket_link as link_module
from mattermost_plugin._gen.models import Context
from mattermost_plugin._web.asgi import AsgiHandler
from web_fakes import PATIENCE, ROOT, AsyncBody, AsyncWriter, fake_plugin, make_request
from web_front import Front, front

Talk = Callable[[Front], Awaitable[None]]


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


# Bad input


KEY = base64.b64encode(b"0123456789abcdef").decode()


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


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (b"\x81\x01a", 1002),  # not masked
        (b"\xc1\x81\x00\x00\x00\x00a", 1002),  # compressed without agreement
        (b"\x83\x80\x00\x00\x00\x00", 1002),  # unknown opcode
        (b"\x81\x81\x00\x00\x00\x00\xff", 1007),  # no UTF-8
        (b"\x88\x81\x00\x00\x00\x00\x03", 1002),  # half a close code
        (b"\x89\xfe\x00\x7e" + bytes(130), 1002),  # a ping that is too long
    ],
)
def test_frames_that_break_the_protocol(frames, code):
    messages: list[Any] = []

    async def talk(running: Front) -> None:
        reader, writer = await raw_handshake(running)
        writer.write(frames)
        answer = await reader.read()
        assert answer[0] == 0x88
        assert int.from_bytes(answer[2:4], "big") == code
        writer.close()

    plugin = run(recorder(messages), talk)
    assert messages[-1]["code"] == code
    assert plugin.logger.errors == []


def test_bytes_after_the_close_do_no_harm():
    messages: list[Any] = []

    async def talk(running: Front) -> None:
        reader, writer = await raw_handshake(running)
        writer.write(b"\x88\x80\x00\x00\x00\x00" + b"\x81\x81\x00\x00\x00\x00a")
        assert await reader.read() == b"\x88\x00"
        writer.close()

    plugin = run(recorder(messages), talk)
    assert messages == [{"type": "websocket.disconnect", "code": 1005, "reason": ""}]
    assert plugin.logger.errors == []


@pytest.mark.parametrize("compression", ["deflate", None])
@pytest.mark.parametrize("fill", ["x", "é", b"\x00"])
def test_a_message_that_is_too_long(fill, compression):
    messages: list[Any] = []

    async def talk(running: Front) -> None:
        async with dial(running, compression=compression) as client:
            with contextlib.suppress(websockets.ConnectionClosed):
                await client.send(fill * (link_module.MAX_MESSAGE + 1))
            with pytest.raises(websockets.ConnectionClosed):
                await client.recv()
            assert client.close_code == 1009

    run(recorder(messages), talk)
    assert messages == [{"type": "websocket.disconnect", "code": 1009, "reason": "the message is too long"}]


def test_a_bomb_is_not_decompressed_as_a_whole():
    sizes: list[int] = []
    collect = link_module.WebSocketLink._collect

    async def watched(self: Any, event: Any) -> None:
        sizes.append(len(event.data))
        await collect(self, event)

    async def talk(running: Front) -> None:
        async with dial(running) as client:
            with contextlib.suppress(websockets.ConnectionClosed):
                await client.send(bytes(100_000_000))
            with pytest.raises(websockets.ConnectionClosed):
                await client.recv()
            assert client.close_code == 1009

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(link_module.WebSocketLink, "_collect", watched)
        run(recorder([]), talk)
    assert max(sizes) < 5_000_000


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"Sec-WebSocket-Version": "8"}, 426),
        ({"Sec-WebSocket-Version": None}, 426),
        ({"Sec-WebSocket-Key": None}, 400),
        ({"Sec-WebSocket-Key": "short"}, 400),
        ({"Sec-WebSocket-Key": KEY[:-1] + "\N{EN DASH}"}, 400),
        ({":method": "POST"}, 400),
        ({":proto": "HTTP/1.0"}, 400),
    ],
)
def test_a_bad_handshake_is_refused(changes, status):
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": KEY,
        **changes,
    }
    fields = [(name, value) for name, value in headers.items() if value is not None and not name.startswith(":")]

    async def main() -> AsyncWriter:
        writer = AsyncWriter()
        request = make_request(headers.get(":method") or "GET", headers=fields, body=AsyncBody())
        request.proto = headers.get(":proto") or "HTTP/1.1"
        await AsgiHandler(echo, fake_plugin()).serve(Context(), writer, request)  # type: ignore[arg-type]  # a fake
        return writer

    writer = asyncio.run(main())
    assert writer.status_code == status
    assert writer.headers["Sec-WebSocket-Version"] == "13"


def test_an_upgrade_to_something_else_is_plain_http():
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": scope["type"].encode()})

    async def main() -> AsyncWriter:
        writer = AsyncWriter()
        headers = [("Connection", "Upgrade"), ("Upgrade", "h2c")]
        request = make_request(headers=headers, body=AsyncBody())
        await AsgiHandler(app, fake_plugin()).serve(Context(), writer, request)  # type: ignore[arg-type]  # a fake
        return writer

    assert asyncio.run(main()).text == "http"


@pytest.mark.parametrize(
    "offer",
    [
        "permessage-deflate; client_max_window_bits=99",
        "permessage-deflate; client_max_window_bits=many",
        "permessage-bzip2, x-webkit-deflate-frame",
        ";;,=",
    ],
)
def test_an_extension_that_cannot_be_is_declined(offer):
    assert deflate_module.negotiate([offer]) == (None, "")


def test_the_first_offer_that_can_be_is_taken():
    offers = [
        "permessage-deflate; client_max_window_bits=99",
        "permessage-deflate; client_max_window_bits",
        "permessage-deflate",
    ]
    extension, answer = deflate_module.negotiate(offers)
    assert extension is not None
    assert answer == "permessage-deflate; client_max_window_bits=12"


# Refusing


async def refused(running: Front) -> websockets.Response:
    with pytest.raises(websockets.InvalidStatus) as caught:
        async with dial(running):
            pass
    return caught.value.response


def test_close_before_accept_is_403():
    messages: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.close", "code": 4000})
        messages.extend([await receive(), await receive()])
        with pytest.raises(RuntimeError, match=r"after sending 'websocket.close'"):
            await send({"type": "websocket.accept"})

    async def talk(running: Front) -> None:
        response = await refused(running)
        assert (response.status_code, response.body) == (403, b"")

    plugin = run(app, talk)
    assert messages == [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1006, "reason": ""}]
    assert plugin.logger.errors == []


def test_a_response_of_the_applications_own():
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.http.response.start", "status": 503, "headers": [(b"retry-after", b"5")]})
        await send({"type": "websocket.http.response.body", "body": b"la", "more_body": True})
        await send({"type": "websocket.http.response.body", "body": b"ter"})

    async def talk(running: Front) -> None:
        response = await refused(running)
        assert (response.status_code, response.body, response.headers["Retry-After"]) == (503, b"later", "5")

    run(app, talk)


def raising(*messages: Any) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            if isinstance(message, BaseException):
                raise message
            await send(message)

    return app


@pytest.mark.parametrize(
    ("messages", "error"),
    [
        ([], "ASGI callable returned without completing handshake."),
        ([ValueError("secret")], "secret"),
        ([{"type": "websocket.send", "text": "x"}], "Expected ASGI message 'websocket.accept'"),
        ([{"type": "websocket.accept", "subprotocol": "v9"}], "does not offer the subprotocol 'v9'"),
        ([{"type": "websocket.accept", "headers": [(b"x", b"a\r\nb")]}], "Invalid HTTP header value"),
        ([{"type": "websocket.accept", "headers": [(b"Upgrade", b"x")]}], "The header 'Upgrade' is set by the server"),
        ([{"type": "websocket.http.response.start", "status": 200}], "returned without completing handshake"),
    ],
)
def test_a_fault_before_the_answer_is_a_500(messages, error):
    async def talk(running: Front) -> None:
        assert (await refused(running)).status_code == 500
        assert error in str(running.errors[0])

    run(raising(*messages), talk)


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({"type": "websocket.accept"}, "Expected ASGI message 'websocket.send' or 'websocket.close'"),
        ({"type": "websocket.close", "code": 99}, "Invalid WebSocket close code '99'."),
        ({"type": "websocket.send"}, "text"),
    ],
)
def test_misuse_of_an_open_websocket(message, error):
    async def talk(running: Front) -> None:
        async with dial(running) as client:
            with pytest.raises(websockets.ConnectionClosedError):
                await client.recv()

    [record] = run(raising({"type": "websocket.accept"}, message), talk).logger.errors
    assert error in record.getMessage()


def test_without_wsproto_the_log_says_what_to_install(monkeypatch):
    async def talk(running: Front) -> None:
        assert (await refused(running)).status_code == 501

    for name in [name for name in sys.modules if name.partition(".")[0] == "wsproto"]:
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("asgi_websocket", "websocket_deflate", "websocket_link"):
        monkeypatch.delitem(sys.modules, f"mattermost_plugin._web.{name}")
    [record] = run(echo, talk).logger.errors
    assert "add wsproto>=1.2 to the plugin's requirements.txt" in record.getMessage()


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
