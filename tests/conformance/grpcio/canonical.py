"""Canonical JSON <-> protobuf messages, by reflection; keys.py says which key a field has."""

from __future__ import annotations

import base64
import json
from typing import Any, TypeAlias

import values
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from keys import KEYS
from pb import Error, GoError, Value

Tree: TypeAlias = Any
"""What the JSON module reads and writes."""

Field: TypeAlias = Any
"""The descriptor of a field; its class depends on how protobuf was built."""


def loads(text: str) -> Any:
    """Reads a document; bytes and times stay the objects that stand for them."""
    return json.loads(text)


def dumps(tree: Tree) -> str:
    """Writes a document in one line."""
    return json.dumps(tree, ensure_ascii=False)


def slots(message: Message) -> list[Tree]:
    """Returns the fields of a request or response in the order of Go's arguments or results."""
    return [_field_tree(message, field) for field in in_order(message)]


def fill_slots(message: Message, trees: list[Tree]) -> None:
    """Sets the fields of a request or response in that order."""
    for field, tree in zip(in_order(message), trees, strict=True):
        _set_field(message, field, tree)


def in_order(message: Message) -> list[Field]:
    """Returns the fields by their numbers, which is Go's order."""
    return sorted(message.DESCRIPTOR.fields, key=lambda field: field.number)


def to_tree(message: Message) -> Tree:
    """Returns the canonical form of a message."""
    match message:
        case Value():
            return values.to_tree(message)
        case Timestamp():
            return {"$time": message.ToJsonString()}
        case Error():
            return {"$error": error_tree(getattr(message, message.WhichOneof("kind") or "error"))}
    keys = KEYS.get(message.DESCRIPTOR.name)
    if keys is None:  # a list or map that has a message of its own
        return _field_tree(message, _only_field(message))
    tree: dict[str, Tree] = {}
    for field, _ in message.ListFields():
        key, item = keys[field.number], _field_tree(message, field)
        if key is None:  # an embedded struct
            tree.update(item)
        else:
            tree[key] = item
    return tree


def error_tree(error: Message) -> dict[str, Tree]:
    """Returns the canonical form of an AppError or a plain error of Go's."""
    if not isinstance(error, GoError):
        return {"kind": "app", **to_tree(error)}
    named = {"message": error.message, "code": error.code, "id": error.sqlstate, "detailed_error": error.detail}
    return {"kind": "error", "message": error.message, **{key: value for key, value in named.items() if value}}


def fill(message: Message, tree: Tree) -> None:
    """Sets a message to what a canonical form, not null, says."""
    message.SetInParent()
    match message:
        case Value():
            values.fill(message, tree)
            return
        case Timestamp():
            message.FromJsonString(tree["$time"])
            return
        case Error():
            fill_error(message, tree["$error"])
            return
    keys = KEYS.get(message.DESCRIPTOR.name)
    if keys is None:
        _set_field(message, _only_field(message), tree)
        return
    rest = dict(tree)
    for field in message.DESCRIPTOR.fields:
        key = keys[field.number]
        if key is None:
            rest = _fill_embedded(getattr(message, field.name), rest)
        elif key in rest:
            _set_field(message, field, rest.pop(key))
    if rest:
        raise ValueError(f"{message.DESCRIPTOR.name} has no field {', '.join(rest)}")


def fill_error(message: Error, tree: dict[str, Tree]) -> None:
    """Sets an error from its canonical form."""
    rest = {key: value for key, value in tree.items() if key != "kind"}
    if tree["kind"] == "app":
        fill(message.app, rest)
        return
    message.error.SetInParent()
    message.error.message = rest["message"]
    message.error.code = rest.get("code", 0)
    message.error.sqlstate = rest.get("id", "")
    message.error.detail = rest.get("detailed_error", "")


def _only_field(message: Message) -> Field:
    (field,) = message.DESCRIPTOR.fields
    return field


def _fill_embedded(message: Message, tree: dict[str, Tree]) -> dict[str, Tree]:
    """Sets an embedded struct from the fields of the outer one; returns those that are not its own."""
    own = {key for key in KEYS[message.DESCRIPTOR.name].values() if key in tree}
    if own:
        fill(message, {key: tree[key] for key in own if key})
    return {key: value for key, value in tree.items() if key not in own}


def _field_tree(message: Message, field: Field) -> Tree:
    content = getattr(message, field.name)
    if _is_map(field):
        value = field.message_type.fields_by_name["value"]
        return {str(key): _item_tree(value, content[key]) for key in content} or None
    if field.is_repeated:
        return [_item_tree(field, item) for item in content] or None
    if field.has_presence and not message.HasField(field.name):
        return None
    return _item_tree(field, content)


def _item_tree(field: Field, item: Any) -> Tree:
    if isinstance(item, Message):
        return to_tree(item)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return {"$bytes": base64.b64encode(item).decode()} if item else None
    return item


def _set_field(message: Message, field: Field, tree: Tree) -> None:
    if tree is None:
        return
    content = getattr(message, field.name)
    if _is_map(field):
        key_field, value = (field.message_type.fields_by_name[name] for name in ("key", "value"))
        for text, item in tree.items():
            key = text if key_field.type == FieldDescriptor.TYPE_STRING else int(text)
            if value.message_type:
                _fill_item(content[key], item)
            else:
                content[key] = _scalar(value, item)
    elif field.is_repeated:
        for item in tree:
            if field.message_type:
                _fill_item(content.add(), item)
            else:
                content.append(_scalar(field, item))
    elif field.message_type:
        fill(content, tree)
    else:
        setattr(message, field.name, _scalar(field, tree))


def _fill_item(message: Message, tree: Tree) -> None:
    """Sets what is in a list or map, where a nil has to be sent as something."""
    if isinstance(message, Value) or tree is not None:
        fill(message, tree)
    elif message.DESCRIPTOR.name in KEYS:
        raise ValueError(f"a list or map of {message.DESCRIPTOR.name} holds a nil")


def _scalar(field: Field, tree: Tree) -> Any:
    if field.type == FieldDescriptor.TYPE_BYTES:
        return base64.b64decode(tree["$bytes"]) if tree else b""
    return tree


def _is_map(field: Field) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry
