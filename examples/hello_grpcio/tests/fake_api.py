"""The API methods that the plugin calls, in memory."""

from __future__ import annotations

import threading

import grpc
import pb
from errors import fail

ALICE = "alice-id"


class FakeAPI(pb.PluginAPIServicer):
    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forgets everything."""
        self.commands: list[pb.Command] = []
        self.logged: list[tuple[str, str, list[str]]] = []
        self.store: dict[str, bytes] = {}
        self.interloper: bytes | None = None
        self.lost = False
        self.asked = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()

    def RegisterCommand(self, request, context):
        self.commands.append(request.command)
        return pb.RegisterCommandResponse()

    def GetServerVersion(self, request, context):
        return pb.GetServerVersionResponse(version="11.6.0")

    def GetUser(self, request, context):
        self.asked.set()
        if not self.may_answer.wait(20):
            context.abort(grpc.StatusCode.INTERNAL, "the test forgot to let the API answer")
        if self.lost:
            context.abort(grpc.StatusCode.UNAVAILABLE, "the server is gone")
        if request.user_id != ALICE:
            fail(context, pb.AppError(id="store.missing", message="there is no such user", status_code=404))
        return pb.GetUserResponse(user=pb.User(id=ALICE, username="alice"))

    def KVGet(self, request, context):
        return pb.KVGetResponse(value=self.store.get(request.key, b""))

    def KVCompareAndSet(self, request, context):
        if self.interloper is not None:
            self.store[request.key], self.interloper = self.interloper, None
        stored = self.store.get(request.key, b"") == request.old_value
        if stored:
            self.store[request.key] = request.new_value
        return pb.KVCompareAndSetResponse(stored=stored)

    def LogDebug(self, request, context):
        return self.log("debug", request, pb.LogDebugResponse())

    def LogInfo(self, request, context):
        return self.log("info", request, pb.LogInfoResponse())

    def LogWarn(self, request, context):
        return self.log("warn", request, pb.LogWarnResponse())

    def log(self, level, request, response):
        pairs = [value.string_value for value in request.key_value_pairs]
        self.logged.append((level, request.message, pairs))
        return response
