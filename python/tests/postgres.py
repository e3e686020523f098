"""A PostgreSQL server of the tests' own, on a Unix socket in a private directory."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections import deque
from pathlib import Path

PATIENCE = 60.0
"""Seconds after which a server that does not start or stop has failed."""


def find_programs() -> Path | None:
    """Return the directory of `initdb` and `postgres`, or None if PostgreSQL is not installed."""
    on_path = shutil.which("initdb")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    places = [Path(on_path).resolve().parent] if on_path else []
    return next((place for place in [*places, *[path.parent for path in reversed(found)]] if _whole(place)), None)


def _whole(place: Path) -> bool:
    return all((place / name).is_file() for name in ("initdb", "postgres"))


class PostgreSQL:
    """Runs a server; `initdb` and `postgres` refuse to work for root, who becomes `nobody`."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._root = Path(tempfile.mkdtemp(prefix="mmpg-", dir="/tmp"))  # socket paths are short
        self._prefix: list[str] = []
        if os.geteuid() == 0:
            self._prefix = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
            shutil.chown(self._root, "nobody", "nogroup")
        self._process: subprocess.Popen[str] | None = None
        self._log: deque[str] = deque(maxlen=100)
        self._ready = False
        self._said_something = threading.Event()
        try:
            self._initialise()
            self._start()
        except BaseException:
            self.stop()
            raise

    @property
    def dsn(self) -> str:
        """The connection string for libpq."""
        return f"host={self._root} user=mattermost dbname=postgres"

    def _initialise(self) -> None:
        command = [self._programs / "initdb", "-D", self._root / "data", "-U", "mattermost", "-A", "trust"]
        options = ["-E", "UTF8", "--locale=C", "--no-sync"]
        done = subprocess.run(
            [*self._prefix, *map(str, command), *options], capture_output=True, text=True, timeout=PATIENCE, cwd="/tmp"
        )
        assert done.returncode == 0, done.stderr

    def _start(self) -> None:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._root),
            "fsync": "off",
            "max_connections": "40",
            "shared_buffers": "16MB",
            "lc_messages": "C",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        # A test run that is killed takes the server with it.
        guard = [*(self._prefix or ["setpriv"]), "--pdeathsig", "INT"]
        self._process = subprocess.Popen(
            [*guard, str(self._programs / "postgres"), "-D", str(self._root / "data"), *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd="/tmp",
        )
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        assert self._said_something.wait(PATIENCE), "".join(self._log)
        assert self._ready, "".join(self._log)

    def _read_log(self) -> None:
        """Read the server's log, whose pipe must not fill, and tell when it takes connections or ends."""
        assert self._process is not None
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            for line in lines:
                self._log.append(line)
                if "ready to accept connections" in line:
                    self._ready = True
                    self._said_something.set()
        self._said_something.set()

    def stop(self) -> None:
        """End the server and remove its files."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._reader.join(PATIENCE)
        shutil.rmtree(self._root, ignore_errors=True)
