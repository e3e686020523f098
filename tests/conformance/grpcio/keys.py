"""Which key of canonical JSON a field of a message is, by its number: some keys are no names in protobuf."""

from __future__ import annotations

import json
from pathlib import Path

Keys = dict[str, dict[int, str | None]]
"""Message to number to key; None for an embedded struct, whose fields belong to the outer one."""


def load() -> Keys:
    """Reads the table that `build` has made from the schema."""
    text = (Path(__file__).resolve().parent / "keys.json").read_text(encoding="utf-8")
    return {name: {int(number): key for number, key in keys.items()} for name, keys in json.loads(text).items()}


KEYS = load()
