"""What surrounds hooks with streams: handlers of objects, start and stop, metrics, threads, system calls."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from colours import COLOURS, coloured
from conftest import Start
from fake_streams import DATA, END, FIRST_CREDIT, HEAD, HEADER, HOOK_REPLY, MAX_DATA, WINDOW, Exchange
from mattermost_plugin._bound_hook import BoundHook
from mattermost_plugin._connection import Connection
from mattermost_plugin._gen.hooks import HOOKS
from mattermost_plugin._plugin import Plugin

MOUNTED = """
class Mounted(Plugin):
    def __init__(self):
        self._instance_handlers["ServeHTTP"] = self.serve
        self._startup = self.begin
        self._shutdown = self.end
        assert not self._started

    async def begin(self):
        self.state = "begun"
        if os.environ.get("FAULT"):
            raise LookupError("no database")
        if os.environ.get("SLOW"):
            await _asyncio.Event().wait()

    async def end(self):
        self.logger.info("ending")
        if os.environ.get("BAD_END"):
            raise ValueError("bad end")
        self.state = "ended"
        self.over.set()

    async def serve(self, context, response, request):
        self.over = _asyncio.Event()
        await response.write(self.state + str(self._started))
        if request.path == "/wait":
            await response.flush()
            await self.over.wait()
            await response.write(self.state)
"""


def test_a_handler_of_the_object_with_start_and_stop(start: Start) -> None:
    bridge = start(MOUNTED)
    assert bridge.wait_ready() == {"ServeHTTP": "async"}
    assert bridge.http("GET", "/").finish().received == b"begunTrue"
    exchange = bridge.http("GET", "/wait")
    exchange.wait(DATA)
    assert bridge.stop() == 0
    assert exchange.finish().received == b"begunTrueended"


def test_a_shutdown_that_fails(start: Start) -> None:
    bridge = start(MOUNTED, env={"BAD_END": "1"})
    bridge.wait_ready()
    assert bridge.stop() == 0
    assert "bad end" in bridge.wait_log(lambda line: "stopping the application failed" in line[1])[2]["traceback"]


def test_a_startup_that_fails(start: Start) -> None:
    failed = start(MOUNTED, env={"FAULT": "1"}).wait_failed()
    assert failed["code"] == "init"
    assert failed["message"] == "starting the application failed: LookupError: no database"
    assert failed["file"].endswith("plugin.py")
    assert "Traceback" in failed["traceback"]


def test_stop_while_it_starts(start: Start) -> None:
    bridge = start(MOUNTED, env={"SLOW": "1"})
    while not any(hello["role"] == "async" for hello in bridge.hellos):
        pass
    assert bridge.stop() == 0
    assert bridge.ready is None


METRICS = """
import sys, types

client = types.ModuleType("prometheus_client")
client.REGISTRY = "default"
def generate_latest(registry):
    if registry == "broken":
        raise LookupError("no metrics")
    return f"own_{registry} 1\\n".encode()
client.generate_latest = generate_latest
if os.environ.get("IMPORTED"):
    sys.modules["prometheus_client"] = client

class Metrics(Plugin):
    def __init__(self):
        registry = os.environ.get("REGISTRY")
        if registry:
            sys.modules["prometheus_client"] = client
            self.metrics_registry = registry
