"""The frame protocol's numbers and header, as docs/reference/frames.md defines them."""

from __future__ import annotations

import struct
from typing import Final

PROTOCOL_VERSION: Final = 2

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
PING: Final = 0x09
PONG: Final = 0x0A
HOOK: Final = 0x10
HOOK_REPLY: Final = 0x11
HOOK_ERROR: Final = 0x12
API_CALL: Final = 0x18
API_REPLY: Final = 0x19
API_ERROR: Final = 0x1A
CANCEL: Final = 0x1F
DATA: Final = 0x20
CREDIT: Final = 0x21
END: Final = 0x22
HEAD: Final = 0x23
HIJACK: Final = 0x24
HIJACKED: Final = 0x25
DEADLINE: Final = 0x26

OF_API_CALL: Final = 0x01
"""Flag of CANCEL, DATA, CREDIT and END: the id is that of an API call, not of a hook."""

BODY: Final = 0x02
"""Flag of API_CALL: a stream follows."""

FLUSH: Final = 0x02
"""Flag of DATA: what was sent so far goes to the client at once."""

BUFFERED: Final = 0x04
"""Flag of DATA on a connection that was taken over: it goes through the server's buffer."""

MAX_DATA: Final = 64 * 1024
"""The most that one DATA frame to the bridge may hold."""

FIRST_CREDIT: Final = 128 * 1024
"""What may be sent of a stream to the bridge before its first CREDIT."""

WINDOW: Final = 256 * 1024
"""How much of a stream to the worker is kept under way, and where one is that needs no CREDIT to begin."""

STREAM_KINDS: Final = frozenset({DATA, CREDIT, END, HIJACKED})
"""Frames of streams that the bridge sends."""


class ProtocolError(Exception):
    """The bridge sent something that the frame protocol does not allow here."""


def check_length(length: int) -> None:
    """Refuse a payload that is longer than the protocol allows, before memory is set aside for it."""
    if length > MAX_PAYLOAD:
        raise ProtocolError(f"a frame announces {length} bytes; at most {MAX_PAYLOAD} are allowed")


def header(kind: int, payload_length: int = 0, *, flags: int = 0, method: int = 0, ident: int = 0) -> bytes:
    """Return the 12 bytes that come before a payload."""
    return HEADER.pack(payload_length, kind, flags, method, ident)


def stream_key(flags: int, ident: int) -> int:
    """Return one number for the hook or API call that a frame of a stream belongs to; their ids are separate."""
    return ident | (flags & OF_API_CALL) << 32
