from __future__ import annotations

import threading

import pytest

from conftest import Start
from fake_bridge import NEUTRAL, ApiError, HookError, Peer

CONTEXT = {"request_id": "r1", "user_agent": "tests"}
POST = {"id": "p1", "user_id": "u1", "channel_id": "c1", "message": "hello", "props": {"big": 2**60, "n": [1.0, None]}}

EDITOR = """
class Editor(Plugin):
    @hook(HookName.MessageWillBePosted)
    def edit(self, context, post):
        assert context.request_id == "r1"
        if "badword" in post.message:
            return None, "no bad words"
        if "gone" in post.message:
            return DISMISS_POST_ERROR
        if "leave" in post.message:
            return None
        post.message = post.message.upper()
        return post

    @hook
    def MessageHasBeenPosted(self, context, post):
        pass
"""


def test_a_handler_edits_rejects_dismisses_and_leaves_alone(start: Start) -> None:
    bridge = start(EDITOR)
    assert bridge.wait_ready() == {"MessageWillBePosted": "sync", "MessageHasBeenPosted": "sync"}
    post, reason = bridge.hook("MessageWillBePosted", CONTEXT, POST)
    assert post == {**POST, "message": "HELLO"}
    assert reason == ""
    assert bridge.hook("MessageWillBePosted", CONTEXT, {"message": "badword"}) == [None, "no bad words"]
    dismissed = bridge.hook("MessageWillBePosted", CONTEXT, {"message": "gone"})
    assert dismissed == [None, "plugin.message_will_be_posted.dismiss_post"]
    assert bridge.hook("MessageWillBePosted", CONTEXT, {"message": "leave"}) is NEUTRAL
    assert bridge.hook("MessageHasBeenPosted", CONTEXT, POST) is NEUTRAL


def test_fields_keep_the_order_and_bytes_that_the_bridge_sent(start: Start) -> None:
    bridge = start(
        """
        class Same(Plugin):
            @hook
            def MessageWillBePosted(self, context, post):
                return post, ""
        """
    )
    bridge.wait_ready()
    post, _ = bridge.hook("MessageWillBePosted", CONTEXT, POST)
    assert post == POST
    assert list(post) == list(POST)


def test_an_exception_is_answered_and_logged_and_the_next_call_works(start: Start) -> None:
    bridge = start(
        """
        class Faulty(Plugin):
            @hook
            def MessageWillBePosted(self, context, post):
                if post.message == "exit":
                    sys.exit(3)
                if post.message == "os":
                    raise FileNotFoundError("x")
                if post.message == "interrupt":
                    raise KeyboardInterrupt
                if post.message == "bad":
                    return 7
                if post.message == "surrogate":
                    post.message = "\\ud800"
                    return post
                if post.message == "huge":
                    post.props = {"n": 2**70}
                    return post
                raise ValueError("broken " + post.message)
        """,
        sync_connections=1,
    )
    bridge.wait_ready()
    for message, expected in {
        "a": "ValueError: broken a",
        "exit": "SystemExit: 3",
        "os": "FileNotFoundError: x",
        "interrupt": "KeyboardInterrupt",
        "bad": "TypeError: MessageWillBePosted: a handler returned int; it may return "
        "None, Post, a reason (str) or a pair (Post or None, reason)",
        "surrogate": "a string holds a lone surrogate",
        "huge": "an integer does not fit into 64 bits",
    }.items():
        with pytest.raises(HookError) as caught:
            bridge.hook("MessageWillBePosted", CONTEXT, {"message": message})
        assert expected in str(caught.value)
    line = bridge.wait_log(lambda line: "broken a" in line[1])
    assert line[0] == "error"
    assert line[2]["hook"] == "MessageWillBePosted"
    assert line[2]["logger"] == "Faulty"
    assert 'raise ValueError("broken " + post.message)' in line[2]["traceback"]


