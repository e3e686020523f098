"""API calls with streams, made by a thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from .._codec import frame
from .._errors import ClientDisconnectedError, UnavailableError, gone_call
from .._frames import API_CALL, API_ERROR, BODY, OF_API_CALL, WINDOW
from .blocking_channel import BlockingChannel, Rest
from .sources import StreamSource, is_bytes, pieces

if TYPE_CHECKING:
    from typing import Any

    from .._connection import Connection
    from .._method import Method

T = TypeVar("T")


def upload(connection: Connection, method: Method[T], args: tuple[Any, ...], source: StreamSource) -> T:
    """Call an API method that reads a stream, and wait for its answer."""
    channel, result = _call(connection, method, args, source, 0)
    channel.close()
    return result


def fetch(
    connection: Connection, method: Method[T], args: tuple[Any, ...], source: StreamSource | None
) -> tuple[T, BlockingChannel]:
    """Call an API method that answers with a stream; the channel has it, and what is left of the source."""
    channel, result = _call(connection, method, args, source, WINDOW)
    return result, channel


def _call(
    connection: Connection, method: Method[T], args: tuple[Any, ...], source: StreamSource | None, granted: int
) -> tuple[BlockingChannel, T]:
    connection.cancel_abandoned()
    ident = connection.next_ident()
    call = frame(args, API_CALL, method.ident, ident, 0 if source is None else BODY)
    parts = iter(()) if source is None else pieces(source)
    # A file that cannot be read is an error before the server hears of the call.
    first = next(parts, None)
    channel = BlockingChannel(connection, OF_API_CALL, method.ident, ident, granted)
    try:
        if source is not None:
            channel.rest = Rest(() if first is None else (first,), parts, whole=is_bytes(source))
        channel.feed(before=call)
        while channel.answer is None:
            channel.pump()
            # The source itself may make API calls, and read the answer to this one while it waits for theirs.
            if channel.answer is None:
                channel.feed()
        kind, payload = channel.answer
        if kind == API_ERROR:
            raise method.error(payload)
        return channel, method.result(payload)
    except (ClientDisconnectedError, UnavailableError) as error:
        if connection.closed:
            raise gone_call(method.name) from error
        _drop(connection, channel)
        raise
    except BaseException:
        _drop(connection, channel)
        raise


def _drop(connection: Connection, channel: BlockingChannel) -> None:
    """Give up a call that has failed; it is at its end if the server has answered with an error."""
    if channel.answer is not None and channel.answer[0] == API_ERROR:
        channel.close()
    else:
        channel.give_up()
