"""Clients that leave, and what is left of them."""

from __future__ import annotations

import pytest

from colours import COLOURS, coloured
from conftest import Start
from fake_bridge import FakeBridge
from fake_streams import CREDIT, DATA, FIRST_CREDIT, HOOK_ERROR, HOOK_REPLY, WINDOW

SERVER = """
import gc
from mattermost_plugin.http import *

class Server(Plugin):
    outcome = ""

    @hook
    ASYNC def ServeHTTP(self, context, response, request):
        self.outcome = ""
        try:
            AWAIT getattr(self, "do_" + request.path.strip("/"))(response, request)
        except BaseException as error:
            self.outcome += type(error).__name__
            raise

    @hook
    ASYNC def UserHasLoggedIn(self, context, user):
        pass

    @hook
    ASYNC def UserWillLogIn(self, context, user):
        outcome, self.outcome = self.outcome, ""
        return outcome + "."

    @hook
    ASYNC def ExecuteCommand(self, context, args):
        from mattermost_plugin._streams.channel import Channel
        from mattermost_plugin._http.request import BaseRequest
        gc.collect()
        left = [type(item).__name__ for item in gc.get_objects() if isinstance(item, (Channel, BaseRequest))]
        return ",".join(left) or "nothing"

    ASYNC def do_read(self, response, request):
        AWAIT request.read()

    ASYNC def do_write(self, response, request):
        AWAIT response.write(b"x" * 1_000_000)

    ASYNC def do_events(self, response, request):
        while True:
            AWAIT response.write(b"event")
            AWAIT response.flush()
            AWAIT API.get_server_version()

    ASYNC def do_insist(self, response, request):
        try:
            AWAIT request.read()
        except BaseException as error:
            self.outcome += type(error).__name__ + ","
        for attempt in (request.read, lambda: response.write(b"x"), response.flush, response.hijack):
            try:
                AWAIT attempt()
            except Exception as error:
                self.outcome += type(error).__name__ + ","

    ASYNC def do_count(self, response, request):
        try:
            AWAIT request.body.read(3)
            AWAIT request.read()
        except ClientDisconnectedError as error:
            AWAIT response.write(f"{isinstance(error, ConnectionError)} {error}")
"""


@pytest.fixture(params=["sync", "async"])
def bridge(request: pytest.FixtureRequest, start: Start) -> FakeBridge:
    bridge = start(coloured(SERVER, request.param), sync_connections=1, env={"COLOUR": request.param})
    bridge.colour = request.param  # type: ignore[attr-defined]
    bridge.wait_ready()
    return bridge


def outcome(bridge: FakeBridge) -> str:
    return str(bridge.hook("UserWillLogIn", None, None)[0])


def test_a_cancelled_read(bridge: FakeBridge) -> None:
    exchange = bridge.http("POST", "/read", None)
    exchange.wait(CREDIT)
    exchange.data(b"x" * 1000)
    bridge.hook("UserHasLoggedIn", None, None)
    exchange.cancel()
    assert exchange.finish().answer is not None
    assert exchange.answer is not None
    assert exchange.answer[0] == HOOK_ERROR
    expected = "ClientDisconnectedError." if bridge.colour == "sync" else "CancelledError."  # type: ignore[attr-defined]
    assert outcome(bridge) == expected
    assert not any("raised" in line[1] for line in bridge.logs)


def test_a_cancelled_write(bridge: FakeBridge) -> None:
    exchange = bridge.http("GET", "/write")
    while len(exchange.received) < FIRST_CREDIT:
        exchange.next()
    exchange.cancel()
    assert exchange.finish().answer is not None
    assert len(exchange.received) == FIRST_CREDIT
    expected = "ClientDisconnectedError." if bridge.colour == "sync" else "CancelledError."  # type: ignore[attr-defined]
    assert outcome(bridge) == expected


def test_an_endless_response_ends_with_its_client(bridge: FakeBridge) -> None:
    events = 0

    def version() -> list[str]:
        nonlocal events
        events += 1
        if events == 20:
            exchange.cancel()
        return ["11.6"]

    bridge.api["GetServerVersion"] = version
    exchange = bridge.http("GET", "/events")
    exchange.finish()
    assert events <= 21
    assert exchange.received == b"event" * 20


