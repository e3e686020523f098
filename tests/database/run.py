"""Runs the checks of the plugin in `plugin` under Go's own host, with a PostgreSQL of the host's own.

Usage: run.py --refhost REFHOST --bundle BUNDLE
"""

from __future__ import annotations

import argparse
import json
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.request
from pathlib import Path
from typing import Any

START = 60.0
"""Seconds in which the plugin must be active."""

PATIENCE = 60.0
"""Seconds that a check may take."""

NOT_INSTALLED = 3
"""The host's exit code if there is no PostgreSQL."""

METHODS = 20


class Host:
    """A running `refhost http` with one plugin."""

    def __init__(self, command: list[Path | str], bundle: Path) -> None:
        self.process = subprocess.Popen(
            [*map(str, command), "--listen", "127.0.0.1:0", "--plugin", str(bundle)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        line = self._first_line()
        if not line:
            sys.exit(self._not_started())
        started = json.loads(line)
        self.url = f"http://{started['listen']}"
        self.plugin = f"{self.url}/plugins/{started['plugins'][0]['id']}/"

    def _first_line(self) -> str:
        lines: queue.Queue[str] = queue.Queue()
        stdout = self.process.stdout
        assert stdout is not None  # a pipe was asked for
        threading.Thread(target=lambda: lines.put(stdout.readline()), daemon=True).start()
        try:
            return lines.get(timeout=START)
        except queue.Empty:
            self.process.kill()
            sys.exit("the test host did not start the plugin in time")

    def _not_started(self) -> int:
        code = self.process.wait(PATIENCE)
        if code == NOT_INSTALLED:
            print("SKIPPED: PostgreSQL is not installed: the database is not tested")  # noqa: T201
            return 0
        return code or 1

    def get(self, url: str) -> str:
        """Return what is at a URL of the host."""
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:  # the host's own address
            return str(answer.read(), "utf-8")

    def stop(self) -> None:
        """End the host."""
        assert self.process.stdin is not None  # a pipe was asked for
        self.process.stdin.close()
        try:
            if code := self.process.wait(PATIENCE):
                sys.exit(f"the test host ended with {code}")
        finally:
            self.process.kill()


def run_checks(host: Host, names: list[str]) -> list[str]:
    """Run checks of the plugin and return what went wrong."""
    faults: list[str] = []
    for name in names:
        trouble = host.get(host.plugin + name)
        print(f"{'FAILED' if trouble else 'ok':8}{name}")  # noqa: T201
        faults += [f"{name}:\n{trouble}"] if trouble else []
    return faults


def look_into(host: Host) -> list[str]:
    """Return what the host has to complain about."""
    stats: dict[str, Any] = json.loads(host.get(host.url + "/stats"))
    called: dict[str, int] = stats["driver"]
    never = [name for name, count in called.items() if not count]
    print(f"{len(called)} methods of the driver, {sum(called.values())} calls; left open: {stats['database']}")  # noqa: T201
    faults = [f"never called: {', '.join(never)}"] if never or len(called) != METHODS else []
    left = {kind: count for kind, count in stats["database"].items() if count}
    faults += [f"left open: {left}"] if left else []
    return faults + complaints(host)


def complaints(host: Host) -> list[str]:
    """Return the warnings and errors of the host's log."""
    log = [json.loads(line) for line in host.get(host.url + "/log").splitlines()]
    return [json.dumps(line) for line in log if line.get("level") in ("error", "warn")]


def with_database(refhost: Path, bundle: Path) -> list[str]:
    """Run every check; the one that ends the driver comes last."""
    host = Host([refhost, "http", "--postgres", "temporary"], bundle)
    try:
        faults = run_checks(host, json.loads(host.get(host.plugin))) + look_into(host)
        faults += run_checks(host, ["a_time_that_reaches_the_server"])
        if "closed the connection to its database driver" not in host.get(host.url + "/log"):
            faults.append("the bridge did not log that the driver is gone")
    finally:
        host.stop()
    return faults


def without_database(refhost: Path, bundle: Path) -> list[str]:
    """Run the plugin with a manifest that does not ask for the database, under a server that would crash at a call."""
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory, "bundle")
        # The manifest will not be the one in the list of hashes.
        shutil.copytree(bundle, copy, symlinks=True, ignore=shutil.ignore_patterns("files.sha256"))
        manifest = json.loads((copy / "plugin.json").read_text())
        del manifest["server"]["database"]
        (copy / "plugin.json").write_text(json.dumps(manifest))
        host = Host([refhost, "http"], copy)
        try:
            return run_checks(host, ["a_plugin_that_has_not_asked"]) + complaints(host)
        finally:
            host.stop()


def main() -> int:
    """Run everything."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--refhost", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    arguments = parser.parse_args()
    faults = with_database(arguments.refhost, arguments.bundle)
    faults += without_database(arguments.refhost, arguments.bundle)
    for fault in faults:
        print(fault)  # noqa: T201
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
