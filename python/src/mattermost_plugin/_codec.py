"""How Python values become msgpack: one encoder for everything that leaves the worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ._errors import ValidationError
from ._frames import HEADER, HEADER_SIZE, MAX_PAYLOAD

SHRINK_ABOVE = 1024 * 1024
"""Buffers that a large frame made longer than this are given back after it."""


def encode_other(value: Any) -> Any:
    """Turn a value that msgpack has no form for into one that has: subclasses of the built-in types, mappings."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, Mapping):
        return dict[Any, Any](value)  # pyright: ignore[reportUnknownArgumentType]  # any mapping will do
    raise TypeError(f"a value of type {type(value).__name__} cannot be sent to Mattermost")


ENCODER = msgspec.msgpack.Encoder(enc_hook=encode_other)


def explain(error: Exception) -> str:
    """Say in one sentence why a value could not be encoded."""
    if isinstance(error, UnicodeEncodeError):
        return f"a string holds a lone surrogate (position {error.start}) and is not valid Unicode text"
    if isinstance(error, OverflowError):
        return "an integer does not fit into 64 bits"
    if isinstance(error, RecursionError):
        return "a value is nested too deeply, or contains itself"
    return str(error) or type(error).__name__


ENCODE_ERRORS = (TypeError, ValueError, OverflowError, RecursionError)
"""What msgspec raises for values that it cannot encode; UnicodeEncodeError is a ValueError."""


def encode_frame(out: bytearray, value: object, kind: int, method: int, ident: int, flags: int = 0) -> None:
    """Write one whole frame into `out`, replacing what it held.

    Raises:
        ValidationError: The value cannot be sent. `out` then holds nothing useful.
    """
    try:
        ENCODER.encode_into(value, out, HEADER_SIZE)
    except ENCODE_ERRORS as error:
        raise ValidationError(explain(error)) from error
    length = len(out) - HEADER_SIZE
    if length > MAX_PAYLOAD:
        raise ValidationError(f"{length} bytes are too many for one call or answer; at most {MAX_PAYLOAD} can be sent")
    HEADER.pack_into(out, 0, length, kind, flags, method, ident)


def frame(value: object, kind: int, method: int, ident: int, flags: int = 0) -> bytearray:
    """Return one whole frame."""
    out = bytearray()
    encode_frame(out, value, kind, method, ident, flags)
    return out
