"""A running test host."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import httpx

START = 60.0
"""Seconds in which the plugins must be active."""

PATIENCE = 30.0
"""Seconds after which something that does not happen counts as failed."""


class Server:
    """`refhost http` with some plugins.

    Args:
        bundles: The plugins' directories.
        arguments: More arguments of the command.
    """

    def __init__(self, bundles: list[Path], arguments: tuple[str, ...] = ()) -> None:
        command = [os.environ["REFHOST"], "http", "--listen", "127.0.0.1:0", *arguments]
        for directory in bundles:
            command += ["--plugin", str(directory)]
        # Only the first line of its output is read; what net/http says of clients that leave goes to standard error.
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started = json.loads(self._first_line() or "{}")
        self.address: str = started["listen"]
        self.ids: list[str] = [plugin["id"] for plugin in started["plugins"]]
        self.url = f"http://{self.address}"
        self.base = f"{self.url}/plugins/{self.ids[0]}"
        self.client = httpx.Client(timeout=PATIENCE)

    def _first_line(self) -> str:
        lines: queue.Queue[str] = queue.Queue()
        assert self.process.stdout is not None
        threading.Thread(target=lambda: lines.put(self.process.stdout.readline()), daemon=True).start()
        try:
            return lines.get(timeout=START)
        except queue.Empty:
            self.process.kill()
            raise TimeoutError("the test host did not start its plugins in time") from None

    def get(self, path: str, **options: Any) -> httpx.Response:
        """Get a path of the first plugin."""
        return self.client.get(self.base + path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        """Post to a path of the first plugin."""
        return self.client.post(self.base + path, **options)

    def stats(self) -> dict[str, Any]:
        """Return the host's counters."""
        return self.client.get(self.url + "/stats").json()

    def log(self) -> list[dict[str, Any]]:
        """Return the host's log."""
        return [json.loads(line) for line in self.client.get(self.url + "/log").text.splitlines()]

    def logged(self, text: str) -> list[dict[str, Any]]:
        """Return the lines of the log that have a text in their message or fields; wait for the first."""
        return wait_for(f"{text!r} in the log", lambda: [line for line in self.log() if text in json.dumps(line)])

    def memory(self) -> dict[str, int]:
        """Return the resident memory in bytes of each process of the first plugin, by its name."""
        processes = self.stats()["plugins"][self.ids[0]]["processes"]
        return {process["name"]: process["rss_kb"] * 1024 for process in processes}

    def idle_streams(self) -> int:
        """Return how many streams the connection to the first plugin has."""
        return self.stats()["plugins"][self.ids[0]]["streams"]

    def stop(self) -> None:
        """End the host, and with it the plugins."""
        self.client.close()
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        try:
            assert self.process.wait(PATIENCE) == 0
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()


def wait_for(what: str, look: Any, patience: float = PATIENCE) -> Any:
    """Return what `look` returns once that is true."""
    end = time.monotonic() + patience
    while not (found := look()):
        assert time.monotonic() < end, f"no {what} in {patience} s"
        time.sleep(0.01)
    return found
