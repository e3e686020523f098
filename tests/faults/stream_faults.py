"""F14 and F15: large bodies, clients that leave, and connections that the plugin takes over."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import signal
import socket
import struct
import threading
import time
from collections.abc import Iterator

import processes
from driven import Host
from fault import Run, fault

MIB = 1 << 20
BLOCK = bytes(range(256)) * 256
GROWTH = 16 * MIB
PREFIX = "/plugins/com.example.faults"
SLOW_PEER = socket.SO_RCVBUF, 4096


class Peak:
    """The growth of the bridge while a block runs."""

    def __init__(self, host: Host) -> None:
        self._pid = host.pid
        self.growth = 0

    def __enter__(self) -> Peak:
        self._before = processes.memory(self._pid)
        processes.forget_peak(self._pid)
        return self

    def __exit__(self, *_: object) -> None:
        self.growth = processes.memory(self._pid, "VmHWM") - self._before


def _blocks(size: int) -> Iterator[bytes]:
    for start in range(0, size, len(BLOCK)):
        yield BLOCK[: min(len(BLOCK), size - start)]


def _request(host: Host, method: str, path: str, body: Iterator[bytes] | None = None) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(host.address, timeout=30)
    connection.request(method, PREFIX + path, body=body, encode_chunked=body is not None, headers=_headers(body))
    return connection.getresponse()


def _headers(body: Iterator[bytes] | None) -> dict[str, str]:
    return {} if body is None else {"Transfer-Encoding": "chunked"}


def _open(host: Host, path: str, slow: bool = False) -> socket.socket:
    """Send the head of a request and return the connection."""
    client = socket.socket()
    if slow:
        client.setsockopt(socket.SOL_SOCKET, *SLOW_PEER)
    name, port = host.address.rsplit(":", 1)
    client.settimeout(30)
    client.connect((name, int(port)))
    client.sendall(f"GET {PREFIX}{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return client


def _reset(client: socket.socket) -> None:
    """Close a connection abruptly: the other side gets a reset."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def _streams_are_closed(run: Run, host: Host, before: int) -> None:
    def is_idle() -> bool:
        seen = host.do("streams")
        return seen["open"] <= before and seen["hijacked"] == 0

    run.expect(processes.wait_until(is_idle, 10), "no stream is left", f"streams are left: {host.do('streams')}")


@fault("F14 large bodies", protections=("backpressure",), alone=True)
def large_bodies(run: Run) -> None:
    """Injected: an upload of 100 MiB, a download of 100 MiB, and a download of 1 GiB by a client that does not read.

    Expected: every byte arrives; the bridge grows by less than 16 MiB each time; the handler waits for the client
    that does not read, and uses less than 0.2 s of the processor in half a second.
    """
    size = 100 * MIB
    wanted = hashlib.sha256()
    for block in _blocks(size):
        wanted.update(block)
    with run.plugin(run.bundle()) as host:
        _request(host, "POST", "/hash", _blocks(MIB)).read()
        with Peak(host) as up:
            answer = json.loads(_request(host, "POST", "/hash", _blocks(size)).read())
        run.expect(answer == {"bytes": size, "sha256": wanted.hexdigest()}, "100 MiB up", f"the upload: {answer}")
        with Peak(host) as down:
            read = hashlib.sha256()
            response = _request(host, "GET", f"/down?bytes={size}")
            while data := response.read(MIB):
                read.update(data)
        run.expect(read.digest() == wanted.digest(), "100 MiB down", "the download is not what was sent")
        with Peak(host) as held:
            client = _open(host, f"/down?bytes={1 << 30}", slow=True)
            client.recv(1000)
            processes.wait_until(lambda: False, 1.5)
            ticks = processes.cpu_seconds(host.worker())
            processes.wait_until(lambda: False, 0.5)
            ticks = processes.cpu_seconds(host.worker()) - ticks
            run.expect(ticks < 0.2, "the handler waits for the slow client", f"the handler used {ticks:.1f} s of 0.5 s")
        client.close()
        for what, peak in (("upload", up), ("download", down), ("slow client", held)):
            run.expect(
                peak.growth < GROWTH, f"{what}: +{peak.growth >> 10} KiB", f"{what}: +{peak.growth / MIB:.0f} MiB"
            )


