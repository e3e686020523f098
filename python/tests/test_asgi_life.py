"""ASGI applications: errors, life after the response, clients that leave, stopping."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import mattermost_plugin._web.asgi as asgi
from asgi_served import DISCONNECT, Served, answers, body, serve, start
from mattermost_plugin._errors import ClientDisconnectedError
from web_fakes import PATIENCE, AsyncBody, make_request

# Error responses, as Starlette makes them: it answers by itself and raises then


def test_a_plain_500_followed_by_the_exception_is_left_to_the_sdk():
    async def main() -> None:
        served = Served(answers(start(500), body(b"Internal Server Error"), ValueError("secret")))
        with pytest.raises(ValueError, match="secret"):
            await served.finished()
        assert served.writer.events == []

    asyncio.run(main())


def test_an_authors_own_500_gets_the_id_of_the_exception():
    async def main() -> Served:
        served = Served(answers(start(500, [(b"content-type", b"text/plain")]), body(b"Oops"), ValueError("secret")))
        await served.finished()
        await served.idle()
        return served

    served = asyncio.run(main())
    [record] = served.plugin.logger.errors
    assert served.writer.events == [500, b"Oops"]
    assert served.writer.sent_headers is not None
    assert served.writer.sent_headers["X-Error-Id"] == record.error_id
    assert record.exc_info[1].args == ("secret",)


def test_a_500_without_an_exception_is_sent_as_it_is():
    writer = asyncio.run(serve(answers(start(503), body(b"Internal Server Error"))))
    assert writer.events == [503, b"Internal Server Error"]
    assert writer.sent_headers is not None
    assert "X-Error-Id" not in writer.sent_headers


# Life after the response, and without a client


def test_what_follows_the_response_does_not_hold_it_up():
    async def main() -> None:
        release = asyncio.Event()
        ended = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(start())
            await send(body(b"done"))
            await release.wait()
            ended.set()

        served = Served(app)
        writer = await served.finished()
        assert writer.events == [200, b"done"]
        assert not ended.is_set()
        release.set()
        await asyncio.wait_for(ended.wait(), PATIENCE)

    asyncio.run(main())


def test_a_failure_in_the_background_is_logged_with_an_id():
    async def main() -> Served:
        served = Served(answers(start(), body(), ValueError("late")))
        await served.finished()
        await served.idle()
        return served

    [record] = asyncio.run(main()).plugin.logger.errors
    assert record.getMessage() == "the ASGI application raised ValueError: late"
    assert len(record.error_id) == 16


def test_a_client_that_leaves_is_told_to_the_application():
    async def main() -> None:
        messages: list[Any] = []
        waiting, ended = asyncio.Event(), asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send(start())
            await send(body(b"first", more=True))
            waiting.set()
            messages.append(await receive())
            with pytest.raises(OSError, match="gone"):
                await send(body(b"second", more=True))
            ended.set()

        served = Served(app)
        await asyncio.wait_for(waiting.wait(), PATIENCE)
        served.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await served.task
        await asyncio.wait_for(ended.wait(), PATIENCE)
        await served.idle()
        assert messages == [DISCONNECT]
        assert served.writer.events == [200, b"first", "flush"]
        assert served.plugin.logger.errors == []

    asyncio.run(main())


def test_an_application_that_does_not_care_is_cancelled(monkeypatch):
    monkeypatch.setattr(asgi, "LEAVING_PATIENCE", 0.01)

    async def main() -> None:
        waiting, cancelled = asyncio.Event(), asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            waiting.set()
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                cancelled.set()
                raise

        served = Served(app)
        await asyncio.wait_for(waiting.wait(), PATIENCE)
        served.task.cancel()
        await asyncio.wait_for(cancelled.wait(), PATIENCE)
        await served.idle()
        assert served.plugin.logger.errors == []

    asyncio.run(main())


def test_a_write_that_finds_the_client_gone_ends_the_request():
    async def main() -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(start())
            served.writer.gone = True
            try:
                await send(body(b"x", more=True))
            except OSError as error:
                raise RuntimeError("wrapped by a framework") from error

        served = Served(app)
        await served.finished()
        await served.idle()
        assert served.plugin.logger.errors == []

    asyncio.run(main())


def test_an_error_that_only_happens_after_the_client_has_left_is_still_logged():
    async def main() -> Served:
        content = AsyncBody(ends=False)
        content.break_off()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            raise ValueError("a fault of its own")

        served = Served(app, make_request("POST", body=content))
        await served.finished()
        await served.idle()
        return served

    [record] = asyncio.run(main()).plugin.logger.errors
    assert "a fault of its own" in record.getMessage()


def test_a_disconnect_is_found_in_groups_and_circles():
    error = RuntimeError("outer")
    inner = ValueError("inner")
    error.__context__, inner.__context__ = inner, error
    assert not asgi._is_disconnect(error)
    inner.__cause__ = ClientDisconnectedError("gone")
    assert asgi._is_disconnect(error)
    group = type("Group", (Exception,), {"exceptions": (ValueError(), ClientDisconnectedError("gone"))})()
    assert asgi._is_disconnect(group)


# Stopping


def test_stopping_cancels_what_does_not_end(monkeypatch):
    monkeypatch.setattr(asgi, "_STOP_PATIENCE", 0.01)

    async def main() -> None:
        waiting = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "lifespan":
                raise ValueError("no lifespan here")
            await send(start())
            await send(body(b"event", more=True))
            waiting.set()
            await asyncio.get_running_loop().create_future()

        served = Served(app)
        await asyncio.wait_for(waiting.wait(), PATIENCE)
        await asyncio.wait_for(served.handler.shutdown(), PATIENCE)
        with pytest.raises(asyncio.CancelledError):
            await served.finished()
        assert served.plugin.logger.errors == []

    asyncio.run(main())
