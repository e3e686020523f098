"""The hooks with streams: ServeHTTP, ServeMetrics and FileWillBeUploaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import bodies
import canonical
import grpc
import pb
from pb import (
    FileWillBeUploadedResponse,
    FileWillBeUploadedResult,
    HeaderValues,
    Hijack,
    ResponseData,
    ResponseHead,
)
from wanted import Wanted


def serve(wanted: Wanted, requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
    """Does what the host wants of ServeHTTP or ServeMetrics."""
    content = wanted.content
    response = getattr(pb, f"{content['hook']}Response")
    start = next(requests).start
    received = {
        "args": [canonical.to_tree(start.request), canonical.to_tree(start.context)],
        "headers": {name: list(values.values) for name, values in start.headers.items()},
    }
    body = read(requests, content["read"])
    if "hijack" in content:
        yield response(hijack=Hijack())
        for data in taken_over(requests, body := bodies.Digest()):
            yield response(data=ResponseData(data=data or content["hijack"].encode()))
        wanted.record(**received, body=body.tree())
        return
    wanted.record(**received, body=body.tree())
    if "headers" in content or "status" in content:
        head = ResponseHead(status=content.get("status", 200), headers=start.headers)
        change_headers(head, content.get("headers", {}))
        yield response(head=head)
    for data, flush in bodies.chunks(content.get("body")):
        yield response(data=ResponseData(data=data, flush=flush))
    fail_if_wanted(wanted, context)


def change_headers(head: ResponseHead, changes: dict[str, list[str] | None]) -> None:
    """Replaces and removes headers."""
    for name, values in changes.items():
        head.headers.pop(name, None)
        if values is not None:
            head.headers[name].CopyFrom(HeaderValues(values=values))


def taken_over(requests: Iterator[Any], seen: bodies.Digest) -> Iterator[bytes]:
    """Yields b"" when the connection is taken over, and then what comes from it until the client has sent its last."""
    for request in requests:
        match request.WhichOneof("message"):
            case "hijacked" if request.hijacked.error:
                raise RuntimeError(request.hijacked.error)
            case "hijacked":
                break
    yield b""
    for request in requests:
        if request.WhichOneof("message") == "end":
            break
        seen.add(request.data)
        yield request.data


def upload(wanted: Wanted, requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
    """Does what the host wants of FileWillBeUploaded."""
    args = canonical.slots(next(requests).start)
    if wanted.answer == "error":
        wanted.record(args=args)
        wanted.fail(context)
    body = read(requests, wanted.content.get("read", 0))
    wanted.record(args=args, body=body.tree())
    for data, _ in bodies.chunks(wanted.content.get("body")):
        yield FileWillBeUploadedResponse(data=data)
    fail_if_wanted(wanted, context)
    if "returns" in wanted.content:
        result = FileWillBeUploadedResult()
        canonical.fill_slots(result, wanted.content["returns"])
        yield FileWillBeUploadedResponse(result=result)


def read(requests: Iterator[Any], wanted: int) -> bodies.Digest:
    """Reads so many bytes, or all with -1."""
    body, left = bodies.Digest(), wanted
    while left:
        request = next(requests)
        if request.WhichOneof("message") == "end":
            if request.end.error:
                raise RuntimeError(request.end.error)
            break
        data = request.data if left < 0 else request.data[:left]
        body.add(data)
        left -= len(data) if left > 0 else 0
    return body


def fail_if_wanted(wanted: Wanted, context: grpc.ServicerContext) -> None:
    """Ends the call with an error status."""
    if "fail" in wanted.content:
        context.abort(grpc.StatusCode.UNKNOWN, wanted.content["fail"])


RUN: dict[str, Callable[[Wanted, Iterator[Any], grpc.ServicerContext], Iterator[Any]]] = {
    "ServeHTTP": serve,
    "ServeMetrics": serve,
    "FileWillBeUploaded": upload,
}
