"""API calls that send or return streams."""

from __future__ import annotations

import queue
import threading
from pathlib import Path

import pytest

from colours import coloured
from conftest import Start
from fake_bridge import NEUTRAL, FakeBridge
from fake_streams import CANCEL, DATA, FIRST_CREDIT, WINDOW, Exchange

CALLER = """
import gc, io, pathlib
from mattermost_plugin.http import *

class File:
    def __init__(self, size):
        self.left = size
    def read(self, n=-1):
        assert n > 0
        data = b"f" * min(n, self.left)
        self.left -= len(data)
        return data

class Caller(Plugin):
    error = None

    @hook
    ASYNC def UserWillLogIn(self, context, user):
        try:
            return str(AWAIT getattr(self, "do_" + user.username)())
        except Exception as error:
            self.error = error
            return f"{type(error).__name__}: {error}"

    @hook
    ASYNC def UserHasLoggedIn(self, context, user):
        self.response = None
        gc.collect()

    @hook
    ASYNC def ExecuteCommand(self, context, args):
        from mattermost_plugin._streams.channel import Channel
        self.error = None
        gc.collect()
        return ",".join(type(item).__name__ for item in gc.get_objects() if isinstance(item, Channel)) or "nothing"

    ASYNC def upload(self, data):
        return (AWAIT API.upload_data(UploadSession(id="s1"), data)).name

    ASYNC def do_bytes(self):
        return AWAIT self.upload(b"abc")

    ASYNC def do_empty(self):
        return AWAIT self.upload(b"")

    ASYNC def do_large(self):
        return AWAIT self.upload(memoryview(bytearray(range(256)) * 4000))

    ASYNC def do_path(self):
        return AWAIT self.upload(pathlib.Path(os.environ["UPLOAD"]))

    ASYNC def do_missing(self):
        return AWAIT self.upload(pathlib.Path("/nowhere/at/all"))

    ASYNC def do_file(self):
        return AWAIT self.upload(File(700_000))

    ASYNC def do_bytes_io(self):
        return AWAIT self.upload(io.BytesIO(b"i" * 300_000))

    ASYNC def do_list(self):
        return AWAIT self.upload([b"ab", bytearray(b"c"), memoryview(b"d"), b"", b"x" * 100_000])

    ASYNC def do_text(self):
        return AWAIT self.upload("text")

    ASYNC def do_numbers(self):
        return AWAIT self.upload([b"a", 7])

    ASYNC def do_generator(self):
        return AWAIT self.upload(self.generate())

    def generate(self):
        for number in range(5):
            yield self.api.kv_get(f"k{number}") * 40_000

    ASYNC def do_raising(self):
        return AWAIT self.upload(self.raising())

    def raising(self):
        yield b"x" * 70_000
        raise LookupError("no more")

    ASYNC def do_endless(self):
        return AWAIT self.upload(self.endless())

    def endless(self):
        while True:
            yield b"e" * 10_000

    ASYNC def do_install(self):
        return (AWAIT API.install_plugin(b"bundle", replace=True)).id

    ASYNC def do_get(self):
        response = AWAIT API.plugin_http("GET", "/com.example.other/x", {"x-one": "1", "X-Two": ["2", "3"]})
        ASYNC with response:
            return (response.status, response.headers.to_dict(), AWAIT response.read())

    ASYNC def do_post(self):
        response = AWAIT API.plugin_http("POST", "/com.example.other/x", body=b"p" * 200_000)
        return (AWAIT response.read(5), AWAIT response.text(), AWAIT response.read(), AWAIT response.read(1))

    ASYNC def do_json(self):
        return (AWAIT (AWAIT API.plugin_http("GET", "/com.example.other/x")).json())["a"]

    ASYNC def do_slow(self):
        response = AWAIT API.plugin_http("GET", "/com.example.other/x")
        total = len(AWAIT response.read(1000))
        version = AWAIT API.get_server_version()
        ASYNC for piece in response:
            total += len(piece)
        return total, version

    ASYNC def do_closed(self):
        response = AWAIT API.plugin_http("GET", "/com.example.other/x")
        AWAIT response.close()
        AWAIT response.close()
        return AWAIT response.read()

    ASYNC def do_left(self):
        self.response = AWAIT API.plugin_http("GET", "/com.example.other/x")
        return "left"

    ASYNC def do_dropped(self):
        response = AWAIT API.plugin_http("GET", "/com.example.other/x")
        del response
        gc.collect()
        return AWAIT API.get_server_version()

    ASYNC def do_smuggle(self):
        return AWAIT API.plugin_http("GET", "/com.example.other/x", {"X-Bad": "1\\nX: 2"})
"""


