"""F4, F5 and F9: processes that end when they should not."""

from __future__ import annotations

import itertools
import os
import signal
import time
import urllib.error
import urllib.request
from pathlib import Path

import bundles
import processes
from driven import Host, HostError
from fault import Run, fault

BACK_LIMIT = 1.5
"""Seconds within which a worker that crashed serves again. It is half a second on a machine that does nothing else."""


def _crash(run: Run, host: Host, text: str) -> None:
    """Let the worker crash inside a command, and see what the user gets, and that the next command works."""
    before = host.worker()
    reply = host.fault(text)
    ephemeral = bool(reply.results) and (reply.results[0] or {}).get("response_type") == "ephemeral"
    run.expect(
        ephemeral and len(reply.text) > 20 and run.in_time(reply.seconds, BACK_LIMIT + 1),
        f"{text}: the user reads “{reply.text}” after {reply.seconds:.2f} s",
        f"{text}: the user gets {reply}",
    )
    after, seconds = host.await_plugin(before)
    run.expect(after, f"pid {before} became {after}", "no second worker has answered")
    run.within("back after", seconds, BACK_LIMIT)


@fault("F4 a crash in a command", protections=("restart",), alone=True)
def crash_in_a_command(run: Run) -> None:
    """Injected: os.abort(), a segmentation fault and SIGKILL in the worker, each during a slash command.

    Expected: the user gets a readable answer within 2.5 s; another worker answers the next command within 1.5 s
    more; the server's count of failures stays 0.
    """
    bundle = run.bundle()
    with run.plugin(bundle) as host:
        for text in ("abort", "crash", "kill"):
            _crash(run, host, text)


@fault("F4 a crash beside other calls", protections=("restart",))
def crash_beside_others(run: Run) -> None:
    """Injected: SIGKILL to the worker while 20 commands, 20 posts and 20 notifications of posts are under way.

    Expected: posts pass unchanged or handled within 6 s, commands get a readable answer, another worker answers
    within 10 s; at least 16 of the notifications are handled once, and none twice.
    """
    with run.plugin(run.bundle()) as host:
        commands = [host.fault_later("sleep 1") for _ in range(20)]
        posts = [host.post_later("fault:sleep 1") for _ in range(20)]
        for number in range(20):
            host.call("MessageHasBeenPosted", {"message": f"note seen-{number}"})
        worker = host.worker()
        # Each handler has a thread of its own. One that had not begun would begin, and sleep, in the next worker.
        begun = processes.wait_until(lambda: processes.threads(worker) > 40, 10)
        run.expect(begun, "all handlers ran", "not all handlers have begun within 10 s")
        processes.send_signal(worker, signal.SIGKILL)
        # What the worker had not begun with may be handled by the next one.
        answers = {later.reply().text for later in commands} - {"slept 1"}
        said = next(iter(answers), "")
        run.expect(len(answers) == 1 and len(said) > 20, f"commands: “{said}”", f"commands: {answers}")
        replies = [later.reply() for later in posts]
        passed = {reply.text for reply in replies}
        run.expect(passed <= {"fault:sleep 1", "slept 1"}, "posts passed", f"the posts became {passed}")
        run.within("the slowest post after", max(reply.seconds for reply in replies), 6)
        pid, seconds = host.await_plugin(worker, within=10)
        run.expect(pid, f"another worker after {seconds:.2f} s", "no other worker has answered")

        def noted() -> dict[str, str]:
            return host.do("values") or {}

        processes.wait_until(lambda: len(noted()) == 20, 5)
        counts = list(noted().values())
        # One that a handler had begun with may be lost; all handlers were busy with what sleeps.
        run.expect(
            len(counts) >= 16, f"{len(counts)} of 20 notifications were handled", f"only {len(counts)} were handled"
        )
        run.expect(set(counts) <= {"MQ=="}, "each once", f"some were handled twice: {noted()}")  # base64 of 1


EXITS = """\
import os
import threading

from mattermost_plugin import CommandResponse, Plugin, hook


class Exits(Plugin):
    @hook
    def OnActivate(self):
        threading.Timer(0.2, lambda: os._exit(1)).start()

    @hook
    def MessageWillBePosted(self, context, post):
        post.message += " (handled)"
        return post

    @hook
    def ExecuteCommand(self, context, args):
        return CommandResponse(text="pid %d" % os.getpid())

    @hook
    def ServeHTTP(self, context, response, request):
        response.write("served")
"""

