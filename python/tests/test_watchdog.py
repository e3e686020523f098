"""What the watchdog says of handlers that hang, and what PONG carries."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from conftest import Start
from fake_bridge import NEUTRAL, FakeBridge

CONTEXT = {"request_id": "r1"}
Line = tuple[str, str, dict[str, str]]

BLOCKING = """
import time

async def helper(key):
    time.sleep({seconds})  # here

class Blocking(Plugin):
    use_uvloop = {use_uvloop}

    @hook
    async def MessageWillBePosted(self, context, post):
        await helper(post.id)

    @hook
    async def UserHasLoggedIn(self, context, user):
        _asyncio.get_running_loop().create_task(self.later())

    async def later(self):
        time.sleep({seconds})

    @hook
    async def OnActivate(self):
        pass
"""


def line_of(source_line: str, bridge: FakeBridge) -> str:
    lines = (bridge.bundle / "plugin.py").read_text().splitlines()
    return str(next(number for number, line in enumerate(lines, 1) if source_line in line))


def lines_about(bridge: FakeBridge, text: str) -> list[Line]:
    return [line for line in bridge.logs if text in line[1]]


@pytest.mark.parametrize("use_uvloop", [True, False])
def test_a_blocked_event_loop_is_named_once_and_its_end_is_told(start: Start, use_uvloop: bool) -> None:
    if use_uvloop:
        pytest.importorskip("uvloop")
    bridge = start(BLOCKING.format(seconds=2.5, use_uvloop=use_uvloop))
    bridge.wait_ready()
    assert bridge.ping() == {"lag_ms": 0, "debugger": False}
    bridge.hook("OnActivate")
    peer, ident = bridge.send_hook("MessageWillBePosted", CONTEXT, {"id": "p"})
    level, message, fields = bridge.wait_log(lambda line: "has been blocked" in line[1])
    assert level == "warn"
    assert "by MessageWillBePosted (Blocking.MessageWillBePosted) in " in message
    assert fields["hook"] == "MessageWillBePosted"
    assert fields["handler"] == "Blocking.MessageWillBePosted"
    assert fields["file"] == str(bridge.bundle / "plugin.py")
    assert fields["line"] == line_of("# here", bridge)
    assert 0.5 <= float(fields["seconds"]) < 2.5
    # The bridge lets such a line pass by these two (crates/mmp-bridge/src/log_calls.rs), whatever else the plugin logs.
    assert fields["logger"] == "mattermost_plugin"
    assert "time.sleep(2.5)  # here" in fields["stack"]
    assert bridge.ping()["lag_ms"] >= 500
    assert bridge.finish_hook(peer, ident) is NEUTRAL
    level, message, fields = bridge.wait_log(lambda line: "runs again after" in line[1])
    assert level == "info"
    assert "MessageWillBePosted" in message
    assert 2.0 <= float(fields["seconds"]) < 10
    assert bridge.ping()["lag_ms"] == 0
    assert len(lines_about(bridge, "has been blocked")) == 1
    assert bridge.stop() == 0


def test_a_task_of_the_authors_is_named_by_its_function(start: Start) -> None:
    bridge = start(BLOCKING.format(seconds=1.5, use_uvloop=False))
    bridge.wait_ready()
    bridge.hook("UserHasLoggedIn", CONTEXT, {})
    _, message, fields = bridge.wait_log(lambda line: "has been blocked" in line[1])
    assert fields["hook"] == ""
    assert "later in " in message
    bridge.wait_log(lambda line: "runs again after" in line[1])


SLOW = """
class Slow(Plugin):
    @hook(timeout=0.3)
    def UserWillLogIn(self, context, user):
        self.wait()
        return "late"

    @hook
    def UserHasLoggedIn(self, context, user):
        pass

    def wait(self):
        self.api.get_server_version()  # here
