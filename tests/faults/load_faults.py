"""F1 to F3: plugins that load slowly, that cannot be loaded, and that cannot be activated."""

from __future__ import annotations

import textwrap
import time

import processes
from driven import HostError
from fault import Run, fault

SLOW = """\
import time

from mattermost_plugin import Plugin, hook

time.sleep({seconds})


class Slow(Plugin):
    @hook
    def OnActivate(self):
        time.sleep(0.2)
        self.logger.info("the slow plugin is active")

    @hook
    def MessageWillBePosted(self, context, post):
        post.message += " (handled)"
        return post
"""

HANDSHAKE_LIMIT = 0.6
"""Seconds until the connection is there. It takes some 10 ms, but processors may be busy with other faults."""


@fault("F1 a slow import", protections=("early-handshake",), seconds=70)
def slow_import(run: Run) -> None:
    """Injected: the plugin's module sleeps for 4 s while it is imported (20 s with --long), longer than the server
    waits for a plugin's first line.

    Expected: the handshake within 0.6 s; the plugin is active only after OnActivate; a Go plugin that is started
    meanwhile is not affected; no timeout.
    """
    nap = 20 if run.long else 4
    bundle = run.bundle({"plugin.py": SLOW.format(seconds=nap)})
    with run.host() as host:
        starting = host.later("start", dir=str(bundle))
        other = host.do("start", dir=str(run.tools.goplugin))
        edited = host.do(
            "call", plugin=other["id"], hook="MessageWillBePosted", args=[None, {"message": "bench:edit x"}]
        )
        run.expect(
            not starting.answer.done() and edited["results"][0]["message"] == "bench:edit x (seen)",
            f"the Go plugin was active after {other['active_ms']:.0f} ms and served",
            f"the Go plugin answered {edited} when the slow plugin was active: {starting.answer.done()}",
        )
        started, seconds = starting.value(nap + 30)
        run.within("handshake", started["handshake_ms"] / 1000, HANDSHAKE_LIMIT)
        run.expect(
            host.logged("the slow plugin is active") and seconds >= nap + 0.2,
            f"active after {seconds:.1f} s, when OnActivate was over",
            f"active after {seconds:.1f} s",
        )
        timeouts = [line for line in host.log() if "timeout while waiting" in str(line)]
        run.expect(not timeouts, "no timeout in the log")


BROKEN = {
    "import": ("import no_such_module\n", "no_such_module", 1),
    "syntax": ("x = 1\ndef broken(:\n", "plugin.py", 2),
    "exception": ('x = 1\n\nraise RuntimeError("the database is on fire")\n', "the database is on fire", 3),
}


@fault("F2 not to be loaded", protections=("load-report",), seconds=60)
def not_to_be_loaded(run: Run) -> None:
    """Injected: a module that is missing, a syntax error, an exception at import.

    Expected: the activation fails within 5 s; the server's log has the reason with file and line; no process is
    left 2 s later.
    """
    for name, (text, reason, line) in BROKEN.items():
        bundle = run.bundle({"plugin.py": text})
        with run.host() as host:
            begin = time.monotonic()
            try:
                host.start(bundle)
                run.expect(False, "", f"the plugin with a fault at import ({name}) was activated")
            except HostError as error:
                run.within(f"{name}: failed after", time.monotonic() - begin, 5)
                run.expect(reason in str(error), "with its reason", f"the error is {error}")
            place = rf"plugin\.py\W+(line )?{line}\b"
            run.expect(host.logged(place), f"the log names line {line}", f"the log does not match {place}")
            gone = processes.wait_until(lambda: not processes.of_directory(bundle), 2)  # noqa: B023 - called at once
            run.expect(gone, "no process left")


RAISES = """\
from mattermost_plugin import Plugin, hook


class Refuses(Plugin):
    @hook
    def OnActivate(self):
        raise RuntimeError("the licence has run out")
"""


@fault("F3 OnActivate raises", protections=("activation-error",))
def on_activate_raises(run: Run) -> None:
    """Injected: OnActivate raises an exception.

    Expected: the administrator reads its text; every process is gone within 2 s.
    """
    bundle = run.bundle({"plugin.py": textwrap.dedent(RAISES)})
    with run.host() as host:
        try:
            host.start(bundle)
            run.expect(False, "", "the plugin was activated")
        except HostError as error:
            run.expect("the licence has run out" in str(error), "its text is the activation's error", f"{error}")
        begin = time.monotonic()
        processes.wait_until(lambda: not processes.of_directory(bundle), 5)
        run.within("gone after", time.monotonic() - begin, 2)
