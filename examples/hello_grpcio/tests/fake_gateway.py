"""The bridge's side of gRPC: starts the plugin as a process, serves the API to it, and calls its hooks."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pb
from auth import CheckToken, SendToken
from fake_api import FakeAPI
from grpc_health.v1.health_pb2 import HealthCheckRequest
from grpc_health.v1.health_pb2_grpc import HealthStub

TOKEN = "0123456789abcdef" * 4
SECONDS = 20
"""Enough for anything that works, on any machine."""

OPTIONS = [("grpc.max_send_message_length", 16 << 20), ("grpc.max_receive_message_length", 16 << 20)]


class Gateway:
    def __init__(self, plugin: Path, stubs: Path, api: FakeAPI) -> None:
        self.api = api
        self.directory = tempfile.TemporaryDirectory(prefix="gateway")
        self.hooks_target = f"unix:{self.directory.name}/hooks.sock"
        api_target = f"unix:{self.directory.name}/api.sock"
        self.server = grpc.server(ThreadPoolExecutor(10), interceptors=[CheckToken(TOKEN)], options=OPTIONS)
        pb.add_PluginAPIServicer_to_server(api, self.server)
        self.server.add_insecure_port(api_target)
        self.server.start()
        self.process = subprocess.Popen(
            [sys.executable, "plugin.py"],
            cwd=plugin,
            stdin=subprocess.PIPE,
            env={
                **os.environ,
                "PYTHONPATH": str(stubs),
                "PYTHONDONTWRITEBYTECODE": "1",
                "MATTERMOST_PLUGIN_API_TARGET": api_target,
                "MATTERMOST_PLUGIN_HOOKS_TARGET": self.hooks_target,
            },
        )
        self.channels: list[grpc.Channel] = []

    def __enter__(self) -> Gateway:
        self.process.stdin.write(TOKEN.encode() + b"\n")
        self.process.stdin.flush()
        self.channel = self.dial(TOKEN)
        self.hooks = pb.PluginHooksStub(self.channel)
        self.health(self.channel)
        return self

    def __exit__(self, *error: object) -> None:
        self.api.may_answer.set()
        for channel in self.channels:
            channel.close()
        try:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait(SECONDS)
        finally:
            self.process.stdin.close()
            self.server.stop(None).wait(SECONDS)
            self.directory.cleanup()

    def dial(self, token: str | None) -> grpc.Channel:
        """Connects to the plugin, with any token or none."""
        channel = grpc.insecure_channel(self.hooks_target, [*OPTIONS, ("grpc.initial_reconnect_backoff_ms", 50)])
        self.channels.append(channel)
        return grpc.intercept_channel(channel, SendToken(token)) if token else channel

    def health(self, channel: grpc.Channel, service: str = "plugin") -> int:
        """Asks whether the plugin serves, when it listens."""
        check = HealthStub(channel).Check
        return check(HealthCheckRequest(service=service), timeout=SECONDS, wait_for_ready=True).status

    def call(self, hook: str, request: object) -> object:
        """Calls a hook."""
        return getattr(self.hooks, hook)(request, timeout=SECONDS)

    def exit_status(self) -> int:
        """Waits for the process to end."""
        return self.process.wait(SECONDS)
