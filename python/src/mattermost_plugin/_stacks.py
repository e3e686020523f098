"""What a thread is doing now: whose handler it runs, and where in the author's code it is."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterable, Iterator
from types import CodeType, FrameType
from typing import Any, NamedTuple

from ._bound_hook import BoundHook

_SDK = os.path.dirname(os.path.abspath(__file__)) + os.sep
_LOOP = _SDK + "_async_main.py"
_STANDARD = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
_PACKAGES = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


class Sighting(NamedTuple):
    """A thread at one moment.

    Attributes:
        hook: The hook that it answers; empty if that cannot be told.
        handler: The qualified name of the handler, or of the author's function that runs.
        file: Where the author's innermost function is.
        line: The line there.
        stack: The whole stack, as a traceback shows it.
    """

    hook: str
    handler: str
    file: str
    line: int
    stack: str

    def fields(self) -> dict[str, str]:
        """Return the fields of a log line."""
        return {**self._asdict(), "line": str(self.line)}

    @property
    def subject(self) -> str:
        """The hook and its handler, for a sentence."""
        return f"{self.hook} ({self.handler})" if self.hook else self.handler

    @property
    def place(self) -> str:
        """File and line, for a sentence."""
        return f"{self.file}, line {self.line}"


def look(frame: FrameType, hooks: Iterable[BoundHook]) -> Sighting:
    """Return what a thread with this innermost frame is doing; `hooks` are those that it may be answering."""
    hook = _find_hook(frame, hooks)
    author = innermost(frame)
    return Sighting(
        hook=hook.spec.name if hook is not None else "",
        handler=_name_of(hook.handler) if hook is not None else _qualified_name(author.f_code),
        file=author.f_code.co_filename,
        line=author.f_lineno or 0,  # pyright: ignore[reportUnnecessaryComparison]  # None between two lines
        stack="".join(traceback.format_stack(frame)),
    )


def innermost(frame: FrameType) -> FrameType:
    """Return the innermost frame of the author's; without one that of a library, at last the innermost of all."""
    own = (other for other in _outward(frame) if not _is_standard(other) and not _is_packaged(other))
    libraries = (other for other in _outward(frame) if not _is_standard(other))
    return next(own, None) or next(libraries, None) or frame


def waits_in_sdk(frame: FrameType) -> bool:
    """Return whether a thread is in this package and not in what it has called."""
    return frame.f_code.co_filename.startswith(_SDK)


def waits_in_loop(frame: FrameType) -> bool:
    """Return whether the thread of the event loop is in the loop itself and in nothing that it calls.

    It does not turn then because it is waiting for a processor, for which nobody is to blame. What is outside of the
    loop, such as a module that calls `run_plugin`, does not count.
    """
    for other in _outward(frame):
        if other.f_code.co_filename == _LOOP:
            return True
        if not _is_standard(other):
            return False
    return False


def _outward(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _is_standard(frame: FrameType) -> bool:
    name = frame.f_code.co_filename
    if name.startswith(("<", _SDK)):
        return True
    return name.startswith(_STANDARD) and not _is_packaged(frame)


def _is_packaged(frame: FrameType) -> bool:
    return any(part in frame.f_code.co_filename for part in _PACKAGES)


def _find_hook(frame: FrameType, hooks: Iterable[BoundHook]) -> BoundHook | None:
    """Return the hook whose handler is outermost on a stack: a handler may call another one."""
    by_code = {code: hook for hook in hooks for code in _codes(hook.handler)}
    found = None
    for other in _outward(frame):
        found = by_code.get(other.f_code, found)
    return found


def _codes(handler: Any) -> Iterator[CodeType]:
    """Return the code of a handler, and what decorators that keep `__wrapped__` have put around."""
    function = getattr(handler, "__func__", handler)
    while function is not None:
        code = getattr(function, "__code__", None)
        if isinstance(code, CodeType):
            yield code
        function = getattr(function, "__wrapped__", None)


def _name_of(handler: Any) -> str:
    return str(getattr(handler, "__qualname__", type(handler).__qualname__))


def _qualified_name(code: CodeType) -> str:
    return str(getattr(code, "co_qualname", code.co_name))  # since Python 3.11
