"""The response half of WSGI: `start_response`, `write` and the blocks of the body."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .._http.headers import Headers
from .gateway import header_text, set_headers

if TYPE_CHECKING:
    from .._http.writer import HTTPResponseWriter

ExcInfo = tuple[type[BaseException], BaseException, TracebackType]

_BODILESS = (204, 304)
"""Statuses whose response has no body; the server refuses to write one."""


class WsgiResponse:
    """What the application sends, checked and passed on.

    Nothing leaves before the first block that is not empty, as PEP 3333 wants it: an application that fails until then
    is answered with a 500.

    Args:
        response: The server's response.
        method: The request's method.
    """

    def __init__(self, response: HTTPResponseWriter, method: str) -> None:
        self.flushes = True
        self._response = response
        self._is_head = method == "HEAD"
        self._status = 0
        self._headers = Headers()
        self._is_committed = False
        self._left: int | None = None

    def start(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], Any]:
        """Take status and headers: the `start_response` of PEP 3333."""
        if exc_info is not None and self._is_committed:
            try:
                raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # breaks the circle from the traceback to this frame
        if exc_info is None and self._status:
            raise RuntimeError("start_response was called twice, and the second time without exc_info")
        code = status[:3]
        if not (code.isascii() and code.isdigit() and len(code) == 3):
            raise RuntimeError(f"Invalid status {status!r}; it begins with three digits.")
        # Values are bytes that WSGI writes as Latin-1.
        self._headers = Headers([(name, header_text(value.encode("latin-1"))) for name, value in headers])
        self._status = int(code)
        self._left = self._content_length()
        return self.write

    def _content_length(self) -> int | None:
        text = self._headers.get("Content-Length")
        if text is None or self._is_head or self._status in _BODILESS:
            return None
        if not (text.isascii() and text.isdigit()):
            raise RuntimeError("Invalid Content-Length.")
        return int(text)

    def write(self, data: bytes) -> None:
        """Send a part of the body at once: what `start_response` returns, for older applications."""
        self.send(data, is_whole=False)

    def send(self, block: bytes, *, is_whole: bool) -> None:
        """Send a block of the body."""
        if not self._status:
            raise RuntimeError("the WSGI application yielded a body before it called start_response")
        if not block:
            return
        if not self._is_committed and is_whole and self._may_tell_length():
            self._headers["Content-Length"] = str(len(block))
            self._left = len(block)
        if self._left is not None:
            if len(block) > self._left:
                raise RuntimeError("Response content longer than Content-Length")
            self._left -= len(block)
        self._commit()
        if self._status in _BODILESS:
            return
        self._response.write(block)
        if self.flushes and self._left != 0:
            self._response.flush()

    def _may_tell_length(self) -> bool:
        return self._left is None and not self._is_head and self._status not in _BODILESS

    def finish(self) -> None:
        """Note that the body is complete."""
        if not self._status:
            raise RuntimeError("the WSGI application ended before it called start_response")
        if self._left:
            raise RuntimeError("Response content shorter than Content-Length")
        self._commit()

    def _commit(self) -> None:
        if self._is_committed:
            return
        self._is_committed = True
        set_headers(self._response.headers, self._headers.pairs())
        self._response.write_header(self._status)
