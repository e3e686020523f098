"""Writes keys.json from the schema: `make_keys.py SCHEMA_DIRECTORY KEYS_JSON`."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import tomllib


def make(schema: Path) -> dict[str, dict[int, str | None]]:
    """Derives the keys by the rule in schema/README.md."""
    types = json.loads((schema / "mattermost.json").read_text(encoding="utf-8"))["types"]
    numbers = tomllib.loads((schema / "lock.toml").read_text(encoding="utf-8"))["fields"]
    go_names = set(tomllib.loads((schema / "overrides.toml").read_text(encoding="utf-8"))["go_names"]["types"])
    return {
        name: {numbers[name][field["name"]]: key(field, name in go_names) for field in types[name]["fields"]}
        for name in numbers
        if types.get(name, {}).get("kind") == "struct"
    }


def key(field: dict[str, Any], go_names: bool) -> str | None:
    """Returns the key of a field; none for an embedded struct."""
    if field.get("embedded"):
        return None
    name: str = field["name"]
    json_name: str = field.get("json", "")
    if json_name not in ("", "-"):
        return json_name
    return name if go_names else snake_case(name)


def snake_case(name: str) -> str:
    """Returns a Go name as the schema spells it."""
    name = re.sub(r"([A-Z])([A-Z]+)s(?![a-z])", lambda found: found[1] + found[2].lower() + "s", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(make(Path(sys.argv[1]))), encoding="utf-8")
