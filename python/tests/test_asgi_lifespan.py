"""ASGI's lifespan: startup before the plugin is ready, shutdown when it is stopped."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import mattermost_plugin._web.asgi_lifespan as lifespan_module
from mattermost_plugin._gen.models import Context
from mattermost_plugin._web.asgi import AsgiHandler
from mattermost_plugin._web.asgi_lifespan import StartupError
from web_fakes import PATIENCE, AsyncBody, AsyncWriter, fake_plugin, make_request


def lifespan(*messages: Any) -> Any:
    """An application that answers startup and then shutdown with these messages, and raises what is an exception."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "lifespan"
        for number, message in enumerate(messages):
            if isinstance(message, BaseException):
                raise message
            if number < 2:
                assert await receive() == {"type": ("lifespan.startup", "lifespan.shutdown")[number]}
            await send({"type": f"lifespan.{message}"} if isinstance(message, str) else message)

    return app


async def run(app: Any) -> list[Any]:
    """Start and stop, and return the errors that were logged."""
    plugin = fake_plugin()
    handler = AsgiHandler(app, plugin)
    await asyncio.wait_for(handler.startup(), PATIENCE)
    await asyncio.wait_for(handler.shutdown(), PATIENCE)
    return plugin.logger.errors


def test_startup_and_shutdown():
    assert asyncio.run(run(lifespan("startup.complete", "shutdown.complete"))) == []


def test_both_run_in_one_task_and_requests_get_a_copy_of_the_state():
    tasks: list[Any] = []
    states: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            states.append(scope["state"].copy())
            scope["state"]["added"] = True
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body"})
            return
        scope["state"]["pool"] = "pool"
        for event in ("startup", "shutdown"):
            await receive()
            tasks.append(asyncio.current_task())
            await send({"type": f"lifespan.{event}.complete"})

    async def main() -> None:
        handler = AsgiHandler(app, fake_plugin())
        await handler.startup()
        for _ in range(2):
            await handler.serve(Context(), AsyncWriter(), make_request(body=AsyncBody()))  # type: ignore[arg-type]  # a fake
        await handler.shutdown()

    asyncio.run(main())
    assert states == [{"pool": "pool"}, {"pool": "pool"}]
    assert len(set(tasks)) == 1


@pytest.mark.parametrize("messages", [[ValueError("only HTTP here")], []])
def test_an_application_without_lifespan_works(messages):
    assert asyncio.run(run(lifespan(*messages))) == []


def test_a_failed_startup_is_raised_with_its_text():
    message = {"type": "lifespan.startup.failed", "message": "no database"}
    with pytest.raises(StartupError, match=r"^no database$"):
        asyncio.run(run(lifespan(message)))


def test_a_failed_startup_without_a_text():
    with pytest.raises(StartupError, match="startup failed"):
        asyncio.run(run(lifespan("startup.failed")))


def test_the_exception_behind_a_failed_startup_says_more():
    with pytest.raises(LookupError, match="no table"):
        asyncio.run(
            run(lifespan({"type": "lifespan.startup.failed", "message": "Traceback ..."}, LookupError("no table")))
        )


def test_a_failed_shutdown_is_logged():
    message = {"type": "lifespan.shutdown.failed", "message": "still busy"}
    [record] = asyncio.run(run(lifespan("startup.complete", message)))
    assert record.getMessage() == "the ASGI application's shutdown failed: still busy"


def test_an_exception_between_startup_and_shutdown_is_logged():
    [record] = asyncio.run(run(lifespan("startup.complete", ValueError("lost"))))
    assert record.exc_info[1].args == ("lost",)


@pytest.mark.parametrize(
    "messages",
    [
        ["startup.complete", "startup.complete"],
        ["startup.complete", "shutdown.complete", "shutdown.complete"],
        ["startup.complete", "lunch.complete"],
    ],
)
def test_messages_out_of_order_are_errors_of_the_application(messages):
    [record] = asyncio.run(run(lifespan(*messages)))
    assert isinstance(record.exc_info[1], RuntimeError)


def test_shutdown_without_startup_does_nothing():
    asyncio.run(AsgiHandler(lifespan("startup.complete"), fake_plugin()).shutdown())


def test_a_task_that_is_cancelled_is_no_failed_shutdown():
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        try:
            await receive()
        except asyncio.CancelledError:
            await send({"type": "lifespan.shutdown.failed", "message": "Traceback ..."})
            raise

    async def main() -> list[Any]:
        plugin = fake_plugin()
        handler = AsgiHandler(app, plugin)
        await handler.startup()
        task = handler._lifespan._task
        assert task is not None
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        return plugin.logger.errors

    assert asyncio.run(main()) == []


def test_a_shutdown_that_hangs_is_given_up(monkeypatch):
    monkeypatch.setattr(lifespan_module, "SHUTDOWN_PATIENCE", 0.01)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await asyncio.get_running_loop().create_future()

    [record] = asyncio.run(run(app))
    assert record.getMessage() == "the ASGI application's shutdown takes more than 0.01 seconds"
