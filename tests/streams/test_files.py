"""FileWillBeUploaded."""

from __future__ import annotations

import hashlib

import pytest
from server import Server


def upload(server: Server, name: str, content: bytes) -> dict:
    """Upload a file; return what the server makes of it."""
    answer = server.client.post(f"{server.url}/api/files", params={"name": name}, content=content, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_file_is_let_through(plain: Server) -> None:
    seen = upload(plain, "plain.txt", b"text")
    assert (seen["reason"], seen["replacement"]["size"], seen["info"]["name"]) == ("", 0, "plain.txt")


def test_a_file_is_rejected(plain: Server) -> None:
    assert upload(plain, "reject.exe", b"MZ")["reason"] == "not this one"


def test_the_record_is_changed(plain: Server) -> None:
    seen = upload(plain, "rename.txt", b"text")
    assert (seen["reason"], seen["info"]["name"], seen["replacement"]["size"]) == ("", "renamed.txt", 0)


@pytest.mark.parametrize("size", [0, 5, 300_000, 20 << 20])
def test_the_file_is_replaced(plain: Server, size: int) -> None:
    content = (b"abcdefgh" * (size // 8 + 1))[:size]
    seen = upload(plain, "shout.txt", content)
    assert seen["replacement"]["size"] == size
    if size:
        assert seen["replacement"]["sha256"] == hashlib.sha256(content.upper()).hexdigest()


def test_no_more_is_read_than_the_plugin_wants(plain: Server) -> None:
    seen = upload(plain, "head.bin", b"ABCD" + b"x" * 1_000_000)
    assert seen["info"]["name"] == "ABCD"


def test_a_handler_that_fails_lets_the_file_through(plain: Server) -> None:
    seen = upload(plain, "raise.txt", b"text")
    assert (seen["reason"], seen["replacement"]["size"]) == ("", 0)
    assert plain.logged("the secret of this plugin")
