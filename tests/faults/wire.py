"""The wire as a host speaks it, so far as a test needs to speak it wrongly: the handshake, yamux frames, gob bytes."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

DATA, WINDOW_UPDATE, PING, GO_AWAY = range(4)
SYN, ACK, FIN, RST = 1, 2, 4, 8

COOKIE = ("MATTERMOST_PLUGIN", "Securely message teams, anywhere.")


def frame(kind: int, flags: int, stream: int, length: int, body: bytes = b"", version: int = 0) -> bytes:
    """Return a yamux frame; the length is not that of the body unless the caller says so."""
    return struct.pack(">BBHII", version, kind, flags, stream, length) + body


def data(stream: int, body: bytes, flags: int = 0) -> bytes:
    """Return a good DATA frame."""
    return frame(DATA, flags, stream, len(body), body)


class RawPlugin:
    """A bridge that was started by hand, and the connection to it."""

    def __init__(self, executable: Path, directory: Path, variables: dict[str, str]) -> None:
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - `end` closes it
        environment = {**os.environ, **variables, COOKIE[0]: COOKIE[1], "PLUGIN_PROTOCOL_VERSIONS": "1"}
        self.process = subprocess.Popen(
            [executable],
            cwd=directory,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline().decode()
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.settimeout(5)
        self.connection.connect(line.split("|")[3])

    def send(self, *pieces: bytes) -> None:
        """Send bytes; the bridge may have closed the connection already."""
        try:
            for piece in pieces:
                self.connection.sendall(piece)
        except OSError:
            return

    def is_closed(self, within: float) -> bool:
        """Return whether the bridge closes the connection, or ends, in time."""
        end = time.monotonic() + within
        while (left := end - time.monotonic()) > 0:
            self.connection.settimeout(left)
            try:
                if not self.connection.recv(65536):
                    return True
            except TimeoutError:
                return False
            except OSError:
                return True
        return False

    def end(self) -> tuple[int, str]:
        """Close the connection and return the exit status and what was on standard error."""
        self.connection.close()
        try:
            code = self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
        self.errors.seek(0)
        said = self.errors.read().decode(errors="replace")
        self.errors.close()
        return code, said
