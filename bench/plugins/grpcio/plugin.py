"""The benchmark's plugin on grpcio: what `go/goplugin` does for the same messages."""

from __future__ import annotations

import grpc
from pb import GetUserRequest, KVGetRequest, MessageWillBePostedRequest, MessageWillBePostedResponse
from runtime import Hooks, run

CALLS = 25
"""How many API calls a `bench:kvget` or `bench:getuser` hook makes."""


class BenchPlugin(Hooks):
    """Answers MessageWillBePosted as the first word of the message says."""

    def MessageWillBePosted(  # noqa: N802 - hooks have the names of the protocol
        self, request: MessageWillBePostedRequest, context: grpc.ServicerContext
    ) -> MessageWillBePostedResponse:
        """Edits the post, leaves it, or makes API calls."""
        post = request.post
        word, _, rest = post.message.partition(" ")
        if word == "bench:edit":
            post.message += " (seen)"
            return MessageWillBePostedResponse(post=post)
        if word == "bench:kvget":
            for _ in range(CALLS):
                self.api.KVGet(KVGetRequest(key=rest))
        elif word == "bench:getuser":
            for _ in range(CALLS):
                self.api.GetUser(GetUserRequest(user_id=rest))
        return MessageWillBePostedResponse()


if __name__ == "__main__":
    run(BenchPlugin)