def test_api_calls_in_a_hook_use_its_own_connection(start: Start) -> None:
    bridge = start(
        """
        class Caller(Plugin):
            @hook
            def MessageHasBeenPosted(self, context, post):
                user = self.api.get_user(post.user_id)
                self.api.create_post(Post(channel_id=post.channel_id, message="hi " + user.username))
        """,
        api={"GetUser": lambda user_id: [{"id": user_id, "username": "ann"}]},
    )
    created = []
    bridge.api["CreatePost"] = lambda post: created.append(post) or [post]
    bridge.wait_ready()
    bridge.hook("MessageHasBeenPosted", CONTEXT, POST)
    assert created == [{"channel_id": "c1", "message": "hi ann"}]
    assert bridge.api_roles == [("GetUser", "sync"), ("CreatePost", "sync")]


def test_64_nested_hooks_and_more_connections_on_demand(start: Start) -> None:
    bridge = start(
        """
        class Nested(Plugin):
            @hook
            def MessageWillBePosted(self, context, post):
                depth = int(post.message)
                if depth < 64:
                    post.message = self.api.create_post(Post(message=str(depth + 1))).message + "."
                return post
        """,
        sync_connections=2,
    )

    def create_post(post: dict[str, str]) -> list[dict[str, str]]:
        results = bridge.hook("MessageWillBePosted", CONTEXT, post)
        return [results[0]]

    bridge.api["CreatePost"] = create_post
    bridge.wait_ready()
    assert bridge.hook("MessageWillBePosted", CONTEXT, {"message": "1"})[0]["message"] == "64" + "." * 63
    assert sum(hello["role"] == "sync" for hello in bridge.hellos) == 64


def test_hooks_run_at_the_same_time(start: Start) -> None:
    bridge = start(
        """
        class Meeting(Plugin):
            def __init__(self):
                self.barrier = threading.Barrier(4)

            @hook
            def UserHasLoggedIn(self, context, user):
                self.barrier.wait(20)
        """
    )
    bridge.wait_ready()
    errors: list[BaseException] = []

    def call() -> None:
        try:
            bridge.hook("UserHasLoggedIn", CONTEXT, {"id": "u"})
        except BaseException as error:  # shown by the assertion below
            errors.append(error)

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_an_api_error_reaches_the_handler_with_its_type(start: Start) -> None:
    bridge = start(
        """
        from mattermost_plugin.exceptions import NotFoundError, MethodNotAvailableError

        class Errors(Plugin):
            @hook
            def ExecuteCommand(self, context, args):
                try:
                    self.api.get_user("nobody")
                except NotFoundError as error:
                    text = f"{error.error_id} {error.status_code} {error.detailed_error} {error.where} {error}"
                try:
                    self.api.send_toast_message("u", "", "hi")
                except MethodNotAvailableError as error:
                    return {"text": text + " | " + str(error)}

            @hook
            def OnActivate(self):
                self.api.get_user("nobody")
        """
    )

    def get_user(user_id: str) -> None:
        raise ApiError(
            id="app.missing", message="No user", detailed_error="id=" + user_id, status_code=404, where="GetUser"
        )

    def missing(*_: object) -> None:
        raise ApiError(kind="missing", message="SendToastMessage needs server 11.5 or newer")

    bridge.api.update(GetUser=get_user, SendToastMessage=missing)
    bridge.wait_ready()
    response, error = bridge.hook("ExecuteCommand", CONTEXT, {"command": "/x"})
    assert response == {
        "text": "app.missing 404 id=nobody GetUser No user [app.missing] (HTTP 404) | "
        "SendToastMessage needs server 11.5 or newer (HTTP 501)"
    }
    assert error is None
    with pytest.raises(HookError) as caught:
        bridge.hook("OnActivate")
    assert caught.value.payload["app"]["id"] == "app.missing"
    assert caught.value.payload["app"]["status_code"] == 404


