"""How often the watchdog speaks of the same thing, and in which form."""

from __future__ import annotations

from collections.abc import Callable

Say = Callable[[str, str, "dict[str, str]"], None]
"""Writes a line of the log: level, message, fields."""

_REPEATS = (10.0, 60.0)


def next_report(seconds: float) -> float:
    """Return when to speak again of what has lasted for so long: at 10 s, at 60 s, then at twice the time."""
    return next((repeat for repeat in _REPEATS if repeat > seconds), 2 * seconds)


def seconds_field(seconds: float) -> dict[str, str]:
    """Return the field of a log line that says for how long something has lasted."""
    return {"seconds": f"{seconds:.1f}"}
