"""What the plugin does, through real gRPC in both directions."""

from __future__ import annotations

import grpc
import pb
import pytest
from fake_api import ALICE


def posted(gateway, message):
    return gateway.call("MessageWillBePosted", pb.MessageWillBePostedRequest(post=pb.Post(message=message)))


def said(gateway, command, user_id=ALICE):
    args = pb.CommandArgs(command=command, user_id=user_id)
    response = gateway.call("ExecuteCommand", pb.ExecuteCommandRequest(args=args)).response
    assert response.response_type == "ephemeral"
    return response.text


def test_it_tells_which_hooks_it_has(gateway):
    hooks = gateway.call("Implemented", pb.ImplementedRequest()).hooks
    assert sorted(hooks) == [
        "ExecuteCommand",
        "MessageHasBeenPosted",
        "MessageWillBePosted",
        "OnActivate",
        "OnDeactivate",
    ]


def test_activation_registers_the_command(gateway, api):
    gateway.call("OnActivate", pb.OnActivateRequest())
    assert [command.trigger for command in api.commands] == ["hello"]
    assert api.logged == [("info", "Hello grpcio plugin activated!", ["server_version", "11.6.0"])]


def test_deactivation_says_goodbye(gateway, api):
    gateway.call("OnDeactivate", pb.OnDeactivateRequest())
    assert api.logged == [("info", "Hello grpcio plugin deactivated.", [])]


def test_most_posts_pass(gateway):
    assert posted(gateway, "Good morning") == pb.MessageWillBePostedResponse()


def test_some_posts_are_rejected_or_dismissed(gateway):
    assert posted(gateway, "a BadWord here").rejection_reason == "Message blocked: contains prohibited content"
    assert posted(gateway, "please dismiss me").rejection_reason == "plugin.message_will_be_posted.dismiss_post"


def test_a_post_is_edited_and_nothing_else_of_it_changes(gateway):
    post = pb.Post(id="p", message="I like :python:", props={"number": pb.Value(int_value=1)})
    answer = gateway.call("MessageWillBePosted", pb.MessageWillBePostedRequest(post=post))
    post.message = "I like 🐍"
    assert answer == pb.MessageWillBePostedResponse(post=post)


def test_posts_larger_than_the_limit_of_grpcio_pass(gateway):
    large = "x" * (8 << 20)
    assert posted(gateway, f"{large}:python:").post.message == f"{large}🐍"


def test_it_sees_posts(gateway, api):
    gateway.call("MessageHasBeenPosted", pb.MessageHasBeenPostedRequest(post=pb.Post(id="p")))
    assert api.logged == [("debug", "A post was made", ["post_id", "p"])]


def test_greetings_are_counted_for_each_user(gateway):
    assert said(gateway, "/hello") == "Hello, @alice! You were greeted for the first time."
    assert said(gateway, "/hello") == "Hello, @alice! You were greeted 2 times now."
    assert said(gateway, "/hello world").startswith("Hello, World! :earth_americas:")


def test_a_user_who_cannot_be_looked_up_is_a_stranger(gateway, api):
    assert said(gateway, "/hello", "nobody") == "Hello, @stranger! You were greeted for the first time."
    fields = ["error", "there is no such user", "id", "store.missing"]
    assert api.logged == [("warn", "Cannot look up who said hello", fields)]


def test_an_api_that_is_gone_fails_the_hook(gateway, api):
    api.lost = True
    with pytest.raises(grpc.RpcError, match="the server is gone"):
        said(gateway, "/hello")


def test_two_servers_that_count_at_once_lose_no_greeting(gateway, api):
    api.interloper = b"5"
    assert said(gateway, "/hello") == "Hello, @alice! You were greeted 6 times now."


def test_other_commands_are_not_its_business(gateway):
    assert said(gateway, "/help") == "Unknown command: /help"
