"""How a client's calls reach the bridge, from whatever thread or task they are made."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ._connection import Connection
from ._errors import gone_call

if TYPE_CHECKING:
    from ._async_link import AsyncLink
    from ._http.async_client import AsyncHTTPResponse
    from ._http.client import HTTPAnswer, HTTPResponse
    from ._method import Method
    from ._streams.async_sources import AsyncStreamSource
    from ._streams.sources import StreamSource

T = TypeVar("T")

_FIRST_OF_DRIVER = 4096
"""The numbers of the database driver's methods begin here."""


class SyncTransport(Protocol):
    """What `PluginAPIClient` needs; a test may pass its own."""

    def call(self, method: Method[T], args: tuple[Any, ...]) -> T:
        """Call an API method and return its result, or raise PluginAPIError."""
        ...

    def upload(self, method: Method[T], args: tuple[Any, ...], source: StreamSource) -> T:
        """Call an API method that reads a stream."""
        ...

    def fetch(self, method: Method[HTTPAnswer], args: tuple[Any, ...], source: StreamSource | None) -> HTTPResponse:
        """Call an API method that answers with a stream."""
        ...


class AsyncTransport(Protocol):
    """What `AsyncPluginAPIClient` needs; a test may pass its own."""

    async def call(self, method: Method[T], args: tuple[Any, ...]) -> T:
        """Call an API method and return its result, or raise PluginAPIError."""
        ...

    async def upload(self, method: Method[T], args: tuple[Any, ...], source: AsyncStreamSource) -> T:
        """Call an API method that reads a stream."""
        ...

    async def fetch(
        self, method: Method[HTTPAnswer], args: tuple[Any, ...], source: AsyncStreamSource | None
    ) -> AsyncHTTPResponse:
        """Call an API method that answers with a stream."""
        ...


class Unconnected:
    """The transport of a client that belongs to no running plugin."""

    def call(self, method: Method[T], args: tuple[Any, ...]) -> T:
        """Refuse the call."""
        del args
        raise _unconnected(method)

    def upload(self, method: Method[T], args: tuple[Any, ...], source: StreamSource) -> T:
        """Refuse the call."""
        del args, source
        raise _unconnected(method)

    def fetch(self, method: Method[HTTPAnswer], args: tuple[Any, ...], source: StreamSource | None) -> HTTPResponse:
        """Refuse the call."""
        del args, source
        raise _unconnected(method)


class AsyncUnconnected:
    """The transport of an asyncio client that belongs to no running plugin."""

    async def call(self, method: Method[T], args: tuple[Any, ...]) -> T:
        """Refuse the call."""
        del args
        raise _unconnected(method)

    async def upload(self, method: Method[T], args: tuple[Any, ...], source: AsyncStreamSource) -> T:
        """Refuse the call."""
        del args, source
        raise _unconnected(method)

    async def fetch(
        self, method: Method[HTTPAnswer], args: tuple[Any, ...], source: AsyncStreamSource | None
    ) -> AsyncHTTPResponse:
        """Refuse the call."""
        del args, source
        raise _unconnected(method)


def _unconnected(method: Method[Any]) -> RuntimeError:
    return RuntimeError(f"{method.python_name}: the client is not connected; plugins use self.api")


class _Local(threading.local):
    connection: Connection | None = None
    owner: _Owner | None = None
    runs_the_loop = False


class _Owner:
    """Closes a thread's own connection when the thread ends and its local values are dropped."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __del__(self) -> None:
        self._connection.close()


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
            connection = self._open(method)
        return connection.call(method, args)

    def upload(self, method: Method[T], args: tuple[Any, ...], source: StreamSource) -> T:
        """Call an API method that reads a stream."""
        from ._streams.calls import upload  # few plugins need it

        return upload(self._connection(method), method, args, source)

    def fetch(self, method: Method[HTTPAnswer], args: tuple[Any, ...], source: StreamSource | None) -> HTTPResponse:
        """Call an API method that answers with a stream."""
        from ._http.client import HTTPResponse
        from ._streams.calls import fetch

        answer, channel = fetch(self._connection(method), method, args, source)
        return HTTPResponse(answer, channel)

    def _connection(self, method: Method[Any]) -> Connection:
        connection = self._local.connection
        return self._open(method) if connection is None or connection.closed else connection

    def adopt(self, connection: Connection) -> None:
        """Make a hook's connection the one of the calling thread."""
        self._local.connection = connection

    def forbid_here(self) -> None:
        """Make calls from the calling thread, which runs the event loop, an error."""
        self._local.owner = None
        self._local.connection = None
        self._local.runs_the_loop = True

    def after_fork(self) -> None:
        """Forget all connections in a forked child; they belong to the parent."""
        self._forked = True
        self._local = _Local()

    def _open(self, method: Method[Any]) -> Connection:
        if self._local.runs_the_loop:
            raise _blocks_the_loop(method)
        if self._forked:
            raise RuntimeError(
                f"{method.name}: this process was made by os.fork() and has no connection to Mattermost; "
                "make API calls in the plugin's own process"
            )
        try:
            connection = self._open_connection()
        except OSError as error:
            raise gone_call(method.name) from error
        self._local.owner = _Owner(connection)
        self._local.connection = connection
        return connection


def _blocks_the_loop(method: Method[Any]) -> RuntimeError:
    """Return the error of a blocking call in the event loop's thread, where it could wait for itself."""
    if method.ident >= _FIRST_OF_DRIVER:
        return RuntimeError(
            "the database would block the event loop; use: await asyncio.to_thread(...) with a def function"
        )
    return RuntimeError(
        f"api.{method.python_name}() would block the event loop; use: await self.async_api.{method.python_name}(...)"
    )


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

    async def upload(self, method: Method[T], args: tuple[Any, ...], source: AsyncStreamSource) -> T:
        """Call an API method that reads a stream."""
        from . import _foreign_loop
        from ._streams import async_calls

        link = self._own_link()
        if link is not None:
            return await async_calls.upload(link, method, args, source)
        return await _foreign_loop.upload(self._threads, method, args, source)

    async def fetch(
        self, method: Method[HTTPAnswer], args: tuple[Any, ...], source: AsyncStreamSource | None
    ) -> AsyncHTTPResponse:
        """Call an API method that answers with a stream."""
        from . import _foreign_loop
        from ._http.async_client import AsyncHTTPResponse
        from ._streams import async_calls

        link = self._own_link()
        if link is None:
            return await _foreign_loop.fetch(self._threads, method, args, source)
        answer, channel = await async_calls.fetch(link, method, args, source)
        return AsyncHTTPResponse(answer, channel)

    def _own_link(self) -> AsyncLink | None:
        """Return the async connection if its event loop is the current one."""
        import asyncio

        link = self.link
        return link if link is not None and asyncio.get_running_loop() is link.loop else None
