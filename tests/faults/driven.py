"""A running `refhost drive`: a host with the unmodified go-plugin, which is told what to do meanwhile."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import processes

PATIENCE = 30.0
"""Seconds after which a command that is not answered counts as failed."""


class HostError(Exception):
    """The host refused a command, did not answer it, or is gone."""


@dataclass(frozen=True)
class Reply:
    """What a hook answered.

    Attributes:
        results: Its results, in canonical JSON.
        error: The error of the hook or of the call; empty if there was none.
        seconds: How long it took.
    """

    results: list[Any]
    error: str
    seconds: float

    @property
    def text(self) -> str:
        """The text of a command's response, or the message of a post; empty if there is none."""
        first = self.results[0] if self.results else None
        if not isinstance(first, dict):
            return ""
        answer: dict[str, Any] = first
        return str(answer.get("text") or answer.get("message") or "")


@dataclass
class Later:
    """A call that is under way."""

    answer: Future[dict[str, Any]] = field(default_factory=Future[dict[str, Any]])

    def reply(self, within: float = PATIENCE) -> Reply:
        """Return the hook's answer."""
        value, seconds = self.value(within)
        return Reply(value.get("results") or [], value.get("error", ""), seconds)

    def value(self, within: float = PATIENCE) -> tuple[Any, float]:
        """Return what the host says, and how long it took."""
        try:
            answer = self.answer.result(within)
        except FutureTimeoutError:
            raise HostError(f"the host did not answer within {within} s") from None
        if not answer["ok"]:
            raise HostError(answer["error"])
        return answer.get("value"), answer["ms"] / 1000


class Host:
    """The host and the plugin in it.

    Args:
        refhost: Its executable.
        variables: Environment variables, which the bridge gets too; None removes one.
        prefix: A command that runs the host, for example in a namespace of its own.
        user: The user and group that the host runs as.
        arguments: More arguments of the command.
    """

    def __init__(
        self,
        refhost: Path,
        variables: dict[str, str | None] | None = None,
        prefix: list[str] | None = None,
        user: int | None = None,
        arguments: tuple[str, ...] = (),
    ) -> None:
        environment = {**os.environ, "MATTERMOST_PLUGIN_PYTHON": sys.executable}
        for name, value in (variables or {}).items():
            environment.pop(name, None)
            if value is not None:
                environment[name] = value
        command = [*(prefix or []), str(refhost), "drive", *arguments]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
            start_new_session=True,
        )
        self._lock = threading.Lock()
        ready = Later()
        self._waiting: dict[int, Later] = {0: ready}
        self._count = 0
        self.pid = 0
        self.log_from = 0
        self.started: list[Path] = []
        self.stopping = False
        threading.Thread(target=self._read, daemon=True).start()
        first, _ = ready.value()
        self.address: str = first["listen"]
        self.admin: str = first["admin"]

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            answer = json.loads(line)
            if "listen" in answer:
                answer = {"id": 0, "ok": True, "ms": 0, "value": answer}
            with self._lock:
                later = self._waiting.pop(answer["id"], None)
            if later is not None:
                later.answer.set_result(answer)
        with self._lock:
            lost, self._waiting = self._waiting, {}
        for later in lost.values():
            later.answer.set_exception(HostError("the host has ended"))

    def later(self, do: str, **keys: Any) -> Later:
        """Give a command without waiting for its answer."""
        self.stopping = do == "stop" or (self.stopping and do != "start")
        if do == "start":
            self.started.append(Path(keys["dir"]))
        later = Later()
        with self._lock:
            self._count += 1
            number = self._count
            self._waiting[number] = later
        line = json.dumps({"id": number, "do": do, **keys}) + "\n"
        assert self.process.stdin is not None
        try:
            with self._lock:
                self.process.stdin.write(line.encode())
                self.process.stdin.flush()
        except OSError:
            raise HostError("the host has ended") from None
        return later

    def do(self, do: str, within: float = PATIENCE, **keys: Any) -> Any:
        """Give a command and return the value of its answer."""
        return self.later(do, **keys).value(within)[0]

    def start(self, bundle: Path, within: float = PATIENCE, **keys: Any) -> dict[str, Any]:
        """Start a plugin; an error of its activation is a HostError."""
        started = self.do("start", within, dir=str(bundle), **keys)
        self.pid = started["pid"]
        return started

    def call_later(self, hook: str, *arguments: Any) -> Later:
        """Call a hook without waiting; the first argument, the context, is filled in."""
        return self.later("call", hook=hook, args=[None, *arguments])

    def call(self, hook: str, *arguments: Any, within: float = PATIENCE) -> Reply:
        """Call a hook."""
        return self.call_later(hook, *arguments).reply(within)

    def fault_later(self, text: str) -> Later:
        """Let the plugin do harm in a slash command."""
        return self.call_later("ExecuteCommand", {"command": f"/fault {text}"})

    def fault(self, text: str, within: float = PATIENCE) -> Reply:
        """Let the plugin do harm in a slash command, and wait for the answer."""
        return self.fault_later(text).reply(within)

    def post_later(self, message: str) -> Later:
        """Let a post pass the plugin."""
        return self.call_later("MessageWillBePosted", {"message": message})

    def post(self, message: str, within: float = PATIENCE) -> Reply:
        """Let a post pass the plugin."""
        return self.post_later(message).reply(within)

    def logged(self, pattern: str, within: float = 3.0) -> dict[str, Any] | None:
        """Return the first line of the log that matches, or None if none comes in time."""
        return self.do(
            "await_log", within + PATIENCE, match=pattern, within_ms=within * 1000, **{"from": self.log_from}
        )

    def log(self) -> list[dict[str, Any]]:
        """Return the log from the mark on."""
        return self.do("log", **{"from": self.log_from}) or []

    def mark_log(self) -> None:
        """Let `logged` and `log` look only at what comes from now on."""
        self.log_from = self.do("log_length")

    def workers(self) -> list[int]:
        """Return the workers' process ids: what runs below the guards, and is none."""
        tree = self.do("processes")
        bridge = processes.program(self.pid)
        guards = {process["pid"] for process in tree[1:] if processes.program(process["pid"]) == bridge}
        return [process["pid"] for process in tree if process["parent"] in guards and process["pid"] not in guards]

    def worker(self) -> int:
        """Return the only worker's process id; 0 if there is none."""
        return next(iter(self.workers()), 0)

    def await_plugin(self, other_than: int = 0, within: float = PATIENCE) -> tuple[int, float]:
        """Wait until a command is answered by a worker, and return its process id and how long that took."""
        begin = time.monotonic()
        while (left := begin + within - time.monotonic()) > 0:
            text = self.fault("pid", within=left + PATIENCE).text
            if text.startswith("pid ") and int(text.split()[1]) != other_than:
                return int(text.split()[1]), time.monotonic() - begin
            time.sleep(0.01)
        return 0, within

    def health(self) -> dict[str, Any]:
        """Return what the host's health check has seen."""
        return self.do("health")

    def end(self) -> int | None:
        """End the host, and with it the plugin; return its exit status, or None if it had to be killed."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # it is gone already
            self.process.stdin.close()
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def kill(self) -> None:
        """End the host at once, as the kernel's out-of-memory killer does."""
        self.process.kill()
        self.process.wait()
