from __future__ import annotations

import sys
import threading

import pytest

from conftest import Start
from fake_bridge import NEUTRAL, ApiError, HookError

CONTEXT = {"request_id": "r1"}


def test_async_and_sync_handlers_in_one_plugin(start: Start) -> None:
    bridge = start(
        """
        class Mixed(Plugin):
            @hook(HookName.MessageWillBePosted)
            async def edit(self, context, post):
                user = await self.async_api.get_user(post.user_id)
                post.message += " by " + user.username
                return post

            @hook("UserWillLogIn")
            def login(self, context, user):
                return self.api.get_server_version()

            @hook
            async def MessageHasBeenPosted(self, context, post):
                raise ValueError("async " + post.message)

            @hook
            async def ReactionHasBeenAdded(self, context, reaction):
                sys.exit(4)
        """,
        api={"GetUser": lambda user_id: [{"username": "ann"}], "GetServerVersion": lambda: ["11.6"]},
    )
    assert bridge.wait_ready() == {
        "MessageWillBePosted": "async",
        "UserWillLogIn": "sync",
        "MessageHasBeenPosted": "async",
        "ReactionHasBeenAdded": "async",
    }
    assert bridge.hook("MessageWillBePosted", CONTEXT, {"user_id": "u", "message": "m"}) == [
        {"user_id": "u", "message": "m by ann"},
        "",
    ]
    assert bridge.hook("UserWillLogIn", CONTEXT, {}) == ["11.6"]
    with pytest.raises(HookError, match="ValueError: async x"):
        bridge.hook("MessageHasBeenPosted", CONTEXT, {"message": "x"})
    with pytest.raises(HookError, match="SystemExit: 4"):
        bridge.hook("ReactionHasBeenAdded", CONTEXT, {})
    assert "raise ValueError" in bridge.wait_log(lambda line: "async x" in line[1])[2]["traceback"]
    assert bridge.hook("MessageWillBePosted", CONTEXT, {"message": "n"})[0]["message"] == "n by ann"
    assert bridge.api_roles[0] == ("GetUser", "async")
    assert bridge.stop() == 0


def test_a_sync_wrapper_may_answer_for_an_async_handler(start: Start) -> None:
    bridge = start(
        """
        import functools

        def only_on_weekdays(handler):
            @functools.wraps(handler)
            def wrapper(self, context, user):
                return "closed" if user.username == "sunday" else handler(self, context, user)
            return wrapper

        class Wrapped(Plugin):
            @hook
            @only_on_weekdays
            async def UserWillLogIn(self, context, user):
                return await self.async_api.get_server_version()
        """,
        api={"GetServerVersion": lambda: ["11.6"]},
    )
    assert bridge.wait_ready() == {"UserWillLogIn": "async"}
    assert bridge.hook("UserWillLogIn", CONTEXT, {"username": "monday"}) == ["11.6"]
    assert bridge.hook("UserWillLogIn", CONTEXT, {"username": "sunday"}) == ["closed"]
    assert bridge.hook("UserWillLogIn", CONTEXT, {"username": "monday"}) == ["11.6"]
    assert bridge.stop() == 0


def test_many_async_hooks_and_calls_at_once(start: Start) -> None:
    bridge = start(
        """
        class Many(Plugin):
            waiting = 0

            @hook
            async def MessageWillBePosted(self, context, post):
                self.waiting += 1
                if self.waiting == 30:
                    self.all = self.__dict__.setdefault("all", _asyncio.Event())
                    self.all.set()
                else:
                    self.all = self.__dict__.setdefault("all", _asyncio.Event())
                    await self.all.wait()
                values = await _asyncio.gather(*(self.async_api.kv_get(f"{post.message}-{i}") for i in range(20)))
                return Post(message=",".join(value.decode() for value in values))
        """,
        api={"KVGet": lambda key: [key.encode()]},
    )
    bridge.wait_ready()
    sent = [bridge.send_hook("MessageWillBePosted", CONTEXT, {"message": str(number)}) for number in range(30)]
    for number, (peer, ident) in enumerate(sent):
        post, _ = bridge.finish_hook(peer, ident)
        assert post["message"] == ",".join(f"{number}-{i}" for i in range(20))


def test_nested_hook_in_an_async_api_call(start: Start) -> None:
    bridge = start(
        """
        class Nested(Plugin):
            @hook
            async def MessageWillBePosted(self, context, post):
                depth = int(post.message)
                if depth < 64:
                    post.message = (await self.async_api.create_post(Post(message=str(depth + 1)))).message + "."
                return post
        """
    )
    bridge.api["CreatePost"] = lambda post: [bridge.hook("MessageWillBePosted", CONTEXT, post)[0]]
    bridge.wait_ready()
    assert bridge.hook("MessageWillBePosted", CONTEXT, {"message": "1"})[0]["message"] == "64" + "." * 63


def test_a_sync_call_on_the_loop_names_the_async_method(start: Start) -> None:
    bridge = start(
        """
        class Blocking(Plugin):
            @hook
            async def OnActivate(self):
                self.api.get_user("u")
        """
    )
    bridge.wait_ready()
    with pytest.raises(
        HookError,
        match=r"RuntimeError: api.get_user\(\) would block the event loop; use: await self.async_api.get_user",
    ):
        bridge.hook("OnActivate")


