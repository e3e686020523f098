"""Looks at processes in /proc: which belong to a plugin, what they use, and whether they are gone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

TICK = 1 / os.sysconf("SC_CLK_TCK")


def wait_until(look: Callable[[], T], limit: float, pause: float = 0.01) -> T:
    """Return what `look` returns, once that is true or the time is up."""
    end = time.monotonic() + limit
    while not (found := look()) and time.monotonic() < end:
        time.sleep(pause)
    return found


def of_directory(directory: Path) -> list[int]:
    """Return the processes that run in a directory, run a program of it, or have it in their environment."""
    found: list[int] = []
    here = os.fsencode(directory)
    for process in Path("/proc").glob("[0-9]*"):
        try:
            places = [os.readlink(os.fsencode(process / name)) for name in ("cwd", "exe")]
            environment = (process / "environ").read_bytes()
        except OSError:
            continue  # it is gone, a zombie, or somebody else's
        if any(place == here or place.startswith(here + b"/") for place in places) or here in environment:
            found.append(int(process.name))
    return found


def prove_that_processes_are_found(directory: Path) -> None:
    """Look for a process that is there: a search that finds nothing would find everything in order."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, cwd=directory) as child:
        found = of_directory(directory)
        child.communicate(b"\n")
    if found != [child.pid]:
        raise SystemExit(f"the search for processes does not work: it found {found} instead of {child.pid}")


def _stat(pid: int) -> list[str]:
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    return text[text.rindex(")") + 2 :].split()


def is_alive(pid: int) -> bool:
    """Return whether a process runs; a zombie does not."""
    try:
        return _stat(pid)[0] not in "ZX"
    except OSError:
        return False


def program(pid: int) -> str:
    """Return the executable that a process runs; empty if it is gone."""
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return ""


def alive(pids: list[int]) -> list[int]:
    """Return those that run."""
    return [pid for pid in pids if is_alive(pid)]


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used, 0 if it is gone."""
    try:
        fields = _stat(pid)
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) * TICK


def memory(pid: int, what: str = "VmRSS") -> int:
    """Return the resident memory of a process in bytes; `VmHWM` is its peak."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(what + ":"):
            return int(line.split()[1]) * 1024
    return 0


def forget_peak(pid: int) -> None:
    """Let `VmHWM` begin anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


def threads(pid: int) -> int:
    """Return how many threads a process has."""
    return len(os.listdir(f"/proc/{pid}/task"))


def descriptors(pid: int) -> int:
    """Return how many descriptors a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def descendants(pid: int) -> list[int]:
    """Return all processes below one."""
    children: dict[int, list[int]] = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            children.setdefault(int(_stat(int(process.name))[1]), []).append(int(process.name))
        except OSError:
            continue
    found: list[int] = []
    pending = [pid]
    while pending:
        below = children.get(pending.pop(), [])
        found += below
        pending += below
    return found


def send_signal(pid: int, number: int) -> None:
    """Send a signal to one process: 0 and -1 would mean others."""
    if pid <= 1:
        raise ProcessLookupError(f"there is no such process to harm: {pid}")
    os.kill(pid, number)
