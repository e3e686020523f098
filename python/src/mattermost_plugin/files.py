"""Files: what handlers of FileWillBeUploaded are called with, and what API methods that take a stream can be given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._errors import ClientDisconnectedError
from ._lazy import load

if TYPE_CHECKING:
    from ._async_http_body import AsyncUploadedFile
    from ._async_http_output import AsyncReplacementFile
    from ._async_sources import AsyncStreamSource
    from ._http_body import UploadedFile
    from ._http_output import ReplacementFile
    from ._sources import StreamSource

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
    "AsyncReplacementFile": "_async_http_output",
    "AsyncStreamSource": "_async_sources",
    "AsyncUploadedFile": "_async_http_body",
    "ReplacementFile": "_http_output",
    "StreamSource": "_sources",
    "UploadedFile": "_http_body",
}


def __getattr__(name: str) -> Any:
    return load(__name__, _LAZY, name)


def __dir__() -> list[str]:
    return __all__
