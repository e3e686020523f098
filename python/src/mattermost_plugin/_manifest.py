"""What the SDK reads of the bundle's `plugin.json`; the bridge has checked it before, and says what is wrong in it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

import msgspec

from ._bound_hook import BoundHook


class _Hook(msgspec.Struct):
    timeout: float | None = None


class _Server(msgspec.Struct):
    hooks: dict[str, _Hook] = {}  # msgspec copies it


class _Manifest(msgspec.Struct):
    server: _Server


def take_timeouts(hooks: Iterable[BoundHook], bundle: str) -> None:
    """Let the log name handlers by the `server.hooks` of the manifest: what it says holds over what the decorator does.

    Args:
        hooks: The plugin's hooks.
        bundle: The bundle's directory. Without a manifest that can be read nothing changes: a program may run
            without one under a bridge of a test.
    """
    chosen: dict[str, _Hook] = {}
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        chosen = msgspec.json.decode(Path(bundle, "plugin.json").read_bytes(), type=_Manifest).server.hooks
    for hook in hooks:
        named = chosen.get(hook.spec.name)
        if named is not None and named.timeout is not None:
            hook.patience = named.timeout
