"""What the generated mixins call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from ._method import Method

T = TypeVar("T")


class _Call(Protocol):
    def __call__(self, method: Method[T], args: tuple[Any, ...], /) -> T: ...


class _AsyncCall(Protocol):
    async def __call__(self, method: Method[T], args: tuple[Any, ...], /) -> T: ...


class Caller:
    """The base of the generated mixins for threads."""

    _call: _Call


class AsyncCaller:
    """The base of the generated mixins for asyncio."""

    _call: _AsyncCall
