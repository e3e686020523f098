"""A fault: what is injected, what is expected, and what was seen."""

from __future__ import annotations

import contextlib
import inspect
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bundles
import processes
from driven import Host, HostError
from stalls import STALLS

PING_LIMIT = 1.0
"""Seconds within which every ping must be answered, whatever the plugin does."""

GONE_LIMIT = 2.0
"""Seconds after the host's end within which no process of the plugin may be left."""

WATCH_EVERY = 0.2
"""Seconds between two pings, and between two calls of the bystander's hook."""


class SkippedError(Exception):
    """The machine does not let this fault be injected."""


@dataclass(frozen=True)
class Fault:
    """One row of the table.

    Attributes:
        name: `F4`, and what is special, such as `F4 abort`.
        function: Injects it.
        protections: Those of the bridge without which it must fail.
        long: Whether it is left out unless asked for.
        alone: Whether it must not run beside others.
        seconds: After so many it hangs.
    """

    name: str
    function: Callable[[Run], None]
    protections: tuple[str, ...]
    long: bool
    alone: bool
    seconds: float

    @property
    def injected(self) -> str:
        """What is done."""
        return self._part("Injected:")

    @property
    def expected(self) -> str:
        """What must come of it."""
        return self._part("Expected:")

    def _part(self, label: str) -> str:
        text = " ".join((inspect.getdoc(self.function) or "").split())
        _, found, rest = text.partition(label)
        if not found:
            raise ValueError(f"the docstring of {self.function.__name__} has no part {label!r}")
        return rest.split("Expected:")[0].strip()


FAULTS: list[Fault] = []
"""All of them, in the order of their modules."""


def fault(
    name: str, *, protections: tuple[str, ...] = (), long: bool = False, alone: bool = False, seconds: float = 60
) -> Callable[[Callable[[Run], None]], Callable[[Run], None]]:
    """Register a function as a fault; its docstring says what is injected and what is expected."""

    def register(function: Callable[[Run], None]) -> Callable[[Run], None]:
        FAULTS.append(Fault(name, function, protections, long, alone, seconds))
        return function

    return register


@dataclass(frozen=True)
class Tools:
    """What the faults need.

    Attributes:
        refhost: The test host.
        base: The unpacked bundle of `plugin`.
        goplugin: The bundle of the test plugin in Go.
        conformance: The bundle of the conformance plugin in Python.
        off: The protections that are switched off, for bridges that can.
    """

    refhost: Path
    base: Path
    goplugin: Path
    conformance: Path
    off: str = ""


