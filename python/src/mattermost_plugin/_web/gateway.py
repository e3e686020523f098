"""What ASGI and WSGI both say about a request, derived from what the server passes on."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .._http.headers import Headers
    from .._http.request import BaseRequest

_UNRESERVED = "/:@!$&'()*+,;=-._~"
"""What may stand in a path as it is: RFC 3986's `pchar`, and the slash."""


def is_secure(request: BaseRequest) -> bool:
    """Return whether the client speaks TLS.

    The server hands over no TLS state; behind a proxy, which is where TLS usually ends, X-Forwarded-Proto has it.
    """
    forwarded = request.headers.get("X-Forwarded-Proto")
    return forwarded is not None and forwarded.partition(",")[0].strip().lower() in ("https", "wss")


def client_address(request: BaseRequest) -> tuple[str, int] | None:
    """Return the address of the server's TCP peer, which is the proxy's if there is one."""
    host, port = _split_address(request.remote_addr)
    return (host, port or 0) if host else None


def server_address(request: BaseRequest, *, secure: bool) -> tuple[str, int]:
    """Return the name and port that the client asked for."""
    host, port = _split_address(request.host)
    return host or "localhost", port or (443 if secure else 80)


def _split_address(address: str) -> tuple[str, int | None]:
    """Split `host:port`, where an IPv6 host is in brackets and the port may be missing."""
    if address.startswith("["):
        host, _, rest = address[1:].partition("]")
        port = rest.removeprefix(":")
    else:
        host, _, port = address.partition(":")
    return host, int(port) if port.isascii() and port.isdecimal() and len(port) <= 5 else None


def http_version(request: BaseRequest) -> str:
    """Return `1.1` for `HTTP/1.1` and `2` for `HTTP/2.0`, as both interfaces want it."""
    version = request.proto.removeprefix("HTTP/") or "1.1"
    return version.removesuffix(".0") if version[:1] not in ("0", "1") else version


def raw_path(request: BaseRequest) -> bytes:
    """Return the whole path as the client has escaped it, `root_path` included.

    The server decodes the path before it takes the plugin's prefix away; only the request line still has the original.
    A call by another plugin has none, and is escaped anew.
    """
    path = request.root_path + request.path
    line = request.request_uri.partition("?")[0]
    if line.isascii() and unquote_to_bytes(line) == path.encode("utf-8", "surrogateescape"):
        return line.encode("ascii")
    return quote(path, safe=_UNRESERVED, errors="surrogateescape").encode("ascii")


def header_text(value: bytes) -> str:
    """Return a header's value as text that is UTF-8 again on the wire; Latin-1 is what older applications send."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def set_headers(target: Headers, pairs: Iterable[tuple[str, str]]) -> None:
    """Put an application's headers in place of the server's of the same name; its own may repeat."""
    seen: set[str] = set()
    for name, value in pairs:
        lower = name.lower()
        if lower in seen:
            target.add(name, value)
        else:
            target[name] = value
            seen.add(lower)
