"""The base class of plugins."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, overload

from . import _runtime
from ._hook_options import HookOptions
from ._hooks import collect_handlers, get_hook_options, inherited_options
from ._runtime_config import RuntimeConfig, WorkerInfo

if TYPE_CHECKING:
    from .async_client import AsyncPluginAPIClient
    from .client import PluginAPIClient

T = TypeVar("T")

_NOT_RUNNING = (
    "Plugin API client is not initialized: the plugin does not run under Mattermost. "
    "In a test, pass one: MyPlugin(api=...)"
)


class Plugin:
    """A Mattermost plugin; derive from it and mark handlers with `hook`.

        class Greeter(Plugin):
            @hook(HookName.MessageHasBeenPosted)
            def greet(self, context, post):
                self.logger.info("a post by %s", post.user_id)

    A subclass may define `__init__(self)` and need not call this one. Handlers may be `def` (they run in threads) or
    `async def` (they run on one event loop).

    Args:
        api: The API client; the running plugin gets its own, tests may pass one.
        config: How the process was started; not the plugin's settings, which `get_configuration` returns.
        logger: The logger; by default one with the class's name, which writes to the server's log.
    """

    use_uvloop: ClassVar[bool] = True
    """Whether async handlers run on uvloop, if it is installed."""

    metrics_registry: Any = None
    """The registry of `prometheus_client` that `ServeMetrics` shows; by default the library's own, if it is used."""

    _handlers: ClassVar[dict[str, str]] = {}
    _startup: Callable[[], Awaitable[None]] | None = None
    _shutdown: Callable[[], Awaitable[None]] | None = None
    _started: bool = False
    _api: PluginAPIClient | None = None
    _async_api: AsyncPluginAPIClient | None = None
    _config: RuntimeConfig | None = None
    _logger: logging.Logger | None = None

    def __init__(
        self,
        api: PluginAPIClient | None = None,
        config: RuntimeConfig | None = None,
        logger: logging.Logger | None = None,
    ) -> None:
        self._api = api
        self._config = config
        self._logger = logger

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._handlers = collect_handlers(cls)

    @property
    def api(self) -> PluginAPIClient:
        """The plugin API, for `def` handlers and any thread."""
        if self._api is not None:
            return self._api
        runtime = _runtime.current
        if runtime is None:
            raise RuntimeError(_NOT_RUNNING)
        return runtime.api

    @api.setter
    def api(self, client: PluginAPIClient) -> None:
        self._api = client

    @property
    def async_api(self) -> AsyncPluginAPIClient:
        """The plugin API, for `async def` handlers and any task."""
        if self._async_api is not None:
            return self._async_api
        runtime = _runtime.current
        if runtime is None:
            raise RuntimeError(_NOT_RUNNING)
        return runtime.async_api

    @async_api.setter
    def async_api(self, client: AsyncPluginAPIClient) -> None:
        self._async_api = client

    @property
    def logger(self) -> logging.Logger:
        """The plugin's logger, named after its class."""
        return self._logger or logging.getLogger(type(self).__name__)

    @property
    def config(self) -> RuntimeConfig | None:
        """How the process was started; None outside a running plugin. Not the plugin's settings."""
        if self._config is not None:
            return self._config
        return _runtime.current.config if _runtime.current is not None else None

    @property
    def plugin_id(self) -> str:
        """The plugin's id, from its manifest; empty outside a running plugin."""
        return self.config.plugin_id if self.config is not None else ""

    @property
    def bundle_path(self) -> str:
        """The absolute path of the plugin's unpacked bundle; empty outside a running plugin."""
        return self.config.plugin_path if self.config is not None else ""

    @property
    def worker(self) -> WorkerInfo:
        """Which of the plugin's worker processes this is; the first of one outside a running plugin.

        Hooks are spread over all of them. `OnActivate`, `OnConfigurationChange` and `OnDeactivate` run in every one, in
        the first one before the others, so what must happen once belongs under `if self.worker.index == 0:`.
        """
        return WorkerInfo() if self.config is None else self.config.worker

    @overload
    def get_configuration(self) -> dict[str, Any]: ...
    @overload
    def get_configuration(self, type: type[T]) -> T: ...
    def get_configuration(self, type: Any = None) -> Any:
        """Return the plugin's settings as an administrator set them, as a dict or as the given Struct or dataclass."""
        if type is None:
            return self.api.load_plugin_configuration()
        return self.api.load_plugin_configuration(type=type)

    @classmethod
    def implemented_hooks(cls) -> list[str]:
        """Return the names of the hooks that the class handles, sorted."""
        return sorted(cls._handlers)

    @classmethod
    def has_hook(cls, name: str) -> bool:
        """Return whether the class handles a hook."""
        return name in cls._handlers

    def mount(self, app: Any, *, interface: Literal["auto", "asgi", "wsgi"] = "auto") -> None:
        """Let an ASGI or WSGI application (FastAPI, Starlette, Django, Flask, ...) answer the plugin's HTTP requests.

        Call it in `__init__`.

        Args:
            app: The application.
            interface: Which of the two it is, if that cannot be told from the object.
        """
        from ._web.mount import mount  # few plugins need it

        mount(self, app, interface)

    @cached_property
    def _instance_handlers(self) -> dict[str, Callable[..., Any]]:
        """Handlers that this object has beside those of its class, by hook."""
        return {}

    def get_hook_handler(self, name: str) -> Callable[..., Any] | None:
        """Return the bound method that handles a hook, or None."""
        own = self._instance_handlers.get(name)
        if own is not None:
            return own
        attribute = self._handlers.get(name)
        return None if attribute is None else getattr(self, attribute)

    def _hook_options(self, name: str) -> HookOptions:
        """Return the options of a hook's handler; a mounted application leaves those of the class as they are."""
        attribute = self._handlers.get(name)
        if attribute is not None:
            return inherited_options(type(self), name, attribute)
        return get_hook_options(self._instance_handlers.get(name))

    def invoke_hook(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Call the handler of a hook and return what it returns; None if there is no handler."""
        handler = self.get_hook_handler(name)
        return None if handler is None else handler(*args, **kwargs)
