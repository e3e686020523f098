"""Sync handlers: one connection and one thread each, one hook at a time per connection."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from time import monotonic

from ._bound_hook import BoundHook, HookFailure
from ._connection import Connection, ConnectionClosedError
from ._frames import HOOK, HOOK_ERROR, HOOK_REPLY, ProtocolError
from ._transport import ThreadTransport


class HookThread:
    """A thread that answers the hooks of one `sync` connection until it closes."""

    def __init__(
        self,
        connection: Connection,
        hooks: Mapping[int, BoundHook],
        transport: ThreadTransport,
        on_idle: Callable[[], None],
        number: int,
    ) -> None:
        self._connection = connection
        self._hooks = hooks
        self._transport = transport
        self._on_idle = on_idle
        self._pid = os.getpid()
        self.started_at = 0.0
        """When the hook came that is answered now; 0.0 while there is none. The watchdog reads it."""
        self.hook: BoundHook | None = None
        """The hook that is or was answered last."""
        self.stopping = False
        self._thread = threading.Thread(target=self._run, name=f"mattermost-hook-{number}", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Close this process's copy of the connection."""
        self._connection.close()

    @property
    def ident(self) -> int | None:
        """The thread's number; None before it runs."""
        return self._thread.ident

    @property
    def moved(self) -> int:
        """How often a stream has gone on here."""
        return self._connection.moved

    @property
    def idle(self) -> bool:
        """Whether no hook runs here and none waits to be read."""
        if self.started_at or self._connection.pending:
            return False
        return not self._thread.is_alive() or not _readable(self._connection)

    def _run(self) -> None:
        connection = self._connection
        self._transport.adopt(connection)
        try:
            self._serve(connection)
        except (ConnectionClosedError, OSError, ProtocolError):
            if os.getpid() != self._pid:
                # A handler forked and came back here in the child, where the connection is not its own.
                os._exit(0)
        finally:
            self.started_at = 0.0
            connection.close()

    def _serve(self, connection: Connection) -> None:
        while True:
            kind, flags, method, ident, payload = connection.read()
            if kind == HOOK:
                self.started_at = monotonic()
                self._answer(connection, method, ident, payload)
                self.started_at = 0.0
                if self.stopping:
                    self._on_idle()
            else:
                # A CANCEL, or what was under way when a hook or call ended.
                connection.route(kind, flags, ident, payload)

    def _answer(self, connection: Connection, method: int, ident: int, payload: memoryview) -> None:
        hook = self._hooks.get(method)
        if hook is None:
            connection.send(HookFailure(f"the plugin has no handler for hook {method}"), HOOK_ERROR, method, ident)
            return
        self.hook = hook
        if hook.spec.stream:
            from ._streams.hooks import serve  # most plugins have no hooks with streams

            serve(connection, hook, ident, payload)
            return
        try:
            results = hook.adapt(hook.handler(*hook.decode(payload)))
            if connection.channels:
                connection.cancel_calls()
            if results is not None:
                connection.send(results, HOOK_REPLY, method, ident)
                return
        except BaseException as error:  # SystemExit too: a handler must not end the thread without an answer  # noqa: BLE001
            failure = hook.failure(error)
            connection.cancel_calls()
            connection.send(failure, HOOK_ERROR, method, ident)
        else:
            connection.send_empty(HOOK_REPLY, method=method, ident=ident)


def _readable(connection: Connection) -> bool:
    import select  # only needed while stopping

    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))
