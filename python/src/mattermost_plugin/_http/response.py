"""The response of ServeHTTP and ServeMetrics: what both kinds of writer have in common."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from .._codec import frame
from .._frames import HEAD
from .._streams.channel import Channel, Gatherer, plain_view
from .headers import Headers

if TYPE_CHECKING:
    from typing_extensions import Buffer

_LATE_HEADERS = "headers were changed after the response was begun; the change has no effect"
_LATE_STATUS = "write_header was called after the response was begun; status %s has no effect"
_BAD_STATUS = "write_header was called with the status %r, which is none of HTTP's; 500 is sent"
_INFORMATIONAL = "write_header was called with the informational status %s, which cannot be sent; it has no effect"
_NO_BODY = "a body was written to a response with status %s, which has none; it is dropped"

_BODILESS = (101, 204, 304)


class BaseResponse:
    """Headers and status until they are sent, and the small writes that wait to be sent together.

    Attributes:
        headers: The headers; what the server has set already is among them. A change after the first write or
            `write_header` has no effect.
        status_code: The status, once it is determined.
    """

    def __init__(self, channel: Channel, headers: dict[str, list[str]] | None, logger: logging.Logger) -> None:
        self._given = headers or {}
        self.headers = Headers.received(self._given)
        self.status_code: int | None = None
        self._state = channel
        self._logger = logger
        self._head = b""
        self._head_sent = False
        self._hijacked = False
        self._warned = False
        self._waiting = Gatherer()
        self._left: int | None = None

    def set_header(self, name: str, value: str) -> None:
        """Set a header: `headers[name] = value`."""
        self.headers[name] = value

    def add_header(self, name: str, value: str) -> None:
        """Add a value to a header: `headers.add(name, value)`."""
        self.headers.add(name, value)

    def write_header(self, status: int) -> None:
        """Determine the status and the headers; without it the first write does, with 200.

        They are sent with the first bytes of the body, with `flush`, or at the end.
        """
        self._state.check_writing()
        if self._hijacked or self.status_code is not None:
            self._logger.warning(_LATE_STATUS, status)
        elif not 100 <= status <= 999:
            self._logger.error(_BAD_STATUS, status)
            self._begin(500)
        elif status < 200 and status != 101:
            self._logger.warning(_INFORMATIONAL, status)
        else:
            self._begin(status)

    def _begin(self, status: int) -> None:
        self.status_code = status
        self._head = bytes(self._frame(HEAD, (status, self.headers.to_dict())))
        self._left = _length(self.headers.get("Content-Length"))
        self.headers.lock(self._warn_of_late_change)

    def _warn_of_late_change(self) -> None:
        if not self._warned:
            self._warned = True
            self._logger.warning(_LATE_HEADERS)

    def _accept(self, data: Buffer | str) -> memoryview:
        """Return what is to be written, if it may be.

        Raises:
            ValueError: It is more than the header Content-Length has announced.
        """
        self._state.check_writing()
        if self._hijacked:
            raise RuntimeError("the connection was taken over; write to what hijack() has returned")
        if self.status_code is None:
            self._begin(200)
        view = plain_view(data.encode() if isinstance(data, str) else data)
        size = len(view)
        if size and self.status_code in _BODILESS:
            # The server would refuse it by an error that handlers in Go do not look at.
            self._logger.warning(_NO_BODY, self.status_code)
            return memoryview(b"")
        if self._left is not None:
            if size > self._left:
                raise ValueError(f"the body is longer than its Content-Length: {size - self._left} bytes too many")
            self._left -= size
        return view

    def _take_head(self) -> bytes:
        """Return the frame HEAD, if it was not sent yet; it is sent now."""
        head, self._head = self._head, b""
        self._head_sent = self._head_sent or bool(head)
        return head

    def _close(self) -> None:
        """Determine what was not: a handler that only sets headers answers 200 with them."""
        if self.status_code is None and not self._hijacked and self.headers.to_dict() != self._given:
            self._begin(200)

    @property
    def replaceable(self) -> bool:
        """Whether nothing was sent yet, so that an error can still be told."""
        return not self._head_sent and not self._hijacked

    def replace_with_error(self, error_id: str) -> None:
        """Answer with a page that says nothing but an error's id; it finds the error in the log."""
        self.headers = Headers.received(self._given)
        self.headers.pop("Content-Length", None)
        self.headers["Content-Type"] = "text/plain; charset=utf-8"
        self.headers["X-Content-Type-Options"] = "nosniff"
        self._waiting.take()
        self._waiting.add(memoryview(f"Internal Server Error\n(error id: {error_id})\n".encode()))
        self._begin(500)

    def _frame(self, kind: int, value: object) -> bytearray:
        return frame(value, kind, self._state.method, self._state.ident)


def _length(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None
