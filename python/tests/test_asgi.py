"""ASGI over HTTP: what an application sees, and what becomes of what it sends."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from asgi_served import DISCONNECT, Served, answers, body, serve, start
from mattermost_plugin._web.asgi_scope import http_scope
from web_fakes import AsyncBody, AsyncWriter, fake_plugin, make_request

# The scope


def scope_of(request: Any, **state: Any) -> Any:
    return http_scope(request, fake_plugin(), state)


def test_the_scope_is_what_the_specification_says():
    request = make_request(
        "GET",
        "/caf%C3%A9/a%2Fb?x=1&y=%20",
        headers=[("Accept", "text/html"), ("X-Two", "a"), ("X-Two", "b"), ("Mattermost-User-Id", "alice")],
    )
    scope = scope_of(request, key="value")
    assert scope["type"] == "http"
    assert scope["asgi"] == {"version": "3.0", "spec_version": "2.4"}
    assert scope["method"] == "GET"
    assert scope["http_version"] == "1.1"
    assert scope["scheme"] == "http"
    assert scope["root_path"] == "/plugins/com.example.test"
    assert scope["path"] == "/plugins/com.example.test/café/a/b"
    assert scope["raw_path"] == b"/plugins/com.example.test/caf%C3%A9/a%2Fb"
    assert scope["query_string"] == b"x=1&y=%20"
    assert scope["client"] == ("192.0.2.7", 5123)
    assert scope["server"] == ("chat.example.com", 80)
    assert scope["state"] == {"key": "value"}
    assert scope["headers"] == [
        (b"host", b"chat.example.com"),
        (b"accept", b"text/html"),
        (b"x-two", b"a"),
        (b"x-two", b"b"),
        (b"mattermost-user-id", b"alice"),
    ]
    mattermost = scope["mattermost"]
    assert (mattermost.user_id, mattermost.plugin_id, mattermost.context.request_id) == ("alice", "", "request-1")
    with pytest.raises(AttributeError):
        mattermost.user_id = "mallory"


def test_a_header_cannot_pose_as_the_servers():
    scope = scope_of(make_request(headers=[("Mattermost_user_id", "mallory"), ("X_other", "stays")]))
    assert [name for name, _ in scope["headers"]] == [b"host", b"x_other"]
    assert scope["mattermost"].user_id == ""


@pytest.mark.parametrize(
    ("changes", "key", "wanted"),
    [
        ({"headers": [("X-Forwarded-Proto", "https, http")]}, "scheme", "https"),
        ({"headers": [("X-Forwarded-Proto", "https")]}, "server", ("chat.example.com", 443)),
        ({"headers": [("X-Forwarded-Proto", "javascript")]}, "scheme", "http"),
        ({"host": "[2001:db8::1]:8065"}, "server", ("2001:db8::1", 8065)),
        ({"host": ""}, "server", ("localhost", 80)),
        ({"host": "chat.example.com:99999999"}, "server", ("chat.example.com", 80)),
        ({"remote_addr": "[2001:db8::2]:1"}, "client", ("2001:db8::2", 1)),
        ({"remote_addr": ""}, "client", None),
        ({"remote_addr": "@"}, "client", ("@", 0)),
        ({"proto": "HTTP/2.0"}, "http_version", "2"),
        ({"proto": "HTTP/1.0"}, "http_version", "1.0"),
        ({"proto": ""}, "http_version", "1.1"),
        ({"method": "patch"}, "method", "PATCH"),
        ({"request_uri": ""}, "raw_path", b"/plugins/com.example.test/x%20y"),
        ({"request_uri": "/plugins/other/x%20y"}, "raw_path", b"/plugins/com.example.test/x%20y"),
        ({"root_path": "/chat/plugins/p"}, "path", "/chat/plugins/p/x y"),
    ],
)
def test_parts_of_the_scope(changes, key, wanted):
    assert scope_of(make_request(target="/x%20y", **changes))[key] == wanted


# Receiving


async def received_by(request: Any) -> list[Any]:
    messages: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while not messages or messages[-1]["more_body"]:
            messages.append(await receive())
        await send(start())
        await send(body())
        messages.append(await receive())

    served = Served(app, request)
    await served.finished()
    await served.idle()
    return messages


def piece(data: bytes, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": data, "more_body": more}


def test_a_body_of_known_length_ends_with_its_last_byte():
    request = make_request("POST", body=AsyncBody([b"abc", b"de"], ends=False), headers=[("Content-Length", "5")])
    assert asyncio.run(received_by(request)) == [piece(b"abc", True), piece(b"de", False), DISCONNECT]


def test_a_body_of_unknown_length_ends_with_an_empty_piece():
    request = make_request("POST", body=AsyncBody([b"abc"]))
    assert asyncio.run(received_by(request)) == [piece(b"abc", True), piece(b"", False), DISCONNECT]


def test_no_body_is_not_waited_for():
    request = make_request("POST", body=AsyncBody(ends=False), headers=[("Content-Length", "0")])
    assert asyncio.run(received_by(request)) == [piece(b"", False), DISCONNECT]


def test_pieces_have_a_limit():
    request = make_request("POST", body=AsyncBody([b"x" * 150_000]))
    sizes = [len(message["body"]) for message in asyncio.run(received_by(request))[:-1]]
    assert sizes == [65536, 65536, 18928, 0]


def test_a_body_that_is_broken_off_is_a_disconnect_and_logs_nothing():
    messages: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        messages.extend([await receive(), await receive(), await receive()])
        with pytest.raises(OSError, match="gone"):
            await send(start())
        await send(start())

    async def main() -> Served:
        content = AsyncBody([b"part"], ends=False)
        content.break_off()
        served = Served(app, make_request("POST", body=content))
        await served.finished()
        await served.idle()
        return served

    served = asyncio.run(main())
    assert messages == [piece(b"part", True), DISCONNECT, DISCONNECT]
    assert served.writer.events == []
    assert served.plugin.logger.errors == []


# Sending


def test_a_body_in_one_piece_is_one_burst():
    writer = asyncio.run(serve(answers(start(201, [(b"X-A", b"1")]), body(b"hello"))))
    assert writer.events == [201, b"hello"]
    assert writer.sent_headers is not None
    assert writer.sent_headers.to_dict() == {"X-A": ["1"]}


def test_pieces_of_a_longer_body_leave_at_once():
    writer = asyncio.run(serve(answers(start(), body(b"a", more=True), body(b"", more=True), body(b"b"))))
    assert writer.events == [200, b"a", "flush", "flush", b"b"]


def test_headers_replace_the_servers_and_may_repeat():
    async def main() -> AsyncWriter:
        headers = [(b"set-cookie", b"a=1"), (b"vary", b"Accept"), (b"Set-Cookie", b"b=2"), (b"x-name", "Käse".encode())]
        served = Served(answers(start(200, [*headers, (b"x-old", b"K\xe4se")]), body()))
        served.writer.headers["Vary"] = "Origin"
        served.writer.headers["X-Server"] = "stays"
        return await served.finished()

    sent = asyncio.run(main()).sent_headers
    assert sent is not None
    assert sent.to_dict() == {
        "Vary": ["Accept"],
        "X-Server": ["stays"],
        "Set-Cookie": ["a=1", "b=2"],
        "X-Name": ["Käse"],
        "X-Old": ["Käse"],
    }


@pytest.mark.parametrize("status", [204, 304])
def test_statuses_without_a_body_get_none(status):
    writer = asyncio.run(serve(answers(start(status, [(b"content-length", b"3")]), body(b"abc"))))
    assert writer.events == [status]


def test_a_head_request_may_tell_a_length_without_a_body():
    writer = asyncio.run(serve(answers(start(200, [(b"content-length", b"3")]), body()), make_request("HEAD")))
    assert writer.events == [200]


def test_trailers_are_dropped():
    messages = [
        start(trailers=True),
        body(b"x"),
        {"type": "http.response.trailers", "headers": [], "more_trailers": False},
    ]
    served_by: list[Any] = []

    async def main() -> None:
        served = Served(answers(*messages))
        await served.finished()
        await served.idle()
        served_by.append(served)

    asyncio.run(main())
    assert served_by[0].writer.events == [200, b"x"]
    assert served_by[0].plugin.logger.errors == []


@pytest.mark.parametrize(
    ("messages", "error"),
    [
        ([body()], "Expected ASGI message 'http.response.start', but got 'http.response.body'."),
        ([start(), start()], "Expected ASGI message 'http.response.body', but got 'http.response.start'."),
        ([start(200, [(b"x\n", b"")])], "Invalid HTTP header name."),
        ([start(200, [(b"", b"")])], "Invalid HTTP header name."),
        ([start(200, [(b"x", b"a\r\nb: c")])], "Invalid HTTP header value."),
        ([start(200, [(b"content-length", b"many")])], "Invalid Content-Length."),
        ([start(200, [(b"content-length", b"1")]), body(b"ab")], "Response content longer than Content-Length"),
        ([start(200, [(b"content-length", b"3")]), body(b"ab")], "Response content shorter than Content-Length"),
        ([], "ASGI callable returned without starting response."),
        ([start()], "ASGI callable returned without completing response."),
        ([start(), ValueError("secret")], "secret"),
        ([SystemExit(3)], "the ASGI application raised SystemExit"),
        ([asyncio.CancelledError()], "the ASGI application was cancelled"),
    ],
)
def test_a_fault_before_the_first_byte_is_raised_so_that_the_sdk_answers_500(messages, error):
    async def main() -> None:
        served = Served(answers(*messages))
        with pytest.raises((RuntimeError, ValueError), match=error.replace(".", r"\.")):
            await served.finished()
        assert served.writer.events == []

    asyncio.run(main())


def test_a_fault_after_the_first_byte_is_raised_so_that_the_connection_breaks():
    async def main() -> None:
        served = Served(answers(start(), body(b"a", more=True), ValueError("secret")))
        with pytest.raises(ValueError, match="secret"):
            await served.finished()
        assert served.writer.events == [200, b"a", "flush"]

    asyncio.run(main())


def test_a_second_response_is_refused_and_logged():
    async def main() -> Served:
        served = Served(answers(start(), body(), start()))
        await served.finished()
        await served.idle()
        return served

    served = asyncio.run(main())
    [record] = served.plugin.logger.errors
    assert (
        "Unexpected ASGI message 'http.response.start' sent, after response already completed." in record.getMessage()
    )
    assert len(record.error_id) == 16
