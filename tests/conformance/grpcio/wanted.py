"""What the host wants a hook to do, from `hook.json`, and what the hook has received, for `hook.out.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

import canonical
import errors
import grpc
from pb import AppError, LoadPluginConfigurationRequest, PluginAPIStub


class Wanted:
    """The content of `hook.json` for one call of a hook."""

    def __init__(self, directory: Path, content: dict[str, Any]) -> None:
        self.directory = directory
        self.content = content
        self.answer: str = content["answer"]

    @classmethod
    def of(cls, hook: str, api: PluginAPIStub) -> Wanted | None:
        """Reads the file; nothing if there is none, or if it is about another hook."""
        settings = canonical.to_tree(api.LoadPluginConfiguration(LoadPluginConfigurationRequest()).configuration)
        directory = Path((settings or {}).get("conformance_dir", ""))
        try:
            content = json.loads((directory / "hook.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return cls(directory, content) if content["hook"] == hook else None

    def record(self, **received: Any) -> None:
        """Writes down what the hook has received."""
        out = {"case": self.content["case"], "hook": self.content["hook"], **received}
        if self.answer == "note":
            # One write of a whole line, because other handlers write, too.
            with (self.directory / "hook.notes").open("a", encoding="utf-8") as file:
                file.write(canonical.dumps(out) + "\n")
            return
        (self.directory / "hook.out.json").write_text(canonical.dumps(out), encoding="utf-8")

    def fail(self, context: grpc.ServicerContext) -> NoReturn:
        """Ends the hook with the error that the host wants."""
        error = self.content["error"]
        if error["kind"] == "app":
            found = AppError()
            canonical.fill(found, {key: value for key, value in error.items() if key != "kind"})
            errors.fail(context, found)
        context.abort(grpc.StatusCode.UNKNOWN, error["message"])
