"""API calls whose stream goes on behind the answer, and sources that misbehave."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from colours import coloured
from conftest import Start
from fake_bridge import FakeBridge
from fake_streams import CANCEL, DATA, END, FIRST_CREDIT, HOOK_ERROR, Exchange
from test_stream_calls import Running

PIECES = 50
PIECE = 70_000

CALLER = """
import gc, hashlib
from mattermost_plugin.http import *

class Caller(Plugin):
    closed = 0

    @hook
    ASYNC def UserWillLogIn(self, context, user):
        try:
            return str(AWAIT getattr(self, "do_" + user.username)())
        except BaseException as error:
            return f"{type(error).__name__}: {error}"

    @hook
    ASYNC def ExecuteCommand(self, context, args):
        from mattermost_plugin._streams.channel import Channel
        self.response = None
        gc.collect()
        left = [type(item).__name__ for item in gc.get_objects() if isinstance(item, Channel)]
        return f"{self.closed} closed, {len(left)} left"

    ASYNC def post(self, body):
        return AWAIT API.plugin_http("POST", "/com.example.other/x", body=body)

    ASYNC def pieces(self, count=50, error=None):
        try:
            for number in range(count):
                yield bytes([number % 251]) * 70_000
            if error is not None:
                raise error
        finally:
            self.closed += 1

    ASYNC def do_echo(self):
        digest = hashlib.sha256()
        ASYNC with (AWAIT self.post(self.pieces())) as response:
            ASYNC for piece in response:
                digest.update(piece)
        return digest.hexdigest()

    ASYNC def do_fails(self, error=LookupError):
        response = AWAIT self.post(self.pieces(3, error("no more")))
        try:
            return AWAIT response.read()
        except BaseException as caught:
            try:
                return f"{caught!r}, read on: {AWAIT response.read()}"
            except BaseException as second:
                return f"{caught!r}, then {second!r}"

    ASYNC def do_exits(self):
        return AWAIT self.do_fails(SystemExit)

    ASYNC def do_closes(self):
        self.source = self.pieces()
        ASYNC with (AWAIT self.post(self.source)):
            pass
        self.source = None
        return "closed"

    ASYNC def do_leaves(self):
        self.response = AWAIT self.post(self.pieces())
        return "left"

    ASYNC def asking(self):
        for number in range(6):
            yield (AWAIT API.kv_get(f"k{number}")) * 70_000

    ASYNC def do_asks(self):
        ASYNC with (AWAIT self.post(self.asking())) as response:
            return AWAIT response.read()

    ASYNC def do_uploads(self):
        return (AWAIT API.upload_data(UploadSession(id="s1"), self.asking())).name

    ASYNC def talking(self):
        yield b"x" * 200_000
        yield AWAIT self.response.read(6)

    ASYNC def do_talks(self):
        self.response = AWAIT self.post(self.talking())
        return AWAIT self.response.read()
