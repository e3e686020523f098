"""Mounted applications in a real worker, over the frames of the bridge."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from fake_bridge import HEADER, HOOK_ERROR, HOOK_REPLY, PATIENCE, FakeBridge, HookError, Peer
from mattermost_plugin._gen.hooks import HOOKS

SERVE_HTTP = HOOKS["ServeHTTP"].ident
DATA, CREDIT, END, HEAD, HIJACK, HIJACKED = range(0x20, 0x26)
CANCEL = 0x1F
ROOT = "/plugins/com.example.test"

Start = Callable[..., FakeBridge]


class Call:
    """One ServeHTTP, seen from the bridge: the body is sent when the worker asks for it."""

    def __init__(self, bridge: FakeBridge, method: str, path: str, body: bytes | None = b"", **headers: str) -> None:
        request = {
            "method": method,
            "url": path,
            "proto": "HTTP/1.1",
            "header": {name.replace("_", "-"): [value] for name, value in headers.items()},
            "host": "chat.example.com",
            "remote_addr": "192.0.2.7:5123",
            "request_uri": ROOT + path,
        }
        self.bridge = bridge
        self._credit = 0
        self._body = body or b""
        self._ends = body is not None
        self.peer, self.ident = bridge.send_hook("ServeHTTP", request, {"request_id": "r1"}, {"X-Server": ["preset"]})

    def send(self, kind: int, payload: bytes = b"") -> None:
        header = HEADER.pack(len(payload), kind, 0, SERVE_HTTP, self.ident)
        with self.peer.lock:
            self.peer.sock.sendall(header + payload)

    def feed(self, data: bytes) -> None:
        """Continue a body without an end."""
        self._body += data
        self._send_body()

    def _send_body(self) -> None:
        data, self._body = self._body[: self._credit], self._body[self._credit :]
        self._credit -= len(data)
        if data:
            self.send(DATA, data)
        if self._ends and not self._body and self._credit:
            self._ends = False
            self.send(END)

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """Return frames of the worker up to the answer of the hook; CREDIT lets the body go on."""
        while True:
            kind, payload = self._frame(self.peer)
            if kind == CREDIT:
                self._credit += msgspec.msgpack.decode(payload)
                self._send_body()
            else:
                yield kind, payload
            if kind in (HOOK_REPLY, HOOK_ERROR):
                return

    def _frame(self, peer: Peer) -> tuple[int, bytes]:
        if self.ident in self.bridge._waiting:
            return self.bridge._waiting[self.ident].get(timeout=PATIENCE)
        peer.sock.settimeout(PATIENCE)
        kind, _, _, _, payload = peer.receive()
        return kind, payload

    def answer(self) -> tuple[int, dict[str, list[str]], bytes]:
        """Return status, headers and body of a response that is complete."""
        frames = list(self.frames())
        assert frames[-1] == (HOOK_REPLY, b""), frames
        assert frames[0][0] == HEAD
        status, headers = msgspec.msgpack.decode(frames[0][1])
        assert {kind for kind, _ in frames[1:-1]} <= {DATA, END}
        return status, headers, b"".join(payload for kind, payload in frames if kind == DATA)


ASGI = """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        scope["state"]["started"] = True
        await send({"type": "lifespan.startup.complete"})
        await receive()
        print("the application says goodbye")
        await send({"type": "lifespan.shutdown.complete"})
        return
    assert scope["state"] == {"started": True}
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"].upper()})
        print("closed with", message["code"])
        return
    path = scope["path"].removeprefix(scope["root_path"])
    if path == "/fail":
        raise ValueError("secret")
    if path == "/stream":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                print("disconnected")
                return
            await send({"type": "http.response.body", "body": message["body"] + b"!", "more_body": True})
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message["body"], message["more_body"]
    mattermost = scope["mattermost"]
    content = repr([scope["root_path"], path, body, mattermost.user_id, mattermost.context.request_id]).encode()
    headers = [(b"content-type", b"text/plain"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    await send({"type": "http.response.body", "body": content})


class P(Plugin):
    def __init__(self):
        self.mount(app)
"""


def test_asgi(start: Start):
    bridge = start(ASGI)
    assert bridge.wait_ready() == {"OnDeactivate": "async", "ServeHTTP": "async"}
    call = Call(bridge, "POST", "/a%20b?x=1", b"body", Mattermost_User_Id="alice")
    status, headers, body = call.answer()
    assert status == 201
    assert headers["Set-Cookie"] == ["a=1", "b=2"]
    assert headers["X-Server"] == ["preset"]
    assert body.decode() == repr([ROOT, "/a b", b"body", "alice", "r1"])
    assert bridge.stop() == 0
    assert "the application says goodbye" in bridge.kill()


def test_asgi_streams_both_ways_at_once(start: Start):
    bridge = start(ASGI)
    bridge.wait_ready()
    call = Call(bridge, "POST", "/stream", None)
    call.feed(b"one")
    frames = call.frames()
    assert next(frames)[0] == HEAD
    assert next(frames) == (DATA, b"one!")
    call.feed(b"two")
    assert next(frames) == (DATA, b"two!")
    call.send(CANCEL)
    assert next(frames)[0] == HOOK_ERROR
    assert bridge.stop() == 0
    assert "disconnected" in bridge.kill()


def test_asgi_fails_with_an_id_and_without_the_text(start: Start):
    bridge = start(ASGI)
    bridge.wait_ready()
    status, headers, body = Call(bridge, "GET", "/fail").answer()
    assert status == 500
    assert headers["X-Server"] == ["preset"]
    assert body.startswith(b"Internal Server Error\n(error id: ")
    error_id = body.decode().partition("error id: ")[2][:16]
    line = bridge.wait_log(lambda line: line[2].get("error_id") == error_id)
    assert "secret" in line[2]["traceback"]


def masked(opcode: int, content: bytes) -> bytes:
    return struct.pack("!BB4x", 0x80 | opcode, 0x80 | len(content)) + content


def open_websocket(bridge: FakeBridge) -> tuple[Call, Iterator[tuple[int, bytes]]]:
    call = Call(
        bridge,
        "GET",
        "/ws",
        Connection="Upgrade",
        Upgrade="websocket",
        Sec_WebSocket_Version="13",
        Sec_WebSocket_Key="MDEyMzQ1Njc4OWFiY2RlZg==",
    )
    frames = call.frames()
    assert next(frames)[0] == HIJACK
    call.send(HIJACKED)
    kind, payload = next(frames)
    assert kind == DATA
    assert payload.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    return call, frames


def test_websocket(start: Start):
    bridge = start(ASGI)
    bridge.wait_ready()
    call, frames = open_websocket(bridge)
    call.send(DATA, masked(1, b"hello"))
    assert next(frames) == (DATA, b"\x81\x05HELLO")
    call.send(DATA, masked(8, b"\x03\xe8"))
    assert next(frames) == (DATA, b"\x88\x02\x03\xe8")
    assert [kind for kind, _ in frames] == [END, HOOK_REPLY]
    assert bridge.stop() == 0
    assert "closed with 1000" in bridge.kill()


@pytest.mark.parametrize("ending", [(END, b""), (END, msgspec.msgpack.encode({"message": "reset"})), (CANCEL, b"")])
def test_websocket_whose_client_vanishes(start: Start, ending: tuple[int, bytes]):
    bridge = start(ASGI)
    bridge.wait_ready()
    call, frames = open_websocket(bridge)
    call.send(*ending)
    assert list(frames)[-1][0] in (HOOK_REPLY, HOOK_ERROR)
    assert bridge.stop() == 0
    assert "closed with 1006" in bridge.kill()


def test_stopping_ends_a_websocket(start: Start):
    bridge = start(ASGI)
    bridge.wait_ready()
    _, frames = open_websocket(bridge)
    assert bridge.stop() == 0
    assert next(frames) == (DATA, b"\x88\x17\x03\xe9the plugin is stopped")
    assert "closed with 1001" in bridge.kill()


@pytest.mark.parametrize("keyword", ["def", "async def"])
def test_deactivating_runs_the_plugins_own_handler_and_then_the_shutdown(start: Start, keyword: str):
    call = "self.api.log_info('own')" if keyword == "def" else "await self.async_api.log_info('own')"
    source = f"""
{ASGI}

    @hook(HookName.OnDeactivate)
    {keyword} leave(self):
        {call}
        raise ValueError("on purpose")
"""
    logged: list[str] = []
    bridge = start(source, api={"LogInfo": lambda message, *pairs: logged.append(message) or []})
    assert bridge.wait_ready() == {"OnDeactivate": "async", "ServeHTTP": "async"}
    _, frames = open_websocket(bridge)
    with pytest.raises(HookError, match="on purpose"):
        bridge.hook("OnDeactivate")
    assert logged == ["own"]
    assert next(frames) == (DATA, b"\x88\x17\x03\xe9the plugin is stopped")
    assert bridge.stop() == 0
    assert bridge.kill().count("the application says goodbye") == 1


def test_stopping_ends_a_stream(start: Start):
    bridge = start(ASGI)
    bridge.wait_ready()
    call = Call(bridge, "POST", "/stream", None)
    call.feed(b"one")
    frames = call.frames()
    assert [next(frames)[0] for _ in range(2)] == [HEAD, DATA]
    assert bridge.stop() == 0
    assert list(frames)[-1][0] == HOOK_ERROR


def test_a_startup_that_fails_fails_the_plugin(start: Start):
    bridge = start(
        """
        async def app(scope, receive, send):
            await receive()
            raise_later = {"type": "lifespan.startup.failed", "message": "no database"}
            await send(raise_later)

        class P(Plugin):
            def __init__(self):
                self.mount(app)
        """
    )
    failed = bridge.wait_failed()
    assert failed["code"] == "init"
    assert "no database" in failed["message"]


WSGI = """
def app(environ, start_response):
    if environ["PATH_INFO"] == "/fail":
        raise ValueError("secret")
    start_response("200 OK", [("Content-Type", "application/json")])
    if environ["PATH_INFO"] == "/break":
        yield b"one"
        raise ValueError("secret")
    import json
    body = environ["wsgi.input"]
    yield json.dumps([environ["SCRIPT_NAME"], environ["PATH_INFO"], body.readline().decode(), body.read().decode(),
                      environ.get("REMOTE_USER"), environ["mattermost.context"].request_id]).encode()


class P(Plugin):
    def __init__(self):
        self.mount(app)
"""


def test_wsgi(start: Start):
    bridge = start(WSGI)
    assert bridge.wait_ready() == {"ServeHTTP": "sync"}
    status, headers, body = Call(bridge, "POST", "/x", b"one\ntwo\nthree", Mattermost_User_Id="alice").answer()
    assert status == 200
    assert headers == {"Content-Type": ["application/json"], "X-Server": ["preset"]}
    assert json.loads(body) == [ROOT, "/x", "one\n", "two\nthree", "alice", "r1"]


def test_wsgi_fails_before_and_after_the_first_byte(start: Start):
    bridge = start(WSGI)
    bridge.wait_ready()
    status, _, body = Call(bridge, "GET", "/fail").answer()
    assert status == 500
    assert b"secret" not in body
    assert b"error id: " in body
    kinds: list[Any] = [kind for kind, _ in Call(bridge, "GET", "/break").frames()]
    assert kinds == [HEAD, DATA, HOOK_ERROR]


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        ("self.mount(app); self.mount(app)", "hook", "has an application mounted already"),
        ("self.mount('app')", "init", "a str cannot be called"),
    ],
)
def test_a_wrong_mount_fails_the_plugin(start: Start, body: str, code: str, text: str):
    bridge = start(
        f"def app(environ, start_response): return []\nclass P(Plugin):\n    def __init__(self):\n        {body}"
    )
    failed = bridge.wait_failed()
    assert failed["code"] == code
    assert text in failed["message"]
