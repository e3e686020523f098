"""Running a function as another user."""

from __future__ import annotations

import json
import os
import select
import signal
import traceback
from collections.abc import Callable

PATIENCE = 20.0
"""Seconds that a function may take; one that takes longer hangs."""


class AttackError(Exception):
    """The function raised something else than what it returns; the text is its traceback."""


def run_as(uid: int, function: Callable[[], object]) -> str:
    """Run a function in a process of a user, without groups and privileges, and return what it returns as a text.

    Raises:
        AttackError: It raised an exception, or did not end in time.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _answer(writer, uid, function)
    os.close(writer)
    try:
        return _read_answer(reader)
    finally:
        os.close(reader)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _answer(writer: int, uid: int, function: Callable[[], object]) -> None:
    """Write what the function returns, and never return."""
    try:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
        answer = {"value": str(function())}
    except BaseException:  # noqa: BLE001 - the parent raises it again
        answer = {"error": traceback.format_exc()}
    os.write(writer, json.dumps(answer).encode()[:60_000])
    os.close(writer)
    signal.pause()  # the parent ends this process, so that sockets stay open until the answer was read


def _read_answer(reader: int) -> str:
    text = b""
    while True:
        readable, _, _ = select.select([reader], [], [], PATIENCE)
        if not readable:
            raise AttackError(f"no answer within {PATIENCE:.0f} s")
        part = os.read(reader, 65_536)
        if not part:
            break
        text += part
    answer = json.loads(text)
    if "error" in answer:
        raise AttackError(answer["error"])
    return str(answer["value"])
