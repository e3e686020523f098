"""The calls that are not plain API methods: those with streams, and the database driver's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import typed
from bodies import Digest, source
from settled import settled

from mattermost_plugin import AsyncPluginAPIClient, PluginAPIClient, models
from mattermost_plugin._gen import driver
from mattermost_plugin._gen.methods import PLUGIN_HTTP
from mattermost_plugin._method import Method

Client: TypeAlias = PluginAPIClient | AsyncPluginAPIClient
Line: TypeAlias = dict[str, Any]
Outcome: TypeAlias = dict[str, Any]

_DRIVER = {method.name: method for method in vars(driver).values() if isinstance(method, Method)}


async def stream(client: Client, line: Line) -> Outcome:
    """Make a call with a stream."""
    argument = line["args"][0]
    body = source(line["body"])
    if line["method"] == "UploadData":
        session = typed.convert(argument, models.UploadSession)
        return {"results": [await settled(client.upload_data(session, body))]}
    if line["method"] == "InstallPlugin":
        return {"results": [await settled(client.install_plugin(body, replace=argument))]}
    return await _plugin_http(client, argument, body)


async def _plugin_http(client: Client, request: dict[str, Any], body: Iterator[bytes]) -> Outcome:
    """Ask another plugin: as authors do, or with fields that only the link below can carry."""
    if "host" in request:
        wanted = typed.convert(request, models.HTTPRequestSubset)
        response = await settled(client._transport.fetch(PLUGIN_HTTP, (wanted,), body))
    else:
        headers = request.get("header") or {}
        response = await settled(client.plugin_http(request["method"], request["url"], headers, body))
    digest = Digest()
    while data := await settled(response.read1()):
        digest.add(data)
    return {"results": [response.status, response.headers.to_dict()], "body": digest.told()}


async def database(client: Client, line: Line) -> Outcome:
    """Call a method of the driver, below the SDK's connections and cursors."""
    method = _DRIVER[line["method"]]
    result = await settled(client._call(method, tuple(line["args"])))
    if line["results"] == 0:
        return {"results": []}
    results = list(result) if line["results"] > 1 else [result]
    return {"results": [_with_errors(item) for item in results]}


def _with_errors(value: Any) -> Any:
    """Return a result; the errors inside a ResultContainer come in the form that API errors have."""
    if not isinstance(value, dict):
        return value
    fields: dict[str, Any] = value
    return {key: {"$error": item} if key.endswith("_error") and item else item for key, item in fields.items()}
