"""The test plugin of `refhost conformance`; the file `colour` says whether its handlers are `sync` or `async`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from handlers import handlers

from mattermost_plugin import Plugin, run_plugin

_COLOUR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "colour")


def _colour() -> str:
    with open(_COLOUR, encoding="utf-8") as file:
        return file.read().strip()


if TYPE_CHECKING:

    class ConformancePlugin(Plugin):
        """Does what the host's files tell it."""

else:
    ConformancePlugin = type("ConformancePlugin", (Plugin,), {"__module__": __name__, **handlers(_colour())})


if __name__ == "__main__":
    run_plugin(ConformancePlugin)