"""


@pytest.fixture(params=["sync", "async"])
def bridge(request: pytest.FixtureRequest, start: Start) -> FakeBridge:
    bridge = start(coloured(CALLER, request.param), sync_connections=1)
    bridge.wait_ready()
    return bridge


def fill(call: Exchange) -> None:
    """Take what comes without credit."""
    while len(call.received) < FIRST_CREDIT:
        assert call.next()[0] == DATA


def answered(bridge: FakeBridge, name: str) -> tuple[Running, Exchange]:
    """Begin a call and answer it as soon as its credit is used up."""
    running = Running(bridge, name)
    call = running.call()
    fill(call)
    call.reply(200, {})
    return running, call


def check_left(bridge: FakeBridge, closed: int) -> None:
    """Check that nothing is left of calls and sources, and that nothing of them was logged."""
    wanted = f"{closed} closed, 0 left"
    # A source that is given up ends by itself, soon after its hook.
    texts = [text for _ in range(20) if (text := bridge.hook("ExecuteCommand", None, {})[0]["text"]) != wanted]
    assert len(texts) < 20, texts
    assert [line for line in bridge.logs if line[0] == "error"] == []


def test_an_echo(bridge: FakeBridge) -> None:
    running, call = answered(bridge, "echo")
    call.data(call.received)
    call.give(len(call.received))
    sent = len(call.received)
    ended = False
    while not ended or sent < len(call.received):
        piece = call.received[sent : sent + min(call.credit, 65536)]
        if piece:
            call.data(piece)
            sent += len(piece)
            call.give(len(piece)) if not ended else None
        else:
            ended = call.next()[0] == END or ended
    call.end()
    whole = b"".join(bytes([number]) * PIECE for number in range(PIECES))
    assert call.received == whole
    assert running.outcome() == hashlib.sha256(whole).hexdigest()
    check_left(bridge, 1)


@pytest.mark.parametrize(("name", "error"), [("fails", "LookupError('no more')"), ("exits", "SystemExit('no more')")])
def test_a_source_that_fails_behind_the_answer(bridge: FakeBridge, name: str, error: str) -> None:
    running, call = answered(bridge, name)
    call.data(b"begun")
    call.give(1_000_000)
    kind = 0
    while kind not in (CANCEL, END):
        kind, _, payload = call.next()
    assert kind == CANCEL or payload, "the body looks as if it were whole"
    outcome = running.outcome()
    assert outcome.startswith(f"{error}, then ")
    check_left(bridge, 1)


def test_a_response_is_closed_or_left_early(bridge: FakeBridge) -> None:
    for count, (name, outcome) in enumerate({"closes": "closed", "leaves": "left"}.items(), 1):
        running, call = answered(bridge, name)
        call.wait(CANCEL)
        call.give(1000)
        assert running.outcome() == outcome
        check_left(bridge, count)
        assert call.frames.empty()


def test_a_source_that_makes_calls(bridge: FakeBridge) -> None:
    bridge.api["KVGet"] = lambda key: [key[1:].encode()]
    running, call = answered(bridge, "asks")
    call.give(1_000_000)
    call.wait(END)
    assert call.received == b"".join(b"%d" % number * PIECE for number in range(6))
    call.upload(b"answer")
    assert running.outcome() == "b'answer'"
    check_left(bridge, 0)


def is_sync(bridge: FakeBridge) -> bool:
    return bridge.wait_ready()["UserWillLogIn"] == "sync"


def test_an_answer_while_the_source_makes_a_call(bridge: FakeBridge) -> None:
    asked: list[str] = []

    def get(key: str) -> list[bytes]:
        asked.append(key)
        if key == "k1":
            bridge.streams.calls.get(timeout=20).reply({"name": "enough"})
        return [b"v"]

    bridge.api["KVGet"] = get
    running = Running(bridge, "uploads")
    assert running.outcome() == "enough"
    assert asked == ["k0", "k1"]
    check_left(bridge, 0)


def test_a_source_that_reads_the_answer(bridge: FakeBridge) -> None:
    if not is_sync(bridge):
        pytest.skip("two tasks would read the same answer")
    running, call = answered(bridge, "talks")
    call.give(1_000_000)
    while len(call.received) < 200_000:
        call.next()
    call.data(b"answer")
    call.wait(END)
    assert call.received == b"x" * 200_000 + b"answer"
    call.upload(b"rest")
    assert running.outcome() == "b'rest'"
    check_left(bridge, 0)


def test_the_connection_is_lost_while_both_go_on(bridge: FakeBridge) -> None:
    _, call = answered(bridge, "echo")
    call.data(b"x")
    bridge.drop_connections()
    assert bridge.process.wait(20) == 1
    assert not any("retrieved" in line for line in [*bridge.kill().splitlines(), *(log[1] for log in bridge.logs)])


TASKS = """
import gc
from mattermost_plugin.http import *

