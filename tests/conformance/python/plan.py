"""Makes the API calls of a plan file and writes down what came back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import canonical
from signatures import Signature

from mattermost_plugin import AsyncPluginAPIClient, PluginAPIClient
from mattermost_plugin.exceptions import (
    MethodNotAvailableError,
    PluginAPIError,
    UnavailableError,
    ValidationError,
)

Line = dict[str, Any]
Outcome = dict[str, Any]


def run(client: PluginAPIClient, path: str) -> None:
    """Make the calls with the client for threads."""
    with open(path + ".out", "w", encoding="utf-8") as out:
        for line in _lines(path):
            try:
                outcome = _results(line, _call(client, line))
            except Exception as error:  # the host reports it with the call
                outcome = _failure(line, error)
            _write(out.write, line, outcome)


async def run_async(client: AsyncPluginAPIClient, path: str) -> None:
    """Make the calls with the client for asyncio."""
    with open(path + ".out", "w", encoding="utf-8") as out:
        for line in _lines(path):
            try:
                outcome = _results(line, await _call(client, line))
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


def _call(client: object, line: Line) -> Any:
    return Signature(client, line["method"]).call(line["params"], line["args"])


def _results(line: Line, result: Any) -> Outcome:
    count: int = line["results"]
    if count == 0:
        if result is not None:
            raise TypeError(f"{line['method']} returned {result!r} instead of nothing")
        return {"results": []}
    return {"results": [result] if count == 1 else list(result)}


def _failure(line: Line, error: Exception) -> Outcome:
    if isinstance(error, PluginAPIError):
        if error.message == f"{line['method']} returned neither a result nor an error":
            return {"results": [None]}
        if error.error_id:
            return {"error": _app_error(error)}
        if not isinstance(error, (MethodNotAvailableError, UnavailableError, ValidationError)):
            return {"error": {"kind": "error", "message": error.message}}
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
