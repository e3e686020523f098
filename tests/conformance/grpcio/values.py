"""Values without a fixed shape: canonical JSON <-> the message Value."""

from __future__ import annotations

import base64
from typing import Any

from google.protobuf.struct_pb2 import NULL_VALUE
from pb import ListValue, MapValue, Value


def to_tree(value: Value) -> Any:
    """Returns the canonical form of a value."""
    match value.WhichOneof("kind"):
        case None | "null_value":
            return None
        case "bytes_value":
            return {"$bytes": base64.b64encode(value.bytes_value).decode()}
        case "list_value":
            return [to_tree(item) for item in value.list_value.values]
        case "map_value":
            return {key: to_tree(item) for key, item in value.map_value.values.items()}
        case kind:
            return getattr(value, kind)


def fill(value: Value, tree: Any) -> None:
    """Sets a value to what a canonical form says."""
    match tree:
        case None:
            value.null_value = NULL_VALUE
        case bool():
            value.bool_value = tree
        case int() if tree >= 1 << 63:
            value.uint_value = tree
        case int():
            value.int_value = tree
        case float():
            value.double_value = tree
        case str():
            value.string_value = tree
        case list():
            value.list_value.CopyFrom(ListValue(values=[_as_value(item) for item in tree]))
        case {"$bytes": str(text), **rest} if not rest:
            value.bytes_value = base64.b64decode(text)
        case dict():
            value.map_value.CopyFrom(MapValue(values={key: _as_value(item) for key, item in tree.items()}))
        case _:
            raise TypeError(f"canonical JSON has no {type(tree).__name__}")


def _as_value(tree: Any) -> Value:
    value = Value()
    fill(value, tree)
    return value
