"""What handlers may return, for every shape of hook."""

from __future__ import annotations

from typing import Any

import pytest

from mattermost_plugin import CommandResponse, NotFoundError, Post
from mattermost_plugin._codec import ENCODER
from mattermost_plugin._gen.hooks import HOOKS
from mattermost_plugin._results import adapter
from mattermost_plugin.models import AppError, Config, EmailNotificationContent, FileData, SyncResponse

POST = Post(id="p", message="m")
BUILT = {"id": "p", "message": "m"}
REMOTE = NotFoundError("gone", error_id="app.gone", status_code=404, where="X")
REMOTE_FRAME = {"kind": "app", "id": "app.gone", "message": "gone", "status_code": 404, "where": "X"}

CASES: list[tuple[str, Any, Any]] = [
    ("MessageHasBeenPosted", None, None),
    ("MessageHasBeenPosted", "ignored", None),
    ("OnActivate", None, None),
    ("OnActivate", "no database", ["no database"]),
    ("OnActivate", ValueError("no database"), [{"message": "ValueError: no database"}]),
    ("OnActivate", REMOTE, [REMOTE_FRAME]),
    (
        "OnActivate",
        AppError(id="app.x", message="m", status_code=400),
        [{"kind": "app", "id": "app.x", "message": "m", "status_code": 400}],
    ),
    ("UserWillLogIn", None, None),
    ("UserWillLogIn", "", [""]),
    ("UserWillLogIn", "not today", ["not today"]),
    ("MessageWillBePosted", None, None),
    ("MessageWillBePosted", (None, ""), None),
    ("MessageWillBePosted", (None, None), None),
    ("MessageWillBePosted", "", None),
    ("MessageWillBePosted", "rejected", [None, "rejected"]),
    ("MessageWillBePosted", (None, "rejected"), [None, "rejected"]),
    ("MessageWillBePosted", POST, [BUILT, ""]),
    ("MessageWillBePosted", (POST, ""), [BUILT, ""]),
    ("MessageWillBePosted", (POST, None), [BUILT, ""]),
    ("MessageWillBePosted", (POST, "rejected"), [BUILT, "rejected"]),
    ("MessageWillBePosted", {"id": "p", "message": "m"}, [BUILT, ""]),
    ("MessageWillBeUpdated", None, None),
    ("MessageWillBeUpdated", (None, "rejected"), [None, "rejected"]),
    ("MessagesWillBeConsumed", None, None),
    ("MessagesWillBeConsumed", [POST], [[BUILT]]),
    ("MessagesWillBeConsumed", (POST, POST, POST), [[BUILT, BUILT, BUILT]]),
    ("MessagesWillBeConsumed", [], [[]]),
    ("EmailNotificationWillBeSent", EmailNotificationContent(subject="s"), [{"subject": "s"}, ""]),
    ("ExecuteCommand", None, [{}, None]),
    (
        "ExecuteCommand",
        {"text": "hi", "response_type": "ephemeral"},
        [{"response_type": "ephemeral", "text": "hi"}, None],
    ),
    ("ExecuteCommand", CommandResponse(text="hi"), [{"text": "hi"}, None]),
    ("ExecuteCommand", "hi", [{"text": "hi"}, None]),
    ("ExecuteCommand", (CommandResponse(text="hi"), None), [{"text": "hi"}, None]),
    ("ExecuteCommand", (None, "broken"), [None, "broken"]),
    ("ExecuteCommand", (None, None), [{}, None]),
    ("ExecuteCommand", REMOTE, [None, REMOTE_FRAME]),
    ("ConfigurationWillBeSaved", None, None),
    ("ConfigurationWillBeSaved", (None, None), None),
    ("ConfigurationWillBeSaved", (None, "no"), [None, "no"]),
    ("RunDataRetention", None, None),
    ("RunDataRetention", 5, [5, None]),
    ("RunDataRetention", (5, None), [5, None]),
    ("RunDataRetention", (None, "x"), [0, "x"]),
    ("RunDataRetention", ValueError("x"), [0, {"message": "ValueError: x"}]),
    ("OnSharedChannelsPing", None, [True]),
    ("OnSharedChannelsPing", False, [False]),
    ("OnSharedChannelsSyncMsg", None, None),
    ("OnSharedChannelsSyncMsg", SyncResponse(users_syncd=["u"]), [{"users_syncd": ["u"]}, None]),
    ("OnSharedChannelsSyncMsg", (None, "x"), [{}, "x"]),
    ("GenerateSupportData", [FileData(filename="f")], [[{"filename": "f"}], None]),
    ("GenerateSupportData", (None, "x"), [[], "x"]),
]


@pytest.mark.parametrize(("name", "returned", "sent"), CASES)
def test_accepted(name: str, returned: Any, sent: Any) -> None:
    import msgspec

    results = adapter(HOOKS[name])(returned)
    assert (None if results is None else msgspec.msgpack.decode(ENCODER.encode(results))) == sent


def test_a_config_is_sent_whole() -> None:
    results = adapter(HOOKS["ConfigurationWillBeSaved"])(Config())
    assert results is not None
    assert results[1] is None


REFUSED: list[tuple[str, Any, str]] = [
    ("UserWillLogIn", 7, "a handler returned int; it may return None or a reason"),
    ("MessageWillBePosted", True, "a handler returned bool"),
    ("MessageWillBePosted", (POST, "", 1), "returned a tuple of 3"),
    ("MessageWillBePosted", (POST, 7), "a handler returned int"),
    ("MessageWillBePosted", {"mesage": "m"}, "Post has no field 'mesage'"),
    ("MessageWillBePosted", {"message": 7}, "the returned dict is not a Post: Expected `str`, got `int`"),
    ("MessagesWillBeConsumed", POST, "a handler returned Post"),
    ("ExecuteCommand", 7, "a handler returned int"),
    ("ExecuteCommand", (None, 7), "a handler returned int"),
    ("RunDataRetention", True, "a handler returned bool"),
    ("RunDataRetention", "5", "a handler returned str"),
    ("OnSharedChannelsPing", 1, "a handler returned int"),
    ("OnActivate", 7, "it may return None, an exception or an error text"),
]


@pytest.mark.parametrize(("name", "returned", "message"), REFUSED)
def test_refused(name: str, returned: Any, message: str) -> None:
    with pytest.raises(TypeError) as caught:
        adapter(HOOKS[name])(returned)
    assert message in str(caught.value)
    assert str(caught.value).startswith(name)


def test_every_hook_has_an_adapter_and_takes_none() -> None:
    for spec in HOOKS.values():
        adapter(spec)(None)


def test_a_forgotten_await() -> None:
    async def handler() -> None: ...

    coroutine = handler()
    with pytest.raises(TypeError, match="the handler returned a coroutine; define it with async def"):
        adapter(HOOKS["MessageWillBePosted"])(coroutine)
    coroutine.close()
