"""The slash commands that the host gives: a whole plan, or one call."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import canonical
import plan
from calls import Client
from settled import settled
from signatures import snake_case

from mattermost_plugin import CommandResponse, HookName, PluginAPIError
from mattermost_plugin._hook_spec import HookSpec

Style = Literal["sync", "async"]


class Run(NamedTuple):
    """What a command asks for, and with which client.

    `/conformance STYLE FILE` runs a plan. `/call STYLE METHOD JSON` makes one call, with keyword arguments, and answers
    with the result, or with the class and the text of the exception.
    """

    word: str
    style: Style
    rest: str

    async def on(self, client: Client) -> CommandResponse:
        """Do it with a client of either kind."""
        if self.word == "/conformance":
            await plan.run(client, self.rest)
            return CommandResponse(text="done")
        method, arguments = self._call()
        try:
            return _shown(await settled(getattr(client, method)(**arguments)))
        except PluginAPIError as error:
            return _raised(error)

    def _call(self) -> tuple[str, dict[str, Any]]:
        method, _, arguments = self.rest.partition(" ")
        return snake_case(method), canonical.loads(arguments or "{}")


def parse(spec: HookSpec, args: tuple[Any, ...]) -> Run | None:
    """Return what a hook's arguments ask for, if the hook is a command of the host's."""
    if spec.name != HookName.ExecuteCommand.value:
        return None
    match args[1].command.split(" ", 2):
        case ["/conformance" | "/call" as word, "sync" | "async" as style, rest]:
            return Run(word, style, rest)
        case _:
            return None


def _shown(result: object) -> CommandResponse:
    return CommandResponse(text=canonical.dumps(result))


def _raised(error: PluginAPIError) -> CommandResponse:
    return CommandResponse(text=f"{type(error).__name__}: {error}")
