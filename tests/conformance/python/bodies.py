"""Bodies: what the host's files say is sent, and what was received."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, TypeAlias

Told: TypeAlias = dict[str, Any]


class Digest:
    """How many bytes came, and their hash."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._size = 0

    def add(self, data: bytes) -> None:
        """Count a piece."""
        self._hash.update(data)
        self._size += len(data)

    def told(self) -> Told:
        """Return it as the host reads it."""
        return {"size": self._size, "sha256": self._hash.hexdigest()}


def chunks(body: Told | None) -> Iterator[tuple[bytes, bool]]:
    """Return each piece of a body, and whether it is to be flushed."""
    if body is None:
        return
    with open(body["path"], "rb") as file:
        for chunk in body["chunks"] or ():
            yield file.read(chunk["size"]), chunk.get("flush", False)


def source(body: Told) -> Iterator[bytes]:
    """Return a body as the SDK takes it; one that is to be broken off raises behind its pieces."""
    for data, _ in chunks(body):
        yield data
    if "broken" in body:
        raise RuntimeError(body["broken"])
