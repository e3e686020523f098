"""Requests and responses of a plain handler, through a real HTTP client, net/http, the host and the bridge."""

from __future__ import annotations

import hashlib
import json
import re
import socket

import httpx
import pytest
from server import Server, wait_for

SECRET = "the secret of this plugin"


def test_a_small_request(plain: Server) -> None:
    answer = plain.get("/hello", headers={"Authorization": "Bearer user-ann"})
    assert (answer.status_code, answer.text) == (200, "hello ann")
    assert answer.headers["Content-Type"] == "text/plain"
    assert answer.headers["X-Refhost"] == "preset", "what the server has set stays"


def test_the_user_is_the_servers_word_not_the_clients(plain: Server) -> None:
    for name in ("Mattermost-User-Id", "mattermost-user-id", "MATTERMOST-USER-ID", "Mattermost_User_Id"):
        assert plain.get("/hello", headers={name: "mallory"}).text == "hello stranger", name
    assert plain.get("/request", headers={"Mattermost-Plugin-ID": "mallory"}).json()["plugin_id"] == ""


def test_the_request_is_all_there(plain: Server) -> None:
    body = b"x" * 10
    headers = [("X-Repeated", "a"), ("X-Repeated", "b"), ("Content-Type", "text/plain")]
    seen = plain.post("/request?b=2&a=1&a=%C3%A4", content=body, headers=headers).json()
    assert (seen["method"], seen["path"], seen["query"]) == ("POST", "/request", {"a": ["1", "ä"], "b": ["2"]})
    assert seen["headers"]["X-Repeated"] == ["a", "b"]
    assert (seen["content_length"], seen["proto"], seen["host"]) == (10, "HTTP/1.1", plain.address)
    assert seen["root_path"] == f"/plugins/{plain.ids[0]}"
    assert seen["uri"].startswith(f"/plugins/{plain.ids[0]}/request?")


def test_a_body_without_a_length(plain: Server) -> None:
    pieces = [b"a" * 70_000, b"b", b"c" * 300_000]
    seen = plain.post("/hash", content=iter(pieces)).json()
    assert seen == {"bytes": 370_001, "sha256": hashlib.sha256(b"".join(pieces)).hexdigest()}


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 1 << 20])
def test_a_body_goes_up_and_down_at_the_same_time(plain: Server, size: int) -> None:
    body = bytes(index * 31 % 251 for index in range(size))
    assert plain.post("/echo", content=body).content == body


@pytest.mark.parametrize(
    ("code", "seen"), [(201, 201), (404, 404), (599, 599), (999, 999), (99, 500), (0, 500), (1000, 500)]
)
def test_every_status(plain: Server, code: int, seen: int) -> None:
    answer = plain.get(f"/status?code={code}")
    assert (answer.status_code, answer.text) == (seen, "text")


@pytest.mark.parametrize("code", [204, 304])
def test_a_status_without_a_body(plain: Server, code: int) -> None:
    answer = plain.get(f"/status?code={code}")
    assert (answer.status_code, answer.content) == (code, b"")
    assert plain.get("/hello").text == "hello stranger", "the connection is as good as before"


def test_head(plain: Server) -> None:
    answer = plain.client.head(plain.base + "/hello")
    assert (answer.status_code, answer.content, answer.headers["Content-Type"]) == (200, b"", "text/plain")


def test_headers_repeat_lock_and_go(plain: Server) -> None:
    answer = plain.get("/cookies")
    assert answer.headers.get_list("Set-Cookie") == ["a=1", "b=2"]
    assert "X-Late" not in answer.headers
    assert answer.headers["X-Refhost"] == "preset"
    assert "X-Refhost" not in plain.get("/cookies?delete").headers


def test_the_first_byte_comes_before_the_handler_is_done(plain: Server) -> None:
    with plain.client.stream("GET", plain.base + "/late") as answer:
        lines = answer.iter_lines()
        assert next(lines) == "first"
        plain.get("/release")
        assert next(lines) == "second"


def test_a_handler_that_raises_before_the_first_byte(plain: Server) -> None:
    answer = plain.get("/raise")
    assert answer.status_code == 500
    assert SECRET not in answer.text
    assert "X-Half" not in answer.headers
    ident = re.search(r"error id: ([0-9a-f]+)", answer.text)
    assert ident is not None, answer.text
    [line] = plain.logged(ident[1])
    assert SECRET in json.dumps(line), "the log has the error under the same id"


