"""FileWillBeUploaded."""

from __future__ import annotations

import pytest

from colours import coloured
from conftest import Start
from fake_bridge import FakeBridge
from fake_streams import CREDIT, FIRST_CREDIT, HOOK_ERROR, HOOK_REPLY, WINDOW, Exchange

INSPECTOR = """
from mattermost_plugin.files import *

class Inspector(Plugin):
    @hook
    ASYNC def FileWillBeUploaded(self, context, info, file, output):
        return AWAIT getattr(self, "do_" + info.name)(info, file, output)

    ASYNC def do_nothing(self, info, file, output):
        pass

    ASYNC def do_magic(self, info, file, output):
        magic = AWAIT file.read(4)
        assert AWAIT file.read(0) == b""
        return magic.decode()

    ASYNC def do_upper(self, info, file, output):
        while data := AWAIT file.read(50_000):
            AWAIT output.write(data.upper())
        info.size = 7
        return info

    ASYNC def do_all(self, info, file, output):
        data = AWAIT file.read()
        return None, str(len(data)) + str(AWAIT file.read())

    ASYNC def do_pieces(self, info, file, output):
        ASYNC for piece in file:
            AWAIT output.write(piece)
        return info, ""

    ASYNC def do_replace(self, info, file, output):
        assert AWAIT output.write(bytearray(b"new")) == 3

    ASYNC def do_raise(self, info, file, output):
        AWAIT output.write(b"half")
        raise ValueError("infected")

    ASYNC def do_wrong(self, info, file, output):
        return 7
"""


@pytest.fixture(params=["sync", "async"])
def bridge(request: pytest.FixtureRequest, start: Start) -> FakeBridge:
    bridge = start(coloured(INSPECTOR, request.param), sync_connections=1)
    assert bridge.wait_ready() == {"FileWillBeUploaded": request.param}
    return bridge


def file(bridge: FakeBridge, name: str) -> Exchange:
    return bridge.stream("FileWillBeUploaded", {"request_id": "r1"}, {"name": name, "size": 1})


def test_a_file_that_is_not_read(bridge: FakeBridge) -> None:
    exchange = file(bridge, "nothing").finish()
    assert (exchange.answer, exchange.credit, exchange.received) == ((HOOK_REPLY, None), 0, b"")


def test_no_more_is_asked_for_than_is_read(bridge: FakeBridge) -> None:
    exchange = file(bridge, "magic")
    exchange.wait(CREDIT)
    assert exchange.credit == 4
    exchange.data(b"PK")
    assert exchange.nothing_comes()
    exchange.data(b"34")
    assert exchange.finish().answer == (HOOK_REPLY, [None, "PK34"])
    exchange = file(bridge, "magic")
    exchange.upload(b"ab")
    assert exchange.finish().answer == (HOOK_REPLY, [None, "ab"])


def test_a_replacement_and_a_changed_record(bridge: FakeBridge) -> None:
    data = bytes(range(97, 123)) * 20_000
    exchange = file(bridge, "upper")
    left = memoryview(data)
    while left:
        while not exchange.credit:
            size = len(exchange.received)
            exchange.next()
            if len(exchange.received) > size:
                exchange.give(len(exchange.received) - size)
        assert exchange.credit <= 50_000
        part = left[: exchange.credit]
        exchange.data(bytes(part))
        left = left[len(part) :]
    exchange.end()
    assert exchange.finish().answer == (HOOK_REPLY, [{"name": "upper", "size": 7}, ""])
    assert exchange.received == data.upper()


def test_reading_all_keeps_a_window(bridge: FakeBridge) -> None:
    exchange = file(bridge, "all")
    exchange.wait(CREDIT)
    assert exchange.credit == WINDOW
    exchange.upload(b"x" * 1_000_000)
    assert exchange.credit <= WINDOW
    assert exchange.finish().answer == (HOOK_REPLY, [None, "1000000b''"])


def test_pieces(bridge: FakeBridge) -> None:
    data = bytes(range(256)) * 400
    exchange = file(bridge, "pieces")
    exchange.upload(data, 1000)
    assert exchange.finish().answer == (HOOK_REPLY, [{"name": "pieces", "size": 1}, ""])
    assert exchange.received == data


def test_a_small_replacement(bridge: FakeBridge) -> None:
    exchange = file(bridge, "replace").finish()
    assert (exchange.answer, exchange.received, exchange.log) == ((HOOK_REPLY, None), b"new", [(3, 0)])


def test_faults(bridge: FakeBridge) -> None:
    done = file(bridge, "raise").finish()
    assert done.answer == (HOOK_ERROR, {"message": "ValueError: infected"})
    assert done.received == b""
    done = file(bridge, "wrong").finish()
    assert done.answer is not None
    assert "a handler returned int; it may return None, FileInfo" in done.answer[1]["message"]
    exchange = file(bridge, "all")
    exchange.wait(CREDIT)
    exchange.end("unexpected EOF")
    assert exchange.finish().answer == (HOOK_ERROR, {"message": "the client has gone"})
    exchange = file(bridge, "pieces")
    exchange.wait(CREDIT)
    exchange.cancel()
    assert exchange.finish().answer is not None
    assert file(bridge, "nothing").finish().answer == (HOOK_REPLY, None)


def test_a_replacement_waits_for_credit(bridge: FakeBridge) -> None:
    exchange = file(bridge, "pieces")
    exchange.wait(CREDIT)
    exchange.data(b"x" * WINDOW)
    while len(exchange.received) < FIRST_CREDIT:
        exchange.next()
    exchange.give(WINDOW)
    exchange.end()
    assert exchange.finish().received == b"x" * WINDOW
