"""One text for both colours: what is written for asyncio, run by a thread that never waits for a task."""

from __future__ import annotations

import inspect
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def settled(value: Any) -> Any:
    """Return what a method of either client has given: its result, or what is to be awaited for it."""
    return await value if inspect.isawaitable(value) else value


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in which nothing has to be waited for, because every call in it blocks."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    coroutine.close()
    raise RuntimeError("a blocking client had something to wait for")
