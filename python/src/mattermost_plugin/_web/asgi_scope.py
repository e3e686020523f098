"""The scopes of ASGI connections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .gateway import client_address, http_version, is_secure, raw_path, server_address

if TYPE_CHECKING:
    from .._gen.models import Context
    from .._http.request import AsyncHTTPRequest
    from .._plugin import Plugin
    from .asgi_types import Scope

_ASGI_VERSION = "3.0"

_SPEC_VERSION = "2.4"
"""Since 2.4 `send` raises an OSError when the client has gone; 2.5 adds nothing that could be offered here."""


@dataclass(frozen=True)
class MattermostScope:
    """What Mattermost knows about a request: `scope["mattermost"]`.

    Attributes:
        user_id: The signed-in user, as the server has checked it; empty if nobody is signed in.
        plugin_id: The plugin that makes the request; empty if it comes from a client.
        context: The request's id, session and client as the server describes them.
        plugin: The plugin that serves the request.
    """

    user_id: str
    plugin_id: str
    context: Context
    plugin: Plugin


def http_scope(request: AsyncHTTPRequest, plugin: Plugin, state: Mapping[str, Any]) -> Scope:
    """Return the scope of an HTTP request."""
    scope = _common("http", ("http", "https"), request, plugin, state)
    scope["method"] = request.method.upper()
    return scope


def websocket_scope(
    request: AsyncHTTPRequest, plugin: Plugin, state: Mapping[str, Any], subprotocols: list[str]
) -> Scope:
    """Return the scope of a WebSocket."""
    scope = _common("websocket", ("ws", "wss"), request, plugin, state)
    scope["subprotocols"] = subprotocols
    scope["extensions"] = {"websocket.http.response": {}}
    return scope


def _common(
    kind: str, schemes: tuple[str, str], request: AsyncHTTPRequest, plugin: Plugin, state: Mapping[str, Any]
) -> Scope:
    secure = is_secure(request)
    root_path = request.root_path
    return {
        "type": kind,
        "asgi": {"version": _ASGI_VERSION, "spec_version": _SPEC_VERSION},
        "http_version": http_version(request),
        "scheme": schemes[secure],
        # `path` holds `root_path` too: what the specification, Starlette and Django want.
        "path": root_path + request.path,
        "raw_path": raw_path(request),
        "root_path": root_path,
        "query_string": request.raw_query.encode("utf-8"),
        "headers": _headers(request),
        "client": client_address(request),
        "server": server_address(request, secure=secure),
        # A copy, so that what one request adds is not seen by the next.
        "state": dict(state),
        "mattermost": MattermostScope(request.user_id, request.plugin_id, request.context, plugin),
    }


def _headers(request: AsyncHTTPRequest) -> list[tuple[bytes, bytes]]:
    """Return the headers as bytes, names in lower case, the host first: Go keeps it apart from the others."""
    headers = [(b"host", request.host.encode("utf-8"))] if request.host else []
    for name, value in request.headers.pairs():
        lower = name.lower()
        if lower != "host" and not _poses_as_mattermost(lower):
            # UTF-8 gives back the bytes that the client sent.
            headers.append((lower.encode("utf-8"), value.encode("utf-8")))
    return headers


def _poses_as_mattermost(name: str) -> bool:
    """Return whether a header would be taken for one of the server's by those who see `_` and `-` as the same.

    The server removes a client's Mattermost-User-Id, but not its Mattermost_User_Id.
    """
    return "_" in name and name.replace("_", "-").startswith("mattermost-")
