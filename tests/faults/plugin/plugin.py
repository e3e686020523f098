"""Does harm on command: `/fault WORD ARGUMENTS` as a slash command, `fault:WORD ARGUMENTS` as a post."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import time

import harm

from mattermost_plugin import CommandResponse, HookName, Plugin, hook
from mattermost_plugin.http import AsyncHTTPRequest, AsyncHTTPResponseWriter, ClientDisconnectedError
from mattermost_plugin.models import CommandArgs, Context, Post, TeamMember, User

BLOCK = bytes(range(256)) * 256


class Faulty(Plugin):
    """Has every kind of handler, in both colours; the words are the functions of `harm`."""

    def __init__(self) -> None:
        self.gone = 0
        self.endless = False

    @hook(HookName.OnActivate)
    def on_activate(self) -> None:
        """Does what the setting `activate` says, as a command would."""
        settings = self.get_configuration()
        if word := settings.get("activate"):
            harm.do(self, word)

    @hook(HookName.OnDeactivate)
    def on_deactivate(self) -> None:
        """Never ends, if that was asked for."""
        while self.endless:
            time.sleep(1)

    @hook(HookName.ExecuteCommand)
    def execute_command(self, context: Context, args: CommandArgs) -> CommandResponse:
        """Does harm in a `def` handler."""
        return CommandResponse(response_type="ephemeral", text=harm.do(self, args.command.removeprefix("/fault ")))

    @hook(HookName.MessageWillBePosted, timeout=1.0)
    def message_will_be_posted(self, context: Context, post: Post) -> Post | None:
        """Does harm before a post; every other post gets a mark, as the Go plugin gives it."""
        if post.message.startswith("bench:nil"):
            return None
        if post.message.startswith("bench:edit"):
            post.message += " (seen)"
            return post
        if post.message.startswith("fault:"):
            post.message = harm.do(self, post.message.removeprefix("fault:"))
        else:
            post.message += " (handled)"
        return post

    @hook(HookName.MessageWillBeUpdated, timeout=1.0)
    async def message_will_be_updated(self, context: Context, new: Post, old: Post) -> Post:
        """Does harm in an `async def` handler."""
        new.message = await harm.do_async(self, new.message.removeprefix("fault:"))
        return new

    @hook(HookName.MessageHasBeenPosted)
    def message_has_been_posted(self, context: Context, post: Post) -> None:
        """Notes that the post was seen; a second time would be told apart."""
        if post.message.startswith("note "):
            self.note(post.message.removeprefix("note "))

    @hook(HookName.UserWillLogIn)
    def user_will_log_in(self, context: Context, user: User) -> str:
        """Lets everybody in but those who are named so; slow for others."""
        if user.username.startswith("slow"):
            time.sleep(60)
        return "you may not log in" if user.username.startswith("bad") else ""

    @hook(HookName.TeamMemberWillBeAdded)
    def team_member_will_be_added(self, context: Context, member: TeamMember) -> None:
        """Answers at once: by this hook the harness sees whether others suffer."""

    @hook(HookName.ServeHTTP)
    async def serve_http(self, context: Context, response: AsyncHTTPResponseWriter, request: AsyncHTTPRequest) -> None:
        """Answers with bodies of any size, and takes connections over."""
        try:
            await self._serve(response, request)
        except (ClientDisconnectedError, asyncio.CancelledError):
            self.gone += 1
            raise

    def note(self, name: str) -> None:
        """Counts in the key-value store how often something was done."""
        while True:
            before = self.api.kv_get(name)
            if self.api.kv_compare_and_set(name, before, str(int(before or b"0") + 1).encode()):
                return

    async def _serve(self, response: AsyncHTTPResponseWriter, request: AsyncHTTPRequest) -> None:
        if request.path == "/hash":
            await _hash(response, request)
        elif request.path == "/down":
            left = int(request.query["bytes"][0])
            while left > 0:
                left -= await response.write(BLOCK[: min(left, len(BLOCK))])
        elif request.path == "/lines":
            for number in range(10):
                await response.write(f"{number}\n")
                await response.flush()
        elif request.path == "/echo":
            await _echo(response)
        elif request.path == "/gone":
            await response.write(str(self.gone))
        else:
            await response.write(f"pid {os.getpid()}")


async def _hash(response: AsyncHTTPResponseWriter, request: AsyncHTTPRequest) -> None:
    digest, count = hashlib.sha256(), 0
    while piece := await request.read(65536):
        digest.update(piece)
        count += len(piece)
    await response.write(json.dumps({"bytes": count, "sha256": digest.hexdigest()}))


async def _echo(response: AsyncHTTPResponseWriter) -> None:
    """Send back in capitals what comes, until the client closes or sends a line that asks for it."""
    connection = await response.hijack()
    await connection.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
    while data := await connection.read(65536):
        if data == b"close\n":
            return
        await connection.write(data.upper())
