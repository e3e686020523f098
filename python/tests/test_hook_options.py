"""`@hook(..., timeout=, on_failure=)`: where it is checked, how it is inherited, and what READY carries."""

from __future__ import annotations

import functools
import math
from typing import Any

import pytest

from conftest import Start
from mattermost_plugin import HookName, HookRegistrationError, Plugin, hook
from mattermost_plugin._bound_hook import bind_hooks
from mattermost_plugin._gen.hooks import HOOKS
from mattermost_plugin._hook_options import usual_duration
from mattermost_plugin._hooks import get_hook_options

GATES = {
    "UserWillLogIn", "MessageWillBePosted", "MessageWillBeUpdated", "ChannelWillBeArchived", "ChannelMemberWillBeAdded",
    "TeamMemberWillBeAdded", "FileWillBeUploaded", "FileWillBeDownloaded", "EmailNotificationWillBeSent",
    "NotificationWillBePushed", "ConfigurationWillBeSaved", "OnSAMLLogin",
}  # fmt: skip


def options_of(plugin: Plugin) -> dict[str, tuple[Any, ...]]:
    return {bound.spec.name: tuple(bound.options) for bound in bind_hooks(plugin).values()}


def test_all_forms() -> None:
    class Forms(Plugin):
        @hook(HookName.MessageWillBePosted, timeout=3.0, on_failure="reject")
        def a(self, context: Any, post: Any) -> None: ...

        @hook("ExecuteCommand", timeout=86_400)
        async def b(self, context: Any, args: Any) -> None: ...

        @hook(timeout=0.01)
        def OnConfigurationChange(self) -> None: ...

        @hook(on_failure="allow")
        def UserWillLogIn(self, context: Any, user: Any) -> None: ...

        @hook
        def OnSAMLLogin(self, context: Any, user: Any, assertion: Any) -> None: ...

        @hook("FileWillBeDownloaded", timeout=7)
        @staticmethod
        def c(context: Any, info: Any, user_id: Any, kind: Any) -> None: ...

    assert options_of(Forms()) == {
        "MessageWillBePosted": (3.0, "reject"),
        "ExecuteCommand": (86_400, None),
        "OnConfigurationChange": (0.01, None),
        "UserWillLogIn": (None, "allow"),
        "OnSAMLLogin": (None, None),
        "FileWillBeDownloaded": (7, None),
    }
    assert get_hook_options(Forms.a) == (3.0, "reject")


def test_which_hooks_can_reject() -> None:
    assert {name for name, spec in HOOKS.items() if spec.reject} == GATES


def test_the_usual_durations() -> None:
    durations = {name: usual_duration(spec) for name, spec in HOOKS.items()}
    assert durations["MessageWillBePosted"] == durations["OnSharedChannelsPing"] == 5
    assert durations["ExecuteCommand"] == durations["UserHasLoggedIn"] == durations["FileWillBeUploaded"] == 30
    assert durations["ServeHTTP"] == durations["ServeMetrics"] == 300
    assert durations["OnDeactivate"] == 5
    for name in (
        "OnActivate",
        "OnConfigurationChange",
        "RunDataRetention",
        "GenerateSupportData",
        "OnInstall",
        "OnSharedChannelsSyncMsg",
    ):
        assert durations[name] == 60


@pytest.mark.parametrize("timeout", [True, "3", 0, -1, 0.009, 86_400.1, math.nan, math.inf, [5], 10**400])
def test_timeouts_that_are_none(timeout: Any) -> None:
    with pytest.raises(
        HookRegistrationError, match=r"timeout must be a number of seconds from 0\.01 to 86400"
    ) as caught:

        class Wrong(Plugin):
            @hook("UserWillLogIn", timeout=timeout)
            def check(self, context: Any, user: Any) -> None: ...

    assert caught.value.file == __file__
    assert caught.value.line > 0


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("MessageHasBeenPosted", "has no result.*never cancelled by time"),
        ("OnWebSocketConnect", "has no result"),
        ("OnActivate", "the manifest gives a plugin to start"),
        ("OnDeactivate", "the server gives a plugin to stop"),
    ],
)
def test_hooks_without_a_timeout_say_why(name: str, reason: str) -> None:
    with pytest.raises(HookRegistrationError, match=f"{name}.*{reason}.*; leave timeout out") as caught:
        hook(name, timeout=5)(lambda self: None)
    assert caught.value.file == __file__
    assert caught.value.line > 0


