"""F10: plugins that do not want to stop."""

from __future__ import annotations

import time

import processes
from fault import Run, fault

STOP_LIMIT = 12.0
"""Seconds: the server's own limit for OnDeactivate, and go-plugin's grace."""


@fault("F10 stop while requests run", protections=("stop-deadline",))
def stop_while_running(run: Run) -> None:
    """Injected: the plugin is disabled while 20 commands of a minute run, OnDeactivate never ends, and SIGTERM is
    ignored.

    Expected: everybody is answered; it is over within 12 s; no process is left 2 s later; it can be enabled again.
    """
    bundle = run.bundle()
    with run.plugin(bundle, watch=False) as host:
        host.fault("endless")
        host.fault("unterminated")
        before = processes.of_directory(bundle)
        running = [host.fault_later("sleep 60") for _ in range(20)]
        begin = time.monotonic()
        stopping = host.later("stop")
        stopping.value(STOP_LIMIT + 10)
        run.within("stopped after", time.monotonic() - begin, STOP_LIMIT)
        answered = sum(later.answer.done() for later in running)
        run.expect(answered == 20, "20 commands were answered", f"only {answered} of 20 commands were answered")
        processes.wait_until(lambda: not processes.alive(before), 2)
        run.expect(not processes.alive(before), "no process left", f"left: {processes.alive(before)}")
        host.start(bundle)
        run.expect(host.fault("pid").text.startswith("pid "), "enabled again", "it does not work when enabled again")
        host.do("stop")


@fault("F10 stop lets requests end")
def stop_lets_requests_end(run: Run) -> None:
    """Injected: the plugin is disabled while 20 commands run that need another second.

    Expected: each gets its own answer; then OnDeactivate; it is over within 4 s, and no process is left 2 s later.
    """
    bundle = run.bundle()
    with run.plugin(bundle, watch=False) as host:
        running = [host.call_later("MessageWillBeUpdated", {"message": "fault:rest 1"}, {}) for _ in range(20)]
        host.fault("pid")
        begin = time.monotonic()
        host.do("stop")
        run.within("stopped after", time.monotonic() - begin, 4)
        texts = {later.reply().text for later in running}
        run.expect(texts == {"rested"}, "20 requests got their own answers", f"they got {texts}")
        gone = processes.wait_until(lambda: not processes.of_directory(bundle), 2)
        run.expect(gone, "no process left")
