"""One hook as the generated table describes it."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from ._types import decoder

Shape = Literal["none", "error", "reason", "value", "value_reason", "value_error"]
"""What a Go hook returns: nothing, an error, a reason string, a value, or a value with one of these."""

Stream = Literal["", "http", "metrics", "file"]
"""What a hook's streams are: none, an HTTP request and its response (also for metrics), or files."""

NoneMeans = Literal["neutral", "empty", "true"]
"""What a handler's None stands for: the neutral answer, an empty object of the result's type, or True."""

Kind = Literal["activation", "deactivation", "command", "event", "result", "long", "http", "file"]
"""What kind of hook it is, by how long it may take; the server waits for all but events."""


class HookSpec:
    """A hook: its number in frames, its parameters, and what its handler may return.

    Args:
        ident: The hook's number in frames.
        name: Mattermost's name.
        params: The handler's parameters after `self`, by name.
        args: Type expressions of the parameters.
        shape: What the Go method returns.
        value: Type expression of the value among the results, if there is one.
        none: What None stands for as a handler's answer.
        stream: What the hook's streams are.
        kind: What kind of hook it is, by how long it may take.
        reject: Whether it can refuse what is about to happen.
    """

    __slots__ = ("_args", "_decoder", "ident", "kind", "name", "none", "params", "reject", "shape", "stream", "value")

    def __init__(
        self,
        ident: int,
        name: str,
        params: tuple[str, ...] = (),
        args: tuple[str, ...] = (),
        shape: Shape = "none",
        value: str = "",
        *,
        none: NoneMeans = "neutral",
        stream: Stream = "",
        kind: Kind = "result",
        reject: bool = False,
    ) -> None:
        self.ident = ident
        self.name = name
        self.params = params
        self.shape = shape
        self.value = value
        self.none = none
        self.stream = stream
        self.kind: Kind = kind
        self.reject = reject
        self._args = args
        self._decoder: msgspec.msgpack.Decoder[tuple[Any, ...]] | None = None

    def __repr__(self) -> str:
        return f"<HookSpec {self.name}>"

    @property
    def decoder(self) -> msgspec.msgpack.Decoder[tuple[Any, ...]]:
        """The decoder of the hook's arguments."""
        if self._decoder is None:
            inner = ", ".join(self._args) if self._args else "()"
            self._decoder = decoder(f"tuple[{inner}]")
        return self._decoder
