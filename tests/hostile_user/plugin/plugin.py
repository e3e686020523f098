"""The plugin that is attacked.

While it is loaded it waits, if there is a gate. It tells its own token: the test has to know what a thief could do.
"""

import importlib
from pathlib import Path

from mattermost_plugin import HookName, Plugin, hook
from mattermost_plugin.http import HTTPRequest, HTTPResponseWriter
from mattermost_plugin.models import Context

GATE = Path(__file__).with_name("gate")
"""A named pipe: whoever opens it for reading waits for somebody who writes."""

if GATE.exists():
    GATE.read_bytes()


class Attacked(Plugin):
    """Answers requests: `/token` with its token, everything else with a greeting."""

    @hook(HookName.ServeHTTP)
    def serve(self, context: Context, response: HTTPResponseWriter, request: HTTPRequest) -> None:
        """Answer one request."""
        del context
        response.write(own_token() if request.path == "/token" else "hello")


def own_token() -> str:
    """Return the secret of this worker, which the SDK keeps where no plugin has a reason to look."""
    return "".join(vars(importlib.import_module("mattermost_plugin._grpc_api"))["_token"])
