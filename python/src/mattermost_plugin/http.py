"""HTTP: what handlers of ServeHTTP and ServeMetrics are called with, and what `plugin_http` returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._errors import ClientDisconnectedError
from ._http_headers import Headers
from ._lazy import load

if TYPE_CHECKING:
    from ._async_http_body import AsyncRequestBody
    from ._async_http_client import AsyncHTTPResponse
    from ._async_http_hijack import AsyncHijackedConnection
    from ._async_http_writer import AsyncHTTPResponseWriter
    from ._http_body import RequestBody
    from ._http_client import HTTPResponse
    from ._http_hijack import HijackedConnection
    from ._http_request import AsyncHTTPRequest, HTTPRequest
    from ._http_writer import HTTPResponseWriter

__all__ = [
    "AsyncHTTPRequest",
    "AsyncHTTPResponse",
    "AsyncHTTPResponseWriter",
    "AsyncHijackedConnection",
    "AsyncRequestBody",
    "ClientDisconnectedError",
    "HTTPRequest",
    "HTTPResponse",
    "HTTPResponseWriter",
    "Headers",
    "HijackedConnection",
    "RequestBody",
]

_LAZY = {
    "AsyncHTTPRequest": "_http_request",
    "AsyncHTTPResponse": "_async_http_client",
    "AsyncHTTPResponseWriter": "_async_http_writer",
    "AsyncHijackedConnection": "_async_http_hijack",
    "AsyncRequestBody": "_async_http_body",
    "HTTPRequest": "_http_request",
    "HTTPResponse": "_http_client",
    "HTTPResponseWriter": "_http_writer",
    "HijackedConnection": "_http_hijack",
    "RequestBody": "_http_body",
}
"""A plugin's annotations name a few of them; the rest is loaded when it is used."""


def __getattr__(name: str) -> Any:
    return load(__name__, _LAZY, name)


def __dir__() -> list[str]:
    return __all__
