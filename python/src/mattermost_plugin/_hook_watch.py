"""Which `def` handlers run for remarkably long, and where they are."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Protocol

from ._bound_hook import BoundHook
from ._stacks import Sighting, look, waits_in_sdk
from ._watch_report import Say, next_report, seconds_field

_YOUNG = 1.0
"""Seconds in which nothing is kept of a handler."""


class Watched(Protocol):
    """A thread that answers hooks."""

    started_at: float
    """When it got the hook that it answers, by the monotonic clock; 0.0 while there is none."""

    hook: BoundHook | None

    @property
    def ident(self) -> int | None:
        """The thread's number, as `threading` counts it."""
        ...

    @property
    def moved(self) -> int:
        """How often a stream has gone on."""
        ...


class _Spell:
    """A handler that has run for a while."""

    __slots__ = ("due", "moved", "named", "since", "started_at")

    def __init__(self, started_at: float, since: float, due: float) -> None:
        self.started_at = started_at
        self.since = since
        """From when on its time counts."""
        self.due = due
        self.moved = -1
        self.named: Sighting | None = None


class HookWatch:
    """Looks at the threads that answer hooks.

    Args:
        threads: Gives the threads.
        say: Writes a line of the log.
        is_debugged: Tells whether a debugger is attached, and nothing is to be said.
    """

    def __init__(self, threads: Callable[[], Iterable[Watched]], say: Say, is_debugged: Callable[[], bool]) -> None:
        self._threads = threads
        self._say = say
        self._is_debugged = is_debugged
        self._spells: dict[Watched, _Spell] = {}
        self._resumed_at = 0.0

    def check(self, now: float) -> None:
        """Name the handlers that run for longer than they should."""
        for thread in self._threads():
            started_at, hook = thread.started_at, thread.hook
            spell = self._spells.get(thread)
            if spell is not None and spell.started_at != started_at:
                del self._spells[thread]
                self._end(spell, now)
                spell = None
            if not started_at or hook is None or now - started_at < min(_YOUNG, hook.patience):
                continue
            if spell is None:
                spell = _Spell(started_at, max(started_at, self._resumed_at), hook.patience)
                self._spells[thread] = spell
            self._look_at(thread, hook, spell, now)

    def running_since(self, moment: float) -> list[str]:
        """Return the names of the hooks that were running at a moment and still are."""
        found = [(thread.started_at, thread.hook) for thread in self._threads()]
        return [hook.spec.name for started_at, hook in found if hook is not None and 0.0 < started_at <= moment]

    def excuse(self, seconds: float, now: float) -> None:
        """Leave out a time in which the whole process did not run."""
        self._resumed_at = now
        for spell in self._spells.values():
            spell.since += seconds

    def _look_at(self, thread: Watched, hook: BoundHook, spell: _Spell, now: float) -> None:
        if not hook.spec.stream and now - spell.since < spell.due:
            return
        frame = sys._current_frames().get(thread.ident or 0)  # pyright: ignore[reportPrivateUsage]
        if frame is None or thread.started_at != spell.started_at:
            return
        if hook.spec.stream and _moves(spell, thread, frame):
            spell.since, spell.due = now, hook.patience
        lasted = now - spell.since
        if lasted >= spell.due and not self._is_debugged():
            self._name(hook, spell, frame, lasted)

    def _name(self, hook: BoundHook, spell: _Spell, frame: FrameType, lasted: float) -> None:
        spell.named = seen = look(frame, [hook])._replace(hook=hook.spec.name)
        spell.due = next_report(lasted)
        what = "has not moved" if hook.spec.stream else "has been running"
        self._say(
            "warn",
            f"{seen.subject} {what} for {lasted:.1f} seconds; it is in {seen.place}",
            {**seen.fields(), **seconds_field(lasted)},
        )

    def _end(self, spell: _Spell, now: float) -> None:
        seen = spell.named
        if seen is None:
            return
        lasted = now - spell.started_at
        self._say(
            "info",
            f"{seen.subject} has ended after about {lasted:.1f} seconds",
            {"hook": seen.hook, "handler": seen.handler, **seconds_field(lasted)},
        )


def _moves(spell: _Spell, thread: Watched, frame: FrameType) -> bool:
    """Return whether the streams of a handler have gone on since the last look, or it waits for its client.

    How long a client may keep it waiting is the bridge's concern.
    """
    moved, spell.moved = thread.moved != spell.moved, thread.moved
    return moved or waits_in_sdk(frame)
