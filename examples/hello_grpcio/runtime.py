"""What every plugin needs that speaks gRPC without an SDK: two sockets, a token, health, and a clean end. Copy it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

import grpc
import pb
from auth import CheckToken, SendToken
from grpc_health.v1.health import HealthServicer
from grpc_health.v1.health_pb2 import HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server

MAX_MESSAGE = 128 << 20
"""The bridge's own limit. That of grpcio is 4 MiB, less than a large list of posts needs."""

MAX_THREADS = 128
"""More than the 64 hooks that the bridge lets wait for the API at a time. Threads are started as they are needed."""

GRACE = 10.0
"""How many seconds the hooks that still run have when the plugin is stopped."""

OPTIONS = [("grpc.max_send_message_length", MAX_MESSAGE), ("grpc.max_receive_message_length", MAX_MESSAGE)]


class Hooks(pb.PluginHooksServicer):
    """The base class of a plugin. A subclass has a method for each hook that it wants, named as the hook is."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.api = pb.PluginAPIStub(channel)

    def Implemented(self, request: pb.ImplementedRequest, context: grpc.ServicerContext) -> pb.ImplementedResponse:
        """Tells the bridge which hooks there are; it calls no others."""
        names = [name for name in dir(pb.PluginHooksServicer) if not name.startswith("_")]
        own = [name for name in names if getattr(type(self), name) is not getattr(Hooks, name)]
        return pb.ImplementedResponse(hooks=own)


def run(plugin: Callable[[grpc.Channel], pb.PluginHooksServicer]) -> NoReturn:
    """Serves the plugin until the bridge stops it."""
    token = sys.stdin.readline().strip()
    channel = grpc.insecure_channel(os.environ["MATTERMOST_PLUGIN_API_TARGET"], OPTIONS)
    hooks = plugin(grpc.intercept_channel(channel, SendToken(token)))

    server = grpc.server(ThreadPoolExecutor(MAX_THREADS), interceptors=[CheckToken(token)], options=OPTIONS)
    pb.add_PluginHooksServicer_to_server(hooks, server)
    health = HealthServicer()
    health.set("plugin", HealthCheckResponse.SERVING)
    add_HealthServicer_to_server(health, server)
    server.add_insecure_port(os.environ["MATTERMOST_PLUGIN_HOOKS_TARGET"])

    terminated = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: terminated.set())
    threading.Thread(target=leave_with_the_bridge, daemon=True).start()
    server.start()
    terminated.wait()
    server.stop(GRACE).wait()
    leave()


def leave_with_the_bridge() -> None:
    """The bridge keeps the standard input open as long as it lives."""
    while sys.stdin.readline():
        pass
    leave()


def leave() -> NoReturn:
    """Ends the process without waiting for its threads: a handler that hangs would keep it for ever."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
