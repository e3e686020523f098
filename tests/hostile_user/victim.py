"""A test host with one plugin, run by a user of its own, and what an administrator knows of its processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

PATIENCE = 30.0
"""Seconds after which something that does not happen counts as failed."""

SOCKET = "MATTERMOST_PLUGIN_WORKER_SOCKET"


class Processes(NamedTuple):
    """The process ids of a plugin."""

    bridge: int
    guard: int
    worker: int


class Victim:
    """`refhost http` with the plugin, as the user `uid`.

    Args:
        uid: The user.
        python: The interpreter for the plugin, which this user can run.
        refhost: The test host.
        bundle: The plugin's bundle; it is copied.
        directory: Where the copies, and the sockets, are; other users can look around in it.
    """

    def __init__(self, uid: int, python: str, refhost: Path, bundle: Path, directory: Path) -> None:
        self.uid = uid
        self.bundle = directory / "bundle"
        self.temporary = directory / "tmp"
        self._python = python
        self._host = directory / "refhost"
        shutil.copy(refhost, self._host)
        shutil.copytree(bundle, self.bundle)
        self.temporary.mkdir()
        self.temporary.chmod(0o1777)
        # As on a server: the files are the user's, and other users can read them.
        for path in [self.bundle, *self.bundle.rglob("*")]:
            os.chown(path, uid, uid)
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self) -> None:
        """Start the host. It says where it listens once the plugin is active; `wait_until_active` reads that."""
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "TMPDIR": str(self.temporary),
            "MATTERMOST_PLUGIN_PYTHON": self._python,
        }
        command = [str(self._host), "http", "--listen", "127.0.0.1:0", "--plugin", str(self.bundle)]
        # A umask that hides nothing: what other users cannot do is not because of it.
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=self.bundle,
            env=environment,
            user=self.uid,
            group=self.uid,
            extra_groups=[],
            umask=0,
        )

    def wait_until_active(self) -> None:
        """Wait until the plugin serves.

        Raises:
            RuntimeError: It does not.
        """
        output = self._running.stdout
        line = output.readline() if output else ""
        if not line:
            raise RuntimeError("the host did not start the plugin")
        self.url = f"http://{json.loads(line)['listen']}"

    def get(self, path: str) -> str:
        """Ask the plugin for a path."""
        identity = json.loads((self.bundle / "plugin.json").read_text(encoding="utf-8"))["id"]
        return self._read(f"/plugins/{identity}{path}")

    def log(self) -> list[dict[str, Any]]:
        """Return the server's log."""
        return [json.loads(line) for line in self._read("/log").splitlines()]

    def count(self, text: str) -> int:
        """Return how many lines of the log have a text in them."""
        return sum(text in json.dumps(line) for line in self.log())

    def _read(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=PATIENCE) as answer:  # noqa: S310 - the host above
            return str(answer.read().decode())

    def processes(self) -> Processes | None:
        """Return the plugin's processes, if all are there."""
        family = [self._running.pid]
        for _ in range(3):
            below = _children(family[-1])
            if len(below) != 1:
                return None
            family += below
        return Processes(*family[1:])

    def worker_socket(self, processes: Processes) -> Path:
        """Return the socket that the worker connects to.

        Raises:
            RuntimeError: The worker does not know.
        """
        for entry in Path(f"/proc/{processes.worker}/environ").read_bytes().split(b"\0"):
            name, _, value = entry.decode().partition("=")
            if name == SOCKET:
                return Path(value)
        raise RuntimeError(f"the worker has no {SOCKET}")

    def host_socket(self) -> Path:
        """Return the socket that the server connects to.

        Raises:
            RuntimeError: There is none, or another one.
        """
        found = [path for path in self.temporary.iterdir() if path.is_socket()]
        if len(found) != 1:
            raise RuntimeError(f"the bridge should have one socket there, and it has {found}")
        return found[0]

    def stop(self) -> None:
        """End the host, and with it the plugin."""
        if self._process is None:
            return
        try:
            self._process.communicate(timeout=PATIENCE)
        finally:
            self._process.kill()
            self._process.wait()

    @property
    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise RuntimeError("the host was not started")
        return self._process


def wait_for(what: str, look: Callable[[], Any]) -> Any:
    """Return what `look` returns once that is true.

    Raises:
        TimeoutError: It does not become true.
    """
    end = time.monotonic() + PATIENCE
    while not (found := look()):
        if time.monotonic() > end:
            raise TimeoutError(f"no {what} in {PATIENCE:.0f} s")
        time.sleep(0.01)
    return found


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in task.read_text().split()]
        except OSError:
            continue  # the thread has ended
    return found
