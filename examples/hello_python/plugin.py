"""A small Mattermost plugin: every hook that a first plugin needs, and a few API calls."""

from __future__ import annotations

from mattermost_plugin import (
    DISMISS_POST_ERROR,
    Command,
    CommandResponse,
    HookName,
    Plugin,
    hook,
    run_plugin,
)
from mattermost_plugin.exceptions import PluginAPIError
from mattermost_plugin.models import CommandArgs, Context, Post


class HelloPython(Plugin):
    """Greets, counts greetings, and keeps an eye on posts."""

    @hook(HookName.OnActivate)
    def on_activate(self) -> None:
        """Registers the command and says hello to the log."""
        self.api.register_command(
            Command(
                trigger="hello",
                auto_complete=True,
                auto_complete_desc="Say hello to Python",
                auto_complete_hint="[world]",
            )
        )
        version = self.api.get_server_version()
        self.logger.info("Hello Python plugin activated!", extra={"server_version": version})

    @hook(HookName.OnDeactivate)
    def on_deactivate(self) -> None:
        """Says goodbye to the log."""
        self.logger.info("Hello Python plugin deactivated.")

    @hook(HookName.MessageWillBePosted)
    def look_at_post(self, context: Context, post: Post) -> Post | tuple[Post | None, str] | str | None:
        """Rejects, dismisses or edits a post before anybody sees it; most pass unchanged."""
        text = post.message.lower()
        if "badword" in text:
            return None, "Message blocked: contains prohibited content"
        if "dismiss me" in text:
            return None, DISMISS_POST_ERROR
        if ":python:" in text:
            post.message = post.message.replace(":python:", "🐍")
            return post
        return None

    @hook(HookName.MessageHasBeenPosted)
    def post_was_made(self, context: Context, post: Post) -> None:
        """Sees every post that was made."""
        self.logger.debug("A post was made", extra={"post_id": post.id})

    @hook(HookName.ExecuteCommand)
    def execute_command(self, context: Context, args: CommandArgs) -> CommandResponse:
        """Answers /hello with a greeting by name, and how often this user was greeted."""
        if not args.command.startswith("/hello"):
            return CommandResponse(response_type="ephemeral", text=f"Unknown command: {args.command}")
        try:
            name = self.api.get_user(args.user_id).username
        except PluginAPIError as error:
            self.logger.warning("Cannot look up who said hello: %s", error)
            name = "stranger"
        greeting = "Hello, World! :earth_americas:" if "world" in args.command else f"Hello, @{name}!"
        count = self.count_greeting(args.user_id)
        times = "for the first time" if count == 1 else f"{count} times now"
        return CommandResponse(response_type="ephemeral", text=f"{greeting} You were greeted {times}.")

    def count_greeting(self, user_id: str) -> int:
        """Counts in the key-value store, so that the number survives a restart and two servers agree on it."""
        key = f"greetings-{user_id}"
        while True:
            before = self.api.kv_get(key)
            count = int(before or b"0") + 1
            if self.api.kv_compare_and_set(key, before, str(count).encode()):
                return count


if __name__ == "__main__":
    run_plugin(HelloPython)
