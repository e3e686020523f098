"""A handler for every hook: it writes down what it got and does what it is told to."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

import canonical
import command
import settled
import streams
import typed
from bodies import Told

from mattermost_plugin import HookName, Plugin, hook
from mattermost_plugin._gen.hooks import HOOKS
from mattermost_plugin._hook_spec import HookSpec
from mattermost_plugin._types import resolve
from mattermost_plugin.exceptions import PluginAPIError


def handlers(colour: str) -> dict[str, Callable[..., Any]]:
    """Return the methods of the plugin's class, `sync` or `async` ones."""
    make = {"sync": _sync_handler, "async": _async_handler}[colour]
    return {f"on_{name.name}": hook(name)(make(HOOKS[name.value])) for name in HookName}


def _sync_handler(spec: HookSpec) -> Callable[..., Any]:
    def handle(self: Plugin, *args: Any) -> Any:
        run = command.parse(spec, args)
        if run is None:
            answer = _answer(self.api.load_plugin_configuration(), spec, args)
            return settled.run(answer)
        if run.style == "async":
            return asyncio.run(run.on(self.async_api))
        return settled.run(run.on(self.api))

    return handle


def _async_handler(spec: HookSpec) -> Callable[..., Any]:
    async def handle(self: Plugin, *args: Any) -> Any:
        run = command.parse(spec, args)
        if run is None:
            return await _answer(await self.async_api.load_plugin_configuration(), spec, args)
        if run.style == "async":
            return await run.on(self.async_api)
        return await asyncio.to_thread(lambda: settled.run(run.on(self.api)))

    return handle


async def _answer(settings: dict[str, Any], spec: HookSpec, args: tuple[Any, ...]) -> Any:
    """Do what the host has written into its file, if the file is about this hook."""
    directory = settings.get("conformance_dir", "")
    try:
        with open(os.path.join(directory, "hook.json"), encoding="utf-8") as file:
            told: Told = canonical.loads(file.read())
    except FileNotFoundError:
        return _outside_a_run(spec, args)
    if told["hook"] != spec.name:
        return None

    def tell(**received: Any) -> None:
        text = canonical.dumps({"case": told["case"], "hook": spec.name, **received})
        if told["answer"] == "note":
            # One write of a whole line, because other handlers write, too.
            with open(os.path.join(directory, "hook.notes"), "a", encoding="utf-8") as file:
                file.write(text + "\n")
            return
        with open(os.path.join(directory, "hook.out.json"), "w", encoding="utf-8") as file:
            file.write(text)

    if spec.stream == "file":
        returns = await streams.look_at_file(told, tell, *args)
        return None if returns is None else _returned(spec, returns)
    if spec.stream:
        return await streams.respond(told, tell, *args)
    tell(args=args)
    return _done(told, spec, args)


def _done(told: Told, spec: HookSpec, args: tuple[Any, ...]) -> Any:
    """Answer a hook without streams."""
    match told["answer"]:
        case "echo":
            return args[told["argument"]]
        case "change":
            args[told["argument"]].message = told["message"]
            return args[told["argument"]]
        case "error":
            return _error(spec, told["error"])
        case "returns":
            return _returned(spec, told["returns"])
        case _:
            return None


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
    if spec.shape not in ("error", "value_error"):
        raise RuntimeError(text)
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
