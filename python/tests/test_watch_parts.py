"""The watchdog's parts, with a clock that the test sets."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType, ModuleType
from typing import Any

import pytest

from mattermost_plugin import Plugin, _async_main, hook
from mattermost_plugin import _debugger as debugger
from mattermost_plugin._bound_hook import BoundHook, bind_hooks
from mattermost_plugin._gen.hooks import HOOKS
from mattermost_plugin._hook_watch import HookWatch
from mattermost_plugin._loop_watch import LoopWatch
from mattermost_plugin._stacks import look
from mattermost_plugin._watch_report import next_report
from mattermost_plugin._watchdog import Watchdog


class Lines:
    def __init__(self) -> None:
        self.all: list[tuple[str, str, dict[str, str]]] = []

    def log(self, level: str, message: str, fields: dict[str, str]) -> None:
        self.all.append((level, message, fields))

    def take(self) -> list[str]:
        messages = [message for _, message, _ in self.all]
        self.all.clear()
        return messages


class FakeLoop:
    """Runs what it is given when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []
        self.is_closed = False

    def call_soon_threadsafe(self, callback: Callable[[], None]) -> None:
        if self.is_closed:
            raise RuntimeError("Event loop is closed")
        self.waiting.append(callback)


class FakeThread:
    """Claims to be the test's own thread."""

    def __init__(self, hook: BoundHook) -> None:
        self.hook: BoundHook | None = hook
        self.started_at = 0.0
        self.moved = 0
        self.ident: int | None = threading.get_ident()


def bound(name: str, **options: Any) -> BoundHook:
    def handler(self: Any, *args: Any) -> None: ...

    plugin: Any = type("Some", (Plugin,), {"handler": hook(name, **options)(handler)})
    return bind_hooks(plugin())[HOOKS[name].ident]


def lag_of(watch: LoopWatch, now: float) -> float:
    watch.check(now)
    return watch.lag


def never() -> bool:
    return False


def test_reports_grow_rare() -> None:
    times, now = [], 0.5
    for _ in range(5):
        times.append(now := next_report(now))
    assert times == [10, 60, 120, 240, 480]
    assert next_report(30) == 60
    assert next_report(300) == 600


