"""Handlers of the hooks with streams: they do what the host has told, step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from bodies import Digest, Told, chunks
from settled import settled

from mattermost_plugin.files import AsyncReplacementFile, AsyncUploadedFile, ReplacementFile, UploadedFile
from mattermost_plugin.http import AsyncHTTPRequest, AsyncHTTPResponseWriter, HTTPRequest, HTTPResponseWriter

Request: TypeAlias = HTTPRequest | AsyncHTTPRequest
Response: TypeAlias = HTTPResponseWriter | AsyncHTTPResponseWriter
Tell: TypeAlias = Callable[..., None]
"""Writes down what was received: the arguments, and what else there is."""

_PIECE = 50_000


async def respond(told: Told, tell: Tell, context: Any, response: Response, request: Request) -> None:
    """Answer ServeHTTP or ServeMetrics."""
    received = {"args": [_shown(request), context], "headers": response.headers.to_dict()}
    digest = await _read(request, told["read"])
    if "hijack" in told:
        await _echo(told, response, digest)
        tell(**received, body=digest.told())
        return
    tell(**received, body=digest.told())
    for name, values in (told.get("headers") or {}).items():
        response.headers.pop(name, None)
        for value in values or ():
            response.headers.add(name, value)
    if "status" in told:
        response.write_header(told["status"])
    for data, flush in chunks(told.get("body")):
        await settled(response.write(data))
        if flush:
            await settled(response.flush())
    if "fail" in told:
        raise RuntimeError(told["fail"])


async def look_at_file(
    told: Told,
    tell: Tell,
    context: Any,
    info: Any,
    file: UploadedFile | AsyncUploadedFile,
    output: ReplacementFile | AsyncReplacementFile,
) -> list[Any] | None:
    """Do what FileWillBeUploaded shall do; return its results, or None without any."""
    digest = await _read(file, told["read"])
    tell(args=[context, info], body=digest.told())
    for data, _ in chunks(told.get("body")):
        await settled(output.write(data))
    if "fail" in told:
        raise RuntimeError(told["fail"])
    return told.get("returns")


async def _read(source: Any, wanted: int) -> Digest:
    """Read so many bytes of a request or a file, all of them if the number is negative."""
    digest = Digest()
    while wanted:
        data = await settled(source.read(_PIECE if wanted < 0 else min(wanted, _PIECE)))
        if not data:
            break
        digest.add(data)
        wanted -= len(data) if wanted > 0 else 0
    return digest


async def _echo(told: Told, response: Response, digest: Digest) -> None:
    connection = await settled(response.hijack())
    await settled(connection.write(told["hijack"].encode()))
    while data := await settled(connection.read()):
        digest.add(data)
        await settled(connection.write(data))


def _shown(request: Request) -> dict[str, Any]:
    """Return the request as Go has it; the SDK shows the version as one text."""
    major, _, minor = request.proto.removeprefix("HTTP/").partition(".")
    return {
        "method": request.method,
        "url": request.url,
        "proto": request.proto,
        "proto_major": int(major),
        "proto_minor": int(minor),
        "header": request.headers.to_dict(),
        "host": request.host,
        "remote_addr": request.remote_addr,
        "request_uri": request.request_uri,
    }
