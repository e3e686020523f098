"""How the worker process was started: what the bridge passes in the environment."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping

import msgspec

_LEVELS = {
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARN": logging.WARNING,
    "WARNING": logging.WARNING,
    "ERROR": logging.ERROR,
    "CRITICAL": logging.CRITICAL,
}


class WorkerInfo(msgspec.Struct, frozen=True):
    """Which of a plugin's worker processes this is.

    Attributes:
        index: The worker's number, from 0.
        count: How many workers the plugin has.
    """

    index: int = 0
    count: int = 1


class RuntimeConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What the bridge tells the worker in its environment.

    Attributes:
        plugin_id: The plugin's id, from its manifest.
        plugin_path: The absolute path of the unpacked bundle.
        entry_point: The file or module that holds the plugin's class.
        socket_path: The bridge's socket.
        log_level: The lowest level that is sent to the server's log.
        worker: Which of the plugin's workers this process is.
    """

    plugin_id: str = ""
    plugin_path: str = ""
    entry_point: str = ""
    socket_path: str = ""
    log_level: str = "INFO"
    worker: WorkerInfo = WorkerInfo()

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> RuntimeConfig:
        """Read the configuration from the environment."""
        env = os.environ if environ is None else environ
        return cls(
            plugin_id=env.get("MATTERMOST_PLUGIN_ID", ""),
            plugin_path=env.get("MATTERMOST_PLUGIN_PATH", ""),
            entry_point=env.get("MATTERMOST_PLUGIN_ENTRY_POINT", ""),
            socket_path=env.get("MATTERMOST_PLUGIN_WORKER_SOCKET", ""),
            log_level=env.get("MATTERMOST_PLUGIN_LOG_LEVEL", "").upper() or "INFO",
            worker=WorkerInfo(
                index=_number(env.get("MATTERMOST_PLUGIN_WORKER_INDEX", ""), 0),
                count=_number(env.get("MATTERMOST_PLUGIN_WORKERS", ""), 1),
            ),
        )

    @property
    def logging_level(self) -> int:
        """The level as `logging` counts it; INFO if the name is unknown."""
        return _LEVELS.get(self.log_level, logging.INFO)


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdigit() else otherwise


def load_runtime_config() -> RuntimeConfig:
    """Return the configuration of this process."""
    return RuntimeConfig.from_env()
