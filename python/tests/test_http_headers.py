"""Headers."""

from __future__ import annotations

import pytest

from mattermost_plugin import ValidationError
from mattermost_plugin.http import Headers


def test_names_are_written_as_go_does() -> None:
    headers = Headers(
        [("content-type", "a"), ("X-API-KEY", "b"), ("etag", "c"), ("x--y-", "d"), ("1a-é".strip("é"), "e")]
    )
    assert list(headers) == ["Content-Type", "X-Api-Key", "Etag", "X--Y-", "1a-"]
    assert headers["CONTENT-TYPE"] == "a"
    assert "etaG" in headers
    assert 7 not in headers


def test_values_may_repeat() -> None:
    headers = Headers({"Set-Cookie": ["a", "b"], "X": ["1"]})
    headers.add("set-cookie", "c")
    assert headers["Set-Cookie"] == "a"
    assert headers.get_all("SET-COOKIE") == ["a", "b", "c"]
    assert headers.get_all("missing") == []
    assert list(headers.pairs()) == [("Set-Cookie", "a"), ("Set-Cookie", "b"), ("Set-Cookie", "c"), ("X", "1")]
    assert dict(headers.items()) == {"Set-Cookie": "a", "X": "1"}
    headers["set-cookie"] = "d"
    assert headers.to_dict() == {"Set-Cookie": ["d"], "X": ["1"]}
    del headers["x"]
    with pytest.raises(KeyError):
        del headers["x"]
    with pytest.raises(KeyError):
        headers["x"]
    assert headers.get("x", "y") == "y"
    assert len(headers) == 1
    assert repr(headers) == "Headers({'Set-Cookie': ['d']})"
    headers.clear()
    assert not headers


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nb", "é", "a\0", "a\n", "(x)"])
def test_names_that_are_refused(name: str) -> None:
    for attempt in (lambda: Headers({name: ["x"]}), lambda: Headers([(name, "x")]), lambda: Headers().add(name, "x")):
        with pytest.raises(ValidationError, match="is not a valid header name"):
            attempt()
    with pytest.raises(ValidationError):
        Headers()[name] = "x"


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b", "a\rb", "a\nb", "a\0b", "\ud800"])
def test_values_that_are_refused(value: str) -> None:
    headers = Headers()
    with pytest.raises(ValidationError):
        headers["X"] = value
    with pytest.raises(ValidationError):
        headers.add("X", value)
    assert not headers


def test_values_that_are_allowed() -> None:
    headers = Headers()
    headers["X"] = "é\t~"
    headers["X"] = ""
    assert headers["X"] == ""
    with pytest.raises(TypeError):
        headers["X"] = 5  # type: ignore[assignment]
    with pytest.raises(TypeError):
        headers[5] = "x"  # type: ignore[index]


def test_what_the_server_sends_is_taken_as_it_is() -> None:
    headers = Headers.received({"x-one": ["1"], "X-One": ["2"], "odd name": ["a\nb"]})
    assert headers.to_dict() == {"X-One": ["1", "2"], "odd name": ["a\nb"]}
    assert headers["odd name"] == "a\nb"


def test_locked_headers() -> None:
    late: list[int] = []
    headers = Headers({"X": ["1"]})
    headers.lock(lambda: late.append(1))
    headers["X"] = "2"
    headers.add("X", "2")
    headers.clear()
    headers.pop("X")
    headers.update({"Y": "3"})
    with pytest.raises(ValidationError):
        headers["X"] = "\n"
    assert headers.to_dict() == {"X": ["1"]}
    assert len(late) == 5
