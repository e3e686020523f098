"""A hook joined with the plugin's handler for it, as both kinds of worker use it."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable
from typing import Any, Literal

import msgspec

from ._errors import ErrorFrame, PluginAPIError, describe, frame_from_exception
from ._failure import place
from ._gen.hooks import HOOKS
from ._hook_options import NO_OPTIONS, HookOptions, usual_duration
from ._hook_spec import HookSpec
from ._plugin import Plugin
from ._results import Adapter, adapter

Mode = Literal["sync", "async"]

_IS_COROUTINE = 0x80  # CO_COROUTINE, `inspect.CO_COROUTINE`


class HookFailure(msgspec.Struct, omit_defaults=True):
    """The payload of HOOK_ERROR."""

    message: str
    app: ErrorFrame | None = None


class BoundHook:
    """What is needed to answer one hook: its decoder, the handler, the adapter of what it returns."""

    __slots__ = ("adapt", "decode", "handler", "logger", "mode", "options", "patience", "spec")

    def __init__(
        self, spec: HookSpec, handler: Callable[..., Any], plugin: Plugin, options: HookOptions = NO_OPTIONS
    ) -> None:
        self.spec = spec
        self.handler = handler
        self.options = options
        self.patience = usual_duration(spec) if options.timeout is None else options.timeout
        """The seconds after which the handler is named in the log, if it still runs."""
        self.logger = plugin.logger
        self.mode: Mode = "async" if _is_async(handler) else "sync"
        self.decode: Callable[[Any], Any] = spec.decoder.decode
        if spec.stream in ("http", "metrics"):
            from ._http.request import HTTP_CALL  # few plugins need it

            self.decode = HTTP_CALL.decode
        self.adapt: Adapter = adapter(spec)

    def announcement(self) -> tuple[int, Mode] | tuple[int, Mode, dict[str, Any]]:
        """Return the hook's item in READY."""
        options = self.options.payload()
        return (self.spec.ident, self.mode, options) if options else (self.spec.ident, self.mode)

    def failure(self, error: BaseException, error_id: str = "") -> HookFailure:
        """Log what a handler raised, and return what is answered."""
        return failure(self.spec.name, error, self.logger, error_id)


def bind_hooks(plugin: Plugin) -> dict[int, BoundHook]:
    """Return the hooks that a plugin handles, by their number in frames."""
    hooks: dict[int, BoundHook] = {}
    own = plugin._instance_handlers  # pyright: ignore[reportPrivateUsage]  # not a name for authors
    options = plugin._hook_options  # pyright: ignore[reportPrivateUsage]  # not a name for authors
    for name in sorted({*plugin.implemented_hooks(), *own}):
        handler = plugin.get_hook_handler(name)
        if handler is not None:
            hooks[HOOKS[name].ident] = BoundHook(HOOKS[name], handler, plugin, options(name))
    return hooks


def error_id() -> str:
    """Return a new id that joins what an HTTP client is told about an error with what is in the log."""
    return os.urandom(8).hex()


def failure(hook_name: str, error: BaseException, logger: logging.Logger, error_id: str = "") -> HookFailure:
    """Log what went wrong in a hook, with its traceback, and return the payload of HOOK_ERROR."""
    text = describe(error)
    where, app = "", None
    # Whatever the author's exceptions, logging handlers and files do here, the answer must go out all the same.
    with contextlib.suppress(Exception):
        file, line = place(error.__traceback__)
        where = f" ({file}, line {line})" if file else ""
    with contextlib.suppress(Exception):
        extra = {"hook": hook_name, "error_id": error_id} if error_id else {"hook": hook_name}
        logger.error("the handler of %s raised %s%s", hook_name, text, where, exc_info=error, extra=extra)
    with contextlib.suppress(Exception):
        app = frame_from_exception(error) if isinstance(error, PluginAPIError) and error.error_id else None
    # Why a plugin is not activated is read by administrators; other hooks' errors may be shown to users.
    return HookFailure(f"{text}{where}" if hook_name == "OnActivate" else text, app)


def _is_async(handler: Any) -> bool:
    """Return whether calling a handler gives a coroutine, also through decorators that keep `__wrapped__`."""
    function = getattr(handler, "__func__", handler)
    while function is not None:
        code = getattr(function, "__code__", None)
        if code is not None and code.co_flags & _IS_COROUTINE:
            return True
        function = getattr(function, "__wrapped__", None)
    return False
