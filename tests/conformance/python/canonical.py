"""Canonical JSON, the form in which the host and the plugin exchange values through files."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timezone
from typing import Any, TypeAlias

import msgspec

Tree: TypeAlias = "bool | int | float | str | list[Tree] | dict[str, Tree] | None"


def loads(text: str) -> Any:
    """Read a document; bytes and times become Python's."""
    return _read(json.loads(text))


def dumps(value: object) -> str:
    """Write a value that may hold models, bytes and times, in one line."""
    plain = msgspec.to_builtins(value, builtin_types=(bytes, datetime), str_keys=True)
    return json.dumps(plain, ensure_ascii=False, default=_write)


def _read(tree: Tree) -> Any:
    if isinstance(tree, list):
        return [_read(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    match tree:
        case {"$bytes": str(text), **rest} if not rest:
            return base64.b64decode(text)
        case {"$time": str(text), **rest} if not rest:
            return datetime.fromisoformat(text.replace("Z", "+00:00"))
        case _:
            return {key: _read(item) for key, item in tree.items()}


def _write(value: object) -> dict[str, str]:
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, datetime):
        return {"$time": value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")}
    raise TypeError(f"canonical JSON has no form for {type(value).__name__}")
