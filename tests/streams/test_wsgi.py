"""A real Flask application."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import httpx
import pytest
from server import Server

BLOCK = bytes(range(256)) * 256


@pytest.fixture
def web(serve: Callable[..., Server]) -> Server:
    return serve("flask")


def test_the_user(web: Server) -> None:
    seen = web.get("/hello", headers={"Authorization": "Bearer user-ann"}).json()
    assert seen["user"] == seen["own"] != ""
    assert web.get("/hello").json() == {"user": None, "own": ""}


def test_no_header_poses_as_the_servers(web: Server) -> None:
    spoofed = {"Mattermost_User_Id": "mallory", "Mattermost_User-Id": "mallory", "X-Honest": "yes"}
    seen = web.get("/headers", headers=spoofed).json()
    assert "HTTP_MATTERMOST_USER_ID" not in seen
    assert seen["HTTP_X_HONEST"] == "yes"
    assert web.get("/hello", headers=spoofed).json()["user"] is None


def test_links_have_the_plugins_url(web: Server) -> None:
    assert web.get("/where").json() == {"url": f"/plugins/{web.ids[0]}/hello"}


def test_a_large_body_up_and_down(web: Server) -> None:
    body = BLOCK * 100
    digest = hashlib.sha256(body).hexdigest()
    assert web.post("/hash", content=body).json() == {"bytes": len(body), "sha256": digest}
    assert web.post("/hash", content=iter([body, body])).json()["bytes"] == 2 * len(body)
    assert hashlib.sha256(web.get(f"/down?size={len(body)}").content).hexdigest() == digest


def test_an_exception_shows_no_text(web: Server) -> None:
    answer = web.get("/raise")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert web.logged("the secret of this plugin")


def test_an_exception_after_the_first_byte(web: Server) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        web.get("/raise-late")
