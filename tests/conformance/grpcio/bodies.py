"""Bytes that are sent in pieces, and bytes that are counted and hashed as they come."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any


def chunks(body: dict[str, Any] | None) -> Iterator[tuple[bytes, bool]]:
    """Yields the pieces of a body, and whether the client shall have them at once."""
    if body is None or not body.get("chunks"):
        return
    with open(body["path"], "rb") as file:
        for chunk in body["chunks"]:
            yield file.read(chunk["size"]), chunk.get("flush", False)


class Digest:
    """What was received."""

    def __init__(self) -> None:
        self._size = 0
        self._hash = hashlib.sha256()

    def add(self, data: bytes) -> None:
        """Counts a piece in."""
        self._size += len(data)
        self._hash.update(data)

    def tree(self) -> dict[str, Any]:
        """Returns the form in which the host wants to hear of it."""
        return {"size": self._size, "sha256": self._hash.hexdigest()}
