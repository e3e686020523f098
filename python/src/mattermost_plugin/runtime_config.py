"""How the plugin's process was started."""

from __future__ import annotations

from ._runtime_config import RuntimeConfig, WorkerInfo, load_runtime_config

__all__ = ["RuntimeConfig", "WorkerInfo", "load_runtime_config"]
