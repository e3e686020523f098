"""The part that every plugin shares: token, health, and the end."""

from __future__ import annotations

import signal

import grpc
import pb
import pytest
from fake_api import ALICE
from fake_gateway import SECONDS
from grpc_health.v1.health_pb2 import HealthCheckResponse


@pytest.fixture
def greeting(mortal):
    """A hook that runs until the API may answer."""
    mortal.api.may_answer.clear()
    request = pb.ExecuteCommandRequest(args=pb.CommandArgs(command="/hello", user_id=ALICE))
    call = mortal.hooks.ExecuteCommand.future(request, timeout=SECONDS)
    assert mortal.api.asked.wait(SECONDS)
    return call


def code_of(call):
    with pytest.raises(grpc.RpcError) as raised:
        call()
    return raised.value.code()


def test_it_is_healthy(gateway):
    assert gateway.health(gateway.channel) == HealthCheckResponse.SERVING
    assert code_of(lambda: gateway.health(gateway.channel, "another")) == grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("token", [None, "0" * 64], ids=["no token", "a wrong token"])
def test_nobody_else_gets_an_answer(gateway, token):
    channel = gateway.dial(token)
    hooks = pb.PluginHooksStub(channel)
    calls = [
        lambda: hooks.Implemented(pb.ImplementedRequest(), timeout=SECONDS),
        lambda: list(hooks.ServeHTTP(iter([pb.ServeHTTPRequest()]), timeout=SECONDS)),
        lambda: gateway.health(channel),
    ]
    assert {code_of(call) for call in calls} == {grpc.StatusCode.UNAUTHENTICATED}


def test_the_token_may_come_only_once(gateway):
    twice = [("authorization", "Bearer wrong")]
    call = lambda: gateway.hooks.Implemented(pb.ImplementedRequest(), timeout=SECONDS, metadata=twice)  # noqa: E731
    assert code_of(call) == grpc.StatusCode.UNAUTHENTICATED


def test_a_hook_that_it_does_not_have(gateway):
    request = pb.UserHasLoggedInRequest()
    assert code_of(lambda: gateway.call("UserHasLoggedIn", request)) == grpc.StatusCode.UNIMPLEMENTED


def test_a_hook_that_runs_when_the_plugin_is_stopped_is_finished(mortal, greeting):
    mortal.process.send_signal(signal.SIGTERM)
    mortal.api.may_answer.set()
    assert greeting.result(SECONDS).response.text.startswith("Hello, @alice!")
    assert mortal.exit_status() == 0


def test_the_plugin_ends_with_the_bridge_even_if_a_hook_hangs(mortal, greeting):
    mortal.process.stdin.close()
    assert mortal.exit_status() == 0
    assert code_of(lambda: greeting.result(SECONDS)) == grpc.StatusCode.UNAVAILABLE