DEGRADED_LIMIT = 30.0
"""Seconds until five restarts are over: their pauses are 0.1, 0.2, 0.4, 0.8 and 1.6 s with jitter."""


@fault("F5 a crash each time", protections=("backoff",), seconds=100)
def crash_each_time(run: Run) -> None:
    """Injected: the worker exits 0.2 s after each start; later its module is put right, and the bridge gets SIGHUP.

    Expected: the longest of the 4 to 7 pauses between starts is more than twice the shortest; within 30 s the
    plugin is degraded, which the log says and administrators are told once; posts flow and commands get a clear
    answer within 0.5 s, HTTP requests one with Retry-After; the bridge uses no more than 1 % of a processor; it
    serves again within 10 s after SIGHUP.
    """
    bundle = run.bundle({"plugin.py": EXITS})
    with run.plugin(bundle, watch=False) as host:
        seen = [time.monotonic()]
        pids = [host.worker()]

        def look() -> bool:
            worker = host.worker()
            if worker and worker != pids[-1]:
                pids.append(worker)
                seen.append(time.monotonic())
            return host.do("await_log", match="(?i)^error.*degraded", within_ms=1) is not None

        degraded = processes.wait_until(look, DEGRADED_LIMIT)
        pauses = [late - early for early, late in itertools.pairwise(seen)]
        shown = ", ".join(f"{pause:.1f}" for pause in pauses)
        if not run.expect(degraded, f"degraded after starts {shown} s apart", f"not degraded; starts {shown} s apart"):
            return
        run.expect(4 <= len(pauses) <= 7 and max(pauses) > 2 * min(pauses), "back-off visible", f"no back-off: {shown}")
        _look_degraded(run, host)
        bundles.put(bundle, "plugin.py", (run.tools.base / "plugin.py").read_text(encoding="utf-8"))
        bundles.write_hashes(bundle)
        processes.send_signal(host.pid, signal.SIGHUP)
        pid, seconds = host.await_plugin(within=10)
        run.expect(pid, f"serves {seconds:.2f} s after the reload", "it did not recover")


FAILS_SLOWLY = """\
import pathlib
import time

from mattermost_plugin import Plugin, hook

STARTED = pathlib.Path(__file__).with_name("started")


class FailsSlowly(Plugin):
    @hook
    def OnActivate(self):
        if STARTED.exists():
            time.sleep(14)
            raise RuntimeError("there is no database")
        STARTED.touch()

    @hook
    def MessageWillBePosted(self, context, post):
        post.message += " (handled)"
        return post

    @hook
    def ExecuteCommand(self, context, args):
        return None

    @hook
    def ServeHTTP(self, context, response, request):
        response.write("served")
"""

SLOWLY_DEGRADED_LIMIT = 70.0
"""Seconds until three starts have failed that take 14 s each."""


@fault("F5 starts that fail slowly", protections=("backoff",), seconds=130)
def fails_slowly(run: Run) -> None:
    """Injected: SIGKILL to the worker; from then on OnActivate fails each time, after 14 s.

    Expected: within 70 s the plugin is degraded, as after a crash each time. Until then no post waits for more than
    1.5 s, and none for more than 0.5 s once there has been no worker for 10 s.
    """
    with run.plugin(run.bundle({"plugin.py": FAILS_SLOWLY}), watch=False) as host:
        processes.send_signal(host.worker(), signal.SIGKILL)
        killed = time.monotonic()
        slow: list[str] = []

        def look() -> bool:
            away = time.monotonic() - killed
            post = host.post("hello")
            if not run.in_time(post.seconds, 0.5 if away > 10 else 1.5) or post.text != "hello":
                slow.append(f"after {away:.1f} s: {post}")
            return host.do("await_log", match="(?i)^error.*degraded", within_ms=500) is not None

        degraded = processes.wait_until(look, SLOWLY_DEGRADED_LIMIT)
        after = time.monotonic() - killed
        run.expect(degraded, f"degraded after {after:.0f} s", "not degraded")
        run.expect(not slow, "posts flow meanwhile", f"posts that waited: {slow}")
        if degraded:
            _look_degraded(run, host)


