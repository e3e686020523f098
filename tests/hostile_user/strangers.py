"""What a process of the plugin's own user that is not its worker tells the worker link."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

HELLO = 0x01
REFUSED = 0x03
LOG = 0x06
HEADER = struct.Struct("<IBBHI")
"""Length, kind, flags, method, id: docs/reference/frames.md."""

TOKEN_LENGTH = 64

HUNG_UP = "hung up"
"""What `say` returns if there was no answer."""


def hello(token: str, role: str = "control", schema: str = "unknown") -> bytes:
    """Return the frame with which a connection begins."""
    return frame(HELLO, _map({"protocol": 2, "schema": schema, "token": token, "role": role, "sdk": "stranger"}))


def frame(kind: int, payload: bytes) -> bytes:
    """Return a frame."""
    return HEADER.pack(len(payload), kind, 0, 0, 0) + payload


def say(path: Path, said: bytes) -> str:
    """Connect, say something, and return what is answered until the bridge hangs up."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(10)
        connection.connect(str(path))
        try:
            connection.sendall(said)
        except BrokenPipeError:
            return HUNG_UP
        answer = _read_to_end(connection)
    if not answer:
        return HUNG_UP
    length, kind, *_ = HEADER.unpack_from(answer)
    payload = answer[HEADER.size :]
    if kind != REFUSED or length != len(payload):
        return f"a frame of kind {kind:#04x}: {payload!r}"
    return "refused: " + "".join(c if c.isprintable() else " " for c in payload.decode(errors="ignore"))


def _read_to_end(connection: socket.socket) -> bytes:
    answer = b""
    while True:
        try:
            part = connection.recv(65_536)
        except ConnectionResetError:
            return answer  # it hung up on something that it had not read
        if not part:
            return answer
        answer += part


def _map(values: dict[str, str | int]) -> bytes:
    """Encode a small map as msgpack."""
    encoded = bytes([0x80 | len(values)])
    for key, value in values.items():
        encoded += _text(key) + (bytes([value]) if isinstance(value, int) else _text(value))
    return encoded


def _text(value: str) -> bytes:
    data = value.encode()
    return bytes([0xD9, len(data)]) + data
