"""The answer of another plugin to `plugin_http`, blocking, and what is sent to it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .._errors import PluginAPIError
from .._frames import WINDOW
from .._gen.methods import PLUGIN_HTTP
from .._gen.models.server import HTTPRequestSubset
from .._streams.sources import is_bytes
from .headers import Headers

if TYPE_CHECKING:
    from .._streams.blocking_channel import BlockingChannel
    from .._streams.sources import StreamSource
    from .._transport import SyncTransport

HTTPAnswer = tuple[int, dict[str, list[str]]]
"""The results of PluginHTTP: status and headers."""

HeadersLike = Mapping[str, str | Sequence[str]]
"""Headers: each name with a value or several."""


def http_request(method: str, url: str, headers: HeadersLike | None) -> HTTPRequestSubset:
    """Return a request as Go's http.NewRequest makes it.

    Raises:
        ValidationError: A header is not valid.
    """
    checked = Headers()
    if isinstance(headers, Headers):
        headers = headers.to_dict()
    for name, values in (headers or {}).items():
        for value in (values,) if isinstance(values, str) else values:
            checked.add(name, value)
    return HTTPRequestSubset(
        method=method, url=url, proto="HTTP/1.1", proto_major=1, proto_minor=1, header=checked.to_dict()
    )


class BaseHTTPResponse:
    """What both kinds of answer have.

    Attributes:
        status: The HTTP status.
        headers: The headers.
    """

    def __init__(self, answer: HTTPAnswer) -> None:
        self.status, headers = answer
        self.headers = Headers.received(headers or {})

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.status}>"


def request_body(body: Any) -> Any:
    """Return the source of a request's body, or None if it has none."""
    return None if is_bytes(body) and not len(body) else body


def no_response() -> PluginAPIError:
    """Return the error for an answer that is none: what Go shows as a nil response."""
    return PluginAPIError("the server has no response for this request", where="PluginHTTP")


class HTTPResponse(BaseHTTPResponse):
    """Another plugin's answer; its body is read as it comes.

    Read it to its end or close it, best with `with`; the end of the hook closes it, too.
    """

    def __init__(self, answer: HTTPAnswer, channel: BlockingChannel) -> None:
        self._channel = channel
        super().__init__(answer)

    def read(self, n: int = -1) -> bytes:
        """Return n bytes of the body, fewer only at its end; all of the rest without a number."""
        if n < 0:
            return b"".join(self)
        parts: list[bytes] = []
        while n > 0 and (data := self.read1(n)):
            parts.append(data)
            n -= len(data)
        return b"".join(parts)

    def read1(self, limit: int = WINDOW) -> bytes:
        """Return what is there, at most `limit` bytes; b"" at the end."""
        channel = self._channel
        if not channel.receive(WINDOW):
            channel.forget()
            return b""
        data = channel.take(limit)
        channel.give()
        return data

    def __iter__(self) -> Iterator[bytes]:
        while data := self.read1(WINDOW):
            yield data

    def text(self) -> str:
        """Return the body as text (UTF-8; other bytes become U+FFFD)."""
        return self.read().decode("utf-8", "replace")

    def json(self) -> Any:
        """Return the body's JSON value.

        Raises:
            ValueError: The body is not JSON.
        """
        return json.loads(self.read())

    def close(self) -> None:
        """Do without the rest of the body."""
        self._channel.give_up()

    def __enter__(self) -> HTTPResponse:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self._channel.abandon()


def plugin_http(
    transport: SyncTransport, method: str, url: str, headers: HeadersLike | None, body: StreamSource
) -> HTTPResponse:
    """Make a request to another plugin."""
    args = (http_request(method, url, headers),)
    response = transport.fetch(PLUGIN_HTTP, args, request_body(body))
    if not response.status:
        response.close()
        raise no_response()
    return response
