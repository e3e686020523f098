"""Mattermost's errors, which travel in the details of a gRPC status."""

from __future__ import annotations

from typing import NoReturn

import grpc
import pb
from google.protobuf import any_pb2
from google.rpc import status_pb2  # type: ignore[import-untyped]  # it has no types
from grpc_status import rpc_status


def app_error(error: grpc.RpcError) -> pb.AppError | None:
    """Returns the error that Mattermost answered an API call with; nothing if the call failed for another reason."""
    found = pb.AppError()
    status = rpc_status.from_call(error) if isinstance(error, grpc.Call) else None
    if status and any(detail.Unpack(found) for detail in status.details):
        return found
    return None


def fail(context: grpc.ServicerContext, error: pb.AppError) -> NoReturn:
    """Ends a hook with an error; those whose Go method has an error as its result pass it on to the server."""
    detail = any_pb2.Any()
    detail.Pack(error)
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=error.message, details=[detail])
    context.abort_with_status(rpc_status.to_status(status))
