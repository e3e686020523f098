"""Runs the checks of `checks.py` and `orm.py`, each for one request, and answers what went wrong."""

import json
import traceback

from checks import CHECKS, LAST
from orm import ORM_CHECKS

from mattermost_plugin import HookName, Plugin, hook
from mattermost_plugin.http import HTTPRequest, HTTPResponseWriter
from mattermost_plugin.models import Context

LISTED = {check.__name__: check for check in (*CHECKS, *ORM_CHECKS)}
ALL = LISTED | {check.__name__: check for check in LAST}


class DatabasePlugin(Plugin):
    """`/` lists the checks, and `/NAME` runs one."""

    @hook(HookName.ServeHTTP)
    def serve(self, context: Context, response: HTTPResponseWriter, request: HTTPRequest) -> None:
        """Run a check; an empty answer says that all is well."""
        name = request.path.strip("/")
        if not name:
            response.write(json.dumps(list(LISTED)))
            return
        try:
            ALL[name](self.api)
        except Exception:  # noqa: BLE001  # whatever it is, the test shall see it
            response.write(traceback.format_exc())
