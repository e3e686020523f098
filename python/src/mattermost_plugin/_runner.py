"""The worker process from start to exit."""

from __future__ import annotations

import faulthandler
import gc
import logging
import os
import sys
import threading
import time
from typing import Any

import msgspec

from . import _runtime
from ._bound_hook import BoundHook, bind_hooks
from ._connection import LINK_ERRORS, Connection, Welcome, connect
from ._control import Control
from ._debugger import exempt
from ._ending import TERMINATED, Ending
from ._errors import describe
from ._failure import Code, Report, report
from ._grpc_api import keep_token
from ._loader import load_plugin_class
from ._logging import install, show_all_of
from ._manifest import take_timeouts
from ._plugin import Plugin
from ._runtime_config import RuntimeConfig, WorkerInfo
from ._secret import Secret
from ._stdin import BridgeWatch, NoTokenError, read_token
from ._sync_worker import HookThread
from ._transport import TaskTransport, ThreadTransport
from ._watchdog import Watchdog

SWITCH_INTERVAL = 0.0005
"""Seconds between thread switches: the default of 5 ms is what every hook would wait while another thread computes."""

_DRAIN_PATIENCE = 0.5
"""Seconds for hooks that still run at STOP; the bridge has waited for them before."""

_DRAIN_POLL = 0.05

_STDERR = 2

_log = logging.getLogger("mattermost_plugin")

_NOT_UNDER_BRIDGE = (
    "this program is a Mattermost plugin and is started by the plugin's bridge; "
    "pack it and upload it to a server, or run it under the development server"
)


class StartError(Exception):
    """The process cannot even report to the bridge."""


_running = False


def run_plugin(plugin_class: type[Plugin] | None = None) -> None:
    """Run a plugin until the bridge stops it.

    Put it at the end of the plugin's file, under `if __name__ == "__main__":`.

    Args:
        plugin_class: The plugin; by default the one that the manifest's entry point holds.
    """
    global _running  # one process runs one plugin
    if _running:
        return  # the entry point calls this while it is imported; the process is already running it
    _running = True
    try:
        code = _start(plugin_class)
    except StartError as error:
        sys.stderr.write(f"{error}\n")
        code = 2
    if code:
        sys.exit(code)


def _start(plugin_class: type[Plugin] | None) -> int:
    config = RuntimeConfig.from_env()
    if not config.socket_path:
        raise StartError(_NOT_UNDER_BRIDGE)
    try:
        token = Secret(read_token())
    except NoTokenError as error:
        raise StartError(f"{_NOT_UNDER_BRIDGE} ({error})") from error
    keep_token(token.reveal())
    watch = BridgeWatch()
    watch.start()
    # After a crash in native code, and at the bridge's SIGABRT when nothing answers, the log gets all stacks.
    faulthandler.enable(_STDERR)
    sys.setswitchinterval(SWITCH_INTERVAL)
    stdout: Any = sys.stdout
    if hasattr(stdout, "reconfigure"):
        # Standard output is a pipe into the server's log; a line that was printed shall appear there at once.
        stdout.reconfigure(line_buffering=True)
    try:
        worker = Worker(config, token, watch)
    except LINK_ERRORS as error:
        raise StartError(f"cannot connect to the bridge: {error}") from error
    return worker.run(plugin_class)