def _look_degraded(run: Run, host: Host) -> None:
    """See what users and administrators of a degraded plugin get."""
    post = host.post("hello")
    run.expect(post.text == "hello" and run.in_time(post.seconds, 0.5), "posts flow", f"a post: {post}")
    command = host.fault("pid")
    run.expect(
        run.in_time(command.seconds, 0.5) and len(command.text) > 20 and not command.text.startswith("pid"),
        f"commands: “{command.text}”",
        f"a command: {command}",
    )
    try:
        urllib.request.urlopen(f"http://{host.address}/plugins/com.example.faults/", timeout=5)  # the host's own
        run.expect(False, "", "an HTTP request was served")
    except urllib.error.HTTPError as error:
        wait = error.headers.get("Retry-After")
        run.expect(error.code == 503 and wait, f"HTTP 503, Retry-After {wait}", f"HTTP {error.code}, {error.headers}")
    told = [post for post in host.do("posts") if "degraded" in post["message"] or "restart" in post["message"]]
    run.expect(len(told) == 1, f"administrators were told “{told[0]['message'] if told else ''}”", f"told: {told}")
    before = processes.cpu_seconds(host.pid)
    begin = time.monotonic()
    processes.wait_until(lambda: False, 2)
    share = (processes.cpu_seconds(host.pid) - before) / (time.monotonic() - begin)
    run.expect(share <= 0.01, f"processor {share:.1%}", f"the bridge uses {share:.1%} of a processor")


def _leave_grandchildren(run: Run, host: Host, bundle: Path) -> list[int]:
    host.fault("leave 3")
    everything = processes.of_directory(bundle)
    run.expect(len(everything) >= 6, f"{len(everything)} processes", f"only {len(everything)} processes to begin with")
    return everything


@fault("F9 the bridge is killed", protections=("guard",))
def bridge_killed(run: Run) -> None:
    """Injected: SIGKILL to the bridge while grandchildren of the worker run in sessions of their own.

    Expected: all its processes are gone within 2 s; the server starts the plugin again within 10 s, and 5 s later it
    serves; the directories of sockets that the killed bridge left are removed then.
    """
    temporary = run.directory / "tmp"
    temporary.mkdir()
    bundle = run.bundle()
    with run.plugin(bundle, watch=False, restarts=1, variables={"TMPDIR": str(temporary)}) as host:
        before = _leave_grandchildren(run, host, bundle)
        left_before = {path.name for path in temporary.iterdir()}
        for path in temporary.glob("mmp-*"):
            os.utime(path, (0, 0))  # those of the last minute may belong to a bridge that is just about to lock its own
        processes.send_signal(host.pid, signal.SIGKILL)
        begin = time.monotonic()
        processes.wait_until(lambda: not processes.alive(before), 5)
        run.within("all gone after", time.monotonic() - begin, 2)
        run.expect(not processes.alive(before), "no orphan", f"{len(processes.alive(before))} processes live on")

        started = processes.wait_until(lambda: _is_started_again(host), 10)
        pid, _ = host.await_plugin(within=5) if started else (0, 0)
        run.expect(pid, "the server started it again", "it was not started again")
        # go-plugin's own socket stays, as that of a Go plugin does.
        stale = {name for name in left_before if name.startswith("mmp-")} & set(os.listdir(temporary))
        run.expect(not stale, "its directory of sockets is gone", f"left behind: {sorted(stale)}")


def _is_started_again(host: Host) -> bool:
    try:
        tree = host.do("processes")
    except HostError:
        return False  # between the end of the old one and the start of the new one no plugin is active
    if not tree or tree[0]["pid"] == host.pid:
        return False
    host.pid = tree[0]["pid"]
    return True


@fault("F9 the server is killed", protections=("guard",))
def server_killed(run: Run) -> None:
    """Injected: SIGKILL to the server while grandchildren of the worker run in sessions of their own.

    Expected: the bridge and all below it are gone within 2 s.
    """
    bundle = run.bundle()
    with run.plugin(bundle, watch=False) as host:
        before = _leave_grandchildren(run, host, bundle)
        host.kill()
        begin = time.monotonic()
        processes.wait_until(lambda: not processes.alive(before), 5)
        run.within("all gone after", time.monotonic() - begin, 2)
        run.expect(not processes.alive(before), "no orphan", f"{len(processes.alive(before))} processes live on")
