"""Bodies of any size in constant memory, and clients that leave."""

from __future__ import annotations

import hashlib
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator

from server import Server, wait_for

SIZE = int(os.environ.get("STREAM_BYTES", 1 << 30))
BLOCK = bytes(range(256)) * 256
GROWTH = 32 << 20
LEAVERS = 1000


class Peak:
    """The largest growth of each process while a block runs."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.growth: dict[str, int] = {}

    def __enter__(self) -> Peak:
        self.before = self.server.memory()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            self._look()

    def _look(self) -> None:
        for name, memory in self.server.memory().items():
            grown = memory - self.before.get(name, memory)
            self.growth[name] = max(self.growth.get(name, 0), grown)


def tell(grown: dict[str, int]) -> None:
    """Show with -s how much the processes have grown."""
    sys.stderr.write(f" grown by { ({name: f'{count >> 10} kB' for name, count in grown.items()}) } ")


def blocks(size: int) -> Iterator[bytes]:
    for start in range(0, size, len(BLOCK)):
        yield BLOCK[: min(len(BLOCK), size - start)]


def digest_of(size: int) -> str:
    digest = hashlib.sha256()
    for block in blocks(size):
        digest.update(block)
    return digest.hexdigest()


def test_up(plain: Server) -> None:
    plain.post("/hash", content=BLOCK)
    with Peak(plain) as peak:
        seen = plain.post("/hash", content=blocks(SIZE), timeout=300).json()
    assert seen == {"bytes": SIZE, "sha256": digest_of(SIZE)}
    tell(peak.growth)
    assert max(peak.growth.values()) < GROWTH, peak.growth


def test_down(plain: Server) -> None:
    plain.get("/down?bytes=100000")
    digest, count = hashlib.sha256(), 0
    with Peak(plain) as peak, plain.client.stream("GET", f"{plain.base}/down?bytes={SIZE}", timeout=300) as answer:
        for piece in answer.iter_raw():
            digest.update(piece)
            count += len(piece)
    assert (count, digest.hexdigest()) == (SIZE, digest_of(SIZE))
    tell(peak.growth)
    assert max(peak.growth.values()) < GROWTH, peak.growth


def open_pump(server: Server) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    host, port = server.address.rsplit(":", 1)
    client.connect((host, int(port)))
    client.settimeout(30)
    client.sendall(f"GET /plugins/{server.ids[0]}/pump HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert client.recv(16).startswith(b"HTTP/1.1 200")
    return client


def test_a_slow_reader_slows_the_writer(plain: Server) -> None:
    def pumped() -> int:
        return plain.get("/pumped").json()["bytes"]

    client = open_pump(plain)
    last = -1
    while (now := pumped()) != last:
        last = now
        time.sleep(0.3)
    # Socket buffers of the kernel (some megabytes on loopback), net/http's, and our two windows.
    assert last < 16 << 20, last
    read = 0
    while read < last:
        read += len(client.recv(1 << 20))
    wait_for("the writer goes on", lambda: pumped() > last)
    client.close()


def test_clients_that_leave_midway(plain: Server) -> None:
    """A thousand of them; every one is noticed, and nothing stays."""
    open_pump(plain).close()
    gone = wait_for("first one to be noticed", lambda: plain.get("/pumped").json()["gone"])
    wait_for("streams to be closed", lambda: plain.idle_streams() <= 8)
    before, streams = plain.memory(), plain.idle_streams()
    for _ in range(LEAVERS):
        open_pump(plain).close()
    wait_for("every one to be noticed", lambda: plain.get("/pumped").json()["gone"] >= gone + LEAVERS)
    wait_for("streams to be closed", lambda: plain.idle_streams() <= streams)
    grown = {name: memory - before.get(name, 0) for name, memory in plain.memory().items()}
    tell(grown)
    assert max(grown.values()) < GROWTH / 2, grown
    assert plain.get("/hello").text == "hello stranger"
