"""F11 to F13: workers that write, grow, fork and open without end."""

from __future__ import annotations

import os
import re
import signal
import time

import processes
from driven import Host
from fault import Run, SkippedError, fault

MIB = 1 << 20

GROWTH = 16 * MIB
"""How much the bridge may grow while a worker floods it."""

WRITE_LIMIT = 0.3
"""Seconds that a single write of the worker may take. It is 0.1 s on a machine that does nothing else."""

LINES = 4000
"""How many lines of a flood may reach the server's log: a burst of 1,000, and 200 a second."""

DESCRIPTORS = 8192
"""How many descriptors a worker may have."""

RELOAD_LIMIT = 1.5
"""Seconds within which most reloads serve again. It takes half a second on a machine that does nothing else."""

LOOKS_LIMIT = 5.0
"""Seconds until the bridge has looked at a worker and has started another one."""

NOBODY = 65534


@fault("F11 a flood of output", protections=("output-limit",), alone=True)
def flood_of_output(run: Run) -> None:
    """Injected: lines on standard output and standard error for 4 s, as fast as the worker can write.

    Expected: no write takes more than 0.3 s, and no post more than 1 s; the bridge grows by less than 16 MiB; the log
    gets fewer than 4,000 lines and is told within 6 s how many were suppressed; hooks and pings go on.
    """
    with run.plugin(run.bundle()) as host:
        host.fault("flood 0.2")
        host.mark_log()
        processes.forget_peak(host.pid)
        before = processes.memory(host.pid)
        flooding = host.fault_later("flood 4")
        posts = [host.post("hello").seconds for _ in range(20)]
        text = flooding.reply().text
        written = re.fullmatch(r"(\d+) bytes, longest write ([\d.]+) s", text)
        if not run.expect(written, "", f"the worker answered {text!r}"):
            return
        assert written is not None
        run.saw(f"{int(written[1]) / MIB / 4:.0f} MiB/s")
        run.within("longest write", float(written[2]), WRITE_LIMIT)
        run.within("posts took at most", max(posts), 1)
        grown = processes.memory(host.pid, "VmHWM") - before
        run.expect(grown < GROWTH, f"the bridge grew by {grown >> 10} KiB", f"the bridge grew by {grown / MIB:.0f} MiB")
        suppressed = host.logged(r"(?i)suppressed", 6)
        run.expect(suppressed, f"“{suppressed and suppressed['message']}”", "the log does not say what was suppressed")
        lines = len(host.log())
        run.expect(lines < LINES, f"{lines} lines in the log", f"{lines} lines in the log, more than {LINES}")


@fault("F11 odd output")
def odd_output(run: Run) -> None:
    """Injected: a line of 10 MB, NUL, bytes that are not UTF-8, lines that go-plugin would take for its own.

    Expected: a line cut to 70,000 characters or less in the log, readable ones for the others, all within 5 s; the
    bridge grows by less than 16 MiB; the connection to the server is as it was.
    """
    with run.plugin(run.bundle()) as host:
        host.mark_log()
        before = processes.memory(host.pid)
        run.expect(host.fault("odd").text == "written", "the worker could write it")
        run.expect(host.logged("the last odd line", 5), "what came after it is there", "the last line is missing")
        longest = max(len(line["message"]) for line in host.log())
        run.expect(longest <= 70_000, f"the longest line has {longest} characters", f"a line of {longest} characters")
        run.expect(host.logged("yyyy", 1), "the long line begins in the log", "nothing of the long line is in the log")
        run.expect(host.logged("nul .* and .* not UTF-8", 1), "odd bytes were replaced", "the odd bytes are missing")
        grown = processes.memory(host.pid) - before
        run.expect(grown < GROWTH, f"the bridge grew by {grown >> 10} KiB", f"the bridge grew by {grown / MIB:.0f} MiB")
        run.expect(host.post("hello").text == "hello (handled)", "hooks go on", "hooks do not go on")


@fault("F12 memory", protections=("memory-limit",))
def memory_balloon(run: Run) -> None:
    """Injected: the worker grows to 600 MiB; the manifest allows 150 MiB.

    Expected: it is started again before it has grown to 400 MiB, with the reason in the log; the command under way
    gets a readable answer; the next one works.
    """
    with run.plugin(run.bundle(memory_limit_mib=150)) as host:
        before = host.worker()
        peak = [0]

        def look() -> bool:
            try:
                peak[0] = max(peak[0], processes.memory(before))
            except OSError:
                return True
            return not processes.is_alive(before)

        growing = host.fault_later("balloon 600")
        processes.wait_until(look, 15, 0.005)
        reply = growing.reply()
        run.expect(len(reply.text) > 20 and reply.text != "grown", f"the user reads “{reply.text}”", f"{reply}")
        run.expect(peak[0] < 400 * MIB, f"peak {peak[0] // MIB} MiB", f"the worker grew to {peak[0] // MIB} MiB")
        reason = host.logged(r"(?i)memory limit", 2)
        run.expect(reason, "the log gives the reason", "the log does not mention the memory limit")
        pid, seconds = host.await_plugin(before)
        run.expect(pid, f"served again {seconds:.2f} s later", "it does not serve again")