@fault("F14 clients that leave", protections=("client-gone",), seconds=300)
def clients_that_leave(run: Run) -> None:
    """Injected: 100 downloads (1,000 with --long) whose clients leave after the first bytes, half of them by a
    reset.

    Expected: every handler is told within 10 s; every stream is closed within 10 s more; the bridge grows by less
    than 16 MiB.
    """
    count = 1000 if run.long else 100
    with run.plugin(run.bundle()) as host:

        def gone() -> int:
            return int(_request(host, "GET", "/gone").read())

        def leave(number: int) -> None:
            client = _open(host, f"/down?bytes={1 << 30}", slow=True)
            client.recv(100)
            _reset(client) if number % 2 else client.close()

        leave(0)
        leave(1)
        processes.wait_until(lambda: gone() == 2, 5)
        before, streams = processes.memory(host.pid), host.do("streams")["open"]
        for number in range(count):
            leave(number)
        told = processes.wait_until(lambda: gone() == count + 2, 10)
        run.expect(told, f"{count} handlers were told", f"only {gone() - 2} of {count} handlers were told")
        _streams_are_closed(run, host, streams)
        grown = processes.memory(host.pid) - before
        run.expect(grown < GROWTH, f"+{grown >> 10} KiB", f"the bridge grew by {grown / MIB:.0f} MiB")


@fault("F14 an old server", protections=())
def without_flush(run: Run) -> None:
    """Injected: a server whose response writer cannot flush.

    Expected: a handler that flushes after every line answers all the same.
    """
    with run.host(arguments=("--without-flush",)) as host:
        host.start(run.bundle())
        text = _request(host, "GET", "/lines").read()
        run.expect(text == b"".join(b"%d\n" % number for number in range(10)), "all lines arrived", f"{text!r}")


def _echo(client: socket.socket, text: bytes) -> bytes:
    client.sendall(text)
    received = b""
    while len(received) < len(text):
        data = client.recv(65536)
        if not data:
            break
        received += data
    return received


def _upgrade(host: Host) -> socket.socket:
    client = _open(host, "/echo")
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        data = client.recv(1)
        if not data:
            raise ConnectionError(f"the connection was not taken over: {head!r}")
        head += data
    return client


@fault("F15 connections taken over", protections=("client-gone",), seconds=300)
def taken_over(run: Run) -> None:
    """Injected: 120 connections (1,000 with --long), 40 at a time, that the plugin takes over and echoes; a third
    is closed by the plugin, a third by the client, a third by a reset.

    Expected: every one echoes; all are closed, and no stream is left 10 s later.
    """
    count, at_once = (1000, 100) if run.long else (120, 40)
    wrong: list[str] = []

    def use(host: Host, number: int) -> None:
        try:
            client = _upgrade(host)
            text = f"connection {number} ".encode() * 100
            if _echo(client, text) != text.upper():
                wrong.append(f"connection {number} does not echo")
            if number % 3 == 0:
                client.sendall(b"close\n")
                if client.recv(100) != b"":
                    wrong.append(f"connection {number} was not closed")
            _reset(client) if number % 3 == 1 else client.close()
        except OSError as error:
            wrong.append(f"connection {number}: {error}")

    with run.plugin(run.bundle()) as host:
        use(host, 0)
        processes.wait_until(lambda: host.do("streams")["hijacked"] == 0, 5)
        streams = host.do("streams")["open"]
        begin = time.monotonic()
        for first in range(0, count, at_once):
            threads = [threading.Thread(target=use, args=(host, first + number)) for number in range(at_once)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        run.expect(not wrong, f"{count} connections in {time.monotonic() - begin:.1f} s", "; ".join(wrong[:3]))
        _streams_are_closed(run, host, streams)


@fault("F15 the worker dies", protections=("restart",))
def worker_dies_with_connections(run: Run) -> None:
    """Injected: SIGKILL to the worker while it holds 20 connections.

    Expected: each is closed within 2 s; a new one works when another worker serves.
    """
    with run.plugin(run.bundle()) as host:
        clients = [_upgrade(host) for _ in range(20)]
        worker = host.worker()
        processes.send_signal(worker, signal.SIGKILL)
        begin = time.monotonic()
        ends: set[bytes] = set()
        for client in clients:
            with contextlib.suppress(ConnectionResetError):
                ends.add(client.recv(100))
        run.within("20 connections closed after", time.monotonic() - begin, 2)
        run.expect(ends <= {b""}, "nothing odd came", f"something came: {ends}")
        host.await_plugin(worker)
        run.expect(_echo(_upgrade(host), b"again") == b"AGAIN", "a new one works", "a new one does not work")
