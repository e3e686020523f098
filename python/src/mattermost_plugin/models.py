"""Mattermost's data: one class per type, loaded when it is first used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._gen import models as _models

if TYPE_CHECKING:
    from ._gen.models import *

__all__: list[str] = []
__all__ += _models.__all__


def __getattr__(name: str) -> Any:
    return getattr(_models, name)


def __dir__() -> list[str]:
    return __all__
