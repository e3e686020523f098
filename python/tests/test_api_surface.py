"""The clients: all methods, the same in both colours, with the earlier SDK's names and parameters."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_type_hints

import msgspec
import pytest

from mattermost_plugin import AsyncPluginAPIClient, PluginAPIClient, models
from mattermost_plugin._codec import ENCODER
from mattermost_plugin._gen import methods
from mattermost_plugin._gen.hooks import HOOKS, HookName
from mattermost_plugin._method import Method
from mattermost_plugin._types import resolve

TABLE = {value.python_name: value for value in vars(methods).values() if isinstance(value, Method)}
SCHEMA = json.loads((Path(__file__).parents[2] / "schema" / "mattermost.json").read_text())
EARLIER: dict[str, tuple[list[str], list[str]]] = json.loads(
    (Path(__file__).parent / "golden" / "earlier_sdk.json").read_text()
)

ALIASES = {
    "create_oauth_app",
    "get_oauth_app",
    "update_oauth_app",
    "delete_oauth_app",
    "publish_websocket_event",
}

REDESIGNED = {
    "create_default_syncable_memberships": "its parameters were not Mattermost's",
    "get_file_infos": "Mattermost takes lists of users and channels",
    "has_permission_to": "takes a permission or its id",
    "has_permission_to_channel": "takes a permission or its id",
    "has_permission_to_team": "takes a permission or its id",
    "install_plugin": "the flag has Mattermost's name",
    "load_plugin_configuration": "took a buffer and returned nothing",
    "log_debug": "fields are **fields",
    "log_error": "fields are **fields",
    "log_info": "fields are **fields",
    "log_warn": "fields are **fields",
    "register_plugin_for_shared_channels": "Mattermost has no description here",
    "save_config": "takes a Config",
    "update_shared_channel_cursor": "the cursor has four fields",
}


def public_methods(cls: type) -> dict[str, Callable[..., Any]]:
    return {
        name: member
        for name, member in inspect.getmembers(cls, inspect.isfunction)
        if not name.startswith("_") and name not in ALIASES
    }


def test_there_are_237_methods_in_both_clients() -> None:
    assert len(TABLE) == len(SCHEMA["api"]) == 237
    assert set(public_methods(PluginAPIClient)) == set(TABLE)
    assert set(public_methods(AsyncPluginAPIClient)) == set(TABLE)
    assert {method.name for method in TABLE.values()} == {method["name"] for method in SCHEMA["api"]}
    for alias in ALIASES:
        assert callable(getattr(PluginAPIClient, alias))
        assert callable(getattr(AsyncPluginAPIClient, alias))


def test_there_are_46_hooks() -> None:
    assert len(HookName) == len(HOOKS) == 46
    assert [name.value for name in HookName] == [
        hook["name"] for hook in SCHEMA["hooks"] if hook["name"] != "Implemented"
    ]
    assert {spec.ident for spec in HOOKS.values()} == {hook["id"] for hook in SCHEMA["hooks"] if "id" in hook}


@pytest.mark.parametrize("name", sorted(TABLE))
def test_a_method(name: str) -> None:
    sync, coroutine = getattr(PluginAPIClient, name), getattr(AsyncPluginAPIClient, name)
    assert not inspect.iscoroutinefunction(sync)
    assert inspect.iscoroutinefunction(coroutine)
    assert inspect.signature(sync).parameters == inspect.signature(coroutine).parameters
    returned = str(inspect.signature(coroutine).return_annotation).replace("AsyncHTTPResponse", "HTTPResponse")
    assert inspect.signature(sync).return_annotation == returned
    assert sync.__doc__ == coroutine.__doc__
    assert f"`{TABLE[name].name}`" in sync.__doc__
    for parameter in inspect.signature(sync).parameters.values():
        if parameter.name != "self":
            assert parameter.annotation is not inspect.Parameter.empty


@pytest.mark.parametrize("name", sorted(EARLIER))
def test_a_method_of_the_earlier_sdk(name: str) -> None:
    parameters = list(inspect.signature(getattr(PluginAPIClient, name)).parameters.values())[1:]
    positional = [p.name for p in parameters if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    keyword_only = {p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}
    earlier_positional, earlier_keyword_only = EARLIER[name]
    same = positional[: len(earlier_positional)] == earlier_positional and keyword_only >= set(earlier_keyword_only)
    if name.removesuffix("_").find("property") >= 0:
        return  # none of these worked, and their signatures lacked Mattermost's group ids
    assert same == (name not in REDESIGNED), (positional, keyword_only)


class Recorder:
    """Transports of both colours that keep what was called, and answer with what a server could."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, bytes]] = []
        self.sources: list[bytes | None] = []

    def call(self, method: Method[Any], args: tuple[Any, ...]) -> Any:
        payload = ENCODER.encode(args)
        self.calls.append((method.name, payload))
        return method.result(ENCODER.encode([sample(resolve(result)) for result in method._results]))

    def upload(self, method: Method[Any], args: tuple[Any, ...], source: bytes) -> Any:
        self.sources.append(source)
        return Recorder.call(self, method, args)

    def fetch(self, method: Method[Any], args: tuple[Any, ...], source: bytes | None) -> Any:
        self.sources.append(source)
        Recorder.call(self, method, args)
        return SimpleNamespace(status=200)


