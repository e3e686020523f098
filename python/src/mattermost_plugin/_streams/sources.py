"""What an API method with a stream can be given: bytes, a file, or pieces as they come."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import BinaryIO, cast

from .._frames import MAX_DATA
from .channel import Piece, plain_view

StreamSource = bytes | bytearray | memoryview | os.PathLike[str] | BinaryIO | Iterable[bytes]
"""Bytes, the path of a file (not as str), a binary file object, or an iterable of bytes."""

_READ = 256 * 1024
"""How much of a file is read in one go."""


def is_bytes(source: object) -> bool:
    """Return whether a source is there as a whole."""
    return isinstance(source, (bytes, bytearray, memoryview))


def pieces(source: StreamSource) -> Iterator[Piece]:
    """Return a source in pieces that are worth a frame; what was opened for it is closed at the end."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return iter((plain_view(source),))
    if isinstance(source, os.PathLike):
        return _opened(source)
    if isinstance(source, str):
        raise TypeError("a str is no stream: pass bytes, or pathlib.Path(...) for a file")
    read = getattr(source, "read", None)
    if callable(read):
        return _read(source)  # type: ignore[arg-type]  # it has what is used of a file
    return gathered(source)


def _opened(path: os.PathLike[str]) -> Iterator[Piece]:
    with open(path, "rb", buffering=0) as file:
        while data := file.read(_READ):
            yield data


def _read(file: BinaryIO) -> Iterator[Piece]:
    while data := file.read(_READ):
        yield check(data)


def gathered(source: Iterable[bytes]) -> Iterator[Piece]:
    """Return the pieces of an iterable, small ones joined."""
    small = bytearray()
    for piece in source:
        data = check(piece)
        if len(small) + len(data) < MAX_DATA:
            small += data
            continue
        if small:
            yield small
            small = bytearray()
        yield data
    if small:
        yield small


def check(piece: object) -> Piece:
    """Return a piece if it is bytes.

    Raises:
        TypeError: It is something else.
    """
    if isinstance(piece, bytes):
        return piece
    if isinstance(piece, bytearray):
        return piece
    if isinstance(piece, memoryview):
        return plain_view(cast("memoryview", piece))
    raise TypeError(f"a stream gave {type(piece).__name__} where bytes are wanted")
