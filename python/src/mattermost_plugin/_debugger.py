"""Whether somebody debugs this process: what stands still then is not hung."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable
from types import FrameType
from typing import Any


def attached(stacks: Iterable[FrameType]) -> bool:
    """Return whether a debugger is attached; `stacks` are the innermost frames of the threads that matter."""
    if "pydevd" in sys.modules:
        # Its trace functions and tools stay when nobody is connected.
        return _pydevd() or any(map(_is_in_bdb, stacks))
    return _monitoring() or any(_is_in_bdb(frame) or _is_traced(frame) for frame in stacks)


def exempt(thread: threading.Thread) -> None:
    """Let a thread run on at a breakpoint: pydevd stops all threads but those that say this."""
    setattr(thread, "pydev_do_not_trace", True)  # noqa: B010  # a plain assignment is none that type checkers know


def _pydevd() -> bool:
    """Ask debugpy's and PyCharm's debugger, which may be loaded without anybody being connected."""
    module: Any = sys.modules["pydevd"]
    is_attached = getattr(module, "_is_attached", None)
    try:
        return bool(is_attached()) if callable(is_attached) else bool(getattr(module, "connected", False))
    except Exception:  # a debugger that is just being loaded or closed  # noqa: BLE001
        return False


def _monitoring() -> bool:
    """Ask the interpreter, since Python 3.12, for a debugger that uses its own events."""
    monitoring: Any = getattr(sys, "monitoring", None)
    return monitoring is not None and monitoring.get_tool(monitoring.DEBUGGER_ID) is not None


def _is_traced(frame: FrameType | None) -> bool:
    """Return whether a stack has a trace function."""
    while frame is not None:
        if frame.f_trace is not None:
            return True
        frame = frame.f_back
    return False


def _is_in_bdb(frame: FrameType | None) -> bool:
    """Return whether a stack stands in the standard library's debugger, which waits for an order."""
    file = getattr(sys.modules.get("bdb"), "__file__", None)
    while frame is not None and file is not None:
        if frame.f_code.co_filename == file:
            return True
        frame = frame.f_back
    return False
