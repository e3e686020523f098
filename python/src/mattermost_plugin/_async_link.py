"""Async handlers: one connection, read by the event loop itself, one task per hook.

Nothing here is imported for a plugin with `def` handlers only, because loading asyncio costs more than all the rest.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ._bound_hook import BoundHook, HookFailure
from ._codec import encode_frame
from ._errors import gone_call
from ._frames import (
    API_CALL,
    API_ERROR,
    API_REPLY,
    CANCEL,
    DATA,
    HEADER,
    HEADER_SIZE,
    HOOK,
    HOOK_ERROR,
    HOOK_REPLY,
    OF_API_CALL,
    STREAM_KINDS,
    ProtocolError,
    check_length,
    header,
    stream_key,
)

if TYPE_CHECKING:
    from ._method import Method
    from ._streams.async_channel import AsyncChannel

T = TypeVar("T")

_log = logging.getLogger("mattermost_plugin")

_MAX_ID = 0xFFFFFFFF

_JOINED = 64 * 1024
"""What is to be written up to this is joined first; above, the event loop gets the parts."""

_HIGH_WATER = 512 * 1024
"""How much may wait to be written before streams pause."""


CANCEL_PATIENCE = 0.2
"""Seconds for tasks that were cancelled because the worker ends."""


class AsyncLink(asyncio.Protocol):
    """The `async` connection: hooks become tasks, API calls become futures.

    Args:
        loop: The event loop that reads the connection.
        hooks: The async handlers, by the hooks' numbers.
        on_lost: Called once when the bridge has closed the connection.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        hooks: Mapping[int, BoundHook],
        on_lost: Callable[[], None],
    ) -> None:
        self.loop = loop
        self.tasks: dict[int, asyncio.Task[None]] = {}
        self.channels: dict[int, AsyncChannel] = {}
        self.paused = False
        self._owned: dict[asyncio.Task[Any] | None, list[AsyncChannel]] = {}
        self._hooks = hooks
        self._on_lost = on_lost
        self._calls: dict[int, tuple[asyncio.Future[Any], Method[Any]]] = {}
        self._partial: bytearray | None = None
        self._data_left = 0
        self._data_channel: AsyncChannel | None = None
        self._ident = 0
        self._transport: asyncio.Transport | None = None
        self._outgoing: list[bytes | bytearray | memoryview] = []
        self._lost: asyncio.Future[None] = loop.create_future()

    async def attach(self, sock: socket.socket) -> None:
        """Read and write the connection from now on."""
        sock.setblocking(False)
        await self.loop.create_connection(lambda: self, sock=sock)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport."""
        # uvloop's transports have no asyncio class, so there is nothing to check this against.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_HIGH_WATER)

    def pause_writing(self) -> None:
        """Stop the streams: the bridge does not read as fast as the plugin writes."""
        self.paused = True

    def resume_writing(self) -> None:
        """Let the streams go on."""
        self.paused = False
        for channel in list(self.channels.values()):
            channel.wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what waits for an answer; none will come."""
        self._transport = None
        self._lost.set_result(None)
        calls, self._calls = self._calls, {}
        for future, method in calls.values():
            if not future.done():
                future.set_exception(gone_call(method.name))
        for channel in list(self.channels.values()):
            channel.disconnect()
        self._on_lost()

    def data_received(self, data: bytes) -> None:
        """Take the frames that are complete, and keep the rest."""
        try:
            start = self._continue_data(data) if self._data_left else 0
            if start < len(data):
                self._take_frames(data, start)
        except ProtocolError as error:
            _log.error("the worker link is given up: %s", error)
            self.abort()

    def _take_frames(self, data: bytes, start: int) -> None:
        received: bytes | bytearray = data
        if self._partial is not None:
            self._partial += data
            received = self._partial
        size = len(received)
        view: memoryview | None = None
        while size - start >= HEADER_SIZE:
            length, kind, flags, method, ident = HEADER.unpack_from(received, start)
            if view is None:
                view = memoryview(received)
            body = start + HEADER_SIZE
            start = body + length
            if start > size:
                check_length(length)
                if kind == DATA:
                    self._data_left = start - size
                    self._data_channel = self.channels.get(stream_key(flags, ident))
                    self._put(self._data_channel, view[body:])
                    break
                start = body - HEADER_SIZE
                break
            self._dispatch(kind, flags, method, ident, view[body:start])
        if start == 0 and self._partial is not None:
            return
        # A new buffer for the rest: views of the old one may live on in a traceback and would forbid resizing it.
        self._partial = bytearray(received[start:]) if start < size else None

    def _continue_data(self, data: bytes) -> int:
        """Pass on more of a DATA frame that comes in pieces; return where it ends in `data`."""
        size = min(self._data_left, len(data))
        self._data_left -= size
        self._put(self._data_channel, memoryview(data)[:size])
        if not self._data_left:
            self._data_channel = None
        return size

    @staticmethod
    def _put(channel: AsyncChannel | None, data: memoryview) -> None:
        if channel is not None and len(data):
            # A view keeps all that was received with it in memory, so a small part is copied out of it.
            owned = isinstance(data.obj, bytes) and len(data) * 2 > len(data.obj)
            channel.frame(DATA, data if owned else bytes(data))

    def abort(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def _dispatch(self, kind: int, flags: int, method: int, ident: int, payload: memoryview) -> None:
        if kind == HOOK:
            self._start_hook(method, ident, payload)
        elif kind in (API_REPLY, API_ERROR):
            self._finish_call(kind, ident, payload)
        elif kind == CANCEL:
            if not flags & OF_API_CALL:
                self._cancel_hook(method, ident)
        elif kind in STREAM_KINDS:
            channel = self.channels.get(stream_key(flags, ident))
            if kind == DATA:
                self._put(channel, payload)
            elif channel is not None:
                channel.frame(kind, payload)
        else:
            raise ProtocolError(f"a frame of kind {kind:#04x} has no place on the async connection")

    def _start_hook(self, method: int, ident: int, payload: memoryview) -> None:
        hook = self._hooks.get(method)
        if hook is None:
            self._send(HookFailure(f"the plugin has no async handler for hook {method}"), HOOK_ERROR, method, ident)
            return
        try:
            args = hook.decode(payload)
        except Exception as error:  # whatever it is, the hook must be answered  # noqa: BLE001
            self._send(hook.failure(error), HOOK_ERROR, method, ident)
            return
        if hook.spec.stream:
            from ._streams.async_hooks import serve  # most plugins have no hooks with streams

            coroutine = serve(self, hook, ident, args)
        else:
            coroutine = self._run_hook(hook, ident, args)
        task = _start(self.loop, coroutine)
        if not task.done():
            self.tasks[ident] = task

    def _cancel_hook(self, method: int, ident: int) -> None:
        task = self.tasks.get(ident)
        if task is None:
            return

        channel = self.channels.get(ident)

        def finish(_task: asyncio.Task[None]) -> None:
            # A task that is cancelled before its first step never runs, so it could not answer itself.
            if self.tasks.pop(ident, None) is not None:
                if channel is not None:
                    channel.close()
                self._send(HookFailure("the handler was cancelled"), HOOK_ERROR, method, ident)

        task.add_done_callback(finish)
        task.cancel()
        if channel is not None:
            channel.disconnect()

    async def _run_hook(self, hook: BoundHook, ident: int, args: tuple[Any, ...]) -> None:
        method = hook.spec.ident
        try:
            outcome = hook.handler(*args)
            if hasattr(outcome, "__await__"):  # a decorator may have waited for the coroutine already
                outcome = await outcome
            results = hook.adapt(outcome)
            if results is None:
                self.write(header(HOOK_REPLY, method=method, ident=ident))
            else:
                self._send(results, HOOK_REPLY, method, ident)
        except asyncio.CancelledError:
            self._send(HookFailure("the handler was cancelled"), HOOK_ERROR, method, ident)
        except BaseException as error:  # SystemExit too: a handler must not end the loop  # noqa: BLE001
            self._send(hook.failure(error), HOOK_ERROR, method, ident)
        finally:
            self.tasks.pop(ident, None)
            self.cancel_calls()

    async def call(self, method: Method[T], args: tuple[Any, ...]) -> T:
        """Call an API method from a task of this loop."""
        if self._transport is None:
            raise gone_call(method.name)
        ident = self._next_ident()
        self._send(args, API_CALL, method.ident, ident)
        future: asyncio.Future[T] = self.loop.create_future()
        self._calls[ident] = (future, method)
        try:
            return await future
        except asyncio.CancelledError:
            if self._calls.pop(ident, None) is not None:
                self.write(header(CANCEL, method=method.ident, ident=ident, flags=OF_API_CALL))
            raise

    def open_call(self, method: Method[T], granted: int) -> tuple[AsyncChannel, asyncio.Future[T]]:
        """Return the streams of a new API call, which its caller sends, and its answer."""
        from ._streams.async_channel import AsyncChannel  # most plugins have no calls with streams

        if self._transport is None:
            raise gone_call(method.name)
        ident = self._next_ident()
        future: asyncio.Future[T] = self.loop.create_future()
        self._calls[ident] = (future, method)
        channel = AsyncChannel(self, OF_API_CALL, method.ident, ident, granted)
        channel.owner = asyncio.current_task()
        self._owned.setdefault(channel.owner, []).append(channel)
        return channel, future

    def give_up(self, channel: AsyncChannel) -> None:
        """Tell the bridge that nothing more of an API call is wanted, if it is not at its end."""
        future, _ = self._calls.pop(channel.ident, (None, None))
        if future is not None:
            future.cancel()
        if not channel.over and not (channel.ended and channel.answer):
            self.write(channel.header(CANCEL))
        channel.close()

    def forget(self, channel: AsyncChannel) -> None:
        """Drop what still comes of a hook or call, and send no more of it."""
        channel.stop_sending()
        self.channels.pop(channel.key, None)
        owned = self._owned.get(channel.owner)
        if owned is not None and channel in owned:
            owned.remove(channel)
            if not owned:
                del self._owned[channel.owner]

    def cancel_calls(self) -> None:
        """Give up the API calls of the current task whose streams are still open: its hook has ended."""
        if self._owned:
            for channel in list(self._owned.get(asyncio.current_task(), ())):
                self.give_up(channel)

    def _next_ident(self) -> int:
        ident = (self._ident + 1) & _MAX_ID
        while ident in self._calls or stream_key(OF_API_CALL, ident) in self.channels:
            ident = (ident + 1) & _MAX_ID
        self._ident = ident
        return ident

    def _finish_call(self, kind: int, ident: int, payload: memoryview) -> None:
        future, method = self._calls.pop(ident, (None, None))
        if future is None or method is None or future.done():
            return
        channel = self.channels.get(stream_key(OF_API_CALL, ident))
        if channel is not None:
            channel.frame(kind, b"")
        if kind == API_ERROR:
            future.set_exception(method.error(payload))
            return
        try:
            future.set_result(method.result(payload))
        except Exception as error:  # it belongs to the task that made the call  # noqa: BLE001
            future.set_exception(error)

    def _send(self, value: object, kind: int, method: int, ident: int) -> None:
        frame = bytearray()
        encode_frame(frame, value, kind, method, ident)
        self.write(frame)

    def write(self, frame: bytes | bytearray | memoryview) -> None:
        """Send what the tasks of one turn of the loop have to say in one system call; it must not change any more."""
        if not self._outgoing:
            self.loop.call_soon(self._flush)
        self._outgoing.append(frame)

    def _flush(self) -> None:
        frames, self._outgoing = self._outgoing, []
        if self._transport is None:
            return
        if sum(map(len, frames)) <= _JOINED:
            self._transport.write(b"".join(frames))
        else:
            self._transport.writelines(frames)

    async def drain(self, until: float) -> None:
        """Wait until no hook runs, cancel those that do at that time of the loop, and close the connection."""
        while self.tasks and (left := until - self.loop.time()) > 0:
            await asyncio.wait(list(self.tasks.values()), timeout=left)
        tasks = list(self.tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CANCEL_PATIENCE)
        if self._transport is not None:
            self._flush()
            self._transport.close()
            await self._lost


if sys.version_info >= (3, 12):

    def _start(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a coroutine at once up to its first wait, as a real task; most hooks never wait."""
        return asyncio.Task(coroutine, loop=loop, eager_start=True)

else:

    def _start(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a coroutine as a task."""
        return loop.create_task(coroutine)


def new_event_loop(use_uvloop: bool) -> asyncio.AbstractEventLoop:
    """Return a new event loop: uvloop's if it is wanted and installed."""
    if use_uvloop:
        try:
            import uvloop  # optional
        except ImportError:
            pass
        else:
            return uvloop.new_event_loop()
    return asyncio.new_event_loop()
