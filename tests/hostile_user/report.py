"""What was tried, and what came of it."""

from __future__ import annotations

from functools import partial

from victim import Processes, Victim, wait_for


class Report:
    """A table that grows, and the end of the test."""

    def __init__(self) -> None:
        self._tried = 0
        self._wrong = 0

    def note(self, what: str, seen: str, is_right: bool) -> None:
        """Print a line for an attempt."""
        self._tried += 1
        self._wrong += not is_right
        print(f"{'ok' if is_right else 'FAILED':6} {what}: {seen}")

    def status(self) -> int:
        """Print the sum; return the exit status of the test."""
        print(f"{self._tried - self._wrong} of {self._tried} attempts ended as they should")
        return 1 if self._wrong or not self._tried else 0


def what_is_broken(victim: Victim, processes: Processes) -> str:
    """Return what is wrong with the plugin after an attack; an empty text if nothing is."""
    if victim.get("/hello") != "hello":
        return "; but the plugin does not answer"
    now = victim.processes()
    return "" if now == processes else f"; but its processes are {now} instead of {processes}"


def wait_for_line(victim: Victim, text: str, before: int) -> None:
    """Wait until the log has more lines with a text than `before`."""
    wait_for(f"line with {text!r} in the log", partial(_has_more, victim, text, before))


def _has_more(victim: Victim, text: str, before: int) -> bool:
    return victim.count(text) > before
