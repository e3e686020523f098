"""The frame protocol's numbers and header, as docs/reference/frames.md defines them."""

from __future__ import annotations

import struct
from typing import Final

PROTOCOL_VERSION: Final = 1

HEADER: Final = struct.Struct("<IBBHI")
"""Payload length, kind, flags, method, id."""

HEADER_SIZE: Final = HEADER.size
MAX_PAYLOAD: Final = 256 * 1024 * 1024

HELLO: Final = 0x01
WELCOME: Final = 0x02
REFUSED: Final = 0x03
READY: Final = 0x04
FAILED: Final = 0x05
LOG: Final = 0x06
OPEN: Final = 0x07
STOP: Final = 0x08
HOOK: Final = 0x10
HOOK_REPLY: Final = 0x11
HOOK_ERROR: Final = 0x12
API_CALL: Final = 0x18
API_REPLY: Final = 0x19
API_ERROR: Final = 0x1A
CANCEL: Final = 0x1F

CANCEL_API_CALL: Final = 0x01
"""Flag of CANCEL: the id is that of an API call, not of a hook."""


class ProtocolError(Exception):
    """The bridge sent something that the frame protocol does not allow here."""


def check_length(length: int) -> None:
    """Refuse a payload that is longer than the protocol allows, before memory is set aside for it."""
    if length > MAX_PAYLOAD:
        raise ProtocolError(f"a frame announces {length} bytes; at most {MAX_PAYLOAD} are allowed")


def header(kind: int, payload_length: int = 0, *, flags: int = 0, method: int = 0, ident: int = 0) -> bytes:
    """Return the 12 bytes that come before a payload."""
    return HEADER.pack(payload_length, kind, flags, method, ident)
