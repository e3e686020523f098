"""Mounting an ASGI or WSGI application on a plugin's URL."""

# `Plugin.mount` is here only to keep that class short; what is private there is meant for this.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, Literal

from .._hooks import HookRegistrationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._plugin import Plugin

Interface = Literal["auto", "asgi", "wsgi"]

_HOOK = "ServeHTTP"


def mount(plugin: Plugin, app: Callable[..., Any], interface: Interface = "auto") -> None:
    """Let an application serve every request for a plugin's URL.

    Args:
        plugin: The plugin, while it is created.
        app: The application.
        interface: What it speaks; by default it is looked at.

    Raises:
        HookRegistrationError: The plugin handles ServeHTTP itself, or another application is mounted.
        RuntimeError: The plugin runs already.
        TypeError: The application is none, or speaks neither interface.
    """
    wanted = _checked_interface(app, interface)
    _check_plugin(plugin)
    if wanted == "asgi":
        from .asgi import AsgiHandler  # loads asyncio, which WSGI does without

        handler = AsgiHandler(app, plugin, plugin.get_hook_handler("OnDeactivate"))
        # Without OnDeactivate, because the server is gone say, the shutdown still runs before the worker ends.
        plugin._startup, plugin._shutdown = handler.startup, handler.stop
        plugin._instance_handlers[_HOOK] = handler.serve
        plugin._instance_handlers["OnDeactivate"] = handler.deactivate
    else:
        from .wsgi import WsgiHandler  # not needed by others

        plugin._instance_handlers[_HOOK] = WsgiHandler(app, plugin).serve


def _check_plugin(plugin: Plugin) -> None:
    name = type(plugin).__name__
    if plugin._started:
        raise RuntimeError(f"{name} runs already; call mount() in its __init__")
    if _HOOK in plugin._instance_handlers:
        raise HookRegistrationError(f"{name} has an application mounted already, and a plugin has one URL")
    if plugin.has_hook(_HOOK):
        raise HookRegistrationError(f"{name} has a handler of {_HOOK}, which mount() would replace; keep one of them")


def _checked_interface(app: object, interface: Interface) -> Literal["asgi", "wsgi"]:
    if inspect.isclass(app):
        raise TypeError(f"mount() takes an application, and {app.__name__} is a class; pass an instance of it")
    if not callable(app):
        raise TypeError(f"mount() takes an ASGI or WSGI application, and a {type(app).__name__} cannot be called")
    if interface == "auto":
        return detect_interface(app)
    if interface in ("asgi", "wsgi"):
        return interface
    raise TypeError(f'interface must be "auto", "asgi" or "wsgi", not {interface!r}')


def detect_interface(app: Callable[..., Any]) -> Literal["asgi", "wsgi"]:
    """Return which interface an application speaks.

    ASGI 3 is a coroutine function, or something that must be called with three arguments; WSGI takes two.

    Raises:
        TypeError: It takes neither.
    """
    function = app
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None)):  # noqa: B004
        return "asgi"
    if _takes(app, 2):
        return "wsgi"
    if _takes(app, 3):
        return "asgi"
    if _takes(app, 1):
        raise TypeError("the application speaks ASGI 2; wrap it in asgiref.compatibility.guarantee_single_callable")
    raise TypeError("the application takes neither ASGI's three arguments (scope, receive, send) nor WSGI's two")


def _takes(app: Callable[..., Any], count: int) -> bool:
    try:
        signature = inspect.signature(app)
    except (TypeError, ValueError):  # built-in and compiled callables may have none
        return count == 2
    try:
        signature.bind(*[None] * count)
    except TypeError:
        return False
    return True
