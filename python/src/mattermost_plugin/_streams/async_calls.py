"""API calls with streams, made by a task of the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from .._codec import frame
from .._errors import PluginAPIError
from .._frames import API_CALL, BODY, END, WINDOW
from .async_sources import AsyncStreamSource, async_pieces

if TYPE_CHECKING:
    from .._async_link import AsyncLink
    from .._method import Method
    from .async_channel import AsyncChannel

T = TypeVar("T")


async def upload(link: AsyncLink, method: Method[T], args: tuple[Any, ...], source: AsyncStreamSource) -> T:
    """Call an API method that reads a stream, and wait for its answer."""
    channel, result = await _call(link, method, args, source, 0)
    channel.close()
    return result


async def fetch(
    link: AsyncLink, method: Method[T], args: tuple[Any, ...], source: AsyncStreamSource | None
) -> tuple[T, AsyncChannel]:
    """Call an API method that answers with a stream; the channel has it."""
    channel, result = await _call(link, method, args, source, WINDOW)
    return result, channel


async def _call(
    link: AsyncLink, method: Method[T], args: tuple[Any, ...], source: AsyncStreamSource | None, granted: int
) -> tuple[AsyncChannel, T]:
    channel, answer = link.open_call(method, granted)
    try:
        call = frame(args, API_CALL, method.ident, channel.ident, 0 if source is None else BODY)
        if source is None:
            link.write(call)
        else:
            await _send_beside(channel, _send_all(channel, source, call), answer)
        return channel, await answer
    except BaseException:
        # Also where the server has answered with an error while the source was being read.
        if answer.done() and not answer.cancelled() and answer.exception() is not None:
            channel.close()
        else:
            link.give_up(channel)
        raise


async def _send_beside(channel: AsyncChannel, sending: Coroutine[Any, Any, None], answer: asyncio.Future[Any]) -> None:
    """Send until the server has answered; after that the channel's owner reads, and the rest is sent meanwhile."""
    sender = channel.link.loop.create_task(_outcome(sending))
    channel.sender = sender
    try:
        await asyncio.wait((sender, answer), return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        sender.cancel()
        raise
    if answer.done():
        sender.add_done_callback(partial(_sender_done, channel))
        return
    error = _error_of(sender)
    if error is not None:
        raise error


async def _outcome(sending: Coroutine[Any, Any, None]) -> BaseException | None:
    """Return what a source has raised: a task must neither keep it to itself nor, if it is SystemExit, end the loop."""
    try:
        await sending
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001  # whoever reads the answer gets it
        return error
    return None


def _error_of(sender: asyncio.Task[BaseException | None]) -> BaseException | None:
    # It is not the task that waits here that was cancelled.
    return PluginAPIError("the source of the stream was cancelled") if sender.cancelled() else sender.result()


def _sender_done(channel: AsyncChannel, sender: asyncio.Task[BaseException | None]) -> None:
    """Break the call off if its source fails behind the answer: whoever reads the answer gets the error."""
    if channel.sender is not sender:
        return  # nobody needs the source any more
    error = _error_of(sender)
    if error is not None:
        channel.failure = error
        channel.link.give_up(channel)


async def _send_all(channel: AsyncChannel, source: AsyncStreamSource, call: bytearray) -> None:
    """Send a stream to its end."""
    before: bytearray | bytes = call
    async with aclosing(async_pieces(source)) as parts:
        async for piece in parts:
            await channel.send((piece,), before=before)
            before = b""
    await channel.send((), before=before, after=channel.header(END))
