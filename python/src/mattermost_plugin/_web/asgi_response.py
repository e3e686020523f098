"""The response half of an ASGI exchange: `start` and `body` messages become an HTTP response."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .gateway import header_text, set_headers

if TYPE_CHECKING:
    from .._http.async_writer import AsyncHTTPResponseWriter
    from .asgi_types import Message

_BAD_NAME = re.compile(rb'[\x00-\x1f\x7f()<>@,;:\[\]={} \t\\"]')
_BAD_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

_BODILESS = (204, 304)
"""Statuses whose response has no body; the server refuses to write one."""


def checked_headers(message: Message) -> list[tuple[bytes, bytes]]:
    """Return the headers of a message.

    Raises:
        RuntimeError: A name or a value holds what would end the header, or is not allowed in it.
    """
    headers = [(bytes(name), bytes(value)) for name, value in message.get("headers", ())]
    for name, value in headers:
        if not name or _BAD_NAME.search(name):
            raise RuntimeError("Invalid HTTP header name.")
        if _BAD_VALUE.search(value):
            raise RuntimeError("Invalid HTTP header value.")
    return headers


class ResponseSender:
    """Checks the messages of a response and passes them on.

    Nothing leaves before the first body message, as the specification wants it: an application that fails until then
    is answered with a 500. A body in one piece is sent in one burst, the pieces of a longer one at once.

    Args:
        response: The server's response.
        method: The request's method.
        prefix: What the messages' types begin with.
    """

    def __init__(self, response: AsyncHTTPResponseWriter, method: str, prefix: str = "") -> None:
        self.complete = False
        self.committed = False
        self.started = False
        self.held: bytes | None = None
        self._response = response
        self._is_head = method == "HEAD"
        self._start_type = f"{prefix}http.response.start"
        self._body_type = f"{prefix}http.response.body"
        self._trailers = False
        self._status = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._left: int | None = None

    async def send(self, message: Message) -> None:
        """Take one message.

        Raises:
            RuntimeError: The message does not belong here, or is not valid.
        """
        kind = message["type"]
        if not self.started:
            if kind != self._start_type:
                raise RuntimeError(f"Expected ASGI message '{self._start_type}', but got '{kind}'.")
            self._begin(message)
        elif kind == "http.response.trailers" and self._trailers:
            pass  # Mattermost has no way for them, and the client has the whole body without
        elif self.complete:
            raise RuntimeError(f"Unexpected ASGI message '{kind}' sent, after response already completed.")
        elif kind != self._body_type:
            raise RuntimeError(f"Expected ASGI message '{self._body_type}', but got '{kind}'.")
        else:
            await self._body(bytes(message.get("body", b"")), more=bool(message.get("more_body", False)))

    def _begin(self, message: Message) -> None:
        status, headers = int(message["status"]), checked_headers(message)
        lengths = [value for name, value in headers if name.lower() == b"content-length"]
        if not all(value.isdigit() for value in lengths):
            raise RuntimeError("Invalid Content-Length.")
        if lengths and not self._is_head and status not in _BODILESS:
            self._left = int(lengths[-1])
        self._status, self._headers, self.started = status, headers, True
        self._trailers = bool(message.get("trailers", False))

    async def _body(self, body: bytes, *, more: bool) -> None:
        self._count(len(body), more=more)
        if self._status in _BODILESS:
            body = b""
        if not more:
            self.complete = True
            if self._status >= 500 and not self.committed:
                self.held = body
                return
        if not self.committed:
            self.commit()
        if body:
            await self._response.write(body)
        if more:
            await self._response.flush()

    def _count(self, size: int, *, more: bool) -> None:
        """Compare the body with its Content-Length, which clients rely on."""
        if self._left is None:
            return
        if size > self._left:
            raise RuntimeError("Response content longer than Content-Length")
        self._left -= size
        if self._left and not more:
            raise RuntimeError("Response content shorter than Content-Length")

    def commit(self) -> None:
        """Send status and headers; those of the application replace the server's of the same name."""
        self.committed = True
        pairs = ((name.decode("ascii", "replace"), header_text(value)) for name, value in self._headers)
        set_headers(self._response.headers, pairs)
        self._response.write_header(self._status)

    async def release(self, error_id: str = "") -> None:
        """Send the error response that was held back."""
        body, self.held = self.held, None
        if body is None:
            return
        if error_id:
            self._headers.append((b"x-error-id", error_id.encode("ascii")))
        self.commit()
        if body:
            await self._response.write(body)
