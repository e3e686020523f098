"""A process of the server's own user that is not the worker is refused, and the log says so."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Generator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.error import HTTPError

import strangers
from as_user import run_as
from attacks import Target
from report import Report, wait_for_line, what_is_broken
from victim import Processes, Victim, wait_for

NO_TOKEN = "the token is not the one that this worker was given"  # noqa: S105
WRONG = "0" * strangers.TOKEN_LENGTH


class Attempt(NamedTuple):
    """What a stranger says.

    Attributes:
        name: What it is.
        said: The bytes.
        answer: What the bridge's answer holds.
        logged: What a line in the server's log holds.
    """

    name: str
    said: bytes
    answer: str
    logged: str


def attack(victim: Victim, target: Target, report: Report) -> None:
    """Try everything with and without the right token, and then with one that was right once."""
    token = victim.get("/token")
    for attempt in _attempts(token, schema_of(victim.bundle)):
        _try(victim, target, report, attempt)
    restarted = target._replace(processes=_restart_worker(victim, target.processes))
    is_new = victim.get("/token") != token
    report.note("the token of a restarted worker", "another one" if is_new else "the same one", is_new)
    replay = Attempt("the token of a worker that is gone", strangers.hello(token), NO_TOKEN, NO_TOKEN)
    _try(victim, restarted, report, replay)


def _attempts(token: str, schema: str) -> list[Attempt]:
    right = strangers.hello(token, schema=schema)
    too_long = b"\xff\xff\xff\xff\x01\0\0\0\0\0\0\0"
    log_line = strangers.frame(strangers.LOG, b"\x93\xa4info\xa1x\x80")
    second = "there must be exactly one control connection"
    return [
        Attempt("a wrong token", strangers.hello(WRONG), NO_TOKEN, NO_TOKEN),
        Attempt("no token", strangers.hello(""), NO_TOKEN, NO_TOKEN),
        Attempt("a part of the token", strangers.hello(token[:-1]), NO_TOKEN, NO_TOKEN),
        Attempt("a wrong token for hooks", strangers.hello(WRONG, "sync"), NO_TOKEN, NO_TOKEN),
        Attempt("a log line instead of HELLO", log_line, "must be HELLO", "must be HELLO"),
        Attempt("a frame of 4 GiB", too_long, strangers.HUNG_UP, "is too long"),
        Attempt("the right token for a second control connection", right, second, second),
    ]


def _try(victim: Victim, target: Target, report: Report, attempt: Attempt) -> None:
    before = victim.count(attempt.logged)
    said = run_as(victim.uid, partial(strangers.say, target.worker_socket, attempt.said))
    wait_for_line(victim, attempt.logged, before)
    broken = what_is_broken(victim, target.processes)
    report.note(f"the server's user: {attempt.name}", said + broken, attempt.answer in said and not broken)


def schema_of(bundle: Path) -> str:
    """Return the hash of the schema that the bundle's SDK was generated from."""
    for file in (bundle / "server/site-packages/mattermost_plugin/_gen").glob("*.py"):
        if found := re.search(r'^SCHEMA_HASH.*"([0-9a-f]+)"', file.read_text(encoding="utf-8"), re.MULTILINE):
            return found[1]
    raise AssertionError("the SDK in the bundle has no hash of its schema")


def start_with_a_stranger_at_the_gate(victim: Victim, report: Report) -> Processes:
    """Start the plugin; while it is being loaded, a stranger comes, which must not end that."""
    gate = victim.bundle / "gate"
    os.mkfifo(gate)
    os.chown(gate, victim.uid, victim.uid)
    victim.start()
    with _opened(gate) as writer:
        # The plugin reads the gate, so its worker is there and has connected.
        processes: Processes = wait_for("worker", victim.processes)
        said = run_as(victim.uid, partial(strangers.say, victim.worker_socket(processes), strangers.hello(WRONG)))
        gate.unlink()
        with suppress(BrokenPipeError):  # the worker is gone, and the plugin will not be active
            os.write(writer, b"open\n")
    victim.wait_until_active()
    wait_for_line(victim, NO_TOKEN, 0)
    broken = what_is_broken(victim, processes)
    what = "the server's user: a wrong token while the plugin is loaded"
    report.note(what, said + broken, NO_TOKEN in said and not broken)
    return processes


@contextmanager
def _opened(pipe: Path) -> Generator[int, None, None]:
    """Open a named pipe for writing, as soon as somebody reads it."""
    writer: int = wait_for("reader of the gate", partial(_try_open, pipe))[0]
    try:
        yield writer
    finally:
        os.close(writer)


def _try_open(pipe: Path) -> list[int]:
    try:
        return [os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)]
    except OSError:
        return []  # nobody reads it


def _restart_worker(victim: Victim, processes: Processes) -> Processes:
    """Kill the worker, as its own user may, and wait for the next one."""
    run_as(victim.uid, partial(os.kill, processes.worker, signal.SIGKILL))
    wait_for("other worker", lambda: (now := victim.processes()) is not None and now.worker != processes.worker)
    wait_for("answer of the other worker", partial(_greets, victim))
    found: Processes = wait_for("worker", victim.processes)
    return found


def _greets(victim: Victim) -> bool:
    try:
        return victim.get("/hello") == "hello"
    except HTTPError:
        return False  # it is being started