def test_a_handler_that_raises_after_the_first_byte(plain: Server) -> None:
    with plain.client.stream("GET", plain.base + "/raise-late") as answer:
        assert answer.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            answer.read()


def test_a_header_with_a_newline(plain: Server) -> None:
    answer = plain.get("/newline")
    assert answer.text.startswith("refused: ")
    assert "X-Smuggled" not in answer.headers


def test_more_than_the_content_length(plain: Server) -> None:
    answer = plain.get("/longer")
    assert (answer.status_code, "world" in answer.text) == (500, False), "the SDK refuses it before a byte is sent"
    with pytest.raises(httpx.RemoteProtocolError):
        plain.get("/longer?late")
    assert plain.get("/hello").status_code == 200


def test_a_write_after_the_response_is_complete(plain: Server) -> None:
    assert plain.get("/keep").text == "kept"
    assert plain.get("/kept").text.startswith("refused: ")


@pytest.mark.parametrize(
    "request_line",
    ["GET /plugins/{id}/%zz HTTP/1.1", "GET /plugins/{id}/a b HTTP/1.1", "GET http://[::1 HTTP/1.1", "GARBAGE"],
)
def test_a_malformed_url_is_the_clients_mistake(plain: Server, request_line: str) -> None:
    with socket.create_connection(plain.address.rsplit(":", 1)) as client:
        client.settimeout(30)
        client.sendall(request_line.format(id=plain.ids[0]).encode() + b"\r\nHost: x\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 400 ")
    assert plain.get("/hello").status_code == 200


@pytest.mark.parametrize("path", ["/%00", "/%0d%0aX:y", "/%ff%fe", "/" + "a" * 5000, "//", "/../..", "/?%zz=1;b"])
def test_strange_paths_reach_the_handler(plain: Server, path: str) -> None:
    answer = plain.client.get(httpx.URL(plain.base + path))
    assert answer.status_code in (200, 301, 404)


def test_a_client_that_sends_less_than_it_said(plain: Server) -> None:
    gone = plain.get("/pumped").json()["gone"]
    client = socket.create_connection(plain.address.rsplit(":", 1))
    client.sendall(f"POST /plugins/{plain.ids[0]}/hash HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf".encode())
    client.close()
    wait_for("the handler hears of it", lambda: plain.get("/pumped").json()["gone"] == gone + 1)


def test_more_body_than_the_content_length_is_the_next_request(plain: Server) -> None:
    head = f"POST /plugins/{plain.ids[0]}/hash HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"
    with socket.create_connection(plain.address.rsplit(":", 1)) as client:
        client.settimeout(30)
        client.sendall(head.encode() + b"fourmore\r\n\r\n")
        received = b""
        while piece := client.recv(65536):
            received += piece
    first, second = received.split(b"HTTP/1.1 ")[1:]
    assert b'"bytes": 4' in first
    assert second.startswith(b"400 ")


@pytest.mark.parametrize("expect", ["", "Expect: 100-continue\r\n"])
def test_an_answer_without_a_look_at_the_body_does_not_wait_for_it(plain: Server, expect: str) -> None:
    """net/http could not send it while a read of the body is under way, so the body must not be asked for."""
    head = (
        f"POST /plugins/{plain.ids[0]}/status?code=401 HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n{expect}\r\n"
    )
    with socket.create_connection(plain.address.rsplit(":", 1)) as client:
        client.settimeout(10)
        client.sendall(head.encode())
        assert client.recv(65536).startswith(b"HTTP/1.1 401 ")


def test_a_client_is_told_to_go_on_when_the_handler_reads(plain: Server) -> None:
    head = f"POST /plugins/{plain.ids[0]}/hash HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
    with socket.create_connection(plain.address.rsplit(":", 1)) as client:
        client.settimeout(10)
        client.sendall(head.encode())
        assert client.recv(65536).startswith(b"HTTP/1.1 100 Continue")
        client.sendall(b"body")
        assert b'"bytes": 4' in client.recv(65536)
