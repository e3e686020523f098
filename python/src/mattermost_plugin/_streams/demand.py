"""How much of a body or file a handler's reads ask for."""

from __future__ import annotations

from .._frames import WINDOW


class Demand:
    """Decides how much the bridge may send for a read.

    Nothing is asked for that no one reads: in the server a read of the body that waits for the client holds the
    response back, and makes the client send what it has announced with `Expect: 100-continue`.

    Args:
        length: How long the body is, if that is known.
        reads_on: Whether a second read means that the handler reads on, so that a whole window is kept under way.
    """

    __slots__ = ("_has_read", "_reads_on", "left")

    def __init__(self, length: int | None, *, reads_on: bool) -> None:
        self.left = length
        self._reads_on = reads_on
        self._has_read = False

    def of_read(self, size: int) -> int:
        """Return how much a read of so many bytes asks for."""
        wanted = WINDOW if self._reads_on and self._has_read else min(size, WINDOW)
        self._has_read = True
        return self.capped(wanted)

    def of_all(self) -> int:
        """Return how much is kept under way for a handler that reads everything."""
        self._has_read = True
        return self.capped(WINDOW)

    def capped(self, wanted: int) -> int:
        """Return no more than there is."""
        return wanted if self.left is None else min(wanted, self.left)

    def taken(self, size: int) -> None:
        """Count what was read."""
        if self.left is not None:
            self.left = max(self.left - size, 0)