@pytest.fixture(params=["sync", "async"])
def bridge(request: pytest.FixtureRequest, start: Start, tmp_path: Path) -> FakeBridge:
    (tmp_path / "upload.bin").write_bytes(bytes(range(256)) * 2000)
    source = coloured(CALLER, request.param)
    if request.param == "async":
        # Uploads take asynchronous sources, too; the last of the generators becomes one.
        source = source.replace("def endless", "async def endless")
    bridge = start(source, sync_connections=1, env={"UPLOAD": str(tmp_path / "upload.bin")})
    bridge.colour = request.param  # type: ignore[attr-defined]
    bridge.wait_ready()
    return bridge


class Running:
    """A hook that makes a call with a stream."""

    def __init__(self, bridge: FakeBridge, name: str) -> None:
        self.bridge = bridge
        self.hook = bridge.stream("UserWillLogIn", None, {"username": name})

    def call(self) -> Exchange:
        return self.bridge.streams.calls.get(timeout=20)

    def outcome(self) -> str:
        answer = self.hook.finish().answer
        assert answer is not None
        return str(answer[1][0])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bytes", b"abc"),
        ("empty", b""),
        ("large", bytes(range(256)) * 4000),
        ("path", bytes(range(256)) * 2000),
        ("file", b"f" * 700_000),
        ("bytes_io", b"i" * 300_000),
        ("list", b"abcd" + b"x" * 100_000),
        ("generator", b"".join(b"%d" % number * 40_000 for number in range(5))),
    ],
)
def test_an_upload(bridge: FakeBridge, name: str, expected: bytes) -> None:
    bridge.api["KVGet"] = lambda key: [key[1:].encode()]
    running = Running(bridge, name)
    call = running.call()
    assert call.args == [{"id": "s1"}]
    assert call.body
    assert call.read_all() == expected
    call.reply({"name": "done"})
    assert running.outcome() == "done"
    assert bridge.hook("ExecuteCommand", None, {})[0]["text"] == "nothing"


def test_an_upload_waits_for_credit(bridge: FakeBridge) -> None:
    running = Running(bridge, "large")
    call = running.call()
    while len(call.received) < FIRST_CREDIT:
        assert call.next()[0] == DATA
    assert call.nothing_comes()
    call.give(2_000_000)
    assert call.read_all() == bytes(range(256)) * 4000
    call.reply({"name": "done"})
    assert running.outcome() == "done"


@pytest.mark.parametrize("name", ["large", "endless"])
def test_the_server_answers_early(bridge: FakeBridge, name: str) -> None:
    for error in (False, True):
        running = Running(bridge, name)
        call = running.call()
        while len(call.received) < FIRST_CREDIT:
            assert call.next()[0] == DATA
        if error:
            call.fail(kind="app", message="too large", status_code=400)
        else:
            call.reply({"name": "enough"})
        assert running.outcome() == ("ValidationError: too large (HTTP 400)" if error else "enough")
        with pytest.raises(queue.Empty):
            call.frames.get_nowait()
    assert bridge.hook("ExecuteCommand", None, {})[0]["text"] == "nothing"


def test_sources_that_fail(bridge: FakeBridge) -> None:
    running = Running(bridge, "raising")
    call = running.call()
    call.wait(CANCEL)
    assert running.outcome() == "LookupError: no more"
    running = Running(bridge, "numbers")
    assert running.outcome() == "TypeError: a stream gave int where bytes are wanted"
    for name, expected in {
        "missing": "FileNotFoundError: [Errno 2] No such file or directory: '/nowhere/at/all'",
        "text": "TypeError: a str is no stream: pass bytes, or pathlib.Path(...) for a file",
    }.items():
        assert Running(bridge, name).outcome() == expected
    while not bridge.streams.calls.empty():
        bridge.streams.calls.get().wait(CANCEL)
    assert bridge.hook("ExecuteCommand", None, {})[0]["text"] == "nothing"


def test_install_plugin(bridge: FakeBridge) -> None:
    running = Running(bridge, "install")
    call = running.call()
    assert call.args == [True]
    assert call.read_all() == b"bundle"
    call.reply({"id": "com.example.other"})
    assert running.outcome() == "com.example.other"


def test_plugin_http_without_a_body(bridge: FakeBridge) -> None:
    running = Running(bridge, "get")
    call = running.call()
    assert not call.body
    assert call.args == [
        {
            "method": "GET",
            "url": "/com.example.other/x",
            "proto": "HTTP/1.1",
            "proto_major": 1,
            "proto_minor": 1,
            "header": {"X-One": ["1"], "X-Two": ["2", "3"]},
        }
    ]
    call.reply(201, {"Set-Cookie": ["a", "b"]})
    call.data(b"answer")
    call.end()
    assert running.outcome() == "(201, {'Set-Cookie': ['a', 'b']}, b'answer')"
    assert call.frames.empty()


def test_plugin_http_with_bodies(bridge: FakeBridge) -> None:
    running = Running(bridge, "post")
    call = running.call()
    assert call.read_all() == b"p" * 200_000
    call.reply(200, {})
    call.upload(b"12345six")
    assert running.outcome() == "(b'12345', 'six', b'', b'')"
    running = Running(bridge, "json")
    call = running.call()
    call.reply(200, {})
    call.upload(b'{"a": 7}')
    assert running.outcome() == "7"