"""

HANDLERS = {
    "none": "",
    "sync": "    @hook\n    def UserHasLoggedIn(self, context, user): pass\n",
    "async": "    @hook\n    async def UserHasLoggedIn(self, context, user): pass\n",
}


@pytest.mark.parametrize("other", HANDLERS)
@pytest.mark.parametrize("registry", ["", "special"])
def test_the_default_metrics(start: Start, other: str, registry: str) -> None:
    bridge = start(METRICS + HANDLERS[other], env={"IMPORTED": "1", "REGISTRY": registry})
    assert bridge.wait_ready()["ServeMetrics"] == ("async" if other == "async" else "sync")
    done = bridge.http("GET", "/", hook="ServeMetrics", more=["bridge_up 1"]).finish()
    assert done.head == [200, {"Content-Type": ["text/plain; version=0.0.4; charset=utf-8"]}]
    assert done.received == f"bridge_up 1\nown_{registry or 'default'} 1\n".encode()


def test_metrics_that_cannot_be_collected(start: Start) -> None:
    bridge = start(METRICS, env={"REGISTRY": "broken"})
    bridge.wait_ready()
    done = bridge.http("GET", "/", hook="ServeMetrics", more=["bridge_up 1\n"]).finish()
    assert (done.head[0], done.received) == (200, b"bridge_up 1\n")
    assert "no metrics" in bridge.wait_log(lambda line: "cannot be collected" in line[1])[2]["traceback"]


def test_no_metrics_no_hook(start: Start) -> None:
    assert start(METRICS).wait_ready() == {}


@COLOURS
def test_an_own_handler_for_metrics(start: Start, colour: str) -> None:
    bridge = start(
        coloured(
            METRICS
            + """
    @hook
    ASYNC def ServeMetrics(self, context, response, request):
        AWAIT response.write(request.default_metrics + "mine 1")
""",
            colour,
        ),
        env={"IMPORTED": "1"},
    )
    assert bridge.wait_ready() == {"ServeMetrics": colour}
    assert (
        bridge.http("GET", "/", hook="ServeMetrics", more=["bridge_up 1\n"]).finish().received == b"bridge_up 1\nmine 1"
    )


THREADED = """
import io

class Threaded(Plugin):
    @hook
    def ServeHTTP(self, context, response, request):
        if request.path == "/thread":
            errors = []
            def work(attempt):
                try:
                    attempt()
                except RuntimeError as error:
                    errors.append(str(error))
            for attempt in (request.read, response.flush):
                thread = threading.Thread(target=work, args=(attempt,))
                thread.start()
                thread.join()
            response.write("\\n".join(errors))
        elif request.path == "/lines":
            body = io.BufferedReader(request.body, 100_000)
            response.write(repr((body.readline(), body.read(3), len(body.read()), body.read())))
        elif request.path == "/into":
            buffer = bytearray(300_000)
            total = 0
            while size := request.body.readinto(memoryview(buffer)[total:]):
                total += size
            response.write(buffer[:total])
        elif request.path == "/coroutine":
            async def late(): pass
            coroutine = late()
            coroutine.close()
            return coroutine
        elif request.path == "/fork":
            pid = os.fork()
            if not pid:
                try:
                    response.write(b"x" * 100_000)
                except OSError:
                    os._exit(7)
                os._exit(1)
            response.write(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))
"""


def test_threads_files_and_forks(start: Start) -> None:
    bridge = start(THREADED, sync_connections=1)
    bridge.wait_ready()
    text = bridge.http("GET", "/thread").finish().received.decode()
    assert text.count("belong to the thread that got them") == 2
    body = b"first line\nabc" + b"x" * 400_000
    assert bridge.http("POST", "/lines", body).finish().received == b"(b'first line\\n', b'abc', 400000, b'')"
    exchange = bridge.http("POST", "/into", None)
    data = bytes(range(256)) * 1000
    exchange.upload(data, 64_000)
    assert exchange.finish().received == data
    done = bridge.http("GET", "/coroutine").finish()
    assert done.head[0] == 500
    bridge.wait_log(lambda line: "returned a coroutine" in line[1])
    assert bridge.http("GET", "/fork").finish().received == b"7"


class Counting:
    """A socket that counts the system calls made on it."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._sock, name)
        if name in ("sendall", "sendmsg", "recv", "recv_into"):
            self.calls.append(name)
        return value


class Served(Plugin):
    """A plugin whose handler is given."""


