"""Plugins that look bad and must work."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Step = dict[str, Any]


@dataclass(frozen=True)
class Working:
    """A plugin that is activated.

    Attributes:
        name: What is odd about it.
        files: The files of the bundle.
        conversation: The steps of the scenario between the start and the stop.
        newer_than: The Python version that is too old for it.
        server: Keys of `server` in the manifest.
        variables: Environment variables of the host.
        processes: How many it has: the bridge, its guard and the worker.
    """

    name: str
    files: dict[str, str]
    conversation: list[Step]
    newer_than: tuple[int, int] = (3, 9)
    server: dict[str, Any] = field(default_factory=dict[str, Any])
    variables: dict[str, str] = field(default_factory=dict[str, str])
    processes: int = 3

    def fits(self, version: tuple[int, int]) -> bool:
        """Return whether the case can be shown with a version of Python."""
        return version > self.newer_than

    def steps(self, bundle: str) -> list[Step]:
        """Return the scenario. It ends with no process left."""
        return [
            {"do": "start", "dir": bundle, "within": "5s"},
            *self.conversation,
            {"do": "processes", "count": self.processes},
            {"do": "stop", "within": "5s"},
            {"do": "survivors", "count": 0},
        ]

    def judge(self, bundle: str, lines: list[Step]) -> tuple[str, list[str]]:
        """Return how far it came; the host has compared everything."""
        done = sum(bool(line["ok"]) for line in lines)
        return f"{done} of {len(self.steps(bundle))} steps", []


LOUD = """\
import sys

from mattermost_plugin import Plugin, hook

for number in range(5000):
    print("out", number, "." * 200)
    print("err", number, "." * 200, file=sys.stderr)
sys.stdout.write("no end of line")
sys.stdout.flush()


class Loud(Plugin):
    @hook
    def MessageWillBePosted(self, context, post):
        return f"{len(post.message)} characters"
"""

HANDLERS = """\
from mattermost_plugin import Plugin, hook


class Clumsy(Plugin):
    @hook
    def MessageWillBePosted(self, context, post):
        if post.message == "raise":
            return str(1 / 0)
        if post.message == "exit":
            raise SystemExit(3)
        if post.message == "nonsense":
            return 42
        if post.message == "triple":
            return post, "", None
        if post.message == "field":
            return {"mesage": "x"}
        return f"{len(post.message)} characters"

    @hook
    async def ExecuteCommand(self, context, args):
        if args.command == "/raise":
            raise KeyError("colour")
        if args.command == "/nonsense":
            return object()
        return "fine"

    @hook
    def ChannelHasBeenCreated(self, context, channel):
        raise LookupError("nobody reads this")
"""


def post(message: str, *expect: Any) -> Step:
    """Return the step of a post, and what becomes of it."""
    return {"do": "call", "hook": "MessageWillBePosted", "args": [None, {"message": message}], "expect": list(expect)}


def command(text: str, **expect: Any) -> Step:
    """Return the step of a slash command, and what it is answered with."""
    return {"do": "call", "hook": "ExecuteCommand", "args": [None, {"command": text}], **expect}


def _log(hook: str, raised: str, line: int) -> Step:
    """Wait for the line that the SDK logs, with its traceback."""
    place = rf"\(\S+/plugin.py, line {line}\)" if line else ""
    pattern = rf"^error the handler of {hook} raised {raised} ?{place} ?\{{.*Traceback \(most recent call last\)"
    return {"do": "expect_log", "match": pattern}


def _refused(message: str, raised: str, line: int = 0) -> list[Step]:
    """A post whose handler fails goes through as it is, and the next one is handled."""
    return [
        post(message, {"message": message}, ""),
        _log("MessageWillBePosted", raised, line),
        post("next", {"message": "next"}, "4 characters"),
    ]


ALLOWED = r"it may return None, Post, a reason \(str\) or a pair \(Post or None, reason\)"

CONVERSATION: list[Step] = [
    *_refused("raise", "ZeroDivisionError: division by zero", 8),
    *_refused("exit", "SystemExit: 3", 10),
    *_refused("nonsense", f"TypeError: MessageWillBePosted: a handler returned int; {ALLOWED}"),
    *_refused("triple", f"TypeError: MessageWillBePosted: a handler returned a tuple of 3; {ALLOWED}"),
    *_refused("field", "TypeError: MessageWillBePosted: Post has no field 'mesage'"),
    command("/raise", expect_error="KeyError: 'colour'"),
    _log("ExecuteCommand", "KeyError: 'colour'", 22),
    command("/nonsense", expect_error="ExecuteCommand: a handler returned object; it may return"),
    _log("ExecuteCommand", "TypeError: ExecuteCommand: a handler returned object; it may return .*", 0),
    command("/fine", expect=[{"text": "fine"}]),
    {"do": "call", "hook": "ChannelHasBeenCreated", "args": [None, {"id": "c"}]},
    _log("ChannelHasBeenCreated", "LookupError: nobody reads this", 29),
    {"do": "ping"},
]

COUNTED = [post("hello", {"message": "hello"}, "5 characters")]

SHADOWS = {
    f"{name}.py": f"raise RuntimeError('the bundle stands in for {name} of the standard library')\n"
    for name in ("types", "random", "logging", "asyncio", "inspect", "json", "ssl", "uuid", "statistics")
}

SHADOWED = """\
import json
import random
import statistics
import types
import uuid

import own
from mattermost_plugin import Plugin, hook


class Shadowed(Plugin):
    @hook
    async def MessageWillBePosted(self, context, post):
        self.logger.info("counting")
        random.random(), uuid.uuid4(), json.dumps(statistics.mean([1, 2])), types.SimpleNamespace()
        return own.count(post.message)
"""

OWN = """\
def count(text):
    return f"{len(text)} characters"
"""

WORKING = [
    Working("a module that prints a lot", {"plugin.py": LOUD}, [*COUNTED, {"do": "ping"}]),
    Working("handlers that raise and return nonsense", {"plugin.py": HANDLERS}, CONVERSATION),
    Working(
        "modules with names of the standard library",
        {"plugin.py": SHADOWED, "own.py": OWN, **SHADOWS},
        [*COUNTED, {"do": "expect_log", "match": "info +counting"}],
        newer_than=(3, 10),
    ),
    Working(
        "a changed file while the plugin is developed",
        {"plugin.py": LOUD, "server/files.sha256": f"{'0' * 64}  plugin.py\n"},
        COUNTED,
        variables={"MATTERMOST_PLUGIN_DEVELOPMENT": "1"},
    ),
]
