"""From Go's positional arguments to the parameters of the SDK's methods.

Names follow from Go's by the documented rule; what the SDK names otherwise is listed here once more, so that a method
of the SDK that passes its parameters on in another order, or under another name, is found out.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, get_type_hints

import typed

from mattermost_plugin import models

_RENAMED = {
    "botPatch": "patch",
    "cmd": "command",
    "commandArgs": "args",
    "dialog": "dialog_request",
    "endtime": "end_time",
    "file": "data",
    "groupSyncable": "syncable",
    "id": "plugin_id",
    "paramsList": "terms",
    "rec": "record",
    "sc": "shared_channel",
    "searchParams": "terms",
    "updatedCmd": "command",
    "us": "session",
    "userId1": "user_id_1",
    "userId2": "user_id_2",
    "GetEmojiList.sortBy": "sort",
    "GetGroupsBySource.groupSource": "source",
    "GetUserByUsername.name": "username",
    "PublishPluginClusterEvent.ev.id": "event_id",
    "RegisterPluginForSharedChannels.opts.displayname": "display_name",
}

_UNFOLDED = {
    "CreateDefaultSyncableMemberships.params",
    "GetFileInfos.opt",
    "GetUsers.options",
    "PublishPluginClusterEvent.ev",
    "PublishPluginClusterEvent.opts",
    "RegisterPluginForSharedChannels.opts",
    "SearchUsers.search",
    "UpdateSharedChannelCursor.cusror",
}
"""Structs whose fields are parameters of their own."""

_OWN = {"LoadPluginConfiguration": ["type"]}
"""Parameters that the SDK has beside Go's."""


def snake_case(name: str) -> str:
    """Return Go's name as the SDK spells it."""
    name = re.sub(r"([A-Z])([A-Z]+)s(?![a-z])", lambda found: found[1] + found[2].lower() + "s", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()


class Signature:
    """One method of a client, by Go's name."""

    def __init__(self, client: object, method: str) -> None:
        self._method = method
        self.function: Callable[..., Any] = getattr(client, snake_case(method))
        self._hints = _hints(self.function)
        self._parameters = inspect.signature(self.function).parameters

    def call(self, names: Sequence[str], values: Sequence[Any]) -> Any:
        """Call the method with Go's arguments; return what it returns."""
        if self._method.startswith("Log") and names[-1] == "keyValuePairs":
            return self.function(values[0], **dict(zip(values[1][::2], values[1][1::2], strict=True)))
        arguments = self._arguments(names, values)
        own = _OWN.get(self._method, [])
        missing = [name for name in self._parameters if name not in arguments and name not in own]
        if missing:
            raise TypeError(f"{self._method}: nothing says what {', '.join(missing)} should be")
        positional = [
            arguments.pop(name)
            for name, parameter in self._parameters.items()
            if name in arguments and parameter.kind is not parameter.KEYWORD_ONLY
        ]
        return self.function(*positional, **arguments)

    def _arguments(self, names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
        arguments: dict[str, Any] = {}
        unfolded = False
        for name, value in zip(names, values, strict=True):
            if f"{self._method}.{name}" in _UNFOLDED:
                unfolded = True
                fields: dict[str, Any] = value or {}
                for key, item in fields.items():
                    self._put(arguments, _RENAMED.get(f"{self._method}.{name}.{key}", key), item)
            else:
                self._put(arguments, self._renamed(name), value)
        if unfolded:
            # Canonical JSON leaves out fields that are zero, but the SDK's defaults may be others.
            for name in self._parameters:
                arguments.setdefault(name, typed.zero(self._hints[name]))
        return arguments

    def _put(self, arguments: dict[str, Any], name: str, value: Any) -> None:
        if name not in self._parameters or name in arguments:
            raise TypeError(f"{self._method}: {name} is not a parameter, or is one twice")
        arguments[name] = typed.convert(value, self._hints[name])

    def _renamed(self, name: str) -> str:
        return _RENAMED.get(f"{self._method}.{name}") or _RENAMED.get(name) or snake_case(name)


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the types of the parameters; their names are imported for type checkers only."""
    known: dict[str, Any] = {name: getattr(models, name) for name in models.__all__}
    known.update(Any=Any, Sequence=Sequence, datetime=datetime)
    method = getattr(function, "__func__", function)
    return get_type_hints(method, localns=known)