def test_api_calls_from_other_threads_have_their_own_connection_until_they_end(start: Start) -> None:
    bridge = start(
        """
        class Threads(Plugin):
            @hook
            def OnActivate(self):
                seen = []
                def work():
                    seen.append(self.api.kv_get("a"))
                    seen.append(self.api.kv_get("b"))
                threads = [threading.Thread(target=work) for _ in range(3)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                assert seen == [b"v", b"v"] * 3, seen
        """,
        api={"KVGet": lambda key: [b"v"]},
    )
    bridge.wait_ready()
    assert bridge.hook("OnActivate") is NEUTRAL
    assert {role for _, role in bridge.api_roles} == {"api"}
    assert sum(hello["role"] == "api" for hello in bridge.hellos) == 3
    for _ in range(3):
        bridge.closed_api_connections.get(timeout=20)


def test_a_hook_for_which_there_is_no_handler_is_an_error_answer(start: Start) -> None:
    bridge = start(EDITOR)
    bridge.wait_ready()
    assert bridge.ready is not None
    bridge.ready["hooks"].append([0, "sync"])
    with pytest.raises(HookError, match="no handler for hook 0"):
        bridge.hook("OnActivate")
    assert bridge.hook("MessageWillBePosted", CONTEXT, {"message": "leave"}) is NEUTRAL


def test_a_cancel_between_and_during_hooks_changes_nothing(start: Start) -> None:
    bridge = start(
        """
        class Cancelled(Plugin):
            @hook
            def UserWillLogIn(self, context, user):
                return self.api.get_server_version()
        """,
        sync_connections=1,
    )
    bridge.wait_ready()
    peer, ident = bridge.send_hook("UserWillLogIn", CONTEXT, {"id": "u"})

    def version() -> list[str]:
        bridge.cancel_hook(peer, ident)
        return ["11.6.0"]

    bridge.api["GetServerVersion"] = version
    assert bridge.finish_hook(peer, ident) == ["11.6.0"]
    bridge.cancel_hook(peer, ident)
    peer, ident = bridge.send_hook("UserWillLogIn", CONTEXT, {"id": "u"})
    assert bridge.finish_hook(peer, ident) == ["11.6.0"]


@pytest.mark.parametrize("colour", ["", "async "])
def test_a_hook_that_was_cancelled_may_go_on_and_its_late_answer_is_sent(start: Start, colour: str) -> None:
    api = "await self.async_api" if colour else "self.api"
    bridge = start(
        f"""
        class Late(Plugin):
            @hook
            {colour}def UserWillLogIn(self, context, user):
                try:
                    {api}.kv_set("started", b"")
                except BaseException as error:
                    assert type(error).__name__ == "CancelledError"
                {api}.kv_get("a")
                if user.username == "raises":
                    raise ValueError("late")
                return {api}.get_server_version()
        """,
        api={"KVGet": lambda key: [b"v"], "GetServerVersion": lambda: ["11.6"]},
        sync_connections=1,
    )
    bridge.wait_ready()
    sent: list[tuple[Peer, int]] = []
    is_sent = threading.Event()

    def started(key: str, value: bytes) -> list[None]:
        assert is_sent.wait(20)
        bridge.cancel_hook(*sent[-1])
        return []

    bridge.api["KVSet"] = started
    for username in ("answers", "raises", "answers"):
        is_sent.clear()
        sent.append(bridge.send_hook("UserWillLogIn", CONTEXT, {"username": username}))
        is_sent.set()
        if username == "raises":
            with pytest.raises(HookError, match="ValueError: late"):
                bridge.finish_hook(*sent[-1])
        else:
            assert bridge.finish_hook(*sent[-1]) == ["11.6"]
    assert bridge.stop() == 0


def test_large_frames_in_both_directions(start: Start) -> None:
    bridge = start(
        """
        class Large(Plugin):
            @hook
            def MessageWillBePosted(self, context, post):
                post.message += self.api.get_file("f").decode()
                return post
        """,
        api={"GetFile": lambda file_id: [b"y" * 3_000_000]},
        sync_connections=1,
    )
    bridge.wait_ready()
    for _ in range(2):
        post, _ = bridge.hook("MessageWillBePosted", CONTEXT, {"message": "x" * 3_000_000})
        assert post["message"] == "x" * 3_000_000 + "y" * 3_000_000
        assert bridge.hook("MessageWillBePosted", CONTEXT, {"message": "z"})[0]["message"][:2] == "zy"
