"""Plain values to the types of the SDK's annotations, strictly."""

from __future__ import annotations

import types
from typing import Any, Union, get_args, get_origin

import msgspec

_ZEROS: dict[Any, Any] = {bool: False, int: 0, float: 0.0, str: "", bytes: b""}


def convert(value: Any, wanted: Any) -> Any:
    """Return a value of the wanted type; None stands for the type's own nothing, as in canonical JSON."""
    if value is None:
        return zero(wanted)
    return msgspec.convert(value, wanted, strict=True, str_keys=True)


def zero(wanted: Any) -> Any:
    """Return what Go's zero value is in Python: None only where the type has it."""
    if wanted is Any or _may_be_none(wanted):
        return None
    if wanted in _ZEROS:
        return _ZEROS[wanted]
    origin = get_origin(wanted)
    if origin is dict:
        return {}
    if isinstance(origin, type):
        return []
    raise TypeError(f"nothing is no {wanted}")


def _may_be_none(wanted: Any) -> bool:
    return get_origin(wanted) in (Union, types.UnionType) and type(None) in get_args(wanted)
