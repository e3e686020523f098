"""HTTP: what handlers of ServeHTTP and ServeMetrics are called with, and what `plugin_http` returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._errors import ClientDisconnectedError
from ._http.headers import Headers
from ._lazy import load

if TYPE_CHECKING:
    from ._http.async_body import AsyncRequestBody
    from ._http.async_client import AsyncHTTPResponse
    from ._http.async_hijack import AsyncHijackedConnection
    from ._http.async_writer import AsyncHTTPResponseWriter
    from ._http.body import RequestBody
    from ._http.client import HTTPResponse
    from ._http.hijack import HijackedConnection
    from ._http.request import AsyncHTTPRequest, HTTPRequest
    from ._http.writer import HTTPResponseWriter

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
    "AsyncHTTPRequest": "_http.request",
    "AsyncHTTPResponse": "_http.async_client",
    "AsyncHTTPResponseWriter": "_http.async_writer",
    "AsyncHijackedConnection": "_http.async_hijack",
    "AsyncRequestBody": "_http.async_body",
    "HTTPRequest": "_http.request",
    "HTTPResponse": "_http.client",
    "HTTPResponseWriter": "_http.writer",
    "HijackedConnection": "_http.hijack",
    "RequestBody": "_http.body",
}
"""A plugin's annotations name a few of them; the rest is loaded when it is used."""


def __getattr__(name: str) -> Any:
    return load(__name__, _LAZY, name)


def __dir__() -> list[str]:
    return __all__