class AsyncRecorder(Recorder):
    async def call(self, method: Method[Any], args: tuple[Any, ...]) -> Any:  # type: ignore[override]
        return super().call(method, args)

    async def upload(self, method: Method[Any], args: tuple[Any, ...], source: bytes) -> Any:
        return super().upload(method, args, source)

    async def fetch(self, method: Method[Any], args: tuple[Any, ...], source: bytes | None) -> Any:
        return super().fetch(method, args, source)


def sample(wanted: Any) -> Any:
    """Return a value of a type that is not its zero value."""
    if hasattr(wanted, "__args__") and type(None) in wanted.__args__:
        wanted = next(arg for arg in wanted.__args__ if arg is not type(None))
    origin = getattr(wanted, "__origin__", None)
    if origin is list:
        return [sample(wanted.__args__[0])]
    if origin is dict:
        return {"key": sample(wanted.__args__[1])}
    if origin is tuple:
        return tuple(sample(arg) for arg in wanted.__args__)
    if origin is not None:  # Sequence
        return [sample(wanted.__args__[0])]
    if isinstance(wanted, type) and issubclass(wanted, msgspec.Struct):
        return wanted()
    return {str: "text", int: 7, bool: True, bytes: b"bytes", float: 1.5}.get(wanted, {"any": 1})


def arguments(function: Callable[..., Any]) -> dict[str, Any]:
    import collections.abc

    names = {name: getattr(models, name) for name in models.__all__}
    streams = {"StreamSource": bytes, "HeadersLike": dict[str, str], "HTTPResponse": object}
    hints = get_type_hints(function, localns={**names, **streams, "Sequence": collections.abc.Sequence})
    out: dict[str, Any] = {}
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            out["extra_field"] = 7
        elif parameter.name != "type":
            out[parameter.name] = sample(hints[parameter.name])
    return out


@pytest.mark.parametrize("name", sorted(TABLE))
def test_a_call_of_both_colours_sends_the_same_arguments(name: str) -> None:
    kwargs = arguments(getattr(PluginAPIClient, name))
    recorder, async_recorder = Recorder(), AsyncRecorder()
    result = getattr(PluginAPIClient(recorder), name)(**kwargs)
    same = asyncio.run(getattr(AsyncPluginAPIClient(async_recorder), name)(**kwargs))
    assert result == same
    assert recorder.calls == async_recorder.calls
    assert recorder.sources == async_recorder.sources
    [(called, payload)] = recorder.calls
    assert called == TABLE[name].name
    schema = next(method for method in SCHEMA["api"] if method["name"] == called)
    sent = [param for param in schema["params"] if not param.get("stream")]
    expected = {"PluginHTTP": 1, "LoadPluginConfiguration": 0}.get(called, len(sent))
    assert len(msgspec.msgpack.decode(payload)) == expected