def test_a_handler_that_goes_on_is_told_again(bridge: FakeBridge) -> None:
    exchange = bridge.http("POST", "/insist", None)
    exchange.wait(CREDIT)
    bridge.hook("UserHasLoggedIn", None, None)
    exchange.cancel()
    answer = exchange.finish().answer
    assert answer is not None
    assert answer[0] == HOOK_ERROR
    first = "ClientDisconnectedError," if bridge.colour == "sync" else "CancelledError,"  # type: ignore[attr-defined]
    assert outcome(bridge) == first + "ClientDisconnectedError," * 4 + "."


def test_a_body_that_is_broken_off(bridge: FakeBridge) -> None:
    exchange = bridge.http("POST", "/count", None)
    exchange.wait(CREDIT)
    exchange.data(b"x" * 3)
    exchange.end("unexpected EOF")
    done = exchange.finish()
    assert done.answer == (HOOK_REPLY, None)
    assert done.received == b"True unexpected EOF"


def test_1000_clients_leave_and_nothing_stays(bridge: FakeBridge) -> None:
    for number in range(1000):
        if number % 2:
            exchange = bridge.http("GET", "/write")
            while len(exchange.received) < FIRST_CREDIT:
                exchange.next()
        else:
            exchange = bridge.http("POST", "/read", None)
            exchange.wait(CREDIT)
            exchange.data(b"x" * WINDOW)
        exchange.cancel()
        # What was on its way when the client left.
        exchange.give(1000)
        exchange.finish()
        exchange.end()
    own = "nothing"
    assert bridge.hook("ExecuteCommand", None, {})[0]["text"] == own


def test_clients_leave_before_the_handler_has_begun(start: Start) -> None:
    bridge = start(coloured(SERVER, "async"))
    bridge.wait_ready()
    exchanges = []
    for _ in range(200):
        exchange = bridge.http("POST", "/read", None)
        exchange.cancel()
        exchanges.append(exchange)
    for exchange in exchanges:
        answer = exchange.finish().answer
        assert answer is not None
        assert answer[0] == HOOK_ERROR
    assert bridge.hook("ExecuteCommand", None, {})[0]["text"] == "nothing"


def test_200_requests_at_once(start: Start) -> None:
    bridge = start(coloured(SERVER, "async"))
    bridge.wait_ready()
    exchanges = [bridge.http("GET", "/write") for _ in range(200)]
    for exchange in exchanges:
        while len(exchange.received) < FIRST_CREDIT:
            exchange.next()
    for number, exchange in enumerate(exchanges):
        if number % 2:
            exchange.cancel()
            exchange.finish()
        else:
            exchange.give(FIRST_CREDIT)
            assert exchange.finish().received == b"x" * 1_000_000
    assert bridge.hook("ExecuteCommand", None, {})[0]["text"] == "nothing"


@COLOURS
@pytest.mark.parametrize("fault", ["too much", "not msgpack"])
def test_a_bridge_that_breaks_the_protocol_ends_the_request(start: Start, colour: str, fault: str) -> None:
    bridge = start(coloured(SERVER, colour), sync_connections=1)
    bridge.wait_ready()
    exchange = bridge.http("POST", "/write", None)
    while len(exchange.received) < FIRST_CREDIT:
        exchange.next()
    if fault == "too much":
        exchange.raw(DATA, b"x")
    else:
        exchange.raw(0x21, b"\xc1")
    assert exchange.peer.sock.fileno() >= 0
    if colour == "async":
        assert bridge.process.wait(20) == 1
    else:
        assert exchange.finish().answer == (HOOK_ERROR, {"message": "the worker is gone"})


@COLOURS
def test_the_bridge_is_gone(start: Start, colour: str) -> None:
    bridge = start(coloured(SERVER, colour), sync_connections=1)
    bridge.wait_ready()
    exchange = bridge.http("POST", "/read", None)
    bridge.drop_connections()
    assert bridge.process.wait(20) == 1
    assert exchange.answer is None