def test_the_answer_comes_as_it_is_read(bridge: FakeBridge) -> None:
    running = Running(bridge, "slow")
    call = running.call()
    call.reply(200, {})

    asked = threading.Event()

    def version() -> list[str]:
        # What comes during another call is kept, and no more is asked for.
        call.data(b"y" * call.credit)
        asked.set()
        return ["11.6"]

    bridge.api["GetServerVersion"] = version
    call.data(b"x" * 1000)
    assert asked.wait(20)
    call.upload(b"z" * 1_000_000)
    assert running.outcome() == f"({WINDOW + 1_000_000}, '11.6')"


def test_an_answer_that_is_not_wanted(bridge: FakeBridge) -> None:
    running = Running(bridge, "closed")
    call = running.call()
    call.reply(200, {})
    call.data(b"x" * 1000)
    call.wait(CANCEL)
    call.data(b"on its way")
    assert running.outcome() == "ValueError: the response is closed"
    running = Running(bridge, "left")
    call = running.call()
    call.reply(200, {})
    assert running.outcome() == "left"
    call.wait(CANCEL)
    bridge.api["GetServerVersion"] = lambda: ["11.6"]
    running = Running(bridge, "dropped")
    call = running.call()
    call.reply(200, {})
    call.wait(CANCEL)
    assert running.outcome() == "11.6"
    assert bridge.hook("UserHasLoggedIn", None, None) is NEUTRAL
    assert bridge.hook("ExecuteCommand", None, {})[0]["text"] == "nothing"


def test_answers_that_are_none(bridge: FakeBridge) -> None:
    running = Running(bridge, "get")
    call = running.call()
    call.reply(0, {})
    assert running.outcome() == "PluginAPIError: the server has no response for this request"
    running = Running(bridge, "get")
    running.call().fail(kind="missing", message="needs 5.18")
    assert running.outcome() == "MethodNotAvailableError: needs 5.18 (HTTP 501)"
    running = Running(bridge, "get")
    call = running.call()
    call.reply(200, {})
    call.end("unexpected EOF")
    assert running.outcome() == "PluginAPIError: the answer has ended before its end: unexpected EOF"
    assert "line break" in Running(bridge, "smuggle").outcome()
    assert bridge.hook("ExecuteCommand", None, {})[0]["text"] == "nothing"


def test_a_lost_connection(bridge: FakeBridge) -> None:
    running = Running(bridge, "endless")
    call = running.call()
    while len(call.received) < FIRST_CREDIT:
        call.next()
    bridge.drop_connections()
    assert bridge.process.wait(20) == 1


THREADS = """
import asyncio
from mattermost_plugin.http import *

class Threads(Plugin):
    @hook
    def UserWillLogIn(self, context, user):
        result = []
        def work():
            try:
                result.append(getattr(self, "do_" + user.username)())
            except Exception as error:
                result.append(repr(error))
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return str(result[0])

    def do_upload(self):
        return self.api.upload_data(UploadSession(id="s1"), [b"from ", b"a thread"]).name

    def do_foreign(self):
        async def source():
            for number in range(3):
                await asyncio.sleep(0)
                yield str(number).encode() * 30_000
        async def main():
            name = (await self.async_api.upload_data(UploadSession(id="s1"), source())).name
            response = await self.async_api.plugin_http("PUT", "/com.example.other/x", body=source())
            async with response:
                total = [len(await response.read(5)), len(await response.read())]
            return name, response.status, response.headers.to_dict(), total
        return asyncio.run(main())

    def do_other_thread(self):
        response = self.api.plugin_http("GET", "/com.example.other/x")
        errors = []
        def read():
            try:
                response.read()
            except RuntimeError as error:
                errors.append(str(error))
            response.close()
        thread = threading.Thread(target=read)
        thread.start()
        thread.join()
        return errors[0], self.api.get_server_version()
"""


def test_calls_from_threads_and_other_loops(start: Start) -> None:
    bridge = start(THREADS, api={"GetServerVersion": lambda: ["11.6"]})
    bridge.wait_ready()
    running = Running(bridge, "upload")
    call = running.call()
    assert call.peer.role == "api"
    assert call.read_all() == b"from a thread"
    call.reply({"name": "done"})
    assert running.outcome() == "done"
    running = Running(bridge, "foreign")
    call = running.call()
    assert len(call.read_all()) == 90_000
    call.reply({"name": "done"})
    call = running.call()
    assert len(call.read_all()) == 90_000
    call.reply(202, {"X": ["1"]})
    call.upload(b"z" * 500_000)
    assert running.outcome() == "('done', 202, {'X': ['1']}, [5, 499995])"
    running = Running(bridge, "other_thread")
    call = running.call()
    call.reply(200, {})
    call.wait(CANCEL)
    assert "belong to the thread that got them" in running.outcome()
