"""The request of ServeHTTP and ServeMetrics."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from .. import _runtime
from .._gen.models.common import Context
from .._gen.models.server import HTTPRequestSubset
from .._streams.demand import Demand
from .headers import Headers

if TYPE_CHECKING:
    from .._streams.async_channel import AsyncChannel
    from .._streams.blocking_channel import BlockingChannel
    from .async_body import AsyncRequestBody
    from .body import RequestBody


class HTTPCall(msgspec.Struct, array_like=True):
    """The arguments of the hooks: the request, the context, the headers that the server has set for the response.

    `metrics` comes with ServeMetrics alone: the bridge's own, as text.
    """

    request: HTTPRequestSubset
    context: Context | None = None
    headers: dict[str, list[str]] | None = None
    metrics: str = ""


HTTP_CALL = msgspec.msgpack.Decoder(HTTPCall)


class BaseRequest:
    """What both kinds of request have.

    Attributes:
        method: GET, POST, ...
        url: The path as it stands in the URL, with the query, without the plugin's prefix.
        proto: The HTTP version, as `HTTP/1.1`.
        headers: The headers; the host is not among them.
        host: The host that the client asked for, with the port if it named one.
        remote_addr: Address and port of the client, or of the proxy before the server.
        request_uri: The whole URL of the request line; empty for a call by another plugin.
        user_id: The signed-in user, as the server has checked it; empty if nobody is signed in.
        plugin_id: The plugin that makes the call; empty if it comes from a client.
        context: The call's context.
        default_metrics: What the bridge has counted, in Prometheus' text format (ServeMetrics only).
    """

    def __init__(self, call: HTTPCall) -> None:
        wire = call.request
        self.method = wire.method or "GET"  # Go takes no method for GET
        self.url = wire.url or ""
        self.proto = wire.proto
        self.host = wire.host
        self.remote_addr = wire.remote_addr
        self.request_uri = wire.request_uri
        self.context = call.context or Context()
        self.default_metrics = call.metrics
        self._received = wire.header
        # The server removes both from what a client sends; no other spelling of theirs is taken for them.
        self.user_id = _first(wire.header, "Mattermost-User-Id")
        self.plugin_id = _first(wire.header, "Mattermost-Plugin-Id")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.method} {self.url}>"

    @cached_property
    def headers(self) -> Headers:
        """The headers; the host is not among them."""
        return Headers.received(self._received)

    @cached_property
    def _parts(self) -> tuple[str, str]:
        """The escaped path and the query."""
        url = self.url
        if not url.startswith(("/", "?")) and "//" in url:
            split = urlsplit(url)
            return split.path, split.query
        path, _, query = url.partition("#")[0].partition("?")
        return path, query

    @cached_property
    def path(self) -> str:
        """The decoded path, without the plugin's prefix."""
        path = self._parts[0]
        return unquote(path) if "%" in path else path

    @property
    def raw_query(self) -> str:
        """The query as it stands in the URL, without the question mark."""
        return self._parts[1]

    @cached_property
    def query(self) -> dict[str, list[str]]:
        """The decoded parameters of the query, each with its values."""
        return parse_qs(self.raw_query, keep_blank_values=True)

    @cached_property
    def content_length(self) -> int | None:
        """The length of the body, if the client has told it."""
        text = _first(self._received, "Content-Length")
        return int(text) if text.isascii() and text.isdigit() else None

    @cached_property
    def root_path(self) -> str:
        """What stands before `path` in the client's URL: `/plugins/<id>`, after the path that the site has."""
        whole = unquote(self.request_uri.partition("?")[0])
        if self.path and whole.endswith(self.path) and len(whole) > len(self.path):
            return whole[: -len(self.path)].rstrip("/")
        runtime = _runtime.current
        prefix = f"/plugins/{runtime.config.plugin_id}" if runtime is not None else ""
        return whole if prefix and whole.endswith(prefix) else prefix


class HTTPRequest(BaseRequest):
    """An HTTP request, for `def` handlers; its body is read as it comes."""

    def __init__(self, call: HTTPCall, channel: BlockingChannel) -> None:
        super().__init__(call)
        self._channel = channel

    @cached_property
    def body(self) -> RequestBody:
        """The body, to be read in pieces."""
        from .body import RequestBody  # most requests have none

        return RequestBody(self._channel, Demand(self.content_length, reads_on=True))

    @property
    def disconnected(self) -> bool:
        """Whether the client has left, as far as is known now."""
        self._channel.poll()
        return self._channel.gone

    def read(self, size: int = -1) -> bytes:
        """Return `size` bytes of the body, fewer only at its end; all of the rest without a size."""
        if size < 0:
            return self.body.readall()
        return self.body.exactly(size)

    def text(self) -> str:
        """Return the body as text (UTF-8; other bytes become U+FFFD)."""
        return self.read().decode("utf-8", "replace")

    def json(self) -> Any:
        """Return the body's JSON value.

        Raises:
            ValueError: The body is not JSON.
        """
        return json.loads(self.read())


class AsyncHTTPRequest(BaseRequest):
    """An HTTP request, for `async def` handlers; its body is read as it comes."""

    def __init__(self, call: HTTPCall, channel: AsyncChannel) -> None:
        super().__init__(call)
        self._channel = channel

    @cached_property
    def body(self) -> AsyncRequestBody:
        """The body, to be read in pieces."""
        from .async_body import AsyncRequestBody  # most requests have none

        return AsyncRequestBody(self._channel, Demand(self.content_length, reads_on=True))

    @property
    def disconnected(self) -> bool:
        """Whether the client has left, as far as is known now."""
        return self._channel.gone

    async def read(self, size: int = -1) -> bytes:
        """Return `size` bytes of the body, fewer only at its end; all of the rest without a size."""
        if size < 0:
            return await self.body.read()
        return await self.body.exactly(size)

    async def text(self) -> str:
        """Return the body as text (UTF-8; other bytes become U+FFFD)."""
        return (await self.read()).decode("utf-8", "replace")

    async def json(self) -> Any:
        """Return the body's JSON value.

        Raises:
            ValueError: The body is not JSON.
        """
        return json.loads(await self.read())


def _first(header: dict[str, list[str]], name: str) -> str:
    values = header.get(name)
    return values[0] if values else ""
