"""The benchmark's plugin with sync handlers: what `go/goplugin` does for the same messages."""

from __future__ import annotations

from mattermost_plugin import HookName, Plugin, hook
from mattermost_plugin.http import HTTPRequest, HTTPResponseWriter
from mattermost_plugin.models import Context, Post

CALLS = 25
"""How many API calls a `bench:kvget` or `bench:getuser` hook makes."""

BLOCK = bytes(64 * 1024)


class BenchPlugin(Plugin):
    """Answers MessageWillBePosted as the first word of the message says."""

    @hook(HookName.MessageWillBePosted)
    def message_will_be_posted(self, context: Context, post: Post) -> Post | None:
        """Edits the post, leaves it, or makes API calls."""
        word, _, rest = post.message.partition(" ")
        if word == "bench:edit":
            post.message += " (seen)"
            return post
        if word == "bench:kvget":
            for _ in range(CALLS):
                self.api.kv_get(rest)
        elif word == "bench:getuser":
            for _ in range(CALLS):
                self.api.get_user(rest)
        return None

    @hook(HookName.ServeHTTP)
    def serve_http(self, context: Context, response: HTTPResponseWriter, request: HTTPRequest) -> None:
        """Answers with a short text, with many bytes, or with how many came."""
        if request.path == "/down":
            left = int(request.query["bytes"][0])
            while left > 0:
                left -= response.write(BLOCK[: min(left, len(BLOCK))])
        elif request.path == "/up":
            count = 0
            for piece in request.body:
                count += len(piece)
            response.headers["Content-Type"] = "application/json"
            response.write(f'{{"bytes": {count}}}')
        else:
            response.headers["Content-Type"] = "text/plain"
            response.write("hello")
