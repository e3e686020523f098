"""File objects of WSGI: where errors are written to, and what sends a file."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import Any

_BLOCK = 64 * 1024


class ErrorLog:
    """`wsgi.errors`: whole lines go to the log, at level error.

    Args:
        logger: The log.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._rest = ""

    def write(self, text: str) -> int:
        """Log the lines that are complete, and keep the rest."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._log(line)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write some texts."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Log what is left."""
        rest, self._rest = self._rest, ""
        self._log(rest)

    def _log(self, line: str) -> None:
        if line.strip():
            self._logger.error("%s", line)


class FileWrapper:
    """`wsgi.file_wrapper`: the blocks of a file.

    Args:
        file: An object with `read(size)`, and perhaps `close()`.
        block_size: How much is read at once.
    """

    def __init__(self, file: Any, block_size: int = _BLOCK) -> None:
        self._file = file
        self._block_size = block_size

    def __iter__(self) -> Iterator[bytes]:
        while block := self._file.read(self._block_size):
            yield block

    def close(self) -> None:
        """Close the file, if it can be closed."""
        close = getattr(self._file, "close", None)
        if close is not None:
            close()