def test_sync_calls_from_threads_of_the_loop_and_other_loops_work(start: Start) -> None:
    bridge = start(
        """
        class Loops(Plugin):
            @hook
            async def OnActivate(self):
                assert await _asyncio.to_thread(self.api.kv_get, "a") == b"v"

            @hook
            def OnDeactivate(self):
                async def own_loop():
                    assert self.api.kv_get("a") == b"v"
                    values = await _asyncio.gather(self.async_api.kv_get("a"), self.async_api.kv_get("b"))
                    assert values == [b"v", b"v"]
                _asyncio.run(own_loop())
        """,
        api={"KVGet": lambda key: [b"v"]},
    )
    bridge.wait_ready()
    assert bridge.hook("OnActivate") is NEUTRAL
    assert bridge.hook("OnDeactivate") is NEUTRAL
    assert {role for _, role in bridge.api_roles} == {"api", "sync"}


def test_cancelling_a_task_sends_cancel_and_a_cancelled_hook_ends(start: Start) -> None:
    bridge = start(
        """
        class Cancel(Plugin):
            @hook
            async def OnActivate(self):
                try:
                    await _asyncio.wait_for(self.async_api.get_server_version(), 0.05)
                except (TimeoutError, _asyncio.TimeoutError):
                    return "timed out"

            @hook
            async def UserHasLoggedIn(self, context, user):
                try:
                    await self.async_api.kv_set("started", b"")
                    await _asyncio.Event().wait()
                finally:
                    await self.async_api.kv_delete("done")
        """
    )
    release, started, deleted = threading.Event(), threading.Event(), threading.Event()

    def version() -> list[str]:
        release.wait(20)
        return ["late"]

    bridge.api["GetServerVersion"] = version
    bridge.api["KVSet"] = lambda key, value: started.set() or []
    bridge.api["KVDelete"] = lambda key: deleted.set() or []
    bridge.wait_ready()
    assert bridge.hook("OnActivate") == ["timed out"]
    assert bridge.cancelled.get(timeout=20)[0] == 1
    release.set()
    peer, ident = bridge.send_hook("UserHasLoggedIn", CONTEXT, {})
    assert started.wait(20)
    bridge.cancel_hook(peer, ident)
    with pytest.raises(HookError, match="cancelled"):
        bridge.finish_hook(peer, ident)
    assert deleted.wait(20)


def test_a_hook_cancelled_at_once_is_answered(start: Start) -> None:
    bridge = start(
        """
        class Never(Plugin):
            @hook
            async def UserHasLoggedIn(self, context, user):
                await _asyncio.Event().wait()
        """
    )
    bridge.wait_ready()
    for _ in range(20):
        peer, ident = bridge.send_hook("UserHasLoggedIn", CONTEXT, {})
        bridge.cancel_hook(peer, ident)
        with pytest.raises(HookError, match="cancelled"):
            bridge.finish_hook(peer, ident)
    assert bridge.stop() == 0


def test_async_errors_and_large_frames(start: Start) -> None:
    bridge = start(
        """
        class Errors(Plugin):
            @hook
            async def ExecuteCommand(self, context, args):
                try:
                    await self.async_api.get_post("x")
                except NotFoundError as error:
                    return error.where
                return "?"

            @hook
            async def MessageWillBePosted(self, context, post):
                return post
        """
    )

    def get_post(post_id: str) -> None:
        raise ApiError(message="no", id="x", status_code=404, where="GetPost")

    bridge.api["GetPost"] = get_post
    bridge.wait_ready()
    assert bridge.hook("ExecuteCommand", CONTEXT, {})[0] == {"text": "GetPost"}
    for size in (3_000_000, 10):
        assert bridge.hook("MessageWillBePosted", CONTEXT, {"message": "x" * size})[0]["message"] == "x" * size


def test_the_loop_is_uvloop_only_if_wanted(start: Start) -> None:
    pytest.importorskip("uvloop")
    source = """
    class Loop(Plugin):
        use_uvloop = {wanted}

        @hook
        async def OnActivate(self):
            return type(_asyncio.get_running_loop()).__module__
    """
    for wanted, module in {"True": "uvloop", "False": "asyncio.unix_events"}.items():
        bridge = start(source.format(wanted=wanted))
        bridge.wait_ready()
        assert bridge.hook("OnActivate") == [module]


def test_asyncio_is_not_loaded_for_def_handlers(start: Start) -> None:
    bridge = start(
        """
        class Lean(Plugin):
            @hook
            def OnActivate(self):
                self.api.get_server_version()
                return ",".join(name for name in ("asyncio", "uvloop", "inspect_x") if name in sys.modules)
        """,
        head="import sys\nfrom mattermost_plugin import Plugin, hook\n",
        api={"GetServerVersion": lambda: ["11.6"]},
    )
    bridge.wait_ready()
    assert bridge.hook("OnActivate") == [None] or bridge.hook("OnActivate") is NEUTRAL


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
def test_eager_tasks_are_real_tasks(start: Start) -> None:
    bridge = start(
        """
        class Eager(Plugin):
            @hook
            async def OnActivate(self):
                async with _asyncio.timeout(5), _asyncio.TaskGroup() as group:
                    group.create_task(self.async_api.kv_get("a"))
                return _asyncio.current_task().get_name()
        """,
        api={"KVGet": lambda key: [b"v"]},
    )
    bridge.wait_ready()
    assert bridge.hook("OnActivate")[0].startswith("Task-")
