"""Whether the event loop still turns, and which handler it is that blocks it."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ._bound_hook import BoundHook
from ._stacks import Sighting, look, waits_in_loop
from ._watch_report import Say, next_report, seconds_field

if TYPE_CHECKING:
    import asyncio  # a plugin with `def` handlers only never pays for loading it

BLOCKED_AFTER = 0.5
"""Seconds that a loop may leave a callback waiting."""


class LoopWatch:
    """Gives the loop a callback now and then, and looks when it has run.

    Args:
        loop: The event loop, of the calling thread.
        hooks: The hooks that it answers.
        say: Writes a line of the log.
        is_debugged: Tells whether a debugger is attached, and nothing is to be said.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        hooks: Mapping[int, BoundHook],
        say: Say,
        is_debugged: Callable[[], bool],
    ) -> None:
        self._loop = loop
        self._hooks = hooks
        self._say = say
        self._is_debugged = is_debugged
        self._thread = threading.get_ident()
        self._asked_at = 0.0
        self._answered_at = 0.0
        self._due = BLOCKED_AFTER
        self._named: Sighting | None = None
        self._lag = 0.0

    @property
    def lag(self) -> float:
        """For how many seconds the loop had been blocked at the last look; 0.0 if it was not, or has moved since."""
        return 0.0 if self._answered_at >= self._asked_at else self._lag

    def check(self, now: float) -> None:
        """Look whether the loop is blocked, and name what blocks it."""
        if self._answered_at >= self._asked_at:
            self._lag = 0.0
            self._end_spell()
            self._ask(now)
            return
        late = now - self._asked_at
        if late < BLOCKED_AFTER:
            return
        self._lag = late
        if late >= self._due and not self._is_debugged():
            self._name(late)

    def pause(self, now: float, usual: float) -> float:
        """Return how long to wait before the next check: no longer than until the loop counts as blocked."""
        if self._answered_at >= self._asked_at:
            return usual
        left = self._asked_at + BLOCKED_AFTER - now
        return min(usual, left) if left > 0 else usual

    def excuse(self, seconds: float) -> None:
        """Leave out a time in which the whole process did not run."""
        if self._answered_at < self._asked_at:
            self._asked_at += seconds

    def _ask(self, now: float) -> None:
        self._asked_at = now
        try:
            self._loop.call_soon_threadsafe(self._answer)
        except RuntimeError:  # the loop is closed
            self._answered_at = now

    def _answer(self) -> None:
        self._answered_at = time.monotonic()

    def _name(self, late: float) -> None:
        frame = sys._current_frames().get(self._thread)  # pyright: ignore[reportPrivateUsage]
        if frame is None or self._answered_at >= self._asked_at or waits_in_loop(frame):
            return
        self._named = seen = look(frame, list(self._hooks.values()))
        self._due = next_report(late)
        self._say(
            "warn",
            f"the event loop has been blocked for {late:.1f} seconds by {seen.subject} in {seen.place}; "
            "no other async handler runs meanwhile",
            {**seen.fields(), **seconds_field(late)},
        )

    def _end_spell(self) -> None:
        seen, self._named = self._named, None
        if seen is None:
            return
        self._due = BLOCKED_AFTER
        lasted = self._answered_at - self._asked_at
        self._say(
            "info",
            f"the event loop runs again after {lasted:.1f} seconds, in which {seen.subject} was seen to block it",
            {"hook": seen.hook, "handler": seen.handler, **seconds_field(lasted)},
        )
