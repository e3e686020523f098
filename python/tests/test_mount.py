"""`Plugin.mount`: which interface an application speaks, and what is refused."""

from __future__ import annotations

import functools
import subprocess
import sys
from typing import Any

import django.core.handlers.asgi
import django.core.handlers.wsgi
import flask
import pytest

from mattermost_plugin import HookName, HookRegistrationError, Plugin, hook
from mattermost_plugin._bound_hook import bind_hooks
from mattermost_plugin._web.mount import detect_interface


async def asgi_function(scope: Any, receive: Any, send: Any) -> None: ...


def asgi_through_a_plain_function(scope: Any, receive: Any, send: Any) -> Any:
    return asgi_function(scope, receive, send)


def wsgi_function(environ: Any, start_response: Any) -> Any:
    return []


def wsgi_with_any_arguments(*args: Any) -> Any:
    return []


class AsgiObject:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


class WsgiObject:
    def __call__(self, environ: Any, start_response: Any) -> Any:
        return []

    def method(self, environ: Any, start_response: Any) -> Any:
        return []

    async def async_method(self, scope: Any, receive: Any, send: Any) -> None: ...


async def asgi_with_more(extra: Any, scope: Any, receive: Any, send: Any) -> None: ...


@pytest.mark.parametrize(
    ("app", "interface"),
    [
        (asgi_function, "asgi"),
        (asgi_through_a_plain_function, "asgi"),
        (functools.partial(asgi_with_more, 1), "asgi"),
        (functools.partial(functools.partial(asgi_function)), "asgi"),
        (AsgiObject(), "asgi"),
        (WsgiObject().async_method, "asgi"),
        (object.__new__(django.core.handlers.asgi.ASGIHandler), "asgi"),
        (wsgi_function, "wsgi"),
        (wsgi_with_any_arguments, "wsgi"),
        (functools.partial(wsgi_function), "wsgi"),
        (WsgiObject(), "wsgi"),
        (WsgiObject().method, "wsgi"),
        (flask.Flask("app"), "wsgi"),
        (object.__new__(django.core.handlers.wsgi.WSGIHandler), "wsgi"),
    ],
)
def test_the_interface_is_recognised(app, interface):
    assert detect_interface(app) == interface


class Mounting(Plugin):
    """A plugin that mounts what it is given."""

    def __init__(self, app: Any, interface: Any = "auto") -> None:
        self.mount(app, interface=interface)


@pytest.mark.parametrize(
    ("app", "interface", "error"),
    [
        ("app:app", "auto", "a str cannot be called"),
        (None, "auto", "a NoneType cannot be called"),
        (AsgiObject, "auto", "AsgiObject is a class; pass an instance of it"),
        (lambda scope: None, "auto", "speaks ASGI 2"),
        (lambda: None, "auto", "neither ASGI's three arguments"),
        (lambda a, b, c, d: None, "auto", "neither ASGI's three arguments"),
        (wsgi_function, "http", 'interface must be "auto", "asgi" or "wsgi", not \'http\''),
    ],
)
def test_what_is_no_application_is_refused(app, interface, error):
    with pytest.raises(TypeError, match=error):
        Mounting(app, interface)


def test_the_interface_may_be_named():
    assert bind_hooks(Mounting(wsgi_with_any_arguments, "asgi"))[handler_id()].mode == "async"
    assert bind_hooks(Mounting(wsgi_with_any_arguments, "wsgi"))[handler_id()].mode == "sync"


def handler_id() -> int:
    from mattermost_plugin._gen.hooks import HOOKS

    return HOOKS["ServeHTTP"].ident


def test_asgi_is_the_async_handler_and_wsgi_the_sync_one():
    assert bind_hooks(Mounting(asgi_function))[handler_id()].mode == "async"
    assert bind_hooks(Mounting(wsgi_function))[handler_id()].mode == "sync"


def test_only_one_application_can_be_mounted():
    plugin = Mounting(wsgi_function)
    with pytest.raises(HookRegistrationError, match="has an application mounted already"):
        plugin.mount(asgi_function)


def test_a_handler_of_the_plugins_own_is_not_replaced():
    class Both(Plugin):
        def __init__(self) -> None:
            self.mount(wsgi_function)

        @hook(HookName.ServeHTTP)
        def serve(self, context, response, request): ...

    with pytest.raises(HookRegistrationError, match="Both has a handler of ServeHTTP"):
        Both()


def test_a_plugin_that_runs_cannot_mount():
    plugin = Mounting.__new__(Mounting)
    plugin._started = True
    with pytest.raises(RuntimeError, match="Mounting runs already; call mount"):
        plugin.mount(wsgi_function)


def test_two_plugin_objects_do_not_share_their_applications():
    assert (
        bind_hooks(Mounting(wsgi_function))[handler_id()].handler
        != bind_hooks(Mounting(wsgi_function))[handler_id()].handler
    )


def test_wsgi_does_without_asyncio():
    source = """
import sys
from mattermost_plugin import Plugin
class P(Plugin):
    def __init__(self):
        self.mount(lambda environ, start_response: [])
P()
assert "asyncio" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", source], check=True, timeout=60)
