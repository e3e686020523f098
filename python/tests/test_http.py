"""Requests and responses, with handlers of both colours."""

from __future__ import annotations

import re

import pytest

from colours import COLOURS, coloured
from conftest import Start
from fake_bridge import FakeBridge
from fake_streams import CREDIT, DATA, FIRST_CREDIT, FLUSH, HEAD, HOOK_ERROR, HOOK_REPLY, WINDOW

SERVER = """
from mattermost_plugin.http import *

class Server(Plugin):
    kept = None

    @hook
    ASYNC def ServeHTTP(self, context, response, request):
        self.request, self.response, self.context = request, response, context
        AWAIT getattr(self, "do_" + request.path.strip("/").partition("/")[0])(response, request)

    ASYNC def do_hello(self, response, request):
        response.headers["content-type"] = "text/plain"
        response.headers.add("set-cookie", "a=1")
        response.add_header("Set-Cookie", "b=2")
        AWAIT response.write("h\\u00e9llo ")
        assert AWAIT response.write(b"you") == 3

    ASYNC def do_echo(self, response, request):
        ASYNC for piece in request.body:
            AWAIT response.write(piece)

    ASYNC def do_count(self, response, request):
        body = AWAIT request.read()
        AWAIT response.write(str(len(body)) + str(AWAIT request.read()) + str(AWAIT request.body.read(7)))

    ASYNC def do_pieces(self, response, request):
        first = AWAIT request.read(3)
        second = AWAIT request.body.read(2)
        AWAIT response.write(repr((first, second, AWAIT request.read(100))))

    ASYNC def do_json(self, response, request):
        AWAIT response.write(str((AWAIT request.json())["a"]))

    ASYNC def do_describe(self, response, request):
        import msgspec
        about = {
            name: getattr(request, name)
            for name in (
                "method", "url", "path", "raw_query", "query", "proto", "host", "remote_addr", "request_uri",
                "user_id", "plugin_id", "content_length", "root_path", "disconnected", "default_metrics",
            )
        }
        about["headers"] = request.headers.to_dict()
        about["several"] = request.headers.get_all("x-several")
        about["one"] = request.headers["X-SEVERAL"]
        about["request_id"] = (request.context.request_id, self.context.request_id)
        AWAIT response.write(msgspec.json.encode(about))

    ASYNC def do_big(self, response, request):
        AWAIT response.write(b"x" * 1_000_000)
        AWAIT response.write(bytearray(b"y" * 100_000))
        AWAIT response.write(memoryview(b"zz"))

    ASYNC def do_many(self, response, request):
        for number in range(50_000):
            AWAIT response.write(b"12345")

    ASYNC def do_flush(self, response, request):
        AWAIT response.write(b"one")
        AWAIT response.flush()
        AWAIT response.flush()
        AWAIT response.write(b"two")
        AWAIT response.flush()
        AWAIT API.get_server_version()
        AWAIT response.write(b"three")

    ASYNC def do_status(self, response, request):
        response.headers["X-Early"] = "1"
        response.write_header(int(request.raw_query))
        response.headers["X-Late"] = "1"
        response.set_header("X-Late", "2")
        response.headers.clear()
        response.headers.pop("X-Early")
        response.write_header(201)
        AWAIT response.write(f"{response.status_code}")

    ASYNC def do_informational(self, response, request):
        response.write_header(103)
        response.write_header(202)

    ASYNC def do_only_headers(self, response, request):
        response.headers["X-Only"] = "1"

    ASYNC def do_nothing(self, response, request):
        pass

    ASYNC def do_redirect(self, response, request):
        response.headers["Location"] = "/elsewhere"
        response.write_header(302)

    ASYNC def do_no_body(self, response, request):
        response.write_header(204)
        AWAIT response.write(b"")
        AWAIT response.write(b"x")

    ASYNC def do_length(self, response, request):
        response.headers["Content-Length"] = "5"
        AWAIT response.write(b"123")
        try:
            AWAIT response.write(b"456")
        except ValueError as error:
            self.logger.info("refused: %s", error)
        AWAIT response.write(b"45")

    ASYNC def do_smuggle(self, response, request):
        response.headers["X-Bad"] = "1\\r\\nSet-Cookie: evil"

    ASYNC def do_raise(self, response, request):
        response.headers["Content-Length"] = "1000"
        AWAIT response.write(b"secret")
        raise LookupError("secret text")

    ASYNC def do_raise_late(self, response, request):
        AWAIT response.write(b"begun")
        AWAIT response.flush()
        raise LookupError("secret text")

    ASYNC def do_exit(self, response, request):
        sys.exit(3)

    ASYNC def do_kept(self, response, request):
        if self.kept is None:
            self.kept = response, request
            return
        for attempt in (lambda: self.kept[0].write(b"x" * 100_000), lambda: self.kept[0].write(b"x"),
                        lambda: self.kept[0].flush(), lambda: self.kept[1].read(), lambda: self.kept[0].hijack()):
            try:
                AWAIT attempt()
                AWAIT response.write("done;")
            except Exception as error:
                AWAIT response.write(type(error).__name__ + ";")
        try:
            self.kept[0].write_header(200)
        except RuntimeError as error:
            AWAIT response.write(str(error))
"""


