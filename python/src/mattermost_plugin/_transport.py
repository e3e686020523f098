"""How a client's calls reach the bridge, from whatever thread or task they are made."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ._connection import Connection
from ._errors import UnavailableError

if TYPE_CHECKING:
    from ._async_link import AsyncLink
    from ._method import Method

T = TypeVar("T")


class SyncTransport(Protocol):
    """What `PluginAPIClient` needs; a test may pass its own."""

    def call(self, method: Method[T], args: tuple[Any, ...]) -> T:
        """Call an API method and return its result, or raise PluginAPIError."""
        ...


class AsyncTransport(Protocol):
    """What `AsyncPluginAPIClient` needs; a test may pass its own."""

    async def call(self, method: Method[T], args: tuple[Any, ...]) -> T:
        """Call an API method and return its result, or raise PluginAPIError."""
        ...


class Unconnected:
    """The transport of a client that belongs to no running plugin."""

    def call(self, method: Method[T], args: tuple[Any, ...]) -> T:
        """Refuse the call."""
        del args
        raise RuntimeError(f"{method.python_name}: the client is not connected; plugins use self.api")


class AsyncUnconnected:
    """The transport of an asyncio client that belongs to no running plugin."""

    async def call(self, method: Method[T], args: tuple[Any, ...]) -> T:
        """Refuse the call."""
        return Unconnected().call(method, args)


class _Local(threading.local):
    connection: Caller | None = None
    owner: _Owner | None = None


class Caller(Protocol):
    """Something that makes API calls for one thread."""

    closed: bool

    def call(self, method: Method[T], args: tuple[Any, ...]) -> T:
        """Call an API method."""
        ...


class _Owner:
    """Closes a thread's own connection when the thread ends and its local values are dropped."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __del__(self) -> None:
        self._connection.close()


class _LoopThread:
    """Stands where the event loop's thread would have a connection: blocking there could deadlock on a nested hook."""

    closed = False

    def call(self, method: Method[T], args: tuple[Any, ...]) -> T:
        """Refuse the call and name the method to use instead."""
        del args
        raise RuntimeError(
            f"api.{method.python_name}() would block the event loop; "
            f"use: await self.async_api.{method.python_name}(...)"
        )


class ThreadTransport:
    """Sends a call on the calling thread's connection: a hook's own inside a hook, else one opened on demand."""

    def __init__(self, open_connection: Callable[[], Connection]) -> None:
        self._open_connection = open_connection
        self._local = _Local()
        self._forked = False

    def call(self, method: Method[T], args: tuple[Any, ...]) -> T:
        """Call an API method from any thread."""
        connection = self._local.connection
        if connection is None or connection.closed:
            connection = self._open(method.name)
        return connection.call(method, args)

    def adopt(self, connection: Connection) -> None:
        """Make a hook's connection the one of the calling thread."""
        self._local.connection = connection

    def forbid_here(self) -> None:
        """Make calls from the calling thread, which runs the event loop, an error."""
        self._local.owner = None
        self._local.connection = _LoopThread()

    def after_fork(self) -> None:
        """Forget all connections in a forked child; they belong to the parent."""
        self._forked = True
        self._local = _Local()

    def _open(self, method_name: str) -> Connection:
        if self._forked:
            raise RuntimeError(
                f"{method_name}: this process was made by os.fork() and has no connection to Mattermost; "
                "make API calls in the plugin's own process"
            )
        try:
            connection = self._open_connection()
        except OSError as error:
            raise UnavailableError(
                "the connection to the server is gone", status_code=503, where=method_name
            ) from error
        self._local.owner = _Owner(connection)
        self._local.connection = connection
        return connection


class TaskTransport:
    """Sends a call on the async connection from its event loop; from any other loop through a thread."""

    def __init__(self, threads: ThreadTransport) -> None:
        self._threads = threads
        self.link: AsyncLink | None = None

    async def call(self, method: Method[T], args: tuple[Any, ...]) -> T:
        """Call an API method from any task."""
        import asyncio  # plugins with `def` handlers only never pay for loading it

        link = self.link
        if link is not None and asyncio.get_running_loop() is link.loop:
            return await link.call(method, args)
        return await asyncio.to_thread(self._threads.call, method, args)
