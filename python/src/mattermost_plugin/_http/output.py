"""The replacement of an uploaded file, blocking."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from .._streams.channel import Gatherer, plain_view

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from .._streams.blocking_channel import BlockingChannel


class ReplacementFile(io.RawIOBase):
    """What is stored instead of the uploaded file; if nothing is written the file stays as it is.

    A write waits while the server does not take what was written before.
    """

    def __init__(self, channel: BlockingChannel) -> None:
        self._channel = channel
        self._waiting = Gatherer()

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: Buffer, /) -> int:
        """Write bytes, all of them, and return how many."""
        self._channel.check_writing()
        view = plain_view(data)
        parts = self._waiting.add(view)
        if parts:
            self._channel.send(parts)
        return len(view)

    def finish(self, reply: bytes) -> None:
        """Send what is left, together with the answer to the hook."""
        self._channel.send((self._waiting.take(),), after=reply)
