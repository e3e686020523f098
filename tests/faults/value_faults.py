"""F18: values at the edge, or beyond it: the plugin in Python gets what the plugin in Go gets for the same call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from driven import Host
from fault import Run, fault

INT64_MAX = (1 << 63) - 1

POSTS: dict[str, Any] = {
    "16,384 runes": {"message": "😀" * 16_384},
    "more than a post may have": {"message": "x" * 100_000},
    "NUL": {"message": "a\0b", "hashtags": "\0"},
    "not a character": {"message": "\ufffd\uffff\u202e"},
    "int64": {"message": "x", "create_at": INT64_MAX, "edit_at": -INT64_MAX - 1},
    "nil props": {"message": "x", "props": None},
    "empty props": {"message": "x", "props": {}},
    "801,000 runes of props": {"message": "x", "props": {"k": "ä" * 801_000}},
    "nested props": {"message": "x", "props": {"a": [None, {"b": [1, 1.5, True, "", {}]}]}},
    "empty": {},
}
"""Posts that both plugins get, by what is odd about them."""

CALLS: dict[str, tuple[str, list[str], list[Any], int]] = {
    "a key of 150 bytes": ("KVSet", ["key", "value"], ["k" * 150, {"$bytes": "eA=="}], 0),
    "a key of 151 bytes": ("KVSet", ["key", "value"], ["k" * 151, {"$bytes": "eA=="}], 0),
    "a key with mmi_": ("KVSet", ["key", "value"], ["mmi_botid", {"$bytes": "eA=="}], 0),
    "no key": ("KVSet", ["key", "value"], ["", {"$bytes": "eA=="}], 0),
    "a key with NUL": ("KVSet", ["key", "value"], ["a\0b", {"$bytes": "AA=="}], 0),
    "that key again": ("KVGet", ["key"], ["a\0b"], 1),
    "no value": ("KVSet", ["key", "value"], ["k", None], 0),
    "what has no value": ("KVGet", ["key"], ["k"], 1),
    "an id with NUL": ("GetUser", ["userID"], ["\0"], 1),
    "no id": ("GetUser", ["userID"], [""], 1),
    "16,384 runes": ("SendEphemeralPost", ["userID", "post"], ["u", {"message": "😀" * 16_384}], 1),
    "801,000 runes of props": ("SendEphemeralPost", ["userID", "post"], ["u", {"props": {"k": "ä" * 801_000}}], 1),
    "int64": ("SendEphemeralPost", ["userID", "post"], ["u", {"original_id": "\0", "edit_at": INT64_MAX}], 1),
    "a page beyond the end": ("KVList", ["page", "perPage"], [INT64_MAX >> 32, 100], 1),
    "a negative page": ("KVList", ["page", "perPage"], [-1, -1], 1),
    "an error with an empty text": ("GetTeam", ["teamId"], ["empty error"], 1),
    "an error that is no AppError": ("GetChannel", ["channelId"], ["broken call"], 1),
}
"""API calls that both plugins make: method, parameters, arguments, number of results."""

PYTHON_ONLY = {
    "a lone surrogate": ("KVGet", '{"key": "\\ud800"}'),
    "an integer over int64": ("KVList", '{"page": 9223372036854775808, "per_page": 1}'),
    "a float for an integer": ("KVList", '{"page": 1.5, "per_page": 1}'),
    "None for a text": ("KVGet", '{"key": null}'),
    "a number for a text": ("GetUser", '{"user_id": 7}'),
    "None where the server would look": ("RegisterCommand", '{"command": null}'),
}
"""Calls that Go's types do not allow, by keyword arguments: each must raise a typed exception; nothing is sent."""

CHANGING = {"id", "create_at", "update_at", "request_id"}
"""What the server makes up anew for each call."""


@fault("F18 odd posts")
def odd_posts(run: Run) -> None:
    """Injected: posts with 16,384 runes, NUL, int64 at its ends, props of 801,000 runes, nil props; and no post at
    all.

    Expected: what comes of each is what the plugin in Go makes of it; without a post the worker goes on.
    """
    with run.host() as host:
        go = host.do("start", dir=str(run.tools.goplugin))["id"]
        python = host.start(run.bundle())["id"]
        same = 0
        for name, post in POSTS.items():
            for word in ("bench:edit", "bench:nil"):
                wanted, got = (_post(host, plugin, word, post) for plugin in (go, python))
                same += wanted == got
                if wanted != got:
                    run.wrong.append(f"{name}: Go has {_short(wanted)}, Python {_short(got)}")
        run.saw(f"{same} of {2 * len(POSTS)} posts alike")
        worker = host.do("processes", plugin=python)[-1]["pid"]
        host.do("call", plugin=python, hook="MessageWillBePosted", args=[None, None])
        host.do("call", plugin=python, hook="MessageWillBeUpdated", args=[None, None, None])
        after = host.do("processes", plugin=python)[-1]["pid"]
        run.expect(worker == after, "no post: the same worker", "no post: the worker was started again")


