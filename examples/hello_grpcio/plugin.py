"""A small Mattermost plugin: every hook that a first plugin needs, and a few API calls, with nothing but gRPC."""

from __future__ import annotations

import grpc
import pb
from errors import app_error
from runtime import Hooks, run

DISMISS_POST = "plugin.message_will_be_posted.dismiss_post"
"""The rejection that the author of a post does not get to see."""


class HelloGrpcio(Hooks):
    """Greets, counts greetings, and keeps an eye on posts."""

    def OnActivate(self, request: pb.OnActivateRequest, context: grpc.ServicerContext) -> pb.OnActivateResponse:
        """Registers the command and says hello to the log."""
        command = pb.Command(
            trigger="hello",
            auto_complete=True,
            auto_complete_desc="Say hello to grpcio",
            auto_complete_hint="[world]",
        )
        self.api.RegisterCommand(pb.RegisterCommandRequest(command=command))
        version = self.api.GetServerVersion(pb.GetServerVersionRequest()).version
        fields = log_fields(server_version=version)
        self.api.LogInfo(pb.LogInfoRequest(message="Hello grpcio plugin activated!", key_value_pairs=fields))
        return pb.OnActivateResponse()

    def OnDeactivate(self, request: pb.OnDeactivateRequest, context: grpc.ServicerContext) -> pb.OnDeactivateResponse:
        """Says goodbye to the log."""
        self.api.LogInfo(pb.LogInfoRequest(message="Hello grpcio plugin deactivated."))
        return pb.OnDeactivateResponse()

    def MessageWillBePosted(
        self, request: pb.MessageWillBePostedRequest, context: grpc.ServicerContext
    ) -> pb.MessageWillBePostedResponse:
        """Rejects, dismisses or edits a post before anybody sees it; most pass unchanged."""
        post = request.post
        text = post.message.lower()
        if "badword" in text:
            return pb.MessageWillBePostedResponse(rejection_reason="Message blocked: contains prohibited content")
        if "dismiss me" in text:
            return pb.MessageWillBePostedResponse(rejection_reason=DISMISS_POST)
        if ":python:" in text:
            post.message = post.message.replace(":python:", "🐍")
            return pb.MessageWillBePostedResponse(post=post)
        return pb.MessageWillBePostedResponse()

    def MessageHasBeenPosted(
        self, request: pb.MessageHasBeenPostedRequest, context: grpc.ServicerContext
    ) -> pb.MessageHasBeenPostedResponse:
        """Sees every post that was made."""
        fields = log_fields(post_id=request.post.id)
        self.api.LogDebug(pb.LogDebugRequest(message="A post was made", key_value_pairs=fields))
        return pb.MessageHasBeenPostedResponse()

    def ExecuteCommand(
        self, request: pb.ExecuteCommandRequest, context: grpc.ServicerContext
    ) -> pb.ExecuteCommandResponse:
        """Answers /hello with a greeting by name, and how often this user was greeted."""
        command, user_id = request.args.command, request.args.user_id
        if not command.startswith("/hello"):
            return ephemeral(f"Unknown command: {command}")
        name = self.name_of(user_id)
        greeting = "Hello, World! :earth_americas:" if "world" in command else f"Hello, @{name}!"
        count = self.count_greeting(user_id)
        times = "for the first time" if count == 1 else f"{count} times now"
        return ephemeral(f"{greeting} You were greeted {times}.")

    def name_of(self, user_id: str) -> str:
        """Asks Mattermost; a user who cannot be looked up is a stranger."""
        try:
            return self.api.GetUser(pb.GetUserRequest(user_id=user_id)).user.username
        except grpc.RpcError as error:
            reason = app_error(error)
            if reason is None:  # not Mattermost's answer: the connection is lost, for example
                raise
            fields = log_fields(error=reason.message, id=reason.id)
            self.api.LogWarn(pb.LogWarnRequest(message="Cannot look up who said hello", key_value_pairs=fields))
            return "stranger"

    def count_greeting(self, user_id: str) -> int:
        """Counts in the key-value store, so that the number survives a restart and two servers agree on it."""
        key = f"greetings-{user_id}"
        while True:
            before = self.api.KVGet(pb.KVGetRequest(key=key)).value
            count = int(before or b"0") + 1
            swap = pb.KVCompareAndSetRequest(key=key, old_value=before, new_value=str(count).encode())
            if self.api.KVCompareAndSet(swap).stored:
                return count


def ephemeral(text: str) -> pb.ExecuteCommandResponse:
    """Makes an answer that only the one who gave the command sees."""
    return pb.ExecuteCommandResponse(response=pb.CommandResponse(response_type="ephemeral", text=text))


def log_fields(**texts: str) -> list[pb.Value]:
    """Makes what a log line says besides its message: names and values by turns."""
    return [pb.Value(string_value=text) for pair in texts.items() for text in pair]


if __name__ == "__main__":
    run(HelloGrpcio)