@dataclass
class Run:
    """One fault that is being injected: it makes bundles and hosts, and collects what was seen."""

    tools: Tools
    directory: Path
    long: bool
    facts: list[str] = field(default_factory=list[str])
    wrong: list[str] = field(default_factory=list[str])
    hosts: list[Host] = field(default_factory=list[Host])
    begun: float = field(default_factory=time.monotonic)
    _bundles: int = 0

    def saw(self, fact: str) -> None:
        """Note something for the table."""
        self.facts.append(fact)

    def expect(self, good: object, fact: str, otherwise: str = "") -> bool:
        """Note a fact, or what was seen in its place; the fault fails then."""
        if good:
            self.facts.append(fact)
        else:
            self.wrong.append(otherwise or f"not so: {fact}")
        return bool(good)

    def in_time(self, seconds: float, limit: float) -> bool:
        """Return whether something took no longer than it may; what the machine stood still does not count."""
        return seconds <= limit + STALLS.longest(self.begun)

    def within(self, what: str, seconds: float, limit: float) -> bool:
        """Note how long something took, which has a limit."""
        stalled = STALLS.longest(self.begun)
        excuse = f" and the {stalled:.2f} s that the machine stood still" if stalled else ""
        slow = f"{what} {seconds:.2f} s, more than {limit} s{excuse}"
        return self.expect(self.in_time(seconds, limit), f"{what} {seconds:.2f} s", slow)

    def bundle(self, files: dict[str, str] | None = None, **server: Any) -> Path:
        """Write a bundle of the plugin with other files and other keys of `server` in its manifest."""
        self._bundles += 1
        return bundles.write(self.tools.base, self.directory / f"bundle{self._bundles}", files, server)

    @contextmanager
    def host(self, *, restarts: int = 0, ping_limit: float = PING_LIMIT, **options: Any) -> Iterator[Host]:
        """Run a host, and check at its end what holds whatever the fault is.

        Args:
            restarts: How often the host may have to start the plugin again.
            ping_limit: Seconds within which each ping must be answered.
            options: Those of `Host`.
        """
        variables = {"MMP_PROTECTIONS_OFF": self.tools.off or None, **options.pop("variables", {})}
        host = Host(options.pop("refhost", self.tools.refhost), variables, **options)
        self.hosts.append(host)
        try:
            yield host
            self._check_health(host, restarts, ping_limit)
            self._check_log(host)
        except Exception:
            self._tell_log(host)
            raise
        finally:
            self._end(host)

    @contextmanager
    def plugin(self, bundle: Path, *, watch: bool = True, **options: Any) -> Iterator[Host]:
        """Run a host with a plugin in it, whose health is checked, and a bystander."""
        with self.host(**options) as host:
            host.start(bundle)
            host.do("supervise", every_ms=WATCH_EVERY * 1000)
            if watch:
                with self.bystander(host):
                    yield host
            else:
                yield host

    @contextmanager
    def bystander(self, host: Host) -> Iterator[None]:
        """Call another hook all the time, which must be answered within its deadline and a second."""
        over = threading.Event()
        slowest = [0.0]

        def call() -> None:
            while not over.wait(WATCH_EVERY):
                try:
                    slowest[0] = max(slowest[0], host.call(bundles.BYSTANDER, {}).seconds)
                except HostError:
                    if not over.is_set() and not host.stopping:
                        slowest[0] = float("inf")
                    return

        thread = threading.Thread(target=call, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
        self.within("other hooks took at most", slowest[0], bundles.DEADLINE + 1)

    def _tell_log(self, host: Host) -> None:
        """Show the last complaints of the log, for whoever looks into a failure."""
        host.log_from = 0
        with contextlib.suppress(HostError):
            lines = [line for line in host.log() if line["level"] in ("warn", "error")]
            self.wrong += [f"log: {line['message'][:300]} {str(line.get('fields', ''))[:300]}" for line in lines[-5:]]

    def _check_health(self, host: Host, restarts: int, ping_limit: float) -> None:
        try:
            health = host.health()
        except HostError:
            return  # no plugin was started, or the host was killed on purpose
        if health["restarts"] != restarts:
            self.wrong.append(f"the host had to restart the plugin {health['restarts']} times: {health.get('last')}")
        if health["failed"] > 3 * restarts:
            self.wrong.append(f"{health['failed']} pings failed: {health.get('last')}")
        slowest = health["slowest_ms"] / 1000
        if not self.in_time(slowest, ping_limit):
            stalled = STALLS.longest(self.begun)
            self.wrong.append(f"a ping took {slowest:.2f} s; the machine stood still for {stalled:.2f} s at most")

    def _check_log(self, host: Host) -> None:
        host.log_from = 0
        try:
            lines = host.log()
        except HostError:
            return  # the host was killed on purpose
        for line in lines:
            if "the server would have crashed" in line["message"] or "panicked at" in line["message"]:
                self.wrong.append(f"in the log: {line['message']} {line.get('fields', '')}")

    def _end(self, host: Host) -> None:
        killed = host.process.poll() is not None and host.process.returncode < 0
        code = host.process.returncode if killed else host.end()
        if code is None:
            self.wrong.append("the host did not end")
        elif code > 0:
            self.wrong.append(f"the host ended with {code}; a panic of it is on standard error")
        # Other faults may run the test plugin in Go meanwhile, which is not in this one's directory.
        for bundle in {path for path in host.started if path.is_relative_to(self.directory)}:
            self._check_left(bundle)

    def _check_left(self, bundle: Path) -> None:
        if processes.wait_until(lambda: not processes.of_directory(bundle), GONE_LIMIT):
            return
        pids = processes.of_directory(bundle)
        self.wrong.append(f"{len(pids)} processes of the plugin are left")
        for pid in pids:
            processes.send_signal(pid, signal.SIGKILL)

    def abandon(self) -> None:
        """End everything, because the fault hangs."""
        for host in self.hosts:
            host.process.kill()


@dataclass(frozen=True)
class Seen:
    """What came of a fault."""

    fault: Fault
    what: str
    wrong: list[str]
    skipped: str
    seconds: float


def inject(one: Fault, tools: Tools, directory: Path, long: bool) -> Seen:
    """Inject a fault."""
    directory.mkdir(parents=True)
    run = Run(tools, directory, long)
    hung = threading.Timer(one.seconds, run.abandon)
    hung.start()
    begin = time.monotonic()
    skipped = ""
    try:
        one.function(run)
    except SkippedError as reason:
        skipped = str(reason)
    except Exception as error:  # noqa: BLE001 - whatever it is, the fault has failed, and the others go on
        run.wrong.append(f"{type(error).__name__}: {error}")
    hung.cancel()
    seconds = time.monotonic() - begin
    if hung.finished.is_set() and seconds >= one.seconds:
        run.wrong.append(f"it hung: no end after {one.seconds} s")
    return Seen(one, "; ".join(run.facts), run.wrong, skipped, seconds)