def _post(host: Host, plugin: str, word: str, post: dict[str, Any]) -> Any:
    wanted = {**post, "message": f"{word} {post.get('message', '')}"}
    return host.do("call", plugin=plugin, hook="MessageWillBePosted", args=[None, wanted])


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) < 200 else f"{text[:150]}… ({len(text)} characters)"


@fault("F18 odd calls", seconds=90)
def odd_calls(run: Run) -> None:
    """Injected: API calls with keys of 151 bytes, NUL, texts and props of too many runes, int64 at its ends, errors
    without a text; and, from Python alone, values that Go's types do not have: a lone surrogate, too large
    integers, None.

    Expected: what both get is the same, be it a result or an error; what Go cannot say is a ValidationError.
    """
    with run.host() as host:
        host.do("rule", method="GetTeam", app_error={})
        host.do("rule", method="GetChannel", rpc_error="the database is on fire")
        outcomes = {name: _outcomes(run, host, name) for name in ("go", "python")}
        same = 0
        for number, name in enumerate(CALLS):
            wanted, got = (outcomes[side].get(number) for side in ("go", "python"))
            alike = wanted is not None and got is not None and _are_alike(wanted, got)
            same += alike
            if not alike:
                run.wrong.append(f"{name}: Go has {_short(wanted)}, Python {_short(got)}")
        run.saw(f"{same} of {len(CALLS)} calls alike")
        typed = 0
        for name, (method, arguments) in PYTHON_ONLY.items():
            for style in ("sync", "async"):
                text = host.call("ExecuteCommand", {"command": f"/call {style} {method} {arguments}"}).text
                typed += text.startswith("ValidationError:")
                if not text.startswith("ValidationError:"):
                    run.wrong.append(f"{name} ({style}): {_short(text)}")
        run.saw(f"{typed} of {2 * len(PYTHON_ONLY)} are ValidationErrors")


def _outcomes(run: Run, host: Host, side: str) -> dict[int, Any]:
    """Let a plugin make all calls, and return what it got, by the number of the call. The plugin in Python stays."""
    directory = run.directory / side
    directory.mkdir()
    plan = directory / "plan"
    lines = [
        {"case": number, "method": method, "params": params, "args": args, "results": results}
        for number, (method, params, args, results) in enumerate(CALLS.values())
    ]
    plan.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    bundle = _go_bundle(run) if side == "go" else run.tools.conformance
    host.start(bundle, config={"conformance_dir": str(directory)})
    style = "" if side == "go" else "sync "
    reply = host.call("ExecuteCommand", {"command": f"/conformance {style}{plan}"})
    if reply.text != "done":
        run.wrong.append(f"{side}: the plan was not carried out: {reply}")
    if side == "go":
        host.do("stop")
    text = Path(f"{plan}.out").read_text(encoding="utf-8")
    found = [json.loads(line) for line in text.splitlines()]
    return {line["case"]: _plain(line) for line in found}


def _go_bundle(run: Run) -> Path:
    """Return a bundle of the Go plugin that carries plans out."""
    bundle = run.directory / "goplugin"
    bundle.mkdir()
    (bundle / "goplugin").hardlink_to(run.tools.goplugin / "goplugin")
    manifest = json.loads((run.tools.goplugin / "plugin.json").read_text(encoding="utf-8"))
    manifest["props"] = {"mode": "conformance"}
    (bundle / "plugin.json").write_text(json.dumps(manifest), encoding="utf-8")
    return bundle


def _are_alike(go: dict[str, Any], python: dict[str, Any]) -> bool:
    """Compare outcomes. What has no AppError with an id is an exception in Python whose text holds that of Go."""
    error = go.get("error", {})
    if "failed" in go or (error and not error.get("id")):
        text = str(go.get("failed") or error.get("message", ""))
        return text in str(python.get("error", {}).get("message", "")) and "results" not in python
    return go == python


def _plain(value: Any) -> Any:
    """Return a value without what is zero, what changes from call to call, and what only one language tells."""
    if isinstance(value, dict):
        fields: dict[str, Any] = value
        plain = {key: _plain(item) for key, item in fields.items() if key not in CHANGING | {"case", "class", "code"}}
        return {key: item for key, item in plain.items() if item not in (None, "", 0, False, [], {})}
    if isinstance(value, list):
        items: list[Any] = value
        return [None if item in ([], {}) else _plain(item) for item in items]
    return value
