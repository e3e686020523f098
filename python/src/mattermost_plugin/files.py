"""Files: what handlers of FileWillBeUploaded are called with, and what API methods that take a stream can be given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._errors import ClientDisconnectedError
from ._lazy import load

if TYPE_CHECKING:
    from ._http.async_body import AsyncUploadedFile
    from ._http.async_output import AsyncReplacementFile
    from ._http.body import UploadedFile
    from ._http.output import ReplacementFile
    from ._streams.async_sources import AsyncStreamSource
    from ._streams.sources import StreamSource

__all__ = [
    "AsyncReplacementFile",
    "AsyncStreamSource",
    "AsyncUploadedFile",
    "ClientDisconnectedError",
    "ReplacementFile",
    "StreamSource",
    "UploadedFile",
]

_LAZY = {
    "AsyncReplacementFile": "_http.async_output",
    "AsyncStreamSource": "_streams.async_sources",
    "AsyncUploadedFile": "_http.async_body",
    "ReplacementFile": "_http.output",
    "StreamSource": "_streams.sources",
    "UploadedFile": "_http.body",
}


def __getattr__(name: str) -> Any:
    return load(__name__, _LAZY, name)


def __dir__() -> list[str]:
    return __all__
