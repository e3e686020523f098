"""The earlier SDK's place for the data classes; new code imports from `mattermost_plugin.models`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._gen import models as _models

if TYPE_CHECKING:
    from .._gen.models import *

__all__: list[str] = []
__all__ += _models.__all__


def __getattr__(name: str) -> Any:
    return getattr(_models, name)


def __dir__() -> list[str]:
    return __all__
