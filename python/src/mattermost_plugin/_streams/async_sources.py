"""The same for tasks: what could block is read in a thread."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator, AsyncIterable, Iterator

from .channel import Piece
from .sources import StreamSource, check, is_bytes, pieces

AsyncStreamSource = StreamSource | AsyncIterable[bytes]
"""What `StreamSource` is, or an asynchronous iterable of bytes."""


async def async_pieces(source: AsyncStreamSource) -> AsyncGenerator[bytes, None]:
    """Return a source in pieces that do not change any more."""
    if isinstance(source, AsyncIterable):
        # Each piece by itself: the source may wait for an answer to what it has given before it gives more.
        try:
            async for piece in source:
                data = check(piece)
                if len(data):
                    yield _frozen(data)
        finally:
            if isinstance(source, AsyncGenerator):
                await source.aclose()
        return
    parts = pieces(source)
    if is_bytes(source) or isinstance(source, (list, tuple, io.BytesIO)):
        for part in parts:
            yield _frozen(part)
        return

    while part := await asyncio.to_thread(_step, parts):
        yield part


def _step(parts: Iterator[Piece]) -> bytes:
    """Return the next piece, which is never empty, or nothing at the end."""
    for part in parts:
        if len(part):
            return _frozen(part)
    return b""


def _frozen(piece: Piece) -> bytes:
    return piece if isinstance(piece, bytes) else bytes(piece)
