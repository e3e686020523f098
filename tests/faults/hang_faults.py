"""F6 to F8: workers that do not answer."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from typing import Any

import processes
from driven import Host, Later
from fault import Run, fault

DEADLINE = 1.0
"""Seconds: the deadline of posts in these bundles."""

HOOKS: dict[str, Any] = {
    "hooks": {"MessageWillBePosted": {"timeout": DEADLINE}, "MessageWillBeUpdated": {"timeout": DEADLINE}}
}

RECYCLED_LIMIT = 45.0
"""Seconds until a worker whose hooks hang is started again: 30 s after they were cancelled, sooner if they are many."""


def _all_passed(run: Run, posts: list[Later], message: str) -> None:
    """See that posts were accepted as they were, in time."""
    replies = [later.reply() for later in posts]
    texts = {reply.text for reply in replies}
    slowest = max(reply.seconds for reply in replies)
    run.expect(texts == {message}, f"{len(posts)} posts were accepted unchanged", f"posts became {texts}")
    run.within("the slowest after", slowest, DEADLINE + 1)


@fault("F6 a handler that never ends", protections=("deadline", "recycle"), seconds=120)
def endless_handler(run: Run) -> None:
    """Injected: `while True: pass` in MessageWillBePosted, which has a deadline of 1 s; one post, then 50 at once.

    Expected: all posts are accepted within the deadline and 1 s; the log names the handler with its file and line
    within 5 s; within 45 s posts are handled again, and within 45 s more there is another worker.
    """
    with run.plugin(run.bundle(**HOOKS)) as host:
        host.mark_log()
        before = host.worker()
        _all_passed(run, [host.post_later("fault:spin")], "fault:spin")
        named = host.logged(r"(?i)^warn.*(message_will_be_posted|MessageWillBePosted).*harm\.py", 5)
        run.expect(named, "the log names handler, file and line", "no warning names the handler and harm.py")
        _all_passed(run, [host.post_later("fault:spin") for _ in range(50)], "fault:spin")
        _await_handled(run, host)
        replaced = processes.wait_until(lambda: host.worker() not in (0, before), RECYCLED_LIMIT)
        run.expect(replaced, "another worker", "the worker whose handlers never end was kept")


def _await_handled(run: Run, host: Host) -> None:
    begin = time.monotonic()
    handled = processes.wait_until(lambda: host.post("hello").text == "hello (handled)", RECYCLED_LIMIT)
    run.expect(
        handled, f"posts are handled again after {time.monotonic() - begin:.1f} s", "posts are not handled any more"
    )


@fault("F6 a login that hangs", protections=("deadline",))
def login_that_hangs(run: Run) -> None:
    """Injected: UserWillLogIn takes a minute; its deadline is 1 s; once with `on_failure` as it is, once with
    "reject".

    Expected: the user gets in, as with a Go plugin that hangs and crashes; with "reject" the user does not, and
    reads why; both within the deadline and 1 s.
    """
    for choice in ("allow", "reject"):
        hook = {"timeout": DEADLINE, "on_failure": choice}
        with run.plugin(run.bundle(hooks={"UserWillLogIn": hook})) as host:
            reply = host.call("UserWillLogIn", {"username": "slow"})
            reason = reply.results[0] if reply.results else None
            run.within(f"{choice}: answered after", reply.seconds, DEADLINE + 1)
            right = bool(reason) if choice == "reject" else reason == ""
            run.expect(right and not reply.error, f"{choice}: {reason!r}", f"{choice}: {reply}")


@fault("F6 the interpreter's lock", protections=("recycle",), seconds=120)
def interpreter_lock(run: Run) -> None:
    """Injected: C code that keeps the interpreter's lock for minutes, in a `def` handler, so that no Python thread
    runs.

    Expected: posts are accepted within the deadline and 1 s; the worker, which does not answer pings any more, is
    started again after 15 s, so that another one answers within 40 s; the log has its stacks, with the handler's
    file and line.
    """
    with run.plugin(run.bundle(**HOOKS)) as host:
        host.mark_log()
        before = host.worker()
        _all_passed(run, [host.post_later("fault:hold 60")], "fault:hold 60")
        _all_passed(run, [host.post_later("hello") for _ in range(5)], "hello")
        pid, seconds = host.await_plugin(before, within=40)
        run.expect(pid, f"another worker after {seconds:.1f} s", "the worker was not started again")
        stack = host.logged(r'File ".*harm\.py", line \d+ in hold', 2)
        run.expect(stack, f"“{stack and stack['message'].strip()}”", "no stack in the log names harm.py and hold")


@fault("F7 the event loop is blocked", protections=("deadline",))
def blocked_loop(run: Run) -> None:
    """Injected: time.sleep(4) in an `async def` handler.

    Expected: within 2 s a warning names the handler and its line; the hook gets its default within its deadline and
    1 s; `def` handlers go on, and answer within 1 s; the worker is not started again.
    """
    with run.plugin(run.bundle(**HOOKS)) as host:
        before = host.worker()
        host.mark_log()
        begin = time.monotonic()
        update = host.call_later("MessageWillBeUpdated", {"message": "fault:sleep 4"}, {"message": "old"})
        named = host.logged(r"(?i)^warn.*(message_will_be_updated|MessageWillBeUpdated).*harm\.py", 4)
        run.expect(named, "a warning names handler and line", "no warning names the handler and harm.py")
        run.within("warned after", time.monotonic() - begin, 2)
        other = host.post("hello")
        handled = other.text == "hello (handled)" and run.in_time(other.seconds, 1)
        run.expect(handled, "`def` handlers go on", f"a post: {other}")
        _all_passed(run, [update], "fault:sleep 4")
        lines = [line for line in host.log() if line["level"] == "warn" and "harm.py" in str(line)]
        run.expect(1 <= len(lines) <= 3, f"{len(lines)} lines about it", f"{len(lines)} lines about one blockage")
        run.expect(host.worker() == before, "the same worker", "the worker was started again")


@fault("F7 blocked for long", protections=("recycle",), seconds=120)
def blocked_for_long(run: Run) -> None:
    """Injected: time.sleep(60) in an `async def` handler; once as it is, once while a debugger is attached to the
    worker.

    Expected: the worker is started again when its loop has not answered for 15 s, so that there is another one within
    30 s; with a debugger it is left alone.
    """
    with run.plugin(run.bundle(**HOOKS)) as host, run.plugin(run.bundle(**HOOKS)) as debugged:
        before, traced = host.worker(), debugged.worker()
        tracer = _Tracer(traced)
        for one in (host, debugged):
            one.call_later("MessageWillBeUpdated", {"message": "fault:sleep 60"}, {"message": "old"})
        pid, seconds = host.await_plugin(0, within=0.1)
        begin = time.monotonic()
        processes.wait_until(lambda: host.worker() not in (before, 0), 30, 0.1)
        pid, seconds = host.worker(), time.monotonic() - begin
        run.expect(pid not in (0, before), f"another worker after {seconds:.1f} s", "the worker was not started again")
        processes.wait_until(lambda: False, 5)
        run.expect(debugged.worker() == traced, "the one with a debugger is the same", "the debugged one was killed")
        tracer.release()


class _Tracer:
    """Attaches to a process as a debugger does, without stopping it."""

    SEIZE, DETACH = 0x4206, 17

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        if self._libc.ptrace(self.SEIZE, pid, None, None) != 0:
            raise OSError(ctypes.get_errno(), f"cannot attach to the worker: {os.strerror(ctypes.get_errno())}")

    def release(self) -> None:
        """Let go: a process has to be stopped for that."""
        processes.send_signal(self._pid, signal.SIGSTOP)
        os.waitpid(self._pid, os.WUNTRACED)
        self._libc.ptrace(self.DETACH, self._pid, None, None)


def _freeze(run: Run, seconds: float) -> tuple[bool, dict[str, str]]:
    """Stop a worker for some time while posts come; return whether it is the same one then, and what it has counted."""
    with run.plugin(run.bundle(**HOOKS), watch=False) as host:
        before = host.worker()
        running = [host.post_later(f"fault:note frozen-{number} 0.3") for number in range(3)]
        processes.wait_until(lambda: host.do("calls", method="KVGet") or False, 0.1)
        processes.send_signal(before, signal.SIGSTOP)
        try:
            for number, later in enumerate(running):
                run.expect(later.reply().text == f"fault:note frozen-{number} 0.3", "running posts passed")
            posts = [host.post_later("fault:note late") for _ in range(20)]
            _all_passed(run, posts, "fault:note late")
            processes.wait_until(lambda: not processes.is_alive(before), seconds)
        finally:
            if processes.is_alive(before):
                processes.send_signal(before, signal.SIGCONT)
        pid, back = host.await_plugin(within=5)
        run.expect(pid, f"serves {back:.2f} s after SIGCONT", "it does not serve after SIGCONT")
        run.expect(host.post("hello").text == "hello (handled)", "posts are handled", "posts are not handled")
        return pid == before, host.do("values") or {}


@fault("F8 frozen", seconds=90)
def frozen(run: Run) -> None:
    """Injected: SIGSTOP to the worker for 5 s while posts come, then SIGCONT.

    Expected: pings are answered all the time; posts pass unchanged within the deadline and 1 s; late answers are
    dropped, nothing is done twice, and the same worker serves within 5 s after SIGCONT.
    """
    same, values = _freeze(run, 5)
    run.expect(same, "the same worker", "the worker was started again after 5 s")
    twice = {name: count for name, count in values.items() if name.startswith("frozen-") and count != "MQ=="}
    run.expect(not twice, "nothing was done twice", f"done otherwise than once: {twice}")


@fault("F8 frozen for long", protections=("recycle",), seconds=200)
def frozen_for_long(run: Run) -> None:
    """Injected: SIGSTOP to the worker for 25 s (2 min with --long) while posts come, then SIGCONT.

    Expected: pings are answered all the time; posts pass unchanged within the deadline and 1 s; the worker is started
    again after 15 s, so that another one serves within 5 s after SIGCONT; nothing is done twice.
    """
    same, values = _freeze(run, 120 if run.long else 25)
    run.expect(not same, "another worker", "the frozen worker was kept")
    twice = {name: count for name, count in values.items() if name.startswith("frozen-") and count != "MQ=="}
    run.expect(not twice, "nothing was done twice", f"done otherwise than once: {twice}")