def test_defaults_and_forms_of_arguments() -> None:
    recorder = Recorder()
    api = PluginAPIClient(recorder)

    def sent() -> Any:
        return msgspec.msgpack.decode(recorder.calls[-1][1])

    api.get_users_in_team("t")
    assert sent() == ["t", 0, 60]
    api.kv_list()
    assert sent() == [0, 100]
    api.get_users(in_team_id="t", roles=["a"])
    assert sent() == [{"in_team_id": "t", "roles": ["a"], "per_page": 60}]
    api.search_users("ann")
    assert sent() == [{"term": "ann", "limit": 100}]
    api.has_permission_to("u", "manage_system")
    assert sent() == ["u", {"id": "manage_system"}]
    api.has_permission_to("u", models.Permission(id="p", name="n"))
    assert sent() == ["u", {"id": "p", "name": "n"}]
    api.get_bots()
    assert sent() == [{"per_page": 60}]
    api.log_info("m", a=1, b="x")
    assert sent() == ["m", ["a", 1, "b", "x"]]
    api.patch_channel_members_notifications([("c", "u")], {"desktop": "all"})
    assert sent() == [[{"channel_id": "c", "user_id": "u"}], {"desktop": "all"}]
    api.publish_plugin_cluster_event("id", b"data")
    assert sent() == [{"id": "id", "data": b"data"}, {"send_type": "reliable"}]
    api.search_posts_in_team("t", "words")
    assert sent() == ["t", [{"terms": "words"}]]
    api.search_posts_in_team_for_user("t", "u", "words")
    assert sent() == ["t", "u", {"terms": "words"}]
    api.kv_compare_and_set("k", None, b"v")
    assert sent() == ["k", None, b"v"]
    api.plugin_http("GET", "/other/x")
    request = {"method": "GET", "url": "/other/x", "proto": "HTTP/1.1", "proto_major": 1, "proto_minor": 1}
    assert (sent(), recorder.sources[-1]) == ([request], None)
    api.plugin_http("POST", "/other/x", {"x-a": ["1", "2"]}, b"body")
    assert sent() == [{**request, "method": "POST", "header": {"X-A": ["1", "2"]}}]
    assert recorder.sources[-1] == b"body"
    api.publish_web_socket_event("e", {"a": 1})
    assert sent() == ["e", {"a": 1}, {}]
    api.upload_data(models.UploadSession(id="s"), b"data")
    assert (sent(), recorder.sources[-1]) == ([{"id": "s"}], b"data")
    api.install_plugin(b"tar", replace=True)
    assert (sent(), recorder.sources[-1]) == ([True], b"tar")


class Answer:
    """A transport that gives one payload."""

    def __init__(self, *results: Any) -> None:
        self.payload = ENCODER.encode(results)

    def call(self, method: Method[Any], args: tuple[Any, ...]) -> Any:
        del args
        return method.result(self.payload)


def test_nil_results() -> None:
    assert PluginAPIClient(Answer(None)).kv_get("k") is None
    assert PluginAPIClient(Answer(b"v")).kv_get("k") == b"v"
    assert PluginAPIClient(Answer(None)).get_file("f") == b""
    assert PluginAPIClient(Answer(None)).get_license() is None
    with pytest.raises(Exception, match="GetUser returned neither a result nor an error"):
        PluginAPIClient(Answer(None)).get_user("u")
    with pytest.raises(Exception, match=r"the answer to GetUser cannot be read: Expected `object \| null`, got `int`"):
        PluginAPIClient(Answer(3)).get_user("u")


def test_settings_become_the_wanted_type() -> None:
    import dataclasses

    class Settings(msgspec.Struct, kw_only=True):
        api_key: str = ""
        MaxItems: int = 5
        enabled: bool = False

    @dataclasses.dataclass
    class Data:
        apikey: str

    answer = Answer({"apikey": "k", "maxitems": "7", "enabled": True})
    api = PluginAPIClient(answer)
    assert api.load_plugin_configuration() == {"apikey": "k", "maxitems": "7", "enabled": True}
    assert api.load_plugin_configuration(type=Settings) == Settings(api_key="k", MaxItems=7, enabled=True)
    assert api.load_plugin_configuration(type=Data) == Data("k")
    assert PluginAPIClient(Answer(None)).load_plugin_configuration() == {}
    with pytest.raises(Exception, match="the plugin's settings do not fit Settings: Expected `int`"):
        PluginAPIClient(Answer({"maxitems": []})).load_plugin_configuration(type=Settings)


def test_an_unconnected_client_says_so() -> None:
    assert not PluginAPIClient().connected
    with pytest.raises(RuntimeError, match=r"get_user: the client is not connected; plugins use self\.api"):
        PluginAPIClient().get_user("u")
    with pytest.raises(RuntimeError, match="not connected"):
        asyncio.run(AsyncPluginAPIClient().get_user("u"))
    for attempt in (lambda api: api.install_plugin(b""), lambda api: api.plugin_http("GET", "/x")):
        with pytest.raises(RuntimeError, match="not connected"):
            attempt(PluginAPIClient())
        with pytest.raises(RuntimeError, match="not connected"):
            asyncio.run(attempt(AsyncPluginAPIClient()))
