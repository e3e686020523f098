"""Standard input: it brings the token, and its end means that the bridge is gone."""

from __future__ import annotations

import os
import threading

_MAX_TOKEN = 256


class NoTokenError(Exception):
    """Standard input ended, or held something else, before the token was there."""


def read_token() -> str:
    """Read the token's line, and not a byte more."""
    line = bytearray()
    while len(line) <= _MAX_TOKEN:
        byte = os.read(0, 1)
        if byte == b"\n":
            return line.decode("ascii", "replace").strip()
        if not byte:
            break
        line += byte
    raise NoTokenError("standard input holds no token")


class BridgeWatch:
    """Ends the process when the bridge's end of standard input is closed.

    Descriptor 0 becomes /dev/null, so that neither the plugin nor a process that it starts can read the pipe.
    """

    def __init__(self) -> None:
        self._pipe = os.dup(0)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)

    def start(self) -> None:
        """Watch from a thread of its own, so that even a plugin that hangs while it is imported is ended."""
        threading.Thread(target=self._watch, name="mattermost-bridge-watch", daemon=True).start()

    def _watch(self) -> None:
        try:
            while os.read(self._pipe, 4096):
                pass
        finally:
            os._exit(1)

    def after_fork(self) -> None:
        """Close a forked child's copy."""
        os.close(self._pipe)
