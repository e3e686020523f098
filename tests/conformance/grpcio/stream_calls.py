"""The API methods with streams: UploadData, InstallPlugin and PluginHTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import bodies
import canonical
import pb
from google.protobuf.message import Message
from pb import StreamEnd

Outcome = dict[str, Any]


def send(api: Any, line: dict[str, Any]) -> Outcome:
    """Calls UploadData or InstallPlugin."""
    return {"results": canonical.slots(getattr(api, line["method"])(requests(line)))}


def plugin_http(api: Any, line: dict[str, Any]) -> Outcome:
    """Calls PluginHTTP and reads the response to its end."""
    outcome: Outcome = {}
    body = bodies.Digest()
    for response in api.PluginHTTP(requests(line)):
        match response.WhichOneof("message"):
            case "head":
                outcome["results"] = [response.head.status, headers(response.head)]
            case "data":
                body.add(response.data)
            case "end" if response.end.error:
                return {"broken": response.end.error}
    return {**outcome, "body": body.tree()}


def requests(line: dict[str, Any]) -> Iterator[Message]:
    """Yields the messages of a call, first the arguments and then the body."""
    method = line["method"]
    request = getattr(pb, f"{method}Request")
    first = request()
    canonical.fill_slots(first.start, line["args"])
    first.start.SetInParent()
    yield first
    for data, _ in bodies.chunks(line["body"]):
        yield request(data=data)
    if "broken" in line["body"]:
        yield request(end=StreamEnd(error=line["body"]["broken"]))


def headers(head: Any) -> dict[str, list[str]]:
    """Returns the headers of a response."""
    return {name: list(values.values) for name, values in head.headers.items()}


CALLS: dict[str, Callable[[Any, dict[str, Any]], Outcome]] = {
    "UploadData": send,
    "InstallPlugin": send,
    "PluginHTTP": plugin_http,
}
