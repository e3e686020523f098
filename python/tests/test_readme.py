"""The plugins of the README and the guides run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from conftest import Start

README = (Path(__file__).parents[1] / "README.md").read_text()

BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)

BLOCKS: list[str] = BLOCK.findall(README)


def test_the_readme_plugin(start: Start) -> None:
    source = BLOCKS[0]
    commands: list[dict[str, object]] = []
    bridge = start(
        "",
        head=source,
        api={
            "RegisterCommand": lambda command: commands.append(command) or [],
            "GetServerVersion": lambda: ["11.6.0"],
            "GetUser": lambda user_id: [{"id": user_id, "username": "ann"}],
        },
    )
    assert bridge.wait_ready() == {"OnActivate": "sync", "MessageWillBePosted": "sync", "ExecuteCommand": "async"}
    bridge.hook("OnActivate")
    assert commands[0]["trigger"] == "hello"
    assert bridge.wait_log(lambda line: line[1] == "ready on server 11.6.0")[0] == "info"
    assert bridge.hook("MessageWillBePosted", {}, {"message": "badword"}) == [None, "Please rephrase that."]
    assert bridge.hook("MessageWillBePosted", {}, {"message": ":wave:"}) == [{"message": "hello"}, ""]
    response, error = bridge.hook("ExecuteCommand", {}, {"user_id": "u", "command": "/hello"})
    assert response == {"response_type": "ephemeral", "text": "Hello, ann!"}
    assert error is None


def test_the_readme_plugin_with_streams(start: Start) -> None:
    bridge = start(next(block for block in BLOCKS if "class Files" in block))
    assert bridge.wait_ready() == {"ServeHTTP": "sync", "FileWillBeUploaded": "async"}
    assert bridge.http("POST", "/", b"12345").finish().head == [401, {}]
    done = bridge.http("POST", "/", b"x" * 300_000, header={"Mattermost-User-Id": ["u1"]}).finish()
    assert done.head == [200, {"Content-Type": ["application/json"]}]
    assert done.received == b'{"bytes": 300000}'
    for data, reason in ((b"MZ..", "programs are not allowed"), (b"PK..", None)):
        exchange = bridge.stream("FileWillBeUploaded", {}, {"name": "a"})
        exchange.supply(data)
        assert exchange.finish().answer == (0x11, [None, reason] if reason else None)


GUIDES = Path(__file__).parents[2] / "docs" / "guides"


def guide_plugins() -> list[Any]:
    """Return the whole plugins of the guides, and what each handles."""
    handled = {"Hello": "ServeHTTP", "Web": "ServeHTTP", "Scanner": "FileWillBeUploaded"}
    blocks = [block for guide in sorted(GUIDES.glob("*.md")) for block in BLOCK.findall(guide.read_text())]
    found = [(name, block) for block in blocks for name in re.findall(r"^class (\w+)\(Plugin\)", block, re.MULTILINE)]
    return [pytest.param(block, handled.get(name, ""), id=name) for name, block in found]


@pytest.mark.parametrize(("source", "handled"), guide_plugins())
def test_the_plugins_of_the_guides(start: Start, source: str, handled: str) -> None:
    if "fastapi" in source:
        pytest.importorskip("fastapi")
    assert handled in {*start("", head=source).wait_ready(), ""}
