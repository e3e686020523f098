"""The token: only the bridge and the plugin know it, and every call in either direction must carry it."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import grpc

KEY = "authorization"


@dataclass
class CallDetails(grpc.ClientCallDetails):
    """What grpcio knows of a call before it is made. It has the interface, but no class that can be made by hand."""

    method: str
    timeout: float | None
    metadata: tuple[tuple[str, str | bytes], ...] | None
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None
    compression: grpc.Compression | None


class SendToken(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Puts the token on every call of a channel."""

    def __init__(self, token: str) -> None:
        self.entry = (KEY, f"Bearer {token}")

    def intercept(self, continuation: Callable[..., Any], details: grpc.ClientCallDetails, request: Any) -> Any:
        """Makes the call with the token."""
        metadata = (*(details.metadata or ()), self.entry)
        return continuation(
            CallDetails(
                details.method,
                details.timeout,
                metadata,
                details.credentials,
                details.wait_for_ready,
                details.compression,
            ),
            request,
        )

    intercept_unary_unary: Any = intercept
    intercept_unary_stream: Any = intercept
    intercept_stream_unary: Any = intercept
    intercept_stream_stream: Any = intercept


class CheckToken(grpc.ServerInterceptor):
    """Refuses calls that do not carry the token."""

    def __init__(self, token: str) -> None:
        self.expected = f"Bearer {token}".encode()
        self.refusal: grpc.RpcMethodHandler[Any, Any] = grpc.stream_stream_rpc_method_handler(refuse)

    def intercept_service(self, continuation: Callable[..., Any], handler_call_details: grpc.HandlerCallDetails) -> Any:
        """Looks at a call's metadata before any of its handler runs."""
        sent = [value for key, value in handler_call_details.invocation_metadata if key == KEY]
        if len(sent) == 1 and hmac.compare_digest(as_bytes(sent[0]), self.expected):
            return continuation(handler_call_details)
        return self.refusal


def refuse(requests: Iterator[Any], context: grpc.ServicerContext) -> NoReturn:
    """Answers any kind of call."""
    context.abort(grpc.StatusCode.UNAUTHENTICATED, "the call does not carry the token of this plugin")


def as_bytes(value: str | bytes) -> bytes:
    """Comparing in constant time needs bytes."""
    return value if isinstance(value, bytes) else value.encode()
