"""Names of facades whose modules are loaded when they are first used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import Any


def load(facade: str, modules: Mapping[str, str], name: str) -> Any:
    """Return what a facade's name stands for, and keep it there.

    Raises:
        AttributeError: The facade has no such name.
    """
    module = modules.get(name)
    if module is None:
        raise AttributeError(f"module {facade!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{module}", __package__), name)
    setattr(sys.modules[facade], name, value)
    return value
