"""Every line that ends in `# error` must be refused by both type checkers, and no other."""

from __future__ import annotations

from mattermost_plugin import Command, Plugin, Post, hook
from mattermost_plugin.http import HTTPRequest, HTTPResponseWriter
from mattermost_plugin.models import Context, UploadSession, User


class Bad(Plugin):
    """Uses the API wrongly."""

    @hook("OnActivate")
    def activate(self) -> None:
        self.api.get_user(7)  # error
        self.api.get_users_in_team("t", 0)  # error
        self.api.get_nobody("u")  # error
        self.api.create_post(User())  # error
        self.api.get_license().id  # error
        self.api.kv_get("k").decode()  # error
        self.api.kv_set("k", "text")  # error
        self.api.load_plugin_configuration(type="no type")  # error
        Post(mesage="m")  # error
        Post(message=b"m")  # error
        Post("id")  # error
        Command().nothing  # error
        self.plugin_id = "x"  # error
        name: int = self.api.get_user("u").username  # error
        print(name)

    @hook
    async def OnDeactivate(self) -> None:
        user: User = self.async_api.get_user("u")  # error
        print(user)

    @hook
    def ServeHTTP(self, context: Context, response: HTTPResponseWriter, request: HTTPRequest) -> None:
        response.headers["Content-Length"] = 5  # error
        response.write(5)  # error
        response.user_id  # error
        text: str = request.read()  # error
        print(text)
        self.api.upload_data(UploadSession(), 5)  # error
        self.api.plugin_http("GET", "/x", {"X": 5})  # error
        self.api.plugin_http("GET", "/x").body  # error

    @hook(7)  # error
    def number(self) -> None: ...

    @hook("UserWillLogIn", timeout="3")  # error
    def login(self, context: Context, user: User) -> None: ...

    @hook("UserWillLogIn", on_failure="deny")  # error
    def other_login(self, context: Context, user: User) -> None: ...

    def workers(self) -> None:
        """Look at the worker wrongly."""
        self.worker.index = 1  # error
        self.worker = None  # error
