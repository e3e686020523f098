"""A text that may be sent, but never shows itself."""

from __future__ import annotations


class Secret(str):
    """A text that a log line, a `repr` or a traceback with local variables does not show."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<secret>"

    def __str__(self) -> str:
        return "<secret>"

    def __format__(self, format_spec: str) -> str:
        return format(str(self), format_spec)

    def reveal(self) -> str:
        """Return the text itself."""
        return str.__str__(self)
