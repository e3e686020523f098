"""The exceptions of the SDK."""

from __future__ import annotations

from ._errors import (
    AlreadyExistsError,
    InvalidArgumentError,
    MethodNotAvailableError,
    NotFoundError,
    PermissionDeniedError,
    PluginAPIError,
    UnavailableError,
    ValidationError,
    convert_app_error,
)
from ._hooks import HookRegistrationError

__all__ = [
    "AlreadyExistsError",
    "HookRegistrationError",
    "InvalidArgumentError",
    "MethodNotAvailableError",
    "NotFoundError",
    "PermissionDeniedError",
    "PluginAPIError",
    "UnavailableError",
    "ValidationError",
    "convert_app_error",
]
