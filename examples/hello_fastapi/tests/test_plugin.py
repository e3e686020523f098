"""The application without a server: FastAPI's own test client, with the user and the plugin put in place."""

from __future__ import annotations

import hashlib
from types import SimpleNamespace

import pytest
from fastapi.testclient import TestClient
from plugin import HelloFastAPI, app
from starlette.websockets import WebSocketDisconnect

from mattermost_plugin import AsyncPluginAPIClient, NotFoundError
from mattermost_plugin.models import User

ALICE = "alice-id"


class FakeAPI(AsyncPluginAPIClient):
    """The one method that the plugin calls."""

    async def get_user(self, user_id: str) -> User:
        if user_id != ALICE:
            raise NotFoundError("there is no such user", status_code=404)
        return User(id=ALICE, username="alice")


@pytest.fixture
def client_of():
    plugin = HelloFastAPI()
    plugin.async_api = FakeAPI()

    def make(user_id: str) -> TestClient:
        async def mounted(scope, receive, send):
            scope["mattermost"] = SimpleNamespace(user_id=user_id, plugin=plugin)
            await app(scope, receive, send)

        return TestClient(mounted)

    return make


def test_it_mounts_the_application():
    assert HelloFastAPI().get_hook_handler("ServeHTTP") is not None


def test_users_are_greeted_by_name(client_of):
    assert client_of(ALICE).get("/hello").json() == {"message": "Hello, @alice!"}
    assert client_of("nobody").get("/hello").status_code == 404


@pytest.mark.parametrize("path", ["/hello", "/events"])
def test_others_must_sign_in(client_of, path):
    assert client_of("").get(path).status_code == 401


def test_uptime(client_of):
    with client_of("") as client:  # `with` runs the lifespan
        assert client.get("/uptime").json()["seconds"] >= 0


def test_events(client_of):
    response = client_of(ALICE).get("/events", params={"count": 2, "interval": 0})
    assert response.headers["Content-Type"].startswith("text/event-stream")
    assert response.text == "id: 0\ndata: event 0 for alice-id\n\nid: 1\ndata: event 1 for alice-id\n\n"


def test_upload(client_of):
    content = bytes(range(256)) * 1000
    answer = client_of(ALICE).post("/upload", content=content).json()
    assert answer == {"bytes": 256_000, "sha256": hashlib.sha256(content).hexdigest(), "user_id": ALICE}


def test_echo(client_of):
    with client_of(ALICE).websocket_connect("/echo") as websocket:
        websocket.send_text("hi")
        assert websocket.receive_text() == "alice-id: hi"


def test_nobody_gets_no_websocket(client_of):
    with pytest.raises(WebSocketDisconnect), client_of("").websocket_connect("/echo"):
        pass