@pytest.fixture(params=["sync", "async"])
def bridge(request: pytest.FixtureRequest, start: Start) -> FakeBridge:
    bridge = start(coloured(SERVER, request.param), sync_connections=1)
    assert bridge.wait_ready() == {"ServeHTTP": request.param}
    return bridge


def test_a_small_response_is_one_burst(bridge: FakeBridge) -> None:
    done = bridge.http("GET", "/hello").finish()
    assert done.answer == (HOOK_REPLY, None)
    assert done.head == [200, {"Content-Type": ["text/plain"], "Set-Cookie": ["a=1", "b=2"]}]
    assert done.received.decode() == "héllo you"
    assert done.log == [(10, 0)]


def test_what_a_request_says(bridge: FakeBridge) -> None:
    import msgspec

    done = bridge.http(
        "POST",
        "/describe/a%20b?q=1&q=2&r=%2B&s",
        host="chat.example.com:8065",
        remote_addr="10.0.0.1:1234",
        request_uri="/mm/plugins/com.example.test/describe/a%20b?q=1&q=2&r=%2B&s",
        header={
            "X-Several": ["1", "2"],
            "Content-Length": ["12"],
            "mattermost-user-id": ["forged"],
            "Mattermost-Plugin-Id": ["com.example.other"],
        },
    ).finish()
    about = msgspec.json.decode(done.received)
    assert about == {
        "method": "POST",
        "url": "/describe/a%20b?q=1&q=2&r=%2B&s",
        "path": "/describe/a b",
        "raw_query": "q=1&q=2&r=%2B&s",
        "query": {"q": ["1", "2"], "r": ["+"], "s": [""]},
        "proto": "HTTP/1.1",
        "host": "chat.example.com:8065",
        "remote_addr": "10.0.0.1:1234",
        "request_uri": "/mm/plugins/com.example.test/describe/a%20b?q=1&q=2&r=%2B&s",
        "user_id": "",
        "plugin_id": "com.example.other",
        "content_length": 12,
        "root_path": "/mm/plugins/com.example.test",
        "disconnected": False,
        "default_metrics": "",
        "headers": {
            "X-Several": ["1", "2"],
            "Content-Length": ["12"],
            "Mattermost-User-Id": ["forged"],
            "Mattermost-Plugin-Id": ["com.example.other"],
        },
        "several": ["1", "2"],
        "one": "1",
        "request_id": ["r1", "r1"],
    }
    headers = {"Mattermost-User-Id": ["u1"], "X-Several": ["1"]}
    done = bridge.http("GET", "/describe", header={**headers, "Content-Length": ["-1"]}).finish()
    about = msgspec.json.decode(done.received)
    assert (about["user_id"], about["content_length"]) == ("u1", None)
    assert about["root_path"] == "/plugins/com.example.test"


@pytest.mark.parametrize("url", ["//host/hello", "http://x/hello?a", "hello#f", "/%zz/hello", "?hello", "/hello%00%ff"])
def test_odd_urls_are_no_fault(bridge: FakeBridge, url: str) -> None:
    done = bridge.http("GET", url).finish()
    assert done.head[0] in (200, 500)
    assert done.answer == (HOOK_REPLY, None)


def test_a_body_is_read_whole_or_in_pieces(bridge: FakeBridge) -> None:
    body = bytes(range(256)) * 5000
    assert bridge.http("POST", "/count", body).finish().received == b"1280000b''b''"
    assert bridge.http("POST", "/pieces", b"abcdefgh").finish().received == b"(b'abc', b'de', b'fgh')"
    exchange = bridge.http("POST", "/pieces", None)
    for piece in (b"a", b"b", b"c", b"de", b"f", b"g"):
        while exchange.credit < len(piece):
            exchange.wait(CREDIT)
        exchange.data(piece)
    exchange.end()
    first, second, rest = eval(exchange.finish().received)
    assert (first, first + second + rest) == (b"abc", b"abcdefg")
    assert bridge.http("POST", "/json", b'{"a": 7}').finish().received == b"7"
    assert bridge.http("POST", "/json", b"{").finish().head[0] == 500
    assert bridge.http("POST", "/hello", b"x" * 200_000).finish().head[0] == 200
    assert bridge.http("POST", "/hello").finish().head[0] == 200


