"""Async handlers: one connection, read by the event loop itself, one task per hook.

Nothing here is imported for a plugin with `def` handlers only, because loading asyncio costs more than all the rest.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ._bound_hook import BoundHook, HookFailure
from ._codec import encode_frame
from ._errors import UnavailableError
from ._frames import (
    API_CALL,
    API_ERROR,
    API_REPLY,
    CANCEL,
    CANCEL_API_CALL,
    HEADER,
    HEADER_SIZE,
    HOOK,
    HOOK_ERROR,
    HOOK_REPLY,
    ProtocolError,
    check_length,
    header,
)

if TYPE_CHECKING:
    from ._method import Method

T = TypeVar("T")

_MAX_ID = 0xFFFFFFFF


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
        self._hooks = hooks
        self._on_lost = on_lost
        self._calls: dict[int, tuple[asyncio.Future[Any], Method[Any]]] = {}
        self._partial: bytearray | None = None
        self._ident = 0
        self._transport: asyncio.Transport | None = None
        self._outgoing: list[bytes | bytearray] = []
        self._lost: asyncio.Future[None] = loop.create_future()

    async def attach(self, sock: socket.socket) -> None:
        """Read and write the connection from now on."""
        sock.setblocking(False)
        await self.loop.create_connection(lambda: self, sock=sock)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport."""
        # uvloop's transports have no asyncio class, so there is nothing to check this against.
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what waits for an answer; none will come."""
        self._transport = None
        self._lost.set_result(None)
        calls, self._calls = self._calls, {}
        for future, method in calls.values():
            if not future.done():
                future.set_exception(_gone(method))
        self._on_lost()

    def data_received(self, data: bytes) -> None:
        """Take the frames that are complete, and keep the rest."""
        received: bytes | bytearray = data
        if self._partial is not None:
            self._partial += data
            received = self._partial
        start, size = 0, len(received)
        view: memoryview | None = None
        try:
            while size - start >= HEADER_SIZE:
                length, kind, flags, method, ident = HEADER.unpack_from(received, start)
                stop = start + HEADER_SIZE + length
                if stop > size:
                    check_length(length)
                    break
                if view is None:
                    view = memoryview(received)
                self._dispatch(kind, flags, method, ident, view[start + HEADER_SIZE : stop])
                start = stop
        except ProtocolError:
            self._abort()
            return
        if start == 0 and self._partial is not None:
            return
        # A new buffer for the rest: views of the old one may live on in a traceback and would forbid resizing it.
        self._partial = bytearray(received[start:]) if start < size else None

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _dispatch(self, kind: int, flags: int, method: int, ident: int, payload: memoryview) -> None:
        if kind == HOOK:
            self._start_hook(method, ident, payload)
        elif kind in (API_REPLY, API_ERROR):
            self._finish_call(kind, ident, payload)
        elif kind == CANCEL:
            if not flags & CANCEL_API_CALL:
                self._cancel_hook(method, ident)
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
        task = _start(self.loop, self._run_hook(hook, ident, args))
        if not task.done():
            self.tasks[ident] = task

    def _cancel_hook(self, method: int, ident: int) -> None:
        task = self.tasks.get(ident)
        if task is None:
            return

        def finish(_task: asyncio.Task[None]) -> None:
            # A task that is cancelled before its first step never runs, so it could not answer itself.
            if self.tasks.pop(ident, None) is not None:
                self._send(HookFailure("the handler was cancelled"), HOOK_ERROR, method, ident)

        task.add_done_callback(finish)
        task.cancel()

    async def _run_hook(self, hook: BoundHook, ident: int, args: tuple[Any, ...]) -> None:
        method = hook.spec.ident
        try:
            outcome = hook.handler(*args)
            if hasattr(outcome, "__await__"):  # a decorator may have waited for the coroutine already
                outcome = await outcome
            results = hook.adapt(outcome)
            if results is None:
                self._write(header(HOOK_REPLY, method=method, ident=ident))
            else:
                self._send(results, HOOK_REPLY, method, ident)
        except asyncio.CancelledError:
            self._send(HookFailure("the handler was cancelled"), HOOK_ERROR, method, ident)
        except BaseException as error:  # SystemExit too: a handler must not end the loop  # noqa: BLE001
            self._send(hook.failure(error), HOOK_ERROR, method, ident)
        finally:
            self.tasks.pop(ident, None)

    async def call(self, method: Method[T], args: tuple[Any, ...]) -> T:
        """Call an API method from a task of this loop."""
        if self._transport is None:
            raise _gone(method)
        ident = self._next_ident()
        self._send(args, API_CALL, method.ident, ident)
        future: asyncio.Future[T] = self.loop.create_future()
        self._calls[ident] = (future, method)
        try:
            return await future
        except asyncio.CancelledError:
            if self._calls.pop(ident, None) is not None:
                self._write(header(CANCEL, method=method.ident, ident=ident, flags=CANCEL_API_CALL))
            raise

    def _next_ident(self) -> int:
        ident = (self._ident + 1) & _MAX_ID
        while ident in self._calls:
            ident = (ident + 1) & _MAX_ID
        self._ident = ident
        return ident

    def _finish_call(self, kind: int, ident: int, payload: memoryview) -> None:
        future, method = self._calls.pop(ident, (None, None))
        if future is None or method is None or future.done():
            return
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
        self._write(frame)

    def _write(self, frame: bytes | bytearray) -> None:
        """Send what the tasks of one turn of the loop have to say in one system call."""
        if not self._outgoing:
            self.loop.call_soon(self._flush)
        self._outgoing.append(frame)

    def _flush(self) -> None:
        frames, self._outgoing = self._outgoing, []
        if self._transport is not None:
            self._transport.write(b"".join(frames))

    async def drain(self) -> None:
        """Wait until no hook runs, write what is left, and close the connection."""
        while self.tasks:
            await asyncio.wait(list(self.tasks.values()))
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


def _gone(method: Method[Any]) -> UnavailableError:
    return UnavailableError("the connection to the server is gone", status_code=503, where=method.name)


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
