"""How a worker ends: at STOP, at SIGTERM, and in time, whatever the plugin's threads do."""

from __future__ import annotations

import signal
import time

import pytest

from conftest import Start
from fake_bridge import NEUTRAL, FakeBridge

CONTEXT = {"request_id": "r1"}

IN_TIME = 4.0
"""Seconds that an end may take here: the bridge allows 1.5, a busy machine needs more, one that hangs takes longer."""

HEAD = """
import atexit, os, sys, threading, time
import asyncio as _asyncio
from mattermost_plugin import *

atexit.register(print, "at exit", flush=True)
hanging = threading.Event()

"""

PLUGIN = """
class Some(Plugin):
    use_uvloop = {uvloop}

    @hook
    {colour}def UserWillLogIn(self, context, user):
        print("begun", flush=True)
        {endless}

    @hook
    {colour}def OnActivate(self):
        pass
"""

ENDLESS = ["while True: pass", "hanging.wait()", "time.sleep(60)"]
FOR_EVER = [("", "True", body) for body in ENDLESS] + [
    ("async ", uvloop, body)
    for uvloop in ("True", "False")
    for body in (*ENDLESS[::2], "await _asyncio.Event().wait()", "await _asyncio.to_thread(hanging.wait)")
]


def run(start: Start, colour: str, uvloop: str, endless: str) -> FakeBridge:
    bridge = start(PLUGIN.format(colour=colour, uvloop=uvloop, endless=endless), head=HEAD)
    bridge.wait_ready()
    return bridge


def begin(bridge: FakeBridge) -> None:
    bridge.send_hook("UserWillLogIn", CONTEXT, {})
    assert bridge.process.stdout is not None
    assert bridge.process.stdout.readline() == b"begun\n"


def terminate(bridge: FakeBridge) -> int:
    bridge.process.send_signal(signal.SIGTERM)
    return bridge.process.wait(20)


@pytest.mark.parametrize(("colour", "uvloop"), [("", "True"), ("async ", "True"), ("async ", "False")])
def test_an_idle_worker_ends_at_once_at_stop_and_at_sigterm(start: Start, colour: str, uvloop: str) -> None:
    for end, status in ((FakeBridge.stop, 0), (terminate, 128 + signal.SIGTERM)):
        bridge = run(start, colour, uvloop, "pass")
        assert bridge.hook("OnActivate") is NEUTRAL
        began = time.monotonic()
        assert end(bridge) == status
        assert time.monotonic() - began < IN_TIME
        assert bridge.kill() == "at exit\n"


@pytest.mark.parametrize("uvloop", ["True", "False"])
def test_an_exit_outside_of_a_hook_is_the_end_although_a_thread_goes_on(start: Start, uvloop: str) -> None:
    bridge = start(
        f"""
        class Polls(Plugin):
            use_uvloop = {uvloop}

            @hook
            async def OnActivate(self):
                threading.Thread(target=hanging.wait).start()
                _asyncio.get_running_loop().call_later(0.1, sys.exit, 3)
        """,
        head=HEAD,
    )
    bridge.wait_ready()
    bridge.hook("OnActivate")
    began = time.monotonic()
    assert bridge.process.wait(20) != 0
    assert time.monotonic() - began < IN_TIME


@pytest.mark.parametrize(("colour", "uvloop", "endless"), FOR_EVER)
def test_a_handler_that_never_ends_delays_stop_only_shortly(
    start: Start, colour: str, uvloop: str, endless: str
) -> None:
    bridge = run(start, colour, uvloop, endless)
    begin(bridge)
    began = time.monotonic()
    assert bridge.stop() == 0
    assert time.monotonic() - began < IN_TIME
    assert "at exit\n" in bridge.kill()


@pytest.mark.parametrize(("colour", "uvloop", "endless"), FOR_EVER)
def test_a_handler_that_never_ends_delays_sigterm_only_shortly(
    start: Start, colour: str, uvloop: str, endless: str
) -> None:
    bridge = run(start, colour, uvloop, endless)
    begin(bridge)
    began = time.monotonic()
    assert terminate(bridge) == 128 + signal.SIGTERM
    assert time.monotonic() - began < IN_TIME
    assert "at exit\n" in bridge.kill()


def test_sigterm_while_the_plugin_is_imported(start: Start) -> None:
    bridge = start('print("importing", flush=True)\nhanging.wait()', head=HEAD)
    assert bridge.process.stdout is not None
    assert bridge.process.stdout.readline() == b"importing\n"
    assert terminate(bridge) == 128 + signal.SIGTERM
    assert bridge.kill() == "at exit\n"
    assert bridge.failed is None


def test_a_thread_of_the_authors_that_never_ends(start: Start) -> None:
    bridge = start(
        """
        class Threaded(Plugin):
            @hook
            def OnActivate(self):
                threading.Thread(target=hanging.wait).start()
        """,
        head=HEAD,
    )
    bridge.wait_ready()
    bridge.hook("OnActivate")
    began = time.monotonic()
    assert bridge.stop() == 0
    assert time.monotonic() - began < IN_TIME
    assert bridge.kill() == "at exit\n"


def test_an_exit_handler_that_never_ends(start: Start) -> None:
    bridge = start(
        """
        class Stuck(Plugin):
            @hook
            def OnActivate(self):
                atexit.register(hanging.wait)
        """,
        head=HEAD,
    )
    bridge.wait_ready()
    bridge.hook("OnActivate")
    assert bridge.stop() == 0  # after five seconds, for there is no other handler to be cut off


def test_the_shutdown_of_an_application_that_never_ends(start: Start) -> None:
    bridge = start(
        """
        async def app(scope, receive, send):
            while (message := await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await _asyncio.Event().wait()

        class Mounted(Plugin):
            def __init__(self):
                self.mount(app)
        """,
        head=HEAD,
    )
    bridge.wait_ready()
    began = time.monotonic()
    assert bridge.stop() == 0
    assert time.monotonic() - began < IN_TIME
    assert any("stopping the application takes more than" in line[1] for line in bridge.logs)


def test_sigterm_ends_a_forked_child_as_any_process(start: Start) -> None:
    bridge = start(
        """
        import signal

        class Forking(Plugin):
            @hook
            def UserWillLogIn(self, context, user):
                read, write = os.pipe()
                child = os.fork()
                if child == 0:
                    os.write(write, b"x")
                    time.sleep(60)
                    os._exit(0)
                os.read(read, 1)
                os.kill(child, signal.SIGTERM)
                _, status = os.waitpid(child, 0)
                return str(os.WTERMSIG(status))
        """,
        head=HEAD,
    )
    bridge.wait_ready()
    assert bridge.hook("UserWillLogIn", CONTEXT, {}) == [str(int(signal.SIGTERM))]
    assert bridge.stop() == 0


def test_a_handler_of_sigterm_that_the_author_sets_stays(start: Start) -> None:
    bridge = start(
        """
        import signal
        signal.signal(signal.SIGTERM, lambda *_: os._exit(7))

        class Own(Plugin):
            @hook
            def OnActivate(self):
                pass
        """,
        head=HEAD,
    )
    bridge.wait_ready()
    assert terminate(bridge) == 7


def test_sigterm_twice_and_after_stop(start: Start) -> None:
    bridge = run(start, "", "True", "while True: pass")
    begin(bridge)
    assert bridge._control is not None
    bridge._control.send(8)
    bridge.process.send_signal(signal.SIGTERM)
    bridge.process.send_signal(signal.SIGTERM)
    assert bridge.process.wait(20) in (0, 128 + signal.SIGTERM)
    assert bridge.kill() == "at exit\n"
