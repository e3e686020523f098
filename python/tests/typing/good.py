"""A plugin that both type checkers accept in their strict modes."""

from __future__ import annotations

import logging

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
    hook,
    run_plugin,
)
from mattermost_plugin.constants import PermissionId, PostType
from mattermost_plugin.models import Channel, ChannelType, CommandArgs, Config, Context, License, User


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
