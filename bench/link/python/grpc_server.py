"""The servers that frames are compared with: grpcio with threads, and grpc.aio on uvloop.

Usage: grpc_server.py sync|aio SOCKET. A line on standard output says that the server listens.
It ends when its standard input does.

The handler works on the protobuf messages themselves, which is the cheapest that gRPC can do in Python.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
import hooks_pb2
import hooks_pb2_grpc
import uvloop

THREADS = 4
"""As many as the bridge opens `sync` connections; 1 or 16 made no clear difference."""

SWITCH_INTERVAL = 0.0005
"""As the SDK sets it."""


def answer(request: hooks_pb2.MessageWillBePostedRequest) -> hooks_pb2.MessageWillBePostedReply:
    """Do what bench/plugins/python_sync does."""
    post = request.post
    word, _, _ = post.message.partition(" ")
    if word == "bench:edit":
        post.message += " (seen)"
        return hooks_pb2.MessageWillBePostedReply(post=post)
    return hooks_pb2.MessageWillBePostedReply()


class SyncHooks(hooks_pb2_grpc.HooksServicer):
    """The service on a pool of threads."""

    def MessageWillBePosted(  # noqa: N802  # the name is gRPC's
        self, request: hooks_pb2.MessageWillBePostedRequest, context: grpc.ServicerContext
    ) -> hooks_pb2.MessageWillBePostedReply:
        """Answer the hook."""
        del context
        return answer(request)


class AsyncHooks(hooks_pb2_grpc.HooksServicer):
    """The service on an event loop."""

    async def MessageWillBePosted(  # noqa: N802  # the name is gRPC's
        self, request: hooks_pb2.MessageWillBePostedRequest, context: grpc.aio.ServicerContext
    ) -> hooks_pb2.MessageWillBePostedReply:
        """Answer the hook."""
        del context
        return answer(request)


def serve_sync(address: str) -> None:
    """Run the server with threads until standard input ends."""
    server = grpc.server(ThreadPoolExecutor(max_workers=THREADS))
    hooks_pb2_grpc.add_HooksServicer_to_server(SyncHooks(), server)
    server.add_insecure_port(address)
    server.start()
    say_ready()
    sys.stdin.buffer.read()


async def serve_async(address: str) -> None:
    """Run the server on the event loop until standard input ends."""
    server = grpc.aio.server()
    hooks_pb2_grpc.add_HooksServicer_to_server(AsyncHooks(), server)
    server.add_insecure_port(address)
    await server.start()
    say_ready()
    await asyncio.to_thread(sys.stdin.buffer.read)


def say_ready() -> None:
    """Tell the benchmark that it may connect."""
    gc.freeze()
    sys.stdout.write("ready\n")
    sys.stdout.flush()


def main() -> None:
    """Run the server that the arguments name."""
    kind, path = sys.argv[1:]
    sys.setswitchinterval(SWITCH_INTERVAL)
    if kind == "sync":
        serve_sync(f"unix:{path}")
    else:
        uvloop.run(serve_async(f"unix:{path}"))
    # Nothing is left to be saved, and gRPC's own shutdown only takes time.
    os._exit(0)


if __name__ == "__main__":
    main()
