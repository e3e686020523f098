"""Makes the API calls of a plan file and writes down what came back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import calls
import canonical
from calls import Client, Line, Outcome
from settled import settled
from signatures import Signature

from mattermost_plugin.exceptions import (
    MethodNotAvailableError,
    PluginAPIError,
    UnavailableError,
    ValidationError,
)


async def run(client: Client, path: str) -> None:
    """Make the calls, one after the other."""
    with open(path + ".out", "w", encoding="utf-8") as out:
        for line in _lines(path):
            try:
                outcome = await _outcome(client, line)
            except Exception as error:  # the host reports it with the call
                outcome = _failure(line, error)
            _write(out.write, line, outcome)


def _lines(path: str) -> list[Line]:
    with open(path, encoding="utf-8") as file:
        return [canonical.loads(line) for line in file]


def _write(write: Callable[[str], object], line: Line, outcome: Outcome) -> None:
    try:
        text = canonical.dumps({"case": line["case"], **outcome})
    except Exception as error:
        text = canonical.dumps({"case": line["case"], **_failure(line, error)})
    write(text + "\n")


async def _outcome(client: Client, line: Line) -> Outcome:
    if line.get("service") == "driver":
        return await calls.database(client, line)
    if "body" in line:
        return await calls.stream(client, line)
    return _results(line, await settled(Signature(client, line["method"]).call(line["params"], line["args"])))


def _results(line: Line, result: Any) -> Outcome:
    count: int = line["results"]
    if count == 0:
        if result is not None:
            raise TypeError(f"{line['method']} returned {result!r} instead of nothing")
        return {"results": []}
    return {"results": [result] if count == 1 else list(result)}


def _failure(line: Line, error: Exception) -> Outcome:
    if "broken" in line.get("body", {}):
        return {"broken": str(error)}
    if isinstance(error, PluginAPIError):
        if error.message == f"{line['method']} returned neither a result nor an error":
            return {"results": [None]}
        if error.error_id and "service" not in line:
            return {"error": _app_error(error), "class": type(error).__name__}
        if not isinstance(error, (MethodNotAvailableError, UnavailableError, ValidationError)):
            return {"error": _plain_error(error), "class": type(error).__name__}
    return {"failed": f"{type(error).__name__}: {error}"}


def _app_error(error: PluginAPIError) -> dict[str, Any]:
    return {
        "kind": "app",
        "id": error.error_id,
        "message": error.message,
        "detailed_error": error.detailed_error,
        "status_code": error.status_code,
        "where": error.where,
    }


def _plain_error(error: PluginAPIError) -> dict[str, Any]:
    """Return a plain error; those of the database have more than a text."""
    more = {"id": error.error_id, "detailed_error": error.detailed_error, "code": error.code}
    return {"kind": "error", "message": error.message, **{key: value for key, value in more.items() if value}}
