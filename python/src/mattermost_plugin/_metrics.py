"""`ServeMetrics` of a plugin that has metrics and no handler: the bridge's, and those of `prometheus_client`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._bound_hook import BoundHook
from ._gen.hooks import HOOKS

if TYPE_CHECKING:
    from ._plugin import Plugin
    from .http import AsyncHTTPRequest, AsyncHTTPResponseWriter, HTTPRequest, HTTPResponseWriter

_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def default_hook(plugin: Plugin, *, in_thread: bool) -> BoundHook:
    """Return the hook with the handler; `in_thread` for a plugin that has an event loop and no threads for hooks."""

    def serve(context: object, response: HTTPResponseWriter, request: HTTPRequest) -> None:
        del context
        response.headers["Content-Type"] = _CONTENT_TYPE
        response.write(_render(plugin, request.default_metrics))

    async def serve_in_thread(context: object, response: AsyncHTTPResponseWriter, request: AsyncHTTPRequest) -> None:
        import asyncio  # there is an event loop, so it is loaded

        del context
        response.headers["Content-Type"] = _CONTENT_TYPE
        # Collectors are the author's, and may take their time.
        await response.write(await asyncio.to_thread(_render, plugin, request.default_metrics))

    return BoundHook(HOOKS["ServeMetrics"], serve_in_thread if in_thread else serve, plugin)


def _render(plugin: Plugin, bridge: str) -> bytes:
    """Return the bridge's metrics and the plugin's; if the plugin's fail, the bridge's are still served."""
    own = b""
    try:
        client: Any = __import__("prometheus_client")
        registry = plugin.metrics_registry
        own = client.generate_latest(client.REGISTRY if registry is None else registry)
    except Exception:  # a collector of the author's may raise anything
        plugin.logger.exception("the plugin's own metrics cannot be collected")
    if bridge and not bridge.endswith("\n"):
        bridge += "\n"
    return bridge.encode() + own
