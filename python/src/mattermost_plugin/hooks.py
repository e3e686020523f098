"""Hooks: their names and the decorator for handlers."""

from __future__ import annotations

from ._gen.hooks import DISMISS_POST_ERROR, HookName
from ._hooks import (
    HOOK_MARKER_ATTR,
    VALID_HOOK_NAMES,
    HookRegistrationError,
    get_hook_name,
    hook,
    is_hook_handler,
)

__all__ = [
    "DISMISS_POST_ERROR",
    "HOOK_MARKER_ATTR",
    "VALID_HOOK_NAMES",
    "HookName",
    "HookRegistrationError",
    "get_hook_name",
    "hook",
    "is_hook_handler",
]
