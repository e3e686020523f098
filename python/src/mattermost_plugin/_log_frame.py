"""A line of the log as a frame that is never too long."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

from ._codec import frame
from ._frames import LOG

MAX_LOG_FRAME = 64 * 1024
"""The most that one line of the log may take, header and all."""

_SHORTEST = 64
"""Characters that are left of a text when everything is too long; what is still too much then are the fields."""

_FEW_FIELDS = 128


def log_frame(level: str, message: str, fields: Mapping[str, str]) -> bytearray:
    """Return the frame of a line; of texts that are too long together the middles are left out."""
    encoded = frame((level, message, fields), LOG, 0, 0)
    limit = MAX_LOG_FRAME
    while len(encoded) > MAX_LOG_FRAME and limit > _SHORTEST:
        limit //= 2
        cut = {_cut(key, limit): _cut(text, limit) for key, text in fields.items()}
        encoded = frame((level, _cut(message, limit), cut), LOG, 0, 0)
    if len(encoded) > MAX_LOG_FRAME:
        few = {_cut(key, limit): _cut(text, limit) for key, text in islice(fields.items(), _FEW_FIELDS)}
        few["fields_left_out"] = str(len(fields) - len(few))
        encoded = frame((level, _cut(message, limit), few), LOG, 0, 0)
    return encoded


def _cut(text: str, limit: int) -> str:
    """Leave out the middle: a traceback says most at its beginning and at its end."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]} [... {len(text) - 2 * half} characters left out ...] {text[-half:]}"