def test_a_large_body_in_both_directions(bridge: FakeBridge) -> None:
    body = bytes(range(256)) * 20_000
    for _ in range(2):
        done = bridge.http("POST", "/echo", body).finish()
        assert done.answer == (HOOK_REPLY, None)
        assert done.received == body


def test_a_body_is_asked_for_as_it_is_read(bridge: FakeBridge) -> None:
    exchange = bridge.http("POST", "/pieces", None)
    exchange.wait(CREDIT)
    assert exchange.credit == 3
    exchange.data(b"ab")
    assert exchange.nothing_comes()
    exchange.data(b"c")
    exchange.wait(CREDIT)
    assert exchange.credit == WINDOW
    exchange.data(b"de")
    exchange.end()
    assert exchange.finish().received == b"(b'abc', b'de', b'')"


def test_no_more_is_asked_for_than_content_length(bridge: FakeBridge) -> None:
    for size in (8, 300_000):
        exchange = bridge.http("POST", "/count", None, header={"Content-Length": [str(size)]})
        sent = 0
        while sent < size:
            exchange.wait(CREDIT)
            assert sent + exchange.credit <= size
            sent += exchange.credit
            exchange.data(b"x" * exchange.credit)
        # The end is known without END.
        assert exchange.finish().received == b"%db''b''" % size
        assert exchange.credit == 0
    done = bridge.http("POST", "/count", None, header={"Content-Length": ["0"]}).finish()
    assert (done.received, done.credit) == (b"0b''b''", 0)


def test_a_body_that_is_not_read_is_not_asked_for(bridge: FakeBridge) -> None:
    bridge.api["GetServerVersion"] = lambda: ["11.6"]
    exchange = bridge.http("POST", "/flush", None)
    assert exchange.finish().received == b"onetwothree"
    assert exchange.credit == 0
    assert bridge.http("GET", "/hello").finish().head[0] == 200


def test_a_writer_waits_for_credit(bridge: FakeBridge) -> None:
    exchange = bridge.http("GET", "/big")
    while len(exchange.received) < FIRST_CREDIT:
        exchange.next()
    assert exchange.nothing_comes()
    exchange.give(10)
    exchange.next()
    assert len(exchange.received) == FIRST_CREDIT + 10
    assert exchange.nothing_comes()
    exchange.give(FIRST_CREDIT - 10)
    exchange.finish()
    assert exchange.received == b"x" * 1_000_000 + b"y" * 100_000 + b"zz"


def test_small_writes_are_gathered(bridge: FakeBridge) -> None:
    done = bridge.http("GET", "/many").finish()
    assert done.received == b"12345" * 50_000
    assert len(done.log) <= 5


def test_flush_sends_at_once(bridge: FakeBridge) -> None:
    bridge.api["GetServerVersion"] = lambda: ["11.6"]
    exchange = bridge.http("GET", "/flush").finish()
    assert exchange.log == [(3, FLUSH), (0, FLUSH), (3, FLUSH), (5, 0)]


@pytest.mark.parametrize(
    ("asked", "sent"), [(200, 200), (404, 404), (999, 999), (0, 500), (99, 500), (1000, 500), (-1, 500)]
)
def test_status_and_headers_are_locked_at_the_first_of_them(bridge: FakeBridge, asked: int, sent: int) -> None:
    done = bridge.http("GET", f"/status?{asked}", own_headers={"X-Server": ["s"]}).finish()
    assert done.received == str(sent).encode()
    assert done.head == [sent, {"X-Server": ["s"], "X-Early": ["1"]}]
    assert bridge.wait_log(lambda line: "headers were changed after" in line[1])[0] == "warn"
    assert bridge.wait_log(lambda line: "status 201 has no effect" in line[1])[0] == "warn"
    assert sum("headers were changed after" in line[1] for line in bridge.logs) == 1
    if sent != asked:
        assert bridge.wait_log(lambda line: "none of HTTP's; 500 is sent" in line[1])[0] == "error"


def test_responses_without_a_body(bridge: FakeBridge) -> None:
    own = {"X-Server": ["s"]}
    done = bridge.http("GET", "/only_headers", own_headers=own).finish()
    assert (done.head, done.received) == ([200, {"X-Server": ["s"], "X-Only": ["1"]}], b"")
    done = bridge.http("GET", "/nothing", own_headers=own).finish()
    assert (done.head, done.answer) == (None, (HOOK_REPLY, None))
    done = bridge.http("GET", "/informational").finish()
    assert done.head == [202, {}]
    assert "informational status 103" in bridge.wait_log(lambda line: "informational" in line[1])[1]
    done = bridge.http("GET", "/redirect").finish()
    assert done.head == [302, {"Location": ["/elsewhere"]}]
    done = bridge.http("GET", "/no_body").finish()
    assert (done.head, done.received) == ([204, {}], b"")
    bridge.wait_log(lambda line: line[1].startswith("a body was written to a response with status 204"))


