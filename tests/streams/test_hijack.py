"""Taking a client's connection over."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from server import Server, wait_for


@pytest.fixture
def connection(plain: Server) -> Iterator[socket.socket]:
    """Return a connection that the plugin has taken over."""
    client = socket.create_connection(plain.address.rsplit(":", 1))
    client.settimeout(30)
    request = f"GET /plugins/{plain.ids[0]}/hijack HTTP/1.1\r\nHost: x\r\n\r\n"
    client.sendall(request.encode() + b"early ")
    head = b""
    while not head.endswith(b"\r\n\r\nEARLY "):
        head += client.recv(1)
    assert head.startswith(b"HTTP/1.1 101 ")
    yield client
    client.close()


def test_what_came_with_the_request_is_not_lost_and_the_rest_follows(connection: socket.socket) -> None:
    connection.sendall(b"more")
    assert connection.recv(100) == b"MORE"


def test_a_deadline(connection: socket.socket) -> None:
    connection.sendall(b"wait\n")
    assert connection.recv(100) == b"timeout\n"
    connection.sendall(b"go on")
    assert connection.recv(100) == b"GO ON"


def test_the_servers_buffer(connection: socket.socket) -> None:
    connection.sendall(b"buffered\n")
    received = b""
    while len(received) < 4096:
        received += connection.recv(10_000)
    assert received.strip(b"x") == b""


def test_the_plugin_closes(connection: socket.socket) -> None:
    connection.sendall(b"close\n")
    assert connection.recv(100) == b""


def test_the_client_closes(plain: Server, connection: socket.socket) -> None:
    connection.close()

    def is_over() -> bool:
        return plain.stats()["plugins"][plain.ids[0]]["hijacked"] == 0

    wait_for("the connection is closed on the server's side", is_over)


def test_a_lot_goes_both_ways(connection: socket.socket) -> None:
    block = b"abc" * 21_845
    received = 0
    for _ in range(20):
        connection.sendall(block)
        while received % len(block) or not received:
            received += len(connection.recv(1 << 20))
        received = 0


def test_every_method_of_the_response_writer_is_used(plain: Server, connection: socket.socket) -> None:
    connection.sendall(b"wait\n")
    assert connection.recv(100) == b"timeout\n"
    connection.sendall(b"buffered\n")
    assert connection.recv(100).strip(b"x") == b""
    connection.sendall(b"close\n")
    while connection.recv(65536):
        pass
    plain.get("/status?code=201")
    plain.post("/echo", content=b"flushed")
    calls = plain.stats()["response_writer"]
    assert [method for method, count in calls.items() if count == 0] == []
    assert len(calls) == 14


def test_the_response_writer_is_used_as_it_must_be(plain: Server) -> None:
    """The host notes calls at the same time, calls after the hook's reply, and what net/http complains about."""
    wrong = [line for line in plain.log() if "response writer" in line["message"] or "superfluous" in line["message"]]
    assert wrong == []
