"""A handler for every hook that carries no stream: it writes down what it got and returns what it is told to."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

import canonical
import command
import typed

from mattermost_plugin import HookName, Plugin, hook
from mattermost_plugin._gen.hooks import HOOKS
from mattermost_plugin._hook_spec import HookSpec
from mattermost_plugin._types import resolve
from mattermost_plugin.exceptions import PluginAPIError


def handlers(colour: str) -> dict[str, Callable[..., Any]]:
    """Return the methods of the plugin's class, `sync` or `async` ones."""
    make = {"sync": _sync_handler, "async": _async_handler}[colour]
    return {f"on_{name.name}": hook(name)(make(HOOKS[name.value])) for name in HookName if not HOOKS[name.value].stream}


def _sync_handler(spec: HookSpec) -> Callable[..., Any]:
    def handle(self: Plugin, *args: Any) -> Any:
        run = command.parse(spec, args)
        if run is None:
            return _answer(self.api.load_plugin_configuration(), spec, args)
        if run.style == "async":
            return asyncio.run(run.with_tasks(self.async_api))
        return run.with_threads(self.api)

    return handle


def _async_handler(spec: HookSpec) -> Callable[..., Any]:
    async def handle(self: Plugin, *args: Any) -> Any:
        run = command.parse(spec, args)
        if run is None:
            return _answer(await self.async_api.load_plugin_configuration(), spec, args)
        if run.style == "async":
            return await run.with_tasks(self.async_api)
        return await asyncio.to_thread(run.with_threads, self.api)

    return handle


def _answer(settings: dict[str, Any], spec: HookSpec, args: tuple[Any, ...]) -> Any:
    """Do what the host has written into its file, if the file is about this hook."""
    directory = settings.get("conformance_dir", "")
    try:
        with open(os.path.join(directory, "hook.json"), encoding="utf-8") as file:
            wanted = canonical.loads(file.read())
    except FileNotFoundError:
        return _outside_a_run(spec, args)
    if wanted["hook"] != spec.name:
        return None
    with open(os.path.join(directory, "hook.out.json"), "w", encoding="utf-8") as file:
        file.write(canonical.dumps({"case": wanted["case"], "hook": spec.name, "args": args}))
    if wanted["answer"] == "echo":
        return args[wanted["argument"]]
    if wanted["answer"] == "error":
        return _error(spec, wanted["error"])
    return _returned(spec, wanted["returns"]) if wanted["answer"] == "returns" else None


def _outside_a_run(spec: HookSpec, args: tuple[Any, ...]) -> Any:
    """Do what the message of an edited post says, for scenarios."""
    if spec.name == HookName.MessageWillBeUpdated.value:
        post = args[1]
        if post.message == "return it":
            return post
        if post.message == "change it":
            post.message = "changed"
            return post
    return None


def _error(spec: HookSpec, error: dict[str, Any]) -> Any:
    """Raise an error of Mattermost's kind; answer with a plain one, whose text must arrive as it is."""
    if error["kind"] == "app":
        raise PluginAPIError(
            error["message"],
            error_id=error["id"],
            status_code=error["status_code"],
            detailed_error=error["detailed_error"],
            where=error["where"],
        )
    text = error["message"]
    return (None, text) if spec.shape == "value_error" else text


def _returned(spec: HookSpec, values: list[Any]) -> Any:
    """Return the results in the form that authors use for a hook of this shape."""
    if spec.shape in ("none", "error"):
        return None
    if spec.shape == "reason":
        return values[0]
    value = typed.convert(values[0], resolve(spec.value))
    if spec.shape == "value":
        return value
    return value, (values[1] if spec.shape == "value_reason" else None)