@pytest.mark.parametrize("name", ["MessageHasBeenPosted", "OnActivate", "ExecuteCommand", "ServeHTTP", "OnInstall"])
def test_only_hooks_that_can_reject_take_on_failure(name: str) -> None:
    with pytest.raises(HookRegistrationError, match=f"{name} cannot reject anything.*UserWillLogIn") as caught:
        hook(name, on_failure="reject")(lambda self: None)
    assert caught.value.file == __file__


@pytest.mark.parametrize("on_failure", ["deny", "", 7, True, ["reject"]])
def test_an_unknown_on_failure(on_failure: Any) -> None:
    with pytest.raises(HookRegistrationError, match='on_failure must be "allow" or "reject", not'):
        hook("UserWillLogIn", on_failure=on_failure)(lambda self, context, user: None)


def test_options_travel_with_the_handler() -> None:
    def logged(function: Any) -> Any:
        @functools.wraps(function)
        def wrapper(*args: Any) -> Any:
            return function(*args)

        return wrapper

    class Base(Plugin):
        @hook("UserWillLogIn", timeout=3, on_failure="reject")
        def login(self, context: Any, user: Any) -> str:
            return "base"

        @logged
        @hook("ExecuteCommand", timeout=4)
        def command(self, context: Any, args: Any) -> None: ...

    class Overridden(Base):
        def login(self, context: Any, user: Any) -> str:
            return "overridden"

    class Marked(Base):
        @hook("UserWillLogIn")
        def login(self, context: Any, user: Any) -> str:
            return "marked"

    class Renamed(Base):
        @hook("UserWillLogIn", timeout=9)
        def check(self, context: Any, user: Any) -> str:
            return "renamed"

    command = {"ExecuteCommand": (4, None)}
    assert options_of(Base()) == {"UserWillLogIn": (3, "reject"), **command}
    assert options_of(Overridden()) == {"UserWillLogIn": (3, "reject"), **command}
    assert options_of(Marked()) == {"UserWillLogIn": (None, None), **command}
    assert options_of(Renamed()) == {"UserWillLogIn": (9, None), **command}


def test_ready_carries_what_was_set(start: Start) -> None:
    bridge = start(
        """
        def app(environ, start_response):
            start_response("200 OK", [])
            return []

        class Gate(Plugin):
            def __init__(self):
                self.mount(app)

            @hook(timeout=2.5, on_failure="reject")
            def UserWillLogIn(self, context, user): ...

            @hook(on_failure="allow")
            async def MessageWillBePosted(self, context, post): ...

            @hook
            def OnDeactivate(self): ...

            @hook
            def UserHasLoggedIn(self, context, user): ...
        """
    )
    assert bridge.wait_ready()["ServeHTTP"] == "sync"
    assert bridge.options() == {
        "UserWillLogIn": {"timeout": 2.5, "on_failure": "reject"},
        "MessageWillBePosted": {"on_failure": "allow"},
    }


def test_a_wrong_option_is_reported_with_its_place(start: Start) -> None:
    bridge = start(
        """
        class Wrong(Plugin):
            @hook(timeout=5)
            def UserHasLoggedIn(self, context, user): ...
        """
    )
    failed = bridge.wait_failed()
    assert failed["code"] == "hook"
    assert "UserHasLoggedIn has no result" in failed["message"]
    assert failed["file"].endswith("plugin.py")
    assert failed["line"] > 0
