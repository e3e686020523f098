from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading

import pytest

from conftest import Start
from fake_bridge import NEUTRAL, HookError
from mattermost_plugin._connection import Connection, Welcome
from mattermost_plugin._runner import Worker
from mattermost_plugin._transport import ThreadTransport

CONTEXT = {"request_id": "r1"}

IDLE = """
class Idle(Plugin):
    @hook
    def OnActivate(self):
        pass
"""


def test_the_end_of_standard_input_ends_the_worker(start: Start) -> None:
    bridge = start(IDLE)
    bridge.wait_ready()
    assert bridge.close_stdin() == 1


def test_the_end_of_standard_input_ends_a_worker_that_hangs_in_an_import(start: Start) -> None:
    bridge = start("sys.stderr.write('importing'); sys.stderr.flush(); threading.Event().wait()")
    assert bridge.process.stdout is not None
    assert bridge.process.stdout.read(9) == b"importing"
    assert bridge.close_stdin() == 1


def test_standard_input_is_empty_for_the_plugin(start: Start) -> None:
    bridge = start(
        """
        import subprocess
        class Reader(Plugin):
            @hook
            def OnActivate(self):
                return repr(sys.stdin.read()) + subprocess.run(["cat"], capture_output=True, text=True).stdout
        """
    )
    bridge.wait_ready()
    assert bridge.hook("OnActivate") == ["''"]


@pytest.mark.parametrize(("colour", "api"), [("", "self.api"), ("async ", "await self.async_api")])
def test_stop_waits_for_the_hooks_that_run(start: Start, colour: str, api: str) -> None:
    bridge = start(
        f"""
        class Slow(Plugin):
            @hook
            {colour}def UserWillLogIn(self, context, user):
                return {api}.get_server_version()
        """
    )
    bridge.wait_ready()
    called, release = threading.Event(), threading.Event()

    def version() -> list[str]:
        called.set()
        release.wait(20)
        return ["11.6"]

    bridge.api["GetServerVersion"] = version
    peer, ident = bridge.send_hook("UserWillLogIn", CONTEXT, {})
    results: list[object] = []
    waiter = threading.Thread(target=lambda: results.append(bridge.finish_hook(peer, ident)))
    waiter.start()
    assert called.wait(20)
    stopper = threading.Thread(target=lambda: results.append(bridge.stop()))
    stopper.start()
    release.set()
    waiter.join(20)
    stopper.join(20)
    assert sorted(results, key=str) == [0, ["11.6"]]


def test_open_adds_sync_connections(start: Start) -> None:
    bridge = start(IDLE, sync_connections=1)
    bridge.wait_ready()
    bridge.open(2)
    peers = [bridge._take_idle() for _ in range(3)]
    assert len(set(map(id, peers))) == 3


def test_a_thread_that_cannot_be_started_closes_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    theirs.settimeout(20)
    worker = object.__new__(Worker)
    worker._transport = ThreadTransport(lambda: Connection(ours))
    worker._sync_hooks, worker._threads, worker._idle = {}, [], threading.Event()

    def connect(_worker: Worker, role: str) -> tuple[Connection, Welcome]:
        assert role == "sync"
        return Connection(ours), Welcome()

    def start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Worker, "_connect", connect)
    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        worker._open_sync(1)
    assert ours.fileno() == -1
    assert theirs.recv(1) == b""
    assert worker._threads == []
    theirs.close()


@pytest.mark.parametrize("colour", ["", "async "])
def test_a_worker_that_cannot_open_connections_ends(start: Start, colour: str) -> None:
    bridge = start(
        f"""
        class Threadless(Plugin):
            @hook
            def OnActivate(self):
                def start(thread):
                    raise RuntimeError("can't start new thread")
                threading.Thread.start = start

            @hook
            {colour}def UserHasLoggedIn(self, context, user):
                pass
        """
    )
    bridge.wait_ready()
    assert bridge.hook("OnActivate") is NEUTRAL
    bridge.open(1)
    assert bridge.process.wait(20) == 1


def test_a_closed_control_connection_ends_the_worker(start: Start) -> None:
    for colour in ("", "async "):
        bridge = start(IDLE.replace("def OnA", colour + "def OnA"))
        bridge.wait_ready()
        assert bridge._control is not None
        bridge._control.sock.shutdown(2)
        assert bridge.process.wait(20) == 1


def test_a_frame_that_has_no_place_ends_the_worker(start: Start) -> None:
    for role in ("control", "async"):
        bridge = start(IDLE.replace("def OnA", "async def OnA"))
        bridge.wait_ready()
        bridge.send_raw(role, 0x77)
        assert bridge.process.wait(20) == 1


def test_a_refused_worker_says_why(start: Start) -> None:
    bridge = start(IDLE, refuse="update the SDK to version 2")
    assert bridge.process.wait(20) == 2
    assert (
        bridge.kill()
        == "cannot connect to the bridge: the bridge refused the connection (schema): update the SDK to version 2\n"
    )


