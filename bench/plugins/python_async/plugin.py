"""The benchmark's plugin with async handlers: what `go/goplugin` does for the same messages."""

from __future__ import annotations

from mattermost_plugin import HookName, Plugin, hook
from mattermost_plugin.http import AsyncHTTPRequest, AsyncHTTPResponseWriter
from mattermost_plugin.models import Context, Post

CALLS = 25
"""How many API calls a `bench:kvget` or `bench:getuser` hook makes."""

BLOCK = bytes(64 * 1024)


class BenchPlugin(Plugin):
    """Answers MessageWillBePosted as the first word of the message says."""

    @hook(HookName.MessageWillBePosted)
    async def message_will_be_posted(self, context: Context, post: Post) -> Post | None:
        """Edits the post, leaves it, or makes API calls."""
        word, _, rest = post.message.partition(" ")
        if word == "bench:edit":
            post.message += " (seen)"
            return post
        if word == "bench:kvget":
            for _ in range(CALLS):
                await self.async_api.kv_get(rest)
        elif word == "bench:getuser":
            for _ in range(CALLS):
                await self.async_api.get_user(rest)
        return None

    @hook(HookName.ServeHTTP)
    async def serve_http(self, context: Context, response: AsyncHTTPResponseWriter, request: AsyncHTTPRequest) -> None:
        """Answers with a short text, with many bytes, or with how many came."""
        if request.path == "/down":
            left = int(request.query["bytes"][0])
            while left > 0:
                left -= await response.write(BLOCK[: min(left, len(BLOCK))])
        elif request.path == "/up":
            count = 0
            async for piece in request.body:
                count += len(piece)
            response.headers["Content-Type"] = "application/json"
            await response.write(f'{{"bytes": {count}}}')
        else:
            response.headers["Content-Type"] = "text/plain"
            await response.write("hello")
