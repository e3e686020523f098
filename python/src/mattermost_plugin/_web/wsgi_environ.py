"""The environ dictionary of PEP 3333."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from .gateway import client_address, is_secure, server_address
from .wsgi_files import ErrorLog, FileWrapper

if TYPE_CHECKING:
    from .._http.request import HTTPRequest
    from .._plugin import Plugin

_BUFFER = 64 * 1024

_WITHOUT_PREFIX = {"Content-Type": "CONTENT_TYPE", "Content-Length": "CONTENT_LENGTH"}

_DROPPED = frozenset({"Host", "Proxy"})
"""The host comes from the request itself; HTTP_PROXY would be taken for an environment variable (CVE-2016-5385)."""


def build_environ(request: HTTPRequest, plugin: Plugin) -> dict[str, Any]:
    """Return the environ of a request."""
    secure = is_secure(request)
    name, port = server_address(request, secure=secure)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method.upper(),
        "SCRIPT_NAME": _native(request.root_path),
        "PATH_INFO": _native(request.path),
        "QUERY_STRING": _native(request.raw_query),
        "REQUEST_URI": _native(request.request_uri),
        "SERVER_NAME": name,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": request.proto or "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https" if secure else "http",
        "wsgi.input": io.BufferedReader(request.body, _BUFFER),
        # The body ends where the request does, also if it has no Content-Length.
        "wsgi.input_terminated": True,
        "wsgi.errors": ErrorLog(plugin.logger),
        "wsgi.file_wrapper": FileWrapper,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "mattermost.user_id": request.user_id,
        "mattermost.plugin_id": request.plugin_id,
        "mattermost.context": request.context,
        "mattermost.plugin": plugin,
    }
    client = client_address(request)
    if client is not None:
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = client[0], str(client[1])
    if request.user_id:
        environ["REMOTE_USER"] = request.user_id
    _add_headers(environ, request)
    return environ


def _add_headers(environ: dict[str, Any], request: HTTPRequest) -> None:
    """Add the headers, repeated ones joined.

    A name with an underscore is left out: a client's Mattermost_User_Id would become the HTTP_MATTERMOST_USER_ID that
    the server's own header has.
    """
    if request.host:
        environ["HTTP_HOST"] = _native(request.host)
    for name in request.headers:
        if "_" in name or name in _DROPPED:
            continue
        separator = "; " if name == "Cookie" else ","
        key = _WITHOUT_PREFIX.get(name) or f"HTTP_{name.upper().replace('-', '_')}"
        environ[key] = _native(separator.join(request.headers.get_all(name)))


def _native(text: str) -> str:
    """Return the bytes of a text as PEP 3333 writes them: as if they were Latin-1."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("latin-1")
