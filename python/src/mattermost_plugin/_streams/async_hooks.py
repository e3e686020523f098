"""Hooks with streams, handled by a task: what comes before and after the handler."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from .._bound_hook import HookFailure, error_id
from .._codec import frame
from .._errors import ClientDisconnectedError
from .._frames import HOOK_ERROR, HOOK_REPLY, header
from .._http.async_body import AsyncUploadedFile
from .._http.async_output import AsyncReplacementFile
from .._http.async_writer import AsyncHTTPResponseWriter
from .._http.request import AsyncHTTPRequest, HTTPCall
from .async_channel import AsyncChannel
from .channel import GONE
from .demand import Demand

if TYPE_CHECKING:
    from .._async_link import AsyncLink
    from .._bound_hook import BoundHook

    _Handle = Callable[[BoundHook, AsyncChannel, Any], Awaitable[HookFailure | None]]


def serve(link: AsyncLink, hook: BoundHook, ident: int, args: Any) -> Coroutine[Any, Any, None]:
    """Return the coroutine that runs the handler of a hook with streams and answers the hook.

    The streams are there at once: their first frames may come before the coroutine's first step.
    """
    handle = _serve_file if hook.spec.stream == "file" else _serve_http
    return _serve(handle, hook, AsyncChannel(link, 0, hook.spec.ident, ident, 0), args)


async def _serve(handle: _Handle, hook: BoundHook, channel: AsyncChannel, args: Any) -> None:
    link = channel.link
    failure: HookFailure | None = None
    try:
        failure = await handle(hook, channel, args)
    except asyncio.CancelledError:
        failure = HookFailure("the handler was cancelled")
    except ClientDisconnectedError:
        failure = HookFailure(GONE)
    finally:
        link.tasks.pop(channel.ident, None)
        link.cancel_calls()
        if failure is not None:
            link.write(frame(failure, HOOK_ERROR, channel.method, channel.ident))
        channel.close()


async def _serve_http(hook: BoundHook, channel: AsyncChannel, call: HTTPCall) -> HookFailure | None:
    reply = header(HOOK_REPLY, method=channel.method, ident=channel.ident)
    response = AsyncHTTPResponseWriter(channel, call.headers, hook.logger)
    try:
        request = AsyncHTTPRequest(call, channel)
        outcome = hook.handler(request.context, response, request)
        if hasattr(outcome, "__await__"):  # a decorator may have waited for the coroutine already
            outcome = await outcome
        hook.adapt(outcome)
        await response.finish(reply)
    except (asyncio.CancelledError, ClientDisconnectedError):
        raise
    except BaseException as error:  # SystemExit too: a handler must not end the loop  # noqa: BLE001
        ident = error_id()
        failure = hook.failure(error, ident)
        if not response.replaceable:
            return failure
        response.replace_with_error(ident)
        await response.finish(reply)
    return None


async def _serve_file(hook: BoundHook, channel: AsyncChannel, args: tuple[Any, ...]) -> HookFailure | None:
    output = AsyncReplacementFile(channel)
    try:
        outcome = hook.handler(*args, AsyncUploadedFile(channel, Demand(None, reads_on=False)), output)
        if hasattr(outcome, "__await__"):  # a decorator may have waited for the coroutine already
            outcome = await outcome
        results = hook.adapt(outcome)
        if results is None:
            reply = header(HOOK_REPLY, method=channel.method, ident=channel.ident)
        else:
            reply = bytes(frame(results, HOOK_REPLY, channel.method, channel.ident))
        await output.finish(reply)
    except (asyncio.CancelledError, ClientDisconnectedError):
        raise
    except BaseException as error:  # SystemExit too: a handler must not end the loop  # noqa: BLE001
        return hook.failure(error)
    return None
