"""Turning the generated tables' type expressions into decoders, each when it is first needed.

The tables name types as text, so that importing the SDK does not import the models: a plugin that never looks at the
server's configuration never pays for its 40 classes.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

_BUILTINS: dict[str, Any] = {
    "Any": Any,
    "bool": bool,
    "bytes": bytes,
    "datetime": datetime.datetime,
    "dict": dict,
    "float": float,
    "int": int,
    "list": list,
    "str": str,
    "tuple": tuple,
}


class _Names(Mapping[str, Any]):
    """The names that a type expression may use: a few built-ins and every model."""

    def __getitem__(self, name: str) -> Any:
        if name in _BUILTINS:
            return _BUILTINS[name]
        from ._errors import ErrorFrame  # part of the lazy lookup
        from ._gen import models  # importing it earlier would load what this module defers

        if name == "ErrorFrame":
            return ErrorFrame
        try:
            return getattr(models, name)
        except AttributeError:
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        return iter(_BUILTINS)

    def __len__(self) -> int:
        return len(_BUILTINS)


_NAMES = _Names()


def resolve(expression: str) -> Any:
    """Return the type that a generated type expression names, such as `list[Post] | None`."""
    return eval(expression, {"__builtins__": {}}, _NAMES)  # the text comes from the generated tables only  # noqa: S307


def decoder(expression: str) -> msgspec.msgpack.Decoder[Any]:
    """Return a decoder for the type that a generated expression names."""
    return msgspec.msgpack.Decoder(resolve(expression))
