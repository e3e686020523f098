"""A plugin that both type checkers accept in their strict modes."""

from __future__ import annotations

import logging
from io import BytesIO
from pathlib import Path

import msgspec
from typing_extensions import assert_type

from mattermost_plugin import (
    DISMISS_POST_ERROR,
    AsyncPluginAPIClient,
    Command,
    CommandResponse,
    HookName,
    NotFoundError,
    Plugin,
    PluginAPIClient,
    Post,
    WorkerInfo,
    hook,
    run_plugin,
)
from mattermost_plugin.constants import PermissionId, PostType
from mattermost_plugin.files import ReplacementFile, UploadedFile
from mattermost_plugin.http import (
    AsyncHTTPRequest,
    AsyncHTTPResponseWriter,
    Headers,
    HTTPRequest,
    HTTPResponse,
    HTTPResponseWriter,
)
from mattermost_plugin.models import (
    Channel,
    ChannelType,
    CommandArgs,
    Config,
    Context,
    FileInfo,
    License,
    UploadSession,
    User,
)


class Settings(msgspec.Struct, kw_only=True):
    """What an administrator sets."""

    token: str = ""


class Good(Plugin):
    """Uses every form."""

    def __init__(self) -> None:
        super().__init__()
        self.settings = Settings()

    @hook(HookName.OnActivate)
    def activate(self) -> None:
        self.api.register_command(Command(trigger="hello", auto_complete=True))
        self.settings = self.get_configuration(Settings)
        assert_type(self.logger, logging.Logger)
        assert_type(self.worker, WorkerInfo)
        if self.worker.index == 0:
            assert_type(self.worker.count, int)
        assert_type(self.api, PluginAPIClient)
        assert_type(self.async_api, AsyncPluginAPIClient)

    @hook("MessageWillBePosted")
    def edit(self, context: Context, post: Post) -> Post | str | None:
        if post.type != PostType.DEFAULT:
            return None
        if "gone" in post.message:
            return DISMISS_POST_ERROR
        post.props["seen"] = True
        post.message = post.message.upper()
        return post

    @hook
    async def ExecuteCommand(self, context: Context, args: CommandArgs) -> CommandResponse:
        user = await self.async_api.get_user(args.user_id)
        assert_type(user, User)
        assert_type(await self.async_api.kv_get("k"), bytes | None)
        return CommandResponse(text=user.username)

    @hook
    def ServeHTTP(self, context: Context, response: HTTPResponseWriter, request: HTTPRequest) -> None:
        assert_type(request.headers, Headers)
        assert_type(request.body.read(10), bytes)
        assert_type(request.user_id, str)
        for piece in request.body:
            response.write(piece)
        response.headers["Content-Type"] = "text/plain"
        response.write("text")
        response.flush()

    @hook
    async def ServeMetrics(
        self, context: Context, response: AsyncHTTPResponseWriter, request: AsyncHTTPRequest
    ) -> None:
        async for piece in request.body:
            await response.write(piece)
        other = await self.async_api.plugin_http("GET", "/com.example.other/", {"X-One": "1"})
        async with other:
            assert_type(await other.read(), bytes)
        connection = await response.hijack()
        await connection.write(await connection.read())

    @hook
    def FileWillBeUploaded(
        self, context: Context, info: FileInfo, file: UploadedFile, output: ReplacementFile
    ) -> tuple[FileInfo | None, str]:
        output.write(file.read(100))
        return info, ""

    @hook(HookName.UserWillLogIn, timeout=2.5, on_failure="reject")
    def check(self, context: Context, user: User) -> str | None:
        return None if user.username else "no name"

    @hook("MessagesWillBeConsumed", timeout=1)
    async def consume(self, posts: list[Post]) -> list[Post]:
        return posts

    @hook(on_failure="allow")
    def ChannelWillBeArchived(self, context: Context, channel: Channel) -> None:
        pass

    def streams(self) -> None:
        """Give streams in every form."""
        session = UploadSession(id="s")
        for source in (b"", bytearray(), memoryview(b""), Path("x"), [b"a"], (part for part in [b"b"])):
            assert_type(self.api.upload_data(session, source), FileInfo | None)
        with open("x", "rb") as file:
            self.api.install_plugin(file, replace=True)
        with self.api.plugin_http("POST", "/x", body=BytesIO(b"")) as response:
            assert_type(response, HTTPResponse)
            assert_type(response.status, int)
            for piece in response:
                assert_type(piece, bytes)

    def calls(self) -> None:
        """Look at the types of some results."""
        assert_type(self.api.get_channel("c"), Channel)
        assert_type(self.api.get_users_in_team("t", page=2, per_page=10), list[User])
        assert_type(self.api.get_config(), Config)
        assert_type(self.api.get_license(), License | None)
        assert_type(self.api.has_permission_to("u", PermissionId.MANAGE_SYSTEM), bool)
        assert_type(self.api.get_emoji_image("e"), tuple[bytes | None, str])
        assert_type(self.api.load_plugin_configuration(type=Settings), Settings)
        try:
            self.api.get_post("p")
        except NotFoundError as error:
            assert_type(error.status_code, int)
        if self.api.get_channel("c").type == ChannelType.DIRECT:
            self.api.log_info("direct", channel="c")


if __name__ == "__main__":
    run_plugin(Good)
