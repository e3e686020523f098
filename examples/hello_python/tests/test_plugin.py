"""The plugin without a server: handlers are methods, and the API is an object that a test can replace."""

from __future__ import annotations

import pytest
from plugin import HelloPython

from mattermost_plugin import DISMISS_POST_ERROR, NotFoundError, PluginAPIClient
from mattermost_plugin.models import Command, CommandArgs, Context, Post, User

ALICE = "alice-id"


class FakeAPI(PluginAPIClient):
    """The five methods that the plugin calls, in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.commands: list[Command] = []
        self.store: dict[str, bytes] = {}
        self.interloper: bytes | None = None

    def register_command(self, command: Command | None) -> None:
        assert command is not None
        self.commands.append(command)

    def get_server_version(self) -> str:
        return "11.6.0"

    def get_user(self, user_id: str) -> User:
        if user_id != ALICE:
            raise NotFoundError("there is no such user", status_code=404)
        return User(id=ALICE, username="alice")

    def kv_get(self, key: str) -> bytes | None:
        return self.store.get(key)

    def kv_compare_and_set(self, key: str, old_value: bytes | None, new_value: bytes | None) -> bool:
        if self.interloper is not None:
            self.store[key], self.interloper = self.interloper, None
        if self.store.get(key) != old_value:
            return False
        assert new_value is not None
        self.store[key] = new_value
        return True


@pytest.fixture
def api():
    return FakeAPI()


@pytest.fixture
def plugin(api):
    return HelloPython(api=api)


def posted(plugin: HelloPython, message: str):
    return plugin.invoke_hook("MessageWillBePosted", Context(), Post(message=message))


def said(plugin: HelloPython, command: str, user_id: str = ALICE):
    response = plugin.invoke_hook("ExecuteCommand", Context(), CommandArgs(command=command, user_id=user_id))
    assert response.response_type == "ephemeral"
    return response.text


def test_it_handles_what_it_says():
    assert HelloPython.implemented_hooks() == [
        "ExecuteCommand",
        "MessageHasBeenPosted",
        "MessageWillBePosted",
        "OnActivate",
        "OnDeactivate",
    ]


def test_activation_registers_the_command(plugin, api):
    plugin.invoke_hook("OnActivate")
    assert [command.trigger for command in api.commands] == ["hello"]


def test_most_posts_pass(plugin):
    assert posted(plugin, "Good morning") is None


def test_some_posts_are_rejected_or_dismissed(plugin):
    assert posted(plugin, "a BadWord here") == (None, "Message blocked: contains prohibited content")
    assert posted(plugin, "please dismiss me") == (None, DISMISS_POST_ERROR)


def test_a_post_is_edited(plugin):
    assert posted(plugin, "I like :python:").message == "I like 🐍"


def test_greetings_are_counted_for_each_user(plugin):
    assert said(plugin, "/hello") == "Hello, @alice! You were greeted for the first time."
    assert said(plugin, "/hello") == "Hello, @alice! You were greeted 2 times now."
    assert said(plugin, "/hello world").startswith("Hello, World! :earth_americas:")


def test_a_user_who_cannot_be_looked_up_is_a_stranger(plugin):
    assert said(plugin, "/hello", "nobody") == "Hello, @stranger! You were greeted for the first time."


def test_two_servers_that_count_at_once_lose_no_greeting(plugin, api):
    api.interloper = b"5"
    assert said(plugin, "/hello") == "Hello, @alice! You were greeted 6 times now."


def test_other_commands_are_not_its_business(plugin):
    assert said(plugin, "/help") == "Unknown command: /help"
