"""The base class of plugins."""

from __future__ import annotations

from ._plugin import Plugin

__all__ = ["Plugin"]
