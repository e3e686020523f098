"""Connections that a handler takes over."""

from __future__ import annotations

import datetime

import msgspec
import pytest

from colours import coloured
from conftest import Start
from fake_bridge import FakeBridge
from fake_streams import (
    BUFFERED,
    CREDIT,
    DATA,
    DEADLINE,
    END,
    FIRST_CREDIT,
    HEAD,
    HIJACK,
    HOOK_ERROR,
    HOOK_REPLY,
    WINDOW,
    Exchange,
)

SERVER = """
from mattermost_plugin.http import *

class Server(Plugin):
    @hook
    ASYNC def ServeHTTP(self, context, response, request):
        AWAIT getattr(self, "do_" + request.path.strip("/"))(response, request)

    ASYNC def do_echo(self, response, request):
        connection = AWAIT response.hijack()
        while data := AWAIT connection.read(100_000):
            AWAIT connection.write(data)
        AWAIT connection.write_buffered(bytearray(b"bye"))
        AWAIT connection.close()
        AWAIT connection.close()
        assert AWAIT connection.read() == b""
        try:
            AWAIT connection.write(b"x")
        except RuntimeError as error:
            self.logger.info("refused: %s", error)

    ASYNC def do_read_first(self, response, request):
        assert AWAIT request.read(2) == b"ab"
        AWAIT request.read(1)
        AWAIT self.do_echo(response, request)

    ASYNC def do_refused(self, response, request):
        for _ in range(2):
            try:
                AWAIT response.hijack()
            except RuntimeError as error:
                AWAIT response.write(str(error))

    ASYNC def do_after_writing(self, response, request):
        AWAIT response.write(b"begun")
        connection = AWAIT response.hijack()
        for attempt in (lambda: response.write(b"x"), response.flush, response.hijack):
            try:
                AWAIT attempt()
            except RuntimeError:
                AWAIT connection.write(b"refused;")
        response.write_header(404)

    ASYNC def do_deadlines(self, response, request):
        connection = AWAIT response.hijack()
        AWAIT connection.set_read_deadline(0.5)
        try:
            AWAIT connection.read()
        except TimeoutError as error:
            AWAIT connection.write(str(error).encode())
        try:
            AWAIT connection.read()
        except TimeoutError:
            AWAIT connection.write(b";again")
        AWAIT connection.set_deadline(None)
        AWAIT connection.write(AWAIT connection.read())
        AWAIT connection.set_write_deadline(3)

    ASYNC def do_raise(self, response, request):
        connection = AWAIT response.hijack()
        raise ValueError("inside")

    ASYNC def do_broken(self, response, request):
        connection = AWAIT response.hijack()
        try:
            AWAIT connection.read()
        except ClientDisconnectedError as error:
            self.logger.info("broken: %s", error)
            raise
"""


@pytest.fixture(params=["sync", "async"])
def bridge(request: pytest.FixtureRequest, start: Start) -> FakeBridge:
    bridge = start(coloured(SERVER, request.param), sync_connections=1)
    bridge.wait_ready()
    return bridge


def hijack(bridge: FakeBridge, path: str, body: bytes | None = None) -> Exchange:
    exchange = bridge.http("GET", path, body)
    assert exchange.wait(HIJACK) == b""
    exchange.hijacked()
    return exchange


def test_bytes_come_and_go(bridge: FakeBridge) -> None:
    exchange = bridge.http("GET", "/read_first", None)
    exchange.wait(CREDIT)
    exchange.data(b"ab")
    exchange.wait(CREDIT)
    exchange.data(b"cde")
    exchange.wait(HIJACK)
    exchange.data(b"dropped")
    exchange.hijacked()
    total = b""
    for size in (1, 70_000, WINDOW, WINDOW, 3):
        data = bytes([size % 256]) * size
        left = memoryview(data)
        while left or len(exchange.received) < len(total) + size:
            if left and exchange.credit:
                part = left[: exchange.credit]
                exchange.data(bytes(part))
                left = left[len(part) :]
                continue
            kind, _, payload = exchange.next()
            if kind == DATA:
                exchange.give(len(payload))
        total += data
    exchange.end()
    assert exchange.wait(END) == b""
    assert exchange.received == total + b"bye"
    assert exchange.log[-1] == (3, BUFFERED)
    assert exchange.finish().answer == (HOOK_REPLY, None)
    assert exchange.head is None
    bridge.wait_log(lambda line: line[1] == "refused: the connection was closed")


def test_a_writer_waits_for_credit(bridge: FakeBridge) -> None:
    exchange = hijack(bridge, "/echo")
    exchange.data(b"x" * WINDOW)
    while len(exchange.received) < FIRST_CREDIT:
        exchange.next()
    assert exchange.nothing_comes()
    exchange.cancel()
    answer = exchange.finish().answer
    assert answer is not None
    assert answer[0] == HOOK_ERROR


def test_a_refusal(bridge: FakeBridge) -> None:
    exchange = bridge.http("GET", "/refused")
    for _ in range(2):
        exchange.wait(HIJACK)
        exchange.hijacked("response cannot be hijacked")
    assert exchange.finish().head == [200, {}]
    assert exchange.received == b"response cannot be hijacked" * 2


def test_what_was_written_is_sent_first(bridge: FakeBridge) -> None:
    exchange = bridge.http("GET", "/after_writing")
    assert [exchange.next()[0] for _ in range(3)] == [HEAD, DATA, HIJACK]
    exchange.hijacked()
    exchange.finish()
    assert exchange.received == b"begun" + b"refused;" * 3
    bridge.wait_log(lambda line: "status 404 has no effect" in line[1])


def test_deadlines(bridge: FakeBridge) -> None:
    exchange = hijack(bridge, "/deadlines")
    which, time = msgspec.msgpack.decode(exchange.wait(DEADLINE))
    assert which == 1
    assert abs((time - datetime.datetime.now(datetime.timezone.utc)).total_seconds() - 0.5) < 10
    exchange.end("read tcp 127.0.0.1:1->127.0.0.1:2: i/o timeout")
    assert msgspec.msgpack.decode(exchange.wait(DEADLINE)) == [0, None]
    assert exchange.received.endswith(b"i/o timeout;again")
    exchange.data(b"more")
    assert msgspec.msgpack.decode(exchange.wait(DEADLINE))[0] == 2
    assert exchange.finish().received.endswith(b"again" + b"more")


def test_an_exception_after_it(bridge: FakeBridge) -> None:
    exchange = hijack(bridge, "/raise")
    answer = exchange.finish().answer
    assert answer is not None
    assert answer[0] == HOOK_ERROR
    assert bridge.wait_log(lambda line: "inside" in line[1])[2]["error_id"]


def test_a_broken_connection(bridge: FakeBridge) -> None:
    exchange = hijack(bridge, "/broken")
    exchange.end("connection reset by peer")
    assert exchange.finish().answer is not None
    bridge.wait_log(lambda line: line[1] == "broken: connection reset by peer")
