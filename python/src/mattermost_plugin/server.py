"""Running a plugin."""

from __future__ import annotations

from ._runner import run_plugin

__all__ = ["run_plugin"]
