"""WebSockets of ASGI applications: bad input, and connections that are refused."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import Any

import pytest

pytest.importorskip("websockets", reason="its current release needs Python 3.11")

import websockets

import mattermost_plugin._web.websocket_deflate as deflate_module
import mattermost_plugin._web.websocket_link as link_module
from mattermost_plugin._gen.models import Context
from mattermost_plugin._web.asgi import AsgiHandler
from web_fakes import AsyncBody, AsyncWriter, fake_plugin, make_request
from web_front import Front, SocketConnection
from websocket_talk import KEY, dial, echo, raw_handshake, recorder, run

# Bad input


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


def test_a_send_that_is_cancelled_ends_the_connection(monkeypatch):
    messages: list[Any] = []
    stuck = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        monkeypatch.setattr(SocketConnection, "write", lambda *_: stuck.wait())  # a client that does not read
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(send({"type": "websocket.send", "bytes": b"x" * 1000}), 0.01)
        messages.append(await receive())
        with pytest.raises(OSError, match="the client has gone"):
            await send({"type": "websocket.send", "text": "what would be taken for the rest"})

    async def talk(running: Front) -> None:
        reader, writer = await raw_handshake(running)
        assert await reader.read() == b""
        writer.close()

    plugin = run(app, talk)
    assert messages == [{"type": "websocket.disconnect", "code": 1006, "reason": ""}]
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
        monkeypatch.delitem(sys.modules, f"mattermost_plugin._web.{name}", raising=False)
    [record] = run(echo, talk).logger.errors
    assert "add wsproto>=1.2 to the plugin's requirements.txt" in record.getMessage()
