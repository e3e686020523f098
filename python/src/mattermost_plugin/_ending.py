"""The end of the process: it comes soon, with its exit handlers, whatever the plugin's threads do."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

AFTER_STOP = 1.0
"""Seconds after STOP in which the main thread may come to its end; the bridge kills the process after 1.5."""

AFTER_SIGNAL = 0.3
"""The same after SIGTERM, which the bridge sends 0.7 seconds after STOP."""

_HANDLERS_PATIENCE = 0.3
"""Seconds for the exit handlers, if it is not the main thread that runs them."""

_LIMIT = 5.0
"""Seconds for exit handlers that the main thread runs."""

TERMINATED = 128 + signal.SIGTERM
"""The exit status after SIGTERM, as shells count it."""


class Ending:
    """Ends the process in time.

    Args:
        on_terminate: Called in the main thread when SIGTERM has come; it makes that thread come to its end, or raises.
    """

    def __init__(self, on_terminate: Callable[[], None]) -> None:
        self._on_terminate = on_terminate
        self._began = False
        self._is_forced = False
        self._main_runs_exit_handlers = False
        self.is_terminated = False

    def take_signals(self) -> None:
        """Handle SIGTERM, whose default would end the process without its exit handlers."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._terminate)

    def after_fork(self) -> None:
        """Let SIGTERM end a forked child as it ends any process."""
        if signal.getsignal(signal.SIGTERM) == self._terminate:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def begin(self, status: int, patience: float = AFTER_STOP) -> None:
        """End the process in any case, should the main thread or an exit handler of the author's hang."""
        if not self._began:
            self._began = True
            # Exit handlers run in the reverse order, so this one is the first.
            atexit.register(self._at_exit)
            _later(_LIMIT, os._exit, status)
        # All timers start now: the interpreter may refuse new threads once the main one has come to its end.
        _later(patience, self._force, status)
        _later(patience + _HANDLERS_PATIENCE, self._abandon, status)

    def _at_exit(self) -> None:
        self._main_runs_exit_handlers = True

    def _terminate(self, _number: int, _frame: FrameType | None) -> None:
        if self.is_terminated:
            return
        self.is_terminated = True
        self.begin(TERMINATED, AFTER_SIGNAL)
        self._on_terminate()

    def _force(self, status: int) -> None:
        """Do in this thread what the main one does not come to."""
        if self._main_runs_exit_handlers or self._is_forced:
            return
        self._is_forced = True
        with contextlib.suppress(BaseException):  # the handlers are the author's
            atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage]  # there is no public name
            sys.stdout.flush()
        os._exit(status)

    def _abandon(self, status: int) -> None:
        """Give up on exit handlers that hang in the thread of `_force`."""
        if self._is_forced:
            os._exit(status)


def _later(seconds: float, function: Callable[[int], object], status: int) -> None:
    timer = threading.Timer(seconds, function, (status,))
    timer.daemon = True
    with contextlib.suppress(RuntimeError):  # no new thread, because the interpreter ends: an earlier timer runs
        timer.start()