@fault("F13 a fork bomb", protections=("process-limit",), seconds=90)
def fork_bomb(run: Run) -> None:
    """Injected: the worker starts 400 processes; the manifest allows 60. The host runs as a user that is not root.

    Expected: the plugin gets an error, or the log has the reason within 5 s and there is another worker within 5 s
    more; commands work within 5 s; nothing is left 2 s after the end.
    """
    for path in (run.directory, *run.directory.parents):
        if not path.stat().st_mode & 0o001:
            raise SkippedError(f"another user cannot enter {path}")
    user = NOBODY if os.getuid() == 0 else None
    temporary = run.directory / "tmp"
    temporary.mkdir()
    temporary.chmod(0o777)
    bundle = run.bundle(process_limit=60)
    with run.plugin(bundle, user=user, variables={"TMPDIR": str(temporary)}) as host:
        before = host.worker()
        reply = host.fault("fork 400", within=60)
        limited = re.fullmatch(r"(\d+) processes, then \w+", reply.text)
        # The bridge looks once a second, and a fast machine starts all of them between two looks.
        recycled = limited or host.logged("(?i)process limit", LOOKS_LIMIT)
        run.expect(limited or recycled, f"“{reply.text}”", f"nothing stopped it: “{reply.text}”")
        if not limited:
            replaced = processes.wait_until(lambda: host.worker() not in (0, before), LOOKS_LIMIT)
            run.expect(replaced, "another worker", "the worker was kept")
        pid, _ = host.await_plugin(within=5)
        run.expect(pid, "commands work", "commands do not work")
        host.do("stop")
        gone = processes.wait_until(lambda: not processes.of_directory(bundle), 2)
        run.expect(gone, "no process left")


@fault("F13 grandchildren", protections=("guard",))
def grandchildren(run: Run) -> None:
    """Injected: the worker leaves 20 grandchildren in sessions of their own; then the plugin is disabled.

    Expected: all of them are gone 2 s after the plugin has ended.
    """
    bundle = run.bundle()
    with run.plugin(bundle) as host:
        host.fault("leave 20")
        before = processes.of_directory(bundle)
        run.expect(len(before) >= 23, f"{len(before)} processes", f"only {len(before)} processes")
        host.do("stop")
        processes.wait_until(lambda: not processes.alive(before), 2)
        run.expect(not processes.alive(before), "none left", f"{len(processes.alive(before))} are left")


@fault("F13 descriptors", protections=("process-limit",))
def open_descriptors(run: Run) -> None:
    """Injected: the worker opens descriptors until it gets an error, and keeps them for 2 s while posts come.

    Expected: the error comes at 8,192 descriptors at the latest; posts are handled or pass unchanged; the bridge has
    at most 2 descriptors more than before.
    """
    with run.plugin(run.bundle()) as host:
        host.post("hello")
        before = processes.descriptors(host.pid)
        opening = host.fault_later("descriptors 2")
        posts = {host.post("hello").text for _ in range(20)}
        text = opening.reply().text
        limited = re.fullmatch(r"(\d+) descriptors, then OSError", text)
        run.expect(limited and int(limited[1]) <= DESCRIPTORS, f"“{text}”", f"no limit: “{text}”")
        run.expect(posts <= {"hello", "hello (handled)"}, f"posts: {', '.join(sorted(posts))}", f"posts: {posts}")
        run.expect(host.post("hello").text == "hello (handled)", "handled afterwards", "not handled afterwards")
        after = processes.descriptors(host.pid)
        run.expect(after <= before + 2, f"the bridge has {after} descriptors", f"it had {before}, now {after}")


def _reload(host: Host) -> float:
    """Let the bridge start its worker again, and return how long that took."""
    before, begin = host.worker(), time.monotonic()
    processes.send_signal(host.pid, signal.SIGHUP)
    host.await_plugin(before, within=10)
    return time.monotonic() - begin


@fault("F13 reloads", seconds=900, alone=True)
def many_reloads(run: Run) -> None:
    """Injected: 12 reloads by SIGHUP (1,000 with --long).

    Expected: half of them serve again within 1.5 s, and all within 5 s; the bridge has at most one descriptor more
    than before, and the plugin no more processes.
    """
    count = 1000 if run.long else 12
    bundle = run.bundle()
    with run.plugin(bundle) as host:
        _reload(host)
        _reload(host)
        before = (processes.descriptors(host.pid), len(processes.of_directory(bundle)))
        times = sorted(_reload(host) for _ in range(count))
        processes.wait_until(lambda: len(processes.of_directory(bundle)) <= before[1], 2)
        after = (processes.descriptors(host.pid), len(processes.of_directory(bundle)))
        run.within(f"half of {count} reloads took less than", times[len(times) // 2], RELOAD_LIMIT)
        run.within("the slowest", times[-1], 5)
        run.expect(
            after[0] <= before[0] + 1 and after[1] <= before[1],
            f"{after[0]} descriptors, {after[1]} processes",
            f"descriptors and processes were {before} and are {after}",
        )
