"""A WSGI application (PEP 3333) as the handler of ServeHTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .wsgi_environ import build_environ
from .wsgi_files import FileWrapper
from .wsgi_response import WsgiResponse

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._gen.models import Context
    from .._http.request import HTTPRequest
    from .._http.writer import HTTPResponseWriter
    from .._plugin import Plugin

    StartResponse = Callable[..., Callable[[bytes], Any]]
    WSGIApplication = Callable[[dict[str, Any], StartResponse], Any]


class WsgiHandler:
    """Serves requests by a WSGI application, each in a thread of its own.

    Args:
        app: The application.
        plugin: The plugin that it is mounted on.
    """

    def __init__(self, app: WSGIApplication, plugin: Plugin) -> None:
        self._app = app
        self._plugin = plugin

    def serve(self, context: Context, response: HTTPResponseWriter, request: HTTPRequest) -> None:
        """Handle ServeHTTP."""
        answer = WsgiResponse(response, request.method)
        blocks = self._app(build_environ(request, self._plugin), answer.start)
        try:
            _send(answer, blocks)
        finally:
            close = getattr(blocks, "close", None)
            if close is not None:
                close()


def _send(answer: WsgiResponse, blocks: Any) -> None:
    """Send what the application has returned, each block before the next one is made."""
    is_whole = hasattr(blocks, "__len__") and len(blocks) == 1
    if isinstance(blocks, FileWrapper):
        answer.flushes = False  # a file needs no waiting for its blocks
    for block in blocks:
        answer.send(block, is_whole=is_whole)
    answer.finish()