def test_the_loop_is_named_at_half_a_second_at_ten_and_at_sixty(monkeypatch: pytest.MonkeyPatch) -> None:
    lines, loop, clock = Lines(), FakeLoop(), [100.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    watch = LoopWatch(loop, {}, lines.log, never)  # type: ignore[arg-type]
    assert lag_of(watch, 100.0) == 0.0
    assert watch.pause(100.0, 0.25) == 0.25
    assert watch.pause(100.4, 0.25) == pytest.approx(0.1)
    assert lag_of(watch, 100.4) == 0.0
    reported = []
    for tenth in range(5, 1300):
        assert lag_of(watch, 100 + tenth / 10) == pytest.approx(tenth / 10)
        reported += [(tenth / 10, message) for message in lines.take()]
    assert [when for when, _ in reported] == [0.5, 10.0, 60.0, 120.0]
    assert all("has been blocked" in message for _, message in reported)
    clock[0] = 230.0
    loop.waiting.pop()()
    assert lag_of(watch, 230.1) == 0.0
    assert [message.split(",")[0] for message in lines.take()] == ["the event loop runs again after 130.0 seconds"]
    loop.waiting.pop()()
    assert lag_of(watch, 230.2) == 0.0
    assert lines.take() == []


def test_a_stall_of_the_process_and_a_closed_loop_are_no_lag() -> None:
    lines, loop = Lines(), FakeLoop()
    watch = LoopWatch(loop, {}, lines.log, never)  # type: ignore[arg-type]
    watch.check(1e9)
    watch.excuse(100.0)
    assert lag_of(watch, 1e9 + 100.2) == 0.0
    closed = LoopWatch(loop, {}, lines.log, never)  # type: ignore[arg-type]
    loop.is_closed = True
    for second in range(5):
        assert lag_of(closed, 1e9 + second) == 0.0
    assert lines.take() == []


def test_a_loop_that_has_moved_since_the_last_look_does_not_lag(monkeypatch: pytest.MonkeyPatch) -> None:
    lines, loop = Lines(), FakeLoop()
    monkeypatch.setattr("time.monotonic", lambda: 1020.0)
    watch = LoopWatch(loop, {}, lines.log, never)  # type: ignore[arg-type]
    watch.check(1000.0)
    assert lag_of(watch, 1019.9) == pytest.approx(19.9)
    loop.waiting.pop()()
    assert watch.lag == 0.0, "PING may come before the next look"


@pytest.mark.parametrize("works", [False, True])
def test_a_loop_that_only_waits_for_a_processor_blames_nobody(works: bool) -> None:
    lines, loop, over, made = Lines(), FakeLoop(), threading.Event(), threading.Event()
    watches: list[LoopWatch] = []
    # The SDK's own main function, as far as a stack shows it.
    main: dict[str, Any] = {}
    exec(compile("def run(wait):\n    wait()", _async_main.__file__, "exec"), main)

    def block() -> None:
        over.wait(20)

    def run() -> None:
        watches.append(LoopWatch(loop, {}, lines.log, never))  # type: ignore[arg-type]
        made.set()
        # `over.wait` alone is the standard library's, as the loop is; `block` is somebody's function.
        main["run"](block if works else over.wait)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert made.wait(20)
        frames = sys._current_frames
        while "wait" not in str(frames()[thread.ident or 0].f_code.co_name):
            pass
        watches[0].check(1e9)
        assert lag_of(watches[0], 1e9 + 3) == 3.0, "the bridge is told of it all the same"
        blamed = [message.partition(" by ")[2].partition(" in ")[0].rpartition(".")[2] for message in lines.take()]
        assert blamed == (["block"] if works else [])
    finally:
        over.set()
        thread.join()


def test_a_handler_is_named_at_its_timeout_and_then_rarely() -> None:
    lines, thread = Lines(), FakeThread(bound("UserWillLogIn", timeout=3))
    watch = HookWatch(lambda: [thread], lines.log, never)
    thread.started_at = 1000.0
    reported = []
    for tenth in range(1300):
        watch.check(1000 + tenth / 10)
        reported += [tenth / 10 for _ in lines.take()]
    assert reported == [3.0, 10.0, 60.0, 120.0]
    thread.started_at = 0.0
    watch.check(1130.0)
    assert [message.partition("has")[2] for message in lines.take()] == [" ended after about 130.0 seconds"]
    watch.check(1131.0)
    assert lines.take() == []


@pytest.mark.parametrize(("name", "limit"), [("UserHasLoggedIn", 30), ("UserWillLogIn", 5), ("OnInstall", 60)])
def test_without_a_timeout_the_kind_decides(name: str, limit: float) -> None:
    lines, thread = Lines(), FakeThread(bound(name))
    watch = HookWatch(lambda: [thread], lines.log, never)
    thread.started_at = 1000.0
    watch.check(1000.0 + limit - 0.1)
    assert lines.take() == []
    watch.check(1000.0 + limit)
    assert len(lines.take()) == 1


def test_a_stall_does_not_count_for_a_handler() -> None:
    lines, thread = Lines(), FakeThread(bound("UserWillLogIn", timeout=3))
    watch = HookWatch(lambda: [thread], lines.log, never)
    thread.started_at = 1000.0
    watch.check(1002.0)
    assert watch.running_since(1002.0) == ["UserWillLogIn"]
    watch.excuse(120.0, 1122.0)
    watch.check(1122.5)
    assert lines.take() == []
    watch.check(1123.0)
    assert len(lines.take()) == 1


def test_a_stream_that_moves_is_not_named() -> None:
    lines, thread = Lines(), FakeThread(bound("ServeHTTP", timeout=3))
    release = threading.Event()
    waiting = threading.Thread(target=release.wait)
    waiting.start()
    thread.ident = waiting.ident
    watch = HookWatch(lambda: [thread], lines.log, never)
    thread.started_at = 1000.0
    for second in range(20):
        thread.moved += 1
        watch.check(1000.0 + second)
    assert lines.take() == []
    watch.check(1022.5)
    assert len(lines.take()) == 1
    release.set()
    waiting.join(20)


def test_the_author_is_told_from_libraries() -> None:
    def call(depth: int) -> FrameType:
        return sys._getframe() if depth == 0 else call(depth - 1)

    found: list[Any] = []
    # Called back by the standard library, which calls nothing of the author's.
    sorted([1], key=lambda _: found.append(look(call(2), [])))
    assert found[0].file == __file__
    assert found[0].hook == ""
    assert found[0].handler.endswith("call")
    assert found[0].stack.count(", in call\n") == 3
    frame = sys._getframe()
    handler = BoundHook(HOOKS["OnActivate"], test_the_author_is_told_from_libraries, Plugin())
    seen = look(frame, [handler])
    assert (seen.hook, seen.handler) == ("OnActivate", "test_the_author_is_told_from_libraries")


def test_a_watchdog_survives_what_goes_wrong_and_stops() -> None:
    looked = threading.Semaphore(0)

    def threads() -> Iterator[Any]:
        looked.release()
        raise OSError("no threads")

    watchdog = Watchdog(Lines(), threads)
    watchdog.stop()  # before it was started, that does no harm
    watchdog = Watchdog(Lines(), threads)
    watchdog.start()
    for _ in range(3):
        assert looked.acquire(timeout=20)
    watchdog.stop()
    watchdog._thread.join(20)
    assert not watchdog._thread.is_alive()


# Debuggers


def test_without_a_debugger() -> None:
    assert not debugger.attached(sys._current_frames().values())


def test_a_trace_function_on_a_stack() -> None:
    found = []

    def traced() -> None:
        found.append(debugger.attached([sys._getframe()]))

    def trace(_frame: FrameType, _event: str, _argument: object) -> Any:
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        traced()
    finally:
        sys.settrace(before)
    assert found == [True]


def test_pdb_that_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    import bdb

    code = compile("import sys\nframe = sys._getframe()", bdb.__file__, "exec")
    namespace: dict[str, Any] = {}
    exec(code, namespace)
    assert debugger.attached([namespace["frame"]])


@pytest.mark.parametrize("is_attached", [True, False])
def test_pydevd_with_and_without_a_session(monkeypatch: pytest.MonkeyPatch, is_attached: bool) -> None:
    module: Any = ModuleType("pydevd")
    monkeypatch.setitem(sys.modules, "pydevd", module)
    assert not debugger.attached([])
    module.connected = is_attached
    assert debugger.attached([]) is is_attached
    module._is_attached = lambda: not is_attached
    assert debugger.attached([]) is not is_attached

    def broken() -> bool:
        raise RuntimeError("closing")

    module._is_attached = broken
    assert not debugger.attached([])


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring came with Python 3.12")
@pytest.mark.parametrize("by_pydevd", [False, True])
def test_a_debugger_that_uses_sys_monitoring(monkeypatch: pytest.MonkeyPatch, by_pydevd: bool) -> None:
    if by_pydevd:  # it keeps the tool when nobody is connected
        monkeypatch.setitem(sys.modules, "pydevd", ModuleType("pydevd"))
    monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
    monitoring.use_tool_id(monitoring.DEBUGGER_ID, "some debugger")
    try:
        assert debugger.attached([]) is not by_pydevd
    finally:
        monitoring.free_tool_id(monitoring.DEBUGGER_ID)


def test_while_a_debugger_is_attached_nothing_is_named_and_that_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lines, thread = Lines(), FakeThread(bound("UserWillLogIn", timeout=1))
    watchdog = Watchdog(lines, lambda: [thread])
    module: Any = ModuleType("pydevd")
    module.connected = True
    monkeypatch.setitem(sys.modules, "pydevd", module)
    thread.started_at = 1000.0
    for second in range(10):
        watchdog._look(1000.0 + second)
        assert watchdog.health() == {"lag_ms": 0, "debugger": True}
    [message] = lines.take()
    assert message.startswith("a debugger is attached: nothing is called hung")
    module.connected = False
    watchdog._look(1010.0)
    assert "has been running for 10.0 seconds" in lines.take()[0]