def _serve(handler: Any, body: bytes) -> tuple[list[str], bytes]:
    """Run a handler on a connection of its own; return the system calls, and what it sent."""
    from mattermost_plugin._streams.hooks import serve

    worker, bridge = socket.socketpair()
    counting = Counting(worker)
    connection = Connection(counting)  # type: ignore[arg-type]
    plugin = Served()
    hook = BoundHook(HOOKS["ServeHTTP"], handler, plugin)
    sent: list[bytes] = []

    def play() -> None:
        if body:
            sent.append(bridge.recv(HEADER.size + 5))
        for at in range(0, len(body), WINDOW):
            part = body[at : at + WINDOW]
            bridge.sendall(HEADER.pack(len(part), DATA, 0, 2, 1) + part)
        if body:
            bridge.sendall(HEADER.pack(0, END, 0, 2, 1))
        while data := bridge.recv(1 << 20):
            sent.append(data)

    thread = threading.Thread(target=play)
    thread.start()
    payload = msgspec.msgpack.encode([{"method": "POST", "url": "/"}, None, None])
    serve(connection, hook, 1, memoryview(payload))
    worker.shutdown(socket.SHUT_WR)
    thread.join(20)
    worker.close()
    bridge.close()
    return counting.calls, b"".join(sent)


def _kinds(data: bytes) -> list[int]:
    kinds: list[int] = []
    while data:
        length, kind, *_ = HEADER.unpack(data[: HEADER.size])
        kinds.append(kind)
        data = data[HEADER.size + length :]
    return kinds


def test_a_small_request_costs_one_send_and_no_receive() -> None:
    calls, sent = _serve(lambda context, response, request: response.write(b"hello"), b"")
    assert calls == ["sendall"]
    assert _kinds(sent) == [HEAD, DATA, HOOK_REPLY]


def test_a_large_response_is_sent_in_as_few_calls_as_the_credit_allows() -> None:
    data = b"x" * FIRST_CREDIT
    calls, sent = _serve(lambda context, response, request: response.write(data), b"")
    assert calls == ["sendmsg", "sendall"]
    assert _kinds(sent) == [HEAD, DATA, DATA, HOOK_REPLY]
    assert len(data) == 2 * MAX_DATA


def test_a_large_body_is_received_where_it_stays() -> None:
    body = bytes(range(256)) * 1024
    got: list[bytes] = []
    calls, _ = _serve(lambda context, response, request: got.extend(request.body), body)
    assert got == [body]
    assert calls.count("recv_into") <= 3
    buffer = bytearray(WINDOW)
    sizes: list[int] = []
    _serve(lambda context, response, request: sizes.append(request.body.readinto(buffer)), body)
    assert sizes == [WINDOW]
    assert buffer == body


def test_nothing_of_streams_is_loaded_without_need(tmp_path: Path) -> None:
    code = """
import sys
import mattermost_plugin, mattermost_plugin.client, mattermost_plugin._runner, mattermost_plugin._sync_worker
class P(mattermost_plugin.Plugin):
    @mattermost_plugin.hook
    def UserHasLoggedIn(self, context, user): ...
from mattermost_plugin._bound_hook import bind_hooks
bind_hooks(P())
import mattermost_plugin.http, mattermost_plugin.files
print(sorted(name for name in sys.modules if name.startswith("mattermost_plugin._") and "_gen" not in name and
      any(part in name for part in ("channel", "stream", "_body", "_writer", "_request", "sources", "hijack"))))
mattermost_plugin.http.HTTPRequest, mattermost_plugin.files.UploadedFile
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


def test_an_exchange_checks_the_credit() -> None:
    exchange = Exchange(None, 2, 1, 0, 0)
    exchange.frames.put((DATA, 0, b"x" * MAX_DATA))
    exchange.frames.put((DATA, 0, b"x" * MAX_DATA))
    exchange.frames.put((DATA, 0, b"x"))
    exchange.next()
    exchange.next()
    with pytest.raises(AssertionError, match="more than the credit"):
        exchange.next()
