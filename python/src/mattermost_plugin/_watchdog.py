"""A thread that sees when a handler hangs, and names it in the log.

It kills nothing and cancels nothing: what is late is the bridge's decision, and it asks how things are (PING).
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ._debugger import attached, exempt
from ._hook_watch import HookWatch, Watched
from ._logging import LogSink
from ._loop_watch import LoopWatch
from ._watch_report import seconds_field

if TYPE_CHECKING:
    import asyncio  # a plugin with `def` handlers only never pays for loading it

    from ._bound_hook import BoundHook

INTERVAL = 0.25
"""Seconds between two looks."""

_STALL = 0.5
"""Seconds that the watchdog itself may wake too late; more, and the whole process did not run."""

_BUSY = 0.5
"""The share of a stall in which the process computed, if the interpreter's lock and not the system kept it."""

_JOIN_PATIENCE = 0.2

_DEBUGGED = (
    "a debugger is attached: nothing is called hung, and the bridge does not end this worker meanwhile; "
    "hooks that are late are answered without it all the same"
)


class Watchdog:
    """Looks at the event loop and at the threads that answer hooks, four times a second.

    Args:
        sink: Where the lines of the log go. Not through `logging`, whose locks what hangs may hold.
        threads: Gives the threads that answer hooks.
    """

    def __init__(self, sink: LogSink, threads: Callable[[], Iterable[Watched]]) -> None:
        self._sink = sink
        self._hooks = HookWatch(threads, self._say, self._is_debugged)
        self._loop: LoopWatch | None = None
        self._has_told_of_debugger = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mattermost-watchdog", daemon=True)
        exempt(self._thread)

    def start(self) -> None:
        """Start looking."""
        self._thread.start()

    def stop(self) -> None:
        """Stop looking."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_JOIN_PATIENCE)

    def watch_loop(self, loop: asyncio.AbstractEventLoop, hooks: Mapping[int, BoundHook]) -> None:
        """Look at an event loop, too, that will run in the calling thread."""
        self._loop = LoopWatch(loop, hooks, self._say, self._is_debugged)

    def forget_loop(self) -> None:
        """Look at the event loop no longer: it comes to its end."""
        self._loop = None

    def health(self) -> dict[str, Any]:
        """Return what PONG carries.

        The lag is the one of the last look. One that is counted here, by whichever thread runs first after the whole
        process stood still, would take that for a hang.
        """
        loop = self._loop
        lag = 0.0 if loop is None else loop.lag
        return {"lag_ms": int(lag * 1000), "debugger": self._is_debugged()}

    def _run(self) -> None:
        cpu = time.process_time()
        while True:
            loop = self._loop
            began = time.monotonic()
            pause = INTERVAL if loop is None else loop.pause(began, INTERVAL)
            if self._stopping.wait(pause):
                return
            now, cpu_before, cpu = time.monotonic(), cpu, time.process_time()
            # Whatever goes wrong with one look must not be the end of it.
            with contextlib.suppress(Exception):
                stall = now - began - pause
                if stall > _STALL:
                    self._excuse(stall, now, cpu - cpu_before)
                self._look(now)

    def _look(self, now: float) -> None:
        self._hooks.check(now)
        loop = self._loop
        if loop is not None:
            loop.check(now)

    def _excuse(self, stall: float, now: float, computed: float) -> None:
        """Leave out a time in which not even this thread ran: stopped by a signal, say, or the machine asleep."""
        running = self._hooks.running_since(now - stall)
        self._hooks.excuse(stall, now)
        loop = self._loop
        if loop is not None:
            loop.excuse(stall)
        if computed >= stall * _BUSY and not self._is_debugged():
            self._say(
                "warn",
                f"no thread of the plugin could run for {stall:.1f} seconds: "
                "native code, such as a regular expression, has kept the interpreter to itself",
                {**seconds_field(stall), "running": ", ".join(running)},
            )

    def _is_debugged(self) -> bool:
        own = threading.get_ident()
        frames = sys._current_frames()  # pyright: ignore[reportPrivateUsage]
        found = attached(frame for ident, frame in frames.items() if ident != own)
        if found and not self._has_told_of_debugger:
            self._has_told_of_debugger = True
            self._say("info", _DEBUGGED, {})
        return found

    def _say(self, level: str, message: str, fields: dict[str, str]) -> None:
        # The bridge knows these lines by "logger" and "seconds": a few of them pass however much the plugin logs.
        self._sink.log(level, message, {"logger": "mattermost_plugin", **fields})
