"""`hook`, `Plugin` and what a class body may look like."""

from __future__ import annotations

import functools
import logging
from typing import Any
from unittest.mock import MagicMock

import pytest

from mattermost_plugin import HookName, HookRegistrationError, Plugin, hook
from mattermost_plugin.hooks import VALID_HOOK_NAMES, get_hook_name, is_hook_handler


def test_all_forms_of_the_decorator() -> None:
    class Forms(Plugin):
        @hook(HookName.OnActivate)
        def a(self) -> None:
            """Doc."""

        @hook("OnDeactivate")
        async def b(self) -> None: ...

        @hook
        def OnConfigurationChange(self) -> None: ...

        @hook()
        def OnSendDailyTelemetry(self) -> None: ...

        def OnInstall(self, context: Any, event: Any) -> None:
            """Not decorated: no handler."""

    assert Forms.implemented_hooks() == ["OnActivate", "OnConfigurationChange", "OnDeactivate", "OnSendDailyTelemetry"]
    assert Forms.has_hook("OnActivate")
    assert not Forms.has_hook("OnInstall")
    assert Forms.a.__name__ == "a"
    assert Forms.a.__doc__ == "Doc."
    assert get_hook_name(Forms.a) == "OnActivate"
    assert is_hook_handler(Forms.b)
    assert not is_hook_handler(Forms.OnInstall)
    assert frozenset(HookName.__members__) == VALID_HOOK_NAMES


def test_an_unknown_hook_is_refused_where_it_is_named() -> None:
    with pytest.raises(
        HookRegistrationError, match=r"Unknown hook name: 'on_activate'; did you mean 'OnActivate'\?"
    ) as caught:

        class Wrong(Plugin):
            @hook
            def on_activate(self) -> None: ...

    assert caught.value.file == __file__
    assert caught.value.line > 0
    with pytest.raises(HookRegistrationError, match="Invalid hook name type: int"):
        hook(7)  # type: ignore[call-overload]


def test_two_handlers_of_one_class_for_one_hook() -> None:
    with pytest.raises(HookRegistrationError, match="Duplicate hook registration for 'OnActivate'"):

        class Twice(Plugin):
            @hook("OnActivate")
            def a(self) -> None: ...

            @hook("OnActivate")
            def b(self) -> None: ...


def test_subclasses_inherit_replace_and_override() -> None:
    class Base(Plugin):
        @hook("OnActivate")
        def start(self) -> str:
            return "base"

        @hook("OnDeactivate")
        def end(self) -> str:
            return "base"

    class Child(Base):
        @hook("OnActivate")
        def begin(self) -> str:
            return "child"

        def end(self) -> str:
            return "overridden " + super().end()

    assert Base().invoke_hook("OnActivate") == "base"
    assert Child().invoke_hook("OnActivate") == "child"
    assert Child().invoke_hook("OnDeactivate") == "overridden base"
    assert Child().invoke_hook("OnInstall") is None
    assert Child().get_hook_handler("OnInstall") is None
    assert Base.implemented_hooks() == Child.implemented_hooks()


def test_handlers_in_a_mixin_and_decorated_ones() -> None:
    def twice(function: Any) -> Any:
        @functools.wraps(function)
        def wrapper(*args: Any) -> Any:
            return function(*args) * 2

        return wrapper

    class Mixin:
        @hook("OnActivate")
        @twice
        def start(self) -> str:
            return "m"

        @hook("UserWillLogIn")
        @staticmethod
        def check(context: Any, user: Any) -> str:
            return "s"

    class Mixed(Mixin, Plugin):
        pass

    assert Mixed().invoke_hook("OnActivate") == "mm"
    assert Mixed().invoke_hook("UserWillLogIn", None, None) == "s"


@pytest.mark.parametrize(
    "parameters",
    ["", "self", "self, context", "self, context, post, more", "self, context, post, *, key", "self, *, context, post"],
)
def test_wrong_parameters(parameters: str) -> None:
    namespace: dict[str, Any] = {"Plugin": Plugin, "hook": hook}
    source = f"class A(Plugin):\n    @hook\n    def MessageHasBeenPosted({parameters}): pass\n"
    with pytest.raises(HookRegistrationError, match=r"expected: def MessageHasBeenPosted\(self, context, post\)"):
        exec(compile(source, "file.py", "exec"), namespace)


@pytest.mark.parametrize(
    "parameters",
    [
        "self, context, post",
        "self, c, p, more=1",
        "self, *args",
        "*args",
        "self, c, *rest, key=1, **more",
        "self, c, p, /",
    ],
)
def test_right_parameters(parameters: str) -> None:
    namespace: dict[str, Any] = {"Plugin": Plugin, "hook": hook}
    exec(f"class A(Plugin):\n    @hook\n    def MessageHasBeenPosted({parameters}): pass\n", namespace)
    namespace["A"]().invoke_hook("MessageHasBeenPosted", 1, 2)


def test_a_plugin_without_a_server() -> None:
    class Small(Plugin):
        def __init__(self) -> None:
            self.ready = True

    plugin = Small()
    assert plugin.logger is logging.getLogger("Small")
    assert plugin.config is None
    assert plugin.plugin_id == ""
    with pytest.raises(RuntimeError, match="Plugin API client is not initialized"):
        _ = plugin.api
    with pytest.raises(RuntimeError, match="Plugin API client is not initialized"):
        _ = plugin.async_api
    client = MagicMock()
    plugin.api = client
    assert plugin.api is client
    client.load_plugin_configuration.return_value = {"a": 1}
    assert plugin.get_configuration() == {"a": 1}
    given = Plugin(api=client, logger=logging.getLogger("x"))
    assert given.api is client
    assert given.logger.name == "x"
