"""The opening handshake of a WebSocket, RFC 6455 section 4.2."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .._http.request import AsyncHTTPRequest

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class BadHandshakeError(Exception):
    """A client's handshake is not valid.

    Attributes:
        status: The status that says so: 426 if only the version is wrong, else 400.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def is_websocket(request: AsyncHTTPRequest) -> bool:
    """Return whether a request asks for a WebSocket."""
    if "Upgrade" not in request.headers:  # most requests are told by this alone
        return False
    return "websocket" in _tokens(request, "Upgrade") and "upgrade" in _tokens(request, "Connection")


class Handshake:
    """A client's valid handshake.

    Attributes:
        subprotocols: The protocols that the client speaks, the one it likes best first.
        extensions: The extensions that it offers, each with its parameters.

    Raises:
        BadHandshakeError: It is not valid.
    """

    def __init__(self, request: AsyncHTTPRequest) -> None:
        headers = request.headers
        if request.method != "GET" or request.proto == "HTTP/1.0":
            raise BadHandshakeError(400, "a WebSocket begins with a GET request of HTTP/1.1")
        versions, keys = headers.get_all("Sec-WebSocket-Version"), headers.get_all("Sec-WebSocket-Key")
        if [version.strip() for version in versions] != ["13"]:
            raise BadHandshakeError(426, "the version of WebSocket must be 13")
        if len(keys) != 1 or not _is_key(keys[0].strip()):
            raise BadHandshakeError(400, "the header Sec-WebSocket-Key is not valid")
        self._key = keys[0].strip()
        self.subprotocols = _items(request, "Sec-WebSocket-Protocol")
        self.extensions = _items(request, "Sec-WebSocket-Extensions")

    @property
    def accept_token(self) -> str:
        """What proves to the client that its key was read."""
        digest = hashlib.sha1(self._key.encode("ascii") + _GUID, usedforsecurity=False).digest()
        return base64.b64encode(digest).decode("ascii")

    def answer(self, subprotocol: str | None, extensions: str, headers: list[tuple[bytes, bytes]]) -> bytes:
        """Return the response that opens the WebSocket, as bytes for the connection."""
        lines = [
            b"HTTP/1.1 101 Switching Protocols",
            b"Upgrade: websocket",
            b"Connection: Upgrade",
            b"Sec-WebSocket-Accept: " + self.accept_token.encode("ascii"),
        ]
        if subprotocol is not None:
            lines.append(b"Sec-WebSocket-Protocol: " + subprotocol.encode("ascii"))
        if extensions:
            lines.append(b"Sec-WebSocket-Extensions: " + extensions.encode("ascii"))
        lines += [name + b": " + value for name, value in headers]
        return b"\r\n".join(lines) + b"\r\n\r\n"


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False


def _items(request: AsyncHTTPRequest, name: str) -> list[str]:
    """Return the items of a list that may be spread over several headers."""
    text = ",".join(request.headers.get_all(name))
    return [item for item in (part.strip() for part in text.split(",")) if item]


def _tokens(request: AsyncHTTPRequest, name: str) -> set[str]:
    return {item.lower() for item in _items(request, name)}