def test_more_than_content_length_is_refused_before_it_is_sent(bridge: FakeBridge) -> None:
    done = bridge.http("GET", "/length").finish()
    assert (done.head, done.received) == ([200, {"Content-Length": ["5"]}], b"12345")
    bridge.wait_log(lambda line: line[1] == "refused: the body is longer than its Content-Length: 1 bytes too many")


@pytest.mark.parametrize(
    ("path", "text"), [("smuggle", "line break"), ("raise", "secret text"), ("exit", "SystemExit")]
)
def test_an_error_before_the_first_byte_is_a_500_with_an_id(bridge: FakeBridge, path: str, text: str) -> None:
    done = bridge.http("GET", f"/{path}", own_headers={"X-Server": ["s"]}).finish()
    assert done.answer == (HOOK_REPLY, None)
    assert done.head == [
        500,
        {"X-Server": ["s"], "Content-Type": ["text/plain; charset=utf-8"], "X-Content-Type-Options": ["nosniff"]},
    ]
    page = re.fullmatch(rb"Internal Server Error\n\(error id: ([0-9a-f]{16})\)\n", done.received)
    assert page
    line = bridge.wait_log(lambda line: line[2].get("error_id") == page[1].decode())
    assert line[0] == "error"
    assert text in line[1]
    assert line[2]["hook"] == "ServeHTTP"
    assert "Traceback" in line[2]["traceback"]
    assert bridge.http("GET", "/hello").finish().head[0] == 200


def test_an_error_after_the_first_byte_breaks_the_response_off(bridge: FakeBridge) -> None:
    done = bridge.http("GET", "/raise_late").finish()
    assert (done.head, done.received) == ([200, {}], b"begun")
    assert done.answer is not None
    assert done.answer[0] == HOOK_ERROR
    line = bridge.wait_log(lambda line: "secret text" in line[1])
    assert re.fullmatch("[0-9a-f]{16}", line[2]["error_id"])


def test_what_a_handler_keeps_cannot_be_used_any_more(bridge: FakeBridge) -> None:
    bridge.http("GET", "/kept").finish()
    done = bridge.http("GET", "/kept").finish()
    assert done.received.decode() == (
        "RuntimeError;RuntimeError;RuntimeError;ClientDisconnectedError;RuntimeError;"
        "the hook has ended; its request, response and files cannot be used any more"
    )


@COLOURS
def test_api_calls_while_a_body_comes(start: Start, colour: str) -> None:
    bridge = start(
        coloured(
            """
            class Nested(Plugin):
                @hook
                ASYNC def ServeHTTP(self, context, response, request):
                    first = AWAIT request.read(10)
                    first += AWAIT request.read(1)
                    user = AWAIT API.get_user("u1")
                    rest = AWAIT request.read()
                    AWAIT response.write(first + user.username.encode() + rest)
            """,
            colour,
        )
    )
    bridge.wait_ready()
    exchange = bridge.http("POST", "/", None)
    body = bytes(range(256)) * 1000

    def get_user(user_id: str) -> list[dict[str, str]]:
        exchange.data(body[10:])
        exchange.end()
        return [{"id": user_id, "username": "ann"}]

    bridge.api["GetUser"] = get_user
    while exchange.credit < 10:
        exchange.wait(CREDIT)
    exchange.data(body[:5])
    exchange.data(body[5:10])
    while not exchange.credit:
        exchange.wait(CREDIT)
    exchange.data(body[10:11])
    done = exchange.finish()
    assert done.received == body[:11] + b"ann" + body[10:]


@COLOURS
def test_an_unreadable_hook_is_answered(start: Start, colour: str) -> None:
    bridge = start(coloured(SERVER, colour), sync_connections=1)
    bridge.wait_ready()
    exchange = bridge.stream("ServeHTTP", {"method": 7}, None, None)
    assert exchange.finish().answer is not None
    assert exchange.answer is not None
    assert exchange.answer[0] == HOOK_ERROR
    assert bridge.http("GET", "/hello").finish().head[0] == 200


def test_a_head_comes_before_data(bridge: FakeBridge) -> None:
    exchange = bridge.http("GET", "/big")
    assert exchange.next()[0] == HEAD
    assert exchange.next()[0] == DATA
    exchange.cancel()
    answer = exchange.finish().answer
    assert answer is not None
    assert answer[0] == HOOK_ERROR