class Worker:
    """Everything between the first connection and the exit."""

    def __init__(self, config: RuntimeConfig, token: Secret, watch: BridgeWatch) -> None:
        self._token = token
        self._watch = watch
        self._socket_path = config.socket_path
        connection, self._welcome = connect(config.socket_path, token, "control")
        self.config = _complete(config, self._welcome)
        self._control = Control(connection)
        self._transport = ThreadTransport(self._connect_api)
        self._tasks = TaskTransport(self._transport)
        self._threads: list[HookThread] = []
        self._idle = threading.Event()
        self._sync_hooks: dict[int, BoundHook] = {}
        self._plugin = Plugin()
        self._async_socket = -1
        self._use_uvloop = True
        self._is_loading = False
        self._ending = Ending(self._terminate)
        self._ending.take_signals()
        self._watchdog = Watchdog(self._control, lambda: self._threads)
        self._control.health = self._watchdog.health
        self._logs = install(self._control, config.logging_level)
        os.register_at_fork(after_in_child=self._after_fork)
        _runtime.current = _runtime.Runtime(self.config, self._transport, self._tasks)

    def run(self, plugin_class: type[Plugin] | None) -> int:
        """Load the plugin, serve it until STOP, and return the process's exit status."""
        try:
            hooks = self._load(plugin_class)
        except _LoadFailedError as failed:
            self._control.failed(msgspec.to_builtins(failed.report))
            self._ending.begin(1)
            return 1
        try:
            return self._serve(hooks)
        except _LoadFailedError as failed:
            self._control.failed(msgspec.to_builtins(failed.report))
            self._ending.begin(1)
            return 1
        except (*LINK_ERRORS, KeyboardInterrupt) as error:
            _log.error("the worker ends: %s", describe(error))
            self._control.flush()
            os._exit(1)
        except BaseException:
            # Such as a SystemExit of the author's outside of a hook: threads that go on must not keep a worker up that
            # serves nothing.
            self._ending.begin(1)
            raise

    def _load(self, plugin_class: type[Plugin] | None) -> dict[int, BoundHook]:
        stage: Code = "import"
        self._is_loading = True
        try:
            if plugin_class is None:
                plugin_class = load_plugin_class(self.config.entry_point, self.config.plugin_path)
            show_all_of(plugin_class.__name__)
            self._use_uvloop = plugin_class.use_uvloop
            stage = "init"
            plugin = plugin_class()
            stage = "internal"
            hooks = bind_hooks(plugin)
            take_timeouts(hooks.values(), self.config.plugin_path)
            plugin._started = True  # pyright: ignore[reportPrivateUsage]  # not a name for authors
        except BaseException as error:  # SystemExit too: whatever stops the plugin from loading is reported
            if self._ending.is_terminated:
                raise SystemExit(TERMINATED) from None
            raise _LoadFailedError(report(error, stage)) from error
        finally:
            self._is_loading = False
        # What is loaded by now stays; without it the collector has less to look at.
        gc.freeze()
        self._plugin = plugin
        return hooks

    def _serve(self, hooks: dict[int, BoundHook]) -> int:
        self._sync_hooks = {ident: hook for ident, hook in hooks.items() if hook.mode == "sync"}
        async_hooks = {ident: hook for ident, hook in hooks.items() if hook.mode == "async"}
        self._watchdog.start()
        if self._sync_hooks:
            self._open_sync(self._welcome.sync_connections)
        if async_hooks or self._plugin._startup is not None:  # pyright: ignore[reportPrivateUsage]  # not for authors
            self._serve_async(async_hooks)
        else:
            self._ready(async_hooks)
            self._take_orders()
        self._drain()
        self._watchdog.stop()
        self._control.flush()
        return TERMINATED if self._ending.is_terminated else 0

    def _take_orders(self) -> None:
        """Take the bridge's orders until the process shall end."""
        # From here on this thread runs nothing of the author's but exit handlers, and it answers PING.
        exempt(threading.current_thread())
        self._control.serve(self._open_sync)
        self._ending.begin(0)

    def _terminate(self) -> None:
        """Come to an end, because of SIGTERM; the main thread may be anywhere."""
        self._control.end()
        if self._is_loading:
            raise SystemExit(TERMINATED)

    def _ready(self, async_hooks: dict[int, BoundHook]) -> None:
        """Report which hooks the plugin handles, the metrics of its own among them."""
        if wants_default_metrics(self._plugin):
            from ._metrics import default_hook  # few plugins need it

            hook = default_hook(self._plugin, in_thread=bool(async_hooks) and not self._sync_hooks)
            if hook.mode == "async":
                async_hooks[hook.spec.ident] = hook
            else:
                if not self._sync_hooks:
                    self._open_sync(self._welcome.sync_connections)
                self._sync_hooks[hook.spec.ident] = hook
        hooks = {**self._sync_hooks, **async_hooks}
        self._control.ready([hook.announcement() for _, hook in sorted(hooks.items())])

    def _serve_async(self, hooks: dict[int, BoundHook]) -> None:
        from ._async_main import AsyncMain, StartupFailedError  # loads asyncio, which `def` handlers do without

        connection, _ = self._connect("async")
        plugin = self._plugin
        main = AsyncMain(
            connection.detach(),
            hooks,
            self._take_orders,
            startup=plugin._startup,  # pyright: ignore[reportPrivateUsage]  # not a name for authors
            shutdown=plugin._shutdown,  # pyright: ignore[reportPrivateUsage]  # not a name for authors
            use_uvloop=self._use_uvloop,
        )
        self._async_socket = main.socket_fd
        self._transport.forbid_here()
        self._tasks.link = main.link
        self._watchdog.watch_loop(main.loop, hooks)
        try:
            main.run(lambda: self._ready(hooks), self._watchdog.forget_loop)
        except StartupFailedError as error:
            raise _LoadFailedError(report(error.__cause__ or error, "init", "starting the application")) from error

    def _connect(self, role: str) -> tuple[Connection, Welcome]:
        return connect(self._socket_path, self._token, role)

    def _connect_api(self) -> Connection:
        try:
            return self._connect("api")[0]
        except LINK_ERRORS as error:
            raise ConnectionError(str(error)) from error

    def _open_sync(self, count: int) -> None:
        """Open more `sync` connections, each with its thread."""
        for _ in range(count):
            connection, _ = self._connect("sync")
            thread = HookThread(connection, self._sync_hooks, self._transport, self._idle.set, len(self._threads) + 1)
            try:
                thread.start()
            except BaseException:
                # The bridge would send hooks to a connection that nobody reads.
                thread.close()
                raise
            self._threads.append(thread)

    def _drain(self) -> None:
        """Wait until the hooks that run are answered, but not for ever; the bridge sends no more after STOP."""
        for thread in self._threads:
            thread.stopping = True
        until = time.monotonic() + _DRAIN_PATIENCE
        while not all(thread.idle for thread in self._threads) and time.monotonic() < until:
            self._idle.wait(_DRAIN_POLL)
            self._idle.clear()

    def _after_fork(self) -> None:
        """Give up a forked child's copies of the connections, so that it can neither use nor keep them."""
        self._transport.after_fork()
        self._logs.after_fork()
        self._ending.after_fork()
        self._control.close()
        self._watch.after_fork()
        for thread in self._threads:
            thread.close()
        if self._async_socket >= 0:
            os.close(self._async_socket)


def wants_default_metrics(plugin: Plugin) -> bool:
    """Return whether the plugin has metrics of its own and no handler for them."""
    if plugin.get_hook_handler("ServeMetrics") is not None:
        return False
    return plugin.metrics_registry is not None or "prometheus_client" in sys.modules


class _LoadFailedError(Exception):
    def __init__(self, failure: Report) -> None:
        super().__init__(failure.message)
        self.report = failure


def _complete(config: RuntimeConfig, welcome: Welcome) -> RuntimeConfig:
    worker = config.worker
    return msgspec.structs.replace(
        config,
        worker=WorkerInfo(
            index=worker.index if welcome.worker_index is None else welcome.worker_index,
            count=worker.count if welcome.workers is None else welcome.workers,
        ),
        plugin_id=config.plugin_id or welcome.plugin_id,
        plugin_path=config.plugin_path or welcome.bundle_path,
    )
