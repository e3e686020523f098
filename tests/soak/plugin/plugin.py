"""Does a bit of everything for hours. What it answers follows from what it is asked: `go/refhost/soak` expects it."""

from __future__ import annotations

import hashlib
import json
import os
import time
import zlib

from mattermost_plugin import Command, CommandResponse, HookName, Plugin, hook
from mattermost_plugin.http import HTTPRequest, HTTPResponseWriter
from mattermost_plugin.models import CommandArgs, Context, Post

CREATE_EVERY = 20
"""After every so many posts the plugin writes one itself."""

KEYS = 1000
"""How many keys each use of the key-value store takes turns with."""

LINE_PAUSE = 0.05
"""Seconds between two lines of `/lines`."""


def checksum(text: str) -> str:
    """Tells texts apart."""
    return f"{zlib.crc32(text.encode()):08x}"


def pattern(seed: str, size: int) -> bytes:
    """Makes bytes that follow from the seed."""
    blocks = [hashlib.sha256(f"{seed}:{number}".encode()).digest() for number in range(size // 32 + 1)]
    return b"".join(blocks)[:size]


class Soak(Plugin):
    """Every answer names the process, so that the host knows which worker gave it."""

    def __init__(self) -> None:
        self.process = str(os.getpid())

    @hook(HookName.OnActivate)
    def on_activate(self) -> None:
        """Registers the command, after each start of a worker anew."""
        self.api.register_command(Command(trigger="soak"))

    @hook(HookName.MessageWillBePosted)
    def message_will_be_posted(self, context: Context, post: Post) -> Post:
        """Changes the text and adds properties."""
        number, seen = str(post.props["number"]), checksum(post.message)
        if post.props.get("store"):
            key = f"post-{int(number) % KEYS}"
            self.api.kv_set(key, f"{number}:{seen}".encode())
            post.props["stored"] = (self.api.kv_get(key) or b"").decode()
        post.message += f" [{seen}]"
        post.props["seen"] = seen
        post.props["worker"] = self.process
        return post

    @hook(HookName.MessageHasBeenPosted)
    def message_has_been_posted(self, context: Context, post: Post) -> None:
        """Tells the host which post it saw, and writes one itself now and then."""
        number = str(post.props["number"])
        if not number.isdigit():
            return
        self.api.kv_set(f"event-{int(number) % KEYS}", f"{number}:{checksum(post.message)}".encode())
        if int(number) % CREATE_EVERY == 0:
            props = {"number": f"created-{number}"}
            text = f"Post {number} was seen."
            self.api.create_post(Post(user_id=post.user_id, channel_id=post.channel_id, message=text, props=props))

    @hook(HookName.ExecuteCommand)
    async def execute_command(self, context: Context, args: CommandArgs) -> CommandResponse:
        """Answers with a checksum of what was typed, and looks something up before."""
        user = await self.async_api.get_user(args.user_id)
        text = f"{user.username} {hashlib.sha256(args.command.encode()).hexdigest()} {self.process}"
        return CommandResponse(response_type="in_channel", text=text)

    @hook(HookName.ServeHTTP)
    def serve_http(self, context: Context, response: HTTPResponseWriter, request: HTTPRequest) -> None:
        """Sends bytes, counts bytes, sends lines slowly, or talks on a connection of its own."""
        if request.path == "/pattern":
            body = pattern(request.query["seed"][0], int(request.query["bytes"][0]))
            response.headers["Content-Length"] = str(len(body))
            response.write(body)
        elif request.path == "/sum":
            digest, count = hashlib.sha256(), 0
            while piece := request.read(65536):
                digest.update(piece)
                count += len(piece)
            response.headers["Content-Type"] = "application/json"
            response.write(json.dumps({"bytes": count, "sha256": digest.hexdigest()}))
        elif request.path == "/lines":
            for number in range(int(request.query["count"][0])):
                response.write(f"line {number}\n")
                response.flush()
                time.sleep(LINE_PAUSE)
        elif request.path == "/talk":
            self.talk(response)
        else:
            response.write_header(404)

    def talk(self, response: HTTPResponseWriter) -> None:
        """Takes the connection over and repeats each line in capitals."""
        connection = response.hijack()
        connection.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: talk\r\n\r\n")
        connection.set_deadline(None)
        while line := connection.read():
            connection.write(line.upper())