class Tasks(Plugin):
    @hook
    async def UserWillLogIn(self, context, user):
        self.closed, self.waiting, self.heard = 0, _asyncio.Event(), _asyncio.Event()
        try:
            outcome = await getattr(self, "do_" + user.username)()
        except Exception as error:
            outcome = f"{type(error).__name__}: {error}"
        for _ in range(5):  # a source that is not wanted any more ends by itself
            await _asyncio.sleep(0)
        gc.collect()
        return f"{outcome}, {self.closed} closed"

    async def waiting_source(self):
        try:
            yield b"hello"
            self.waiting.set()
            await self.heard.wait()
            yield b"bye"
        finally:
            self.closed += 1

    async def do_talk(self):
        async with await self.async_api.plugin_http("POST", "/x/y", body=self.waiting_source()) as response:
            heard = await response.read(5)
            self.heard.set()
            return heard + await response.read()

    async def do_upload(self):
        return (await self.async_api.upload_data(UploadSession(id="s1"), self.waiting_source())).name

    async def do_cancel(self):
        task = _asyncio.create_task(self.do_upload())
        await self.waiting.wait()
        task.cancel()
        return (await _asyncio.gather(task, return_exceptions=True))[0].__class__.__name__

    async def bad_source(self):
        try:
            async for piece in self.waiting_source():
                yield piece
        finally:
            raise LookupError("while it is closed")

    async def do_cancel_bad(self):
        task = _asyncio.create_task(self.async_api.upload_data(UploadSession(id="s1"), self.bad_source()))
        await self.waiting.wait()
        task.cancel()
        await _asyncio.sleep(0)
        return (await _asyncio.gather(task, return_exceptions=True))[0].__class__.__name__

    async def cancelled_source(self):
        yield b"x" * 200_000
        raise _asyncio.CancelledError

    async def do_cancelled(self):
        async with await self.async_api.plugin_http("POST", "/x/y", body=self.cancelled_source()) as response:
            return await response.read()

    @hook
    async def ServeHTTP(self, context, response, request):
        await response.write(b"a" * 65536)
        try:
            await _asyncio.wait_for(response.write(b"b" * 200_000), 0.01)
        except _asyncio.TimeoutError:
            self.logger.info("timed out")

    @hook
    async def FileWillBeUploaded(self, context, info, file, output):
        try:
            await _asyncio.wait_for(output.write(b"b" * 200_000), 0.01)
        except _asyncio.TimeoutError:
            self.logger.info("timed out")
"""


@pytest.fixture
def tasks(start: Start) -> FakeBridge:
    bridge = start(TASKS)
    bridge.wait_ready()
    return bridge


def test_a_talk_in_small_pieces(tasks: FakeBridge) -> None:
    running = Running(tasks, "talk")
    call = running.call()
    call.wait(DATA)
    assert call.received == b"hello"
    call.reply(200, {})
    call.data(b"hello")
    call.wait(END)
    assert call.received == b"hellobye"
    call.upload(b"bye")
    assert running.outcome() == "b'hellobye', 1 closed"


def test_an_early_answer_to_a_source_that_waits(tasks: FakeBridge) -> None:
    running = Running(tasks, "upload")
    call = running.call()
    call.wait(DATA)
    call.reply({"name": "enough"})
    assert running.outcome() == "enough, 1 closed"
    assert call.frames.empty()


@pytest.mark.parametrize("name", ["cancel", "cancel_bad"])
def test_a_task_is_cancelled_while_its_source_waits(tasks: FakeBridge, name: str) -> None:
    running = Running(tasks, name)
    call = running.call()
    call.wait(CANCEL)
    assert running.outcome() == "CancelledError, 1 closed"
    assert [line for line in tasks.logs if line[0] == "error"] == []


def test_a_source_that_is_cancelled(tasks: FakeBridge) -> None:
    running = Running(tasks, "cancelled")
    call = running.call()
    fill(call)
    call.reply(200, {})
    call.give(100_000)
    call.wait(CANCEL)
    assert running.outcome() == "PluginAPIError: the source of the stream was cancelled, 0 closed"


@pytest.mark.parametrize("name", ["ServeHTTP", "FileWillBeUploaded"])
def test_a_cancelled_write_is_not_passed_off_as_whole(tasks: FakeBridge, name: str) -> None:
    exchange: Any = tasks.http("GET", "/") if name == "ServeHTTP" else tasks.stream(name, None, {"name": "a.txt"})
    tasks.wait_log(lambda line: line[1] == "timed out")
    exchange.finish()
    assert exchange.answer[0] == HOOK_ERROR
    assert "cancelled before all of it was sent" in str(exchange.answer[1])
