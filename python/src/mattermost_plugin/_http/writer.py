"""The response writer of `def` handlers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from .._frames import FLUSH, HIJACK
from .response import BaseResponse

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from .._streams.blocking_channel import BlockingChannel
    from .hijack import HijackedConnection


class HTTPResponseWriter(BaseResponse):
    """The response of an HTTP request, for `def` handlers; only the handler's thread may write.

    Small writes are gathered until `flush`, 64 KiB or the end of the handler. A write waits while the client does not
    read. Writing after the handler has returned raises RuntimeError.
    """

    def __init__(self, channel: BlockingChannel, headers: dict[str, list[str]] | None, logger: logging.Logger) -> None:
        super().__init__(channel, headers, logger)
        self._channel = channel

    def write(self, data: Buffer | str) -> int:
        """Write bytes, or text as UTF-8, and return how many bytes that is.

        Raises:
            ClientDisconnectedError: The client has left.
            ValueError: It is more than the header Content-Length has announced, or the status forbids a body.
        """
        view = self._accept(data)
        parts = self._waiting.add(view)
        if parts:
            self._channel.send(parts, before=self._take_head())
        return len(view)

    def flush(self) -> None:
        """Send what was written so far to the client at once.

        Raises:
            ClientDisconnectedError: The client has left.
        """
        self._accept(b"")
        self._channel.poll()
        self._channel.send((self._waiting.take(),), FLUSH, before=self._take_head())

    def hijack(self) -> HijackedConnection:
        """Take the client's TCP connection over, until the handler returns.

        Raises:
            RuntimeError: The server says why it cannot be taken over.
            ClientDisconnectedError: The client has left.
        """
        from .hijack import HijackedConnection  # few handlers do this

        channel = self._channel
        channel.check_writing()
        if self._hijacked:
            raise RuntimeError("the connection was taken over already")
        channel.send((self._waiting.take(),), before=self._take_head(), after=channel.header(HIJACK))
        while channel.hijacked is None:
            channel.pump()
            channel.check_reading()
        if channel.hijacked:
            reason, channel.hijacked = channel.hijacked, None
            raise RuntimeError(reason)
        self._hijacked = True
        return HijackedConnection(channel)

    def finish(self, reply: bytes) -> None:
        """Send what is left, together with the answer to the hook."""
        self._close()
        self._channel.send((self._waiting.take(),), before=self._take_head(), after=reply)