def test_without_a_bridge_the_program_says_what_it_is() -> None:
    env = {key: value for key, value in os.environ.items() if not key.startswith("MATTERMOST_")}
    done = subprocess.run(
        [sys.executable, "-m", "mattermost_plugin"], capture_output=True, text=True, env=env, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "is a Mattermost plugin and is started by the plugin's bridge" in done.stderr


def test_a_forked_child_has_no_connection_and_the_parent_goes_on(start: Start) -> None:
    bridge = start(
        """
        class Forking(Plugin):
            @hook
            def UserWillLogIn(self, context, user):
                read, write = os.pipe()
                child = os.fork()
                if child == 0:
                    try:
                        self.logger.info("from the child")
                        self.api.get_server_version()
                    except RuntimeError as error:
                        os.write(write, str(error).encode())
                    return "the child must not answer"
                _, status = os.waitpid(child, 0)
                assert status == 0, status
                return os.read(read, 1000).decode() + " / " + self.api.get_server_version()
        """,
        api={"GetServerVersion": lambda: ["11.6"]},
        sync_connections=1,
    )
    bridge.wait_ready()
    [text] = bridge.hook("UserWillLogIn", CONTEXT, {})
    assert "this process was made by os.fork() and has no connection to Mattermost" in text
    assert text.endswith(" / 11.6")
    assert bridge.hook("UserWillLogIn", CONTEXT, {})[0].endswith(" / 11.6")
    assert not any("from the child" in line[1] for line in bridge.logs)
    assert bridge.stop() == 0
    assert "from the child" in bridge.kill()


def test_a_file_that_calls_run_plugin_itself(start: Start) -> None:
    source = IDLE + "\nrun_plugin(Idle)\n"
    started_by_file = start(source, python_args=("plugin.py",))
    assert started_by_file.wait_ready() == {"OnActivate": "sync"}
    assert started_by_file.hook("OnActivate") is NEUTRAL
    started_by_module = start(source)
    assert started_by_module.wait_ready() == {"OnActivate": "sync"}


def test_where_the_plugin_is_and_how_it_was_started(start: Start) -> None:
    bridge = start(
        """
        class Where(Plugin):
            def __init__(self):
                super().__init__()
                assert self.plugin_id == "com.example.test"

            @hook
            def OnActivate(self):
                assert self.config.entry_point == "plugin.py"
                assert self.bundle_path == os.getcwd(), self.bundle_path
                assert sys.getswitchinterval() < 0.001
        """
    )
    bridge.wait_ready()
    assert bridge.hook("OnActivate") is NEUTRAL
    hello = bridge.hellos[0]
    assert hello["role"] == "control"
    assert hello["pid"] == bridge.process.pid
    assert hello["runtime"] == "Python " + sys.version.split()[0]
    assert hello["sdk"].startswith("mattermost-plugin-python ")


def test_what_is_printed_appears_at_once(start: Start) -> None:
    bridge = start(
        """
        class Printer(Plugin):
            @hook
            def OnActivate(self):
                print("printed")
        """
    )
    bridge.wait_ready()
    bridge.hook("OnActivate")
    assert bridge.process.stdout is not None
    assert bridge.process.stdout.readline() == b"printed\n"


@pytest.mark.parametrize("colour", ["", "async "])
def test_an_error_that_cannot_be_encoded_is_still_an_answer(start: Start, colour: str) -> None:
    bridge = start(
        f"""
        class Strange(Plugin):
            @hook
            {colour}def ExecuteCommand(self, context, args):
                error = NotFoundError("m\\ud800", error_id="i\\ud800", where="w\\ud800")
                if args.command == "return":
                    return None, error
                raise error
        """
    )
    bridge.wait_ready()
    assert bridge.hook("ExecuteCommand", {}, {"command": "return"})[1]["message"] == "m\\ud800"
    with pytest.raises(HookError) as caught:
        bridge.hook("ExecuteCommand", {}, {})
    assert caught.value.payload["app"]["id"] == "i\\ud800"


@pytest.mark.parametrize("colour", ["", "async "])
def test_an_error_with_attributes_of_other_types_is_still_an_answer(start: Start, colour: str) -> None:
    bridge = start(
        f"""
        class Careless(Plugin):
            @hook
            {colour}def ExecuteCommand(self, context, args):
                if args.command == "text":
                    raise PluginAPIError(ValueError("boom"), error_id="app.x")
                if args.command == "fine":
                    return "fine"
                if args.command == "long":
                    raise PluginAPIError("x" * 300_000, error_id="app.x", status_code=2**70)
                raise PluginAPIError("no", error_id="app.x", status_code=args.command)
        """,
        sync_connections=1,
    )
    bridge.wait_ready()
    for command, app in {
        "text": {"kind": "app", "id": "app.x", "message": "boom"},
        "403": {"kind": "app", "id": "app.x", "message": "no", "status_code": 403},
        "abc": {"kind": "app", "id": "app.x", "message": "no", "status_code": 500},
        "long": {"kind": "app", "id": "app.x", "message": "x" * 16_384, "status_code": 500},
    }.items():
        with pytest.raises(HookError, match="PluginAPIError") as caught:
            bridge.hook("ExecuteCommand", {}, {"command": command})
        assert caught.value.payload.get("app") == app
        assert bridge.hook("ExecuteCommand", {}, {"command": "fine"}) == [{"text": "fine"}, None]
    assert bridge.stop() == 0