"""


def test_a_handler_that_runs_for_too_long_is_named(start: Start) -> None:
    bridge = start(SLOW)
    release = threading.Event()

    def version() -> list[str]:
        release.wait(20)
        return ["11.6"]

    bridge.api["GetServerVersion"] = version
    bridge.wait_ready()
    peer, ident = bridge.send_hook("UserWillLogIn", CONTEXT, {})
    results: list[Any] = []
    waiter = threading.Thread(target=lambda: results.append(bridge.finish_hook(peer, ident)))
    waiter.start()
    level, message, fields = bridge.wait_log(lambda line: "has been running" in line[1])
    assert level == "warn"
    assert message.startswith("UserWillLogIn (Slow.UserWillLogIn) has been running for ")
    assert fields["file"] == str(bridge.bundle / "plugin.py")
    assert fields["line"] == line_of("# here", bridge)
    assert float(fields["seconds"]) >= 0.3
    assert "in wait" in fields["stack"]
    assert bridge.ping() == {"lag_ms": 0, "debugger": False}
    release.set()
    waiter.join(20)
    assert results == [["late"]]
    level, message, _ = bridge.wait_log(lambda line: "has ended after" in line[1])
    assert (level, message.split(" has")[0]) == ("info", "UserWillLogIn (Slow.UserWillLogIn)")
    assert len(lines_about(bridge, "has been running")) == 1


def test_the_manifest_says_when_a_handler_is_late(start: Start, tmp_path: Path) -> None:
    chosen = {
        "UserWillLogIn": {"timeout": 0.3, "on_failure": "allow"},
        "ChannelWillBeArchived": {"on_failure": "allow"},
    }
    manifest = {"id": "a.b", "server": {"runtime": "python", "hooks": chosen}}
    (tmp_path / "plugin.json").write_text(json.dumps(manifest))
    bridge = start(
        """
        class Slow(Plugin):
            @hook(timeout=60)
            def UserWillLogIn(self, context, user):
                threading.Event().wait(20)
        """
    )
    bridge.wait_ready()
    begun = time.monotonic()
    bridge.send_hook("UserWillLogIn", CONTEXT, {})
    bridge.wait_log(lambda line: "UserWillLogIn (Slow.UserWillLogIn) has been running" in line[1])
    assert time.monotonic() - begun < 15


def test_an_endless_loop_is_named_while_other_hooks_are_served(start: Start) -> None:
    bridge = start(
        """
        class Endless(Plugin):
            @hook(timeout=0.2)
            def UserWillLogIn(self, context, user):
                while True:
                    pass

            @hook
            def ChannelWillBeArchived(self, context, channel):
                return "no"
        """
    )
    bridge.wait_ready()
    bridge.send_hook("UserWillLogIn", CONTEXT, {})
    bridge.wait_log(lambda line: "UserWillLogIn (Endless.UserWillLogIn) has been running" in line[1])
    assert bridge.hook("ChannelWillBeArchived", CONTEXT, {}) == ["no"]
    assert bridge.ping()["lag_ms"] == 0


def test_a_request_whose_client_is_slow_is_not_called_hung(start: Start) -> None:
    bridge = start(
        """
        class Web(Plugin):
            @hook(timeout=0.3)
            def ServeHTTP(self, context, response, request):
                if request.path == "/hangs":
                    threading.Event().wait()
                response.write(request.read())
        """
    )
    bridge.wait_ready()
    slow = bridge.http("POST", "/slow", body=None)
    bridge.http("GET", "/hangs")
    _, message, fields = bridge.wait_log(lambda line: "has not moved" in line[1])
    assert message.startswith("ServeHTTP (Web.ServeHTTP) has not moved for ")
    assert "threading.Event().wait()" in fields["stack"]
    slow.supply(b"y")
    assert slow.finish().received == b"y"
    assert len(lines_about(bridge, "has not moved")) == 1


def test_a_child_that_was_forked_has_no_watchdog(start: Start) -> None:
    bridge = start(
        """
        class Forking(Plugin):
            @hook
            def UserWillLogIn(self, context, user):
                read, write = os.pipe()
                if os.fork() == 0:
                    os.write(write, ",".join(thread.name for thread in threading.enumerate()).encode())
                    os._exit(0)
                os.wait()
                own = [thread.name for thread in threading.enumerate() if thread.name == "mattermost-watchdog"]
                return f"{len(own)} {os.read(read, 1000).decode()}"
        """
    )
    bridge.wait_ready()
    [text] = bridge.hook("UserWillLogIn", CONTEXT, {})
    assert text.startswith("1 ")
    assert "watchdog" not in text[2:]
    assert bridge.ping()["lag_ms"] == 0
    assert bridge.stop() == 0


def test_a_process_that_stood_still_is_not_called_hung(start: Start) -> None:
    import signal

    bridge = start(BLOCKING.format(seconds=0, use_uvloop=False))
    bridge.wait_ready()
    bridge.hook("OnActivate")
    bridge.process.send_signal(signal.SIGSTOP)
    time.sleep(1.5)  # the time is what is tested
    assert bridge._control is not None
    bridge._control.send(9, ident=77)
    bridge.process.send_signal(signal.SIGCONT)
    answered, health = bridge.pongs.get(timeout=20)
    assert (answered, health["lag_ms"]) == (77, 0)
    bridge.hook("OnActivate")
    assert bridge.ping()["lag_ms"] == 0
    assert bridge.stop() == 0
    assert not lines_about(bridge, "has been blocked")
