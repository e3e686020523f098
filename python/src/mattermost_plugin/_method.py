"""One API method as the generated table describes it, and how its answer is decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import msgspec

from ._errors import ErrorFrame, PluginAPIError, error_from_frame
from ._types import decoder

if TYPE_CHECKING:
    from typing_extensions import Buffer

T = TypeVar("T")

_ERROR_DECODER = msgspec.msgpack.Decoder(ErrorFrame)


class Method(Generic[T]):
    """An API method: its number in frames, its names, the types of its results.

    Args:
        ident: The method's number in frames.
        name: Mattermost's name.
        python_name: The client's name.
        results: Type expressions of the results, without the error; a pointer's may be None.
        nullable: Whether None is an answer and not a fault of the server.
        empty: What None stands for, where Go makes no difference between it and nothing at all (bytes).
    """

    __slots__ = ("_decode", "_empty", "_nullable", "_results", "ident", "name", "python_name")

    def __init__(
        self,
        ident: int,
        name: str,
        python_name: str,
        *results: str,
        nullable: bool = False,
        empty: T | None = None,
    ) -> None:
        self.ident = ident
        self.name = name
        self.python_name = python_name
        self._results = results
        self._nullable = nullable
        self._empty = empty
        self._decode: msgspec.msgpack.Decoder[tuple[Any, ...]] | None = None

    def __repr__(self) -> str:
        return f"<Method {self.name}>"

    def result(self, payload: Buffer) -> T:
        """Decode the payload of API_REPLY.

        Raises:
            PluginAPIError: The answer is not what the schema says, or is nothing where something must be.
        """
        results = self._results
        if not results:
            return cast("T", None)
        decode = self._decode
        if decode is None:
            decode = self._decode = decoder(f"tuple[{', '.join(results)}]")
        try:
            values = decode.decode(payload)
        except msgspec.DecodeError as error:
            raise PluginAPIError(f"the answer to {self.name} cannot be read: {error}", where=self.name) from error
        if len(results) > 1:
            return cast("T", values)
        value: T = values[0]
        if value is None and not self._nullable:
            if self._empty is not None:
                return self._empty
            raise PluginAPIError(f"{self.name} returned neither a result nor an error", where=self.name)
        return value

    def error(self, payload: Buffer) -> PluginAPIError:
        """Return the exception that the payload of API_ERROR stands for."""
        try:
            frame = _ERROR_DECODER.decode(payload)
        except msgspec.DecodeError as error:
            return PluginAPIError(f"{self.name} failed, and its error cannot be read: {error}", where=self.name)
        return error_from_frame(frame, self.name)
