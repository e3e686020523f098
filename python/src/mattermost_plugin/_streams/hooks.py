"""Hooks with streams, handled by a thread: what comes before and after the handler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._bound_hook import HookFailure, error_id
from .._codec import frame
from .._connection import ConnectionClosedError
from .._errors import ClientDisconnectedError
from .._frames import HOOK_ERROR, HOOK_REPLY, header
from .._http.body import UploadedFile
from .._http.output import ReplacementFile
from .._http.request import HTTPCall, HTTPRequest
from .._http.writer import HTTPResponseWriter
from .blocking_channel import BlockingChannel
from .channel import GONE
from .demand import Demand

if TYPE_CHECKING:
    from .._bound_hook import BoundHook
    from .._connection import Connection


def serve(connection: Connection, hook: BoundHook, ident: int, payload: memoryview) -> None:
    """Run the handler of a hook with streams and answer the hook.

    Raises:
        ConnectionClosedError: The connection is gone.
        OSError: The connection is gone.
    """
    try:
        args = hook.decode(payload)
    except Exception as error:  # whatever it is, the hook must be answered  # noqa: BLE001
        connection.send(hook.failure(error), HOOK_ERROR, hook.spec.ident, ident)
        return
    channel = BlockingChannel(connection, 0, hook.spec.ident, ident, 0)
    try:
        if hook.spec.stream == "file":
            _serve_file(hook, channel, args)
        else:
            _serve_http(hook, channel, args)
    except ClientDisconnectedError as error:
        # Only what happens after the handler ends here, and the connection itself may be what is gone.
        if connection.closed:
            raise ConnectionClosedError from error
        _refuse(channel, HookFailure(GONE))
    finally:
        channel.close()


def _serve_http(hook: BoundHook, channel: BlockingChannel, call: HTTPCall) -> None:
    reply = header(HOOK_REPLY, method=channel.method, ident=channel.ident)
    response = HTTPResponseWriter(channel, call.headers, hook.logger)
    try:
        request = HTTPRequest(call, channel)
        if hasattr(hook.handler(request.context, response, request), "__await__"):
            raise TypeError(f"{hook.spec.name}: the handler returned a coroutine; define it with async def")
        channel.connection.cancel_calls()
        response.finish(reply)
    except ClientDisconnectedError:
        raise
    except BaseException as error:  # SystemExit too: the hook must be answered  # noqa: BLE001
        ident = error_id()
        failure = hook.failure(error, ident)
        channel.connection.cancel_calls()
        if response.replaceable:
            response.replace_with_error(ident)
            response.finish(reply)
        else:
            _refuse(channel, failure)


def _serve_file(hook: BoundHook, channel: BlockingChannel, args: tuple[Any, ...]) -> None:
    output = ReplacementFile(channel)
    try:
        results = hook.adapt(hook.handler(*args, UploadedFile(channel, Demand(None, reads_on=False)), output))
        channel.connection.cancel_calls()
        if results is None:
            reply = header(HOOK_REPLY, method=channel.method, ident=channel.ident)
        else:
            reply = bytes(frame(results, HOOK_REPLY, channel.method, channel.ident))
        output.finish(reply)
    except ClientDisconnectedError:
        raise
    except BaseException as error:  # SystemExit too: the hook must be answered  # noqa: BLE001
        failure = hook.failure(error)
        _refuse(channel, failure)


def _refuse(channel: BlockingChannel, failure: HookFailure) -> None:
    channel.connection.cancel_calls()
    channel.connection.send(failure, HOOK_ERROR, channel.method, channel.ident)
