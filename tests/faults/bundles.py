"""Bundles of the plugin of faults: the same bridge and SDK, with another manifest or other files."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

HASHES = "server/files.sha256"
"""The list that the bridge compares a bundle's files with."""

BYSTANDER = "TeamMemberWillBeAdded"
"""The hook by which the harness sees whether others suffer from a fault."""

DEADLINE = 2.0
"""Its deadline in seconds."""

HOOKS = {
    BYSTANDER: {"timeout": DEADLINE},
    "MessageWillBePosted": {"timeout": 5},
    "MessageWillBeUpdated": {"timeout": 5},
}
"""What manifests say of hooks, unless a fault says otherwise: the plugin's own deadlines are short."""


def write(base: Path, bundle: Path, files: dict[str, str] | None = None, server: dict[str, Any] | None = None) -> Path:
    """Write a bundle.

    Args:
        base: The unpacked bundle of `plugin`.
        bundle: Where the new one goes.
        files: Files that take the place of others or come beside them.
        server: Keys of `server` in the manifest; `hooks` adds to those that every bundle has.
    """
    shutil.copytree(base, bundle, copy_function=_link, ignore=shutil.ignore_patterns("plugin.json"))
    manifest = json.loads((base / "plugin.json").read_text(encoding="utf-8"))
    wanted = dict(server or {})
    hooks = {**HOOKS, **wanted.pop("hooks", {})}
    manifest["server"] = {**manifest["server"], "hooks": hooks, **wanted}
    (bundle / "plugin.json").write_text(json.dumps(manifest, indent=2), encoding="utf-8")
    for name, content in (files or {}).items():
        put(bundle, name, content)
    write_hashes(bundle)
    return bundle


def put(bundle: Path, name: str, content: str) -> None:
    """Write a file, which may be a link to that of the base."""
    file = bundle / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    # Bundles hold bytecode that Python takes without a look at the source.
    for bytecode in (file.parent / "__pycache__").glob(f"{file.stem}.*"):
        bytecode.unlink()
    file.write_text(content, encoding="utf-8")


def write_hashes(bundle: Path) -> None:
    """Write the list of hashes anew, if there is one: these bundles are changed on purpose."""
    listed = bundle / HASHES
    if not listed.exists():
        return
    listed.unlink()
    lines: list[str] = []
    for file in sorted(path for path in bundle.rglob("*") if path.is_file()):
        lines.append(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(bundle)}\n")
    listed.write_text("".join(sorted(lines, key=lambda line: line.split("  ", 1)[1])), encoding="utf-8")


def executable(bundle: Path) -> Path:
    """Return the bridge of a bundle."""
    manifest = json.loads((bundle / "plugin.json").read_text(encoding="utf-8"))
    return bundle / next(iter(manifest["server"]["executables"].values()))


def _link(source: str, target: str) -> None:
    """Link a file instead of copying it: the bridge and the SDK are the same for every bundle."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
