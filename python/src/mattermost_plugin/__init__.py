"""Write Mattermost server plugins in Python.

from mattermost_plugin import HookName, Plugin, hook


class Greeter(Plugin):
    @hook(HookName.MessageHasBeenPosted)
    def greet(self, context, post):
        self.logger.info("a post by %s", post.user_id)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._errors import (
    AlreadyExistsError,
    InvalidArgumentError,
    MethodNotAvailableError,
    NotFoundError,
    PermissionDeniedError,
    PluginAPIError,
    UnavailableError,
    ValidationError,
)
from ._gen.hooks import DISMISS_POST_ERROR, HookName
from ._hooks import HookRegistrationError, hook
from ._plugin import Plugin
from ._runtime_config import RuntimeConfig, WorkerInfo, load_runtime_config
from ._version import VERSION as __version__  # noqa: N811

if TYPE_CHECKING:
    from ._gen.models.commands import Command, CommandResponse
    from ._gen.models.posts import Post
    from ._runner import run_plugin
    from .async_client import AsyncPluginAPIClient
    from .client import PluginAPIClient

__all__ = [
    "DISMISS_POST_ERROR",
    "AlreadyExistsError",
    "AsyncPluginAPIClient",
    "Command",
    "CommandResponse",
    "HookName",
    "HookRegistrationError",
    "InvalidArgumentError",
    "MethodNotAvailableError",
    "NotFoundError",
    "PermissionDeniedError",
    "Plugin",
    "PluginAPIClient",
    "PluginAPIError",
    "Post",
    "RuntimeConfig",
    "UnavailableError",
    "ValidationError",
    "WorkerInfo",
    "__version__",
    "hook",
    "load_runtime_config",
    "run_plugin",
]

_LAZY = {
    "AsyncPluginAPIClient": "async_client",
    "Command": "models",
    "CommandResponse": "models",
    "PluginAPIClient": "client",
    "Post": "models",
    "run_plugin": "server",
}
"""Names whose modules are loaded when they are first used, which keeps `import mattermost_plugin` short."""


def __getattr__(name: str) -> Any:
    from ._lazy import load

    return load(__name__, _LAZY, name)


def __dir__() -> list[str]:
    return __all__
