"""A bridge in plain Python that speaks docs/reference/frames.md, for tests of the worker's side."""

from __future__ import annotations

import contextlib
import itertools
import os
import queue
import secrets
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from fake_streams import Exchange, Streams
from mattermost_plugin._gen import methods
from mattermost_plugin._gen.hooks import HOOKS
from mattermost_plugin._gen.schema import SCHEMA_HASH
from mattermost_plugin._method import Method

PATIENCE = 20.0
"""Seconds after which a test that waits has failed."""

HEADER = struct.Struct("<IBBHI")
HELLO, WELCOME, REFUSED, READY, FAILED, LOG, OPEN, STOP, PING, PONG = range(1, 11)
HOOK, HOOK_REPLY, HOOK_ERROR = 0x10, 0x11, 0x12
API_CALL, API_REPLY, API_ERROR = 0x18, 0x19, 0x1A
CANCEL = 0x1F

NEUTRAL = object()
"""The answer to a hook with an empty payload."""

METHODS = {value.ident: value for value in vars(methods).values() if isinstance(value, Method)}


class HookError(Exception):
    """The worker answered HOOK_ERROR."""

    def __init__(self, payload: dict[str, Any]) -> None:
        super().__init__(payload["message"])
        self.payload = payload


class ApiError(Exception):
    """Raise it in an API handler to answer API_ERROR."""

    def __init__(self, **fields: Any) -> None:
        super().__init__(fields)
        self.fields = {"kind": "app", **fields}


class Peer:
    """One accepted connection."""

    def __init__(self, sock: socket.socket, role: str) -> None:
        self.sock = sock
        self.role = role
        self.lock = threading.Lock()

    def send(self, kind: int, value: Any = NEUTRAL, *, flags: int = 0, method: int = 0, ident: int = 0) -> None:
        payload = b"" if value is NEUTRAL else msgspec.msgpack.encode(value)
        with self.lock:
            self.sock.sendall(HEADER.pack(len(payload), kind, flags, method, ident) + payload)

    def receive(self) -> tuple[int, int, int, int, bytes]:
        length, kind, flags, method, ident = HEADER.unpack(self._exactly(HEADER.size))
        return kind, flags, method, ident, self._exactly(length)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self.sock.recv(size - len(data))
            if not part:
                raise EOFError
            data += part
        return data


class FakeBridge:
    """Starts a worker and plays the bridge for it."""

    def __init__(
        self,
        bundle: Path,
        *,
        entry_point: str = "plugin.py",
        sync_connections: int = 4,
        env: dict[str, str] | None = None,
        python_args: tuple[str, ...] = ("-m", "mattermost_plugin"),
        refuse: str = "",
        welcome: dict[str, Any] | None = None,
    ) -> None:
        self.bundle = bundle
        self.api: dict[str, Callable[..., Any]] = {}
        self.logs: list[tuple[str, str, dict[str, str]]] = []
        self.api_roles: list[tuple[str, str]] = []
        self.cancelled: queue.Queue[tuple[int, int]] = queue.Queue()
        self.log_event = threading.Condition()
        self.longest_log = 0
        self.pongs: queue.Queue[tuple[int, dict[str, Any]]] = queue.Queue()
        self.ready: dict[str, Any] | None = None
        self.failed: dict[str, Any] | None = None
        self.token = secrets.token_hex(32)
        self.hellos: list[dict[str, Any]] = []
        self.closed_api_connections: queue.Queue[None] = queue.Queue()
        self._sockets: list[socket.socket] = []
        self._refuse = refuse
        self._welcome_fields = welcome or {}
        self._sync_connections = sync_connections
        self._outcome = threading.Event()
        self._idle: queue.LifoQueue[Peer] = queue.LifoQueue()
        self._control: Peer | None = None
        self._async: Peer | None = None
        self._waiting: dict[int, queue.Queue[tuple[int, bytes]]] = {}
        self._idents = itertools.count(1)
        self.streams = Streams(self)
        # Unix socket paths are short: 108 bytes.
        self._path = f"/tmp/mmfb-{secrets.token_hex(6)}.sock"
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(self._path)
        self._listener.listen(128)
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()
        self.process = subprocess.Popen(
            [sys.executable, *python_args],
            cwd=bundle,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={
                **os.environ,
                "MATTERMOST_PLUGIN_WORKER_SOCKET": self._path,
                "MATTERMOST_PLUGIN_ID": "com.example.test",
                "MATTERMOST_PLUGIN_PATH": str(bundle),
                "MATTERMOST_PLUGIN_ENTRY_POINT": entry_point,
                **(env or {}),
            },
        )
        assert self.process.stdin is not None
        self.process.stdin.write(self.token.encode() + b"\n")
        self.process.stdin.flush()

    # Life

    def wait_ready(self) -> dict[str, str]:
        """Wait for READY and return hook name -> mode."""
        assert self._outcome.wait(PATIENCE), f"no READY; output: {self.kill()}"
        assert self.failed is None, self.failed
        assert self.ready is not None, f"the worker is gone: {self.kill()}"
        names = {spec.ident: name for name, spec in HOOKS.items()}
        return {names[ident]: mode for ident, mode, *_ in self.ready["hooks"]}

    def options(self) -> dict[str, dict[str, Any]]:
        """Return hook name -> options of the hooks that have any."""
        assert self.ready is not None
        names = {spec.ident: name for name, spec in HOOKS.items()}
        return {names[ident]: more[0] for ident, _, *more in self.ready["hooks"] if more}

    def ping(self) -> dict[str, Any]:
        """Send PING and return what PONG carries."""
        assert self._control is not None
        ident = next(self._idents)
        self._control.send(PING, ident=ident)
        answered, payload = self.pongs.get(timeout=PATIENCE)
        assert answered == ident
        return payload

    def _mode(self, ident: int) -> str:
        assert self.ready is not None
        return next(mode for hook, mode, *_ in self.ready["hooks"] if hook == ident)

    def wait_failed(self) -> dict[str, Any]:
        """Wait for FAILED and the exit, and return the report."""
        assert self._outcome.wait(PATIENCE), f"no FAILED; output: {self.kill()}"
        assert self.failed is not None, f"not FAILED: {self.ready} {self.kill()}"
        assert self.process.wait(PATIENCE) == 1
        return self.failed

    def stop(self) -> int:
        """Send STOP and return the exit status."""
        assert self._control is not None
        self._control.send(STOP)
        return self.process.wait(PATIENCE)

    def close_stdin(self) -> int:
        """Close the worker's standard input and return the exit status."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(PATIENCE)

    def kill(self) -> str:
        """End the worker and return what it printed."""
        if self.process.poll() is None:
            self.process.kill()
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError, ValueError):
            self.process.stdin.close()
        output = "" if self.process.stdout.closed else self.process.stdout.read().decode()
        self.process.stdout.close()
        self.process.wait(PATIENCE)
        return output

    def close(self) -> None:
        """End everything."""
        self.kill()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join(PATIENCE)
        self._listener.close()
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)

    def drop_connections(self) -> None:
        """Close all connections, as a bridge that crashes does."""
        for sock in self._sockets:
            sock.shutdown(socket.SHUT_RDWR)

    # Hooks and orders

    def send_hook(self, name: str, *args: Any) -> tuple[Peer, int]:
        """Send a hook on the right connection and return where its answer comes from."""
        spec = HOOKS[name]
        mode = self._mode(spec.ident)
        ident = next(self._idents)
        if mode == "async":
            assert self._async is not None
            self._waiting[ident] = queue.Queue()
            self._async.send(HOOK, list(args), method=spec.ident, ident=ident)
            return self._async, ident
        peer = self._take_idle()
        peer.send(HOOK, list(args), method=spec.ident, ident=ident)
        return peer, ident

    def hook(self, name: str, *args: Any) -> Any:
        """Call a hook and return its results, or NEUTRAL."""
        peer, ident = self.send_hook(name, *args)
        return self.finish_hook(peer, ident)

    def stream(self, name: str, *args: Any) -> Exchange:
        """Send a hook with streams."""
        spec = HOOKS[name]
        ident = next(self._idents)
        if self._mode(spec.ident) == "async":
            assert self._async is not None
            exchange = self.streams.open(self._async, spec.ident, ident)
            self._async.send(HOOK, list(args), method=spec.ident, ident=ident)
            return exchange
        peer = self._take_idle()
        exchange = self.streams.open(peer, spec.ident, ident)
        peer.send(HOOK, list(args), method=spec.ident, ident=ident)

        def read() -> None:
            self.streams.read_hook(peer, exchange)
            self._idle.put(peer)

        threading.Thread(target=read, daemon=True).start()
        return exchange

    def http(self, method: str = "GET", url: str = "/", body: bytes | None = b"", **fields: Any) -> Exchange:
        """Send an HTTP request; a body of None is sent by the test."""
        hook = fields.pop("hook", "ServeHTTP")
        own = fields.pop("own_headers", {})
        more = fields.pop("more", [])
        request = {"method": method, "url": url, "proto": "HTTP/1.1", **fields}
        exchange = self.stream(hook, request, {"request_id": "r1"}, own, *more)
        if body is not None:
            exchange.supply(body)
        return exchange

    def method_name(self, ident: int) -> str:
        """Return the name of an API method."""
        return METHODS[ident].name

    def finish_hook(self, peer: Peer, ident: int) -> Any:
        """Wait for a hook's answer, serving the API calls made in it."""
        if peer is self._async:
            kind, payload = self._waiting[ident].get(timeout=PATIENCE)
        else:
            kind, payload = self._finish_sync(peer, ident)
            self._idle.put(peer)
        if kind == HOOK_ERROR:
            raise HookError(msgspec.msgpack.decode(payload))
        return msgspec.msgpack.decode(payload) if payload else NEUTRAL

    def cancel_hook(self, peer: Peer, ident: int) -> None:
        """Send CANCEL for a hook."""
        peer.send(CANCEL, ident=ident)

    def send_raw(self, role: str, kind: int) -> None:
        """Send an empty frame of some kind."""
        peer = {"control": self._control, "async": self._async}[role]
        assert peer is not None
        peer.send(kind)

    def open(self, count: int) -> None:
        """Order more sync connections."""
        assert self._control is not None
        self._control.send(OPEN, ident=count)

    def _take_idle(self) -> Peer:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            self.open(1)
            return self._idle.get(timeout=PATIENCE)

    def _finish_sync(self, peer: Peer, ident: int) -> tuple[int, bytes]:
        peer.sock.settimeout(PATIENCE)
        while True:
            kind, _, method, answered, payload = peer.receive()
            if kind == API_CALL:
                self.serve_api(peer, method, answered, payload)
                continue
            assert kind in (HOOK_REPLY, HOOK_ERROR)
            assert answered == ident
            return kind, payload

    # The worker's connections

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        # The worker may be killed at any moment.
        with contextlib.suppress(EOFError, OSError):
            self._welcome(sock)

    def _welcome(self, sock: socket.socket) -> None:
        peer = Peer(sock, "")
        kind, _, _, _, payload = peer.receive()
        hello = msgspec.msgpack.decode(payload)
        assert kind == HELLO
        assert hello["token"] == self.token
        assert hello["protocol"] == 2
        assert hello["schema"] == SCHEMA_HASH
        self.hellos.append(hello)
        peer.role = hello["role"]
        if self._refuse:
            peer.send(REFUSED, {"code": "schema", "message": self._refuse})
            sock.close()
            return
        if peer.role == "control":
            self._control = peer
        elif peer.role == "async":
            self._async = peer
        peer.send(
            WELCOME,
            {
                "protocol": 2,
                "plugin_id": "com.example.test",
                "bundle_path": "/nowhere",
                "sync_connections": self._sync_connections,
                **self._welcome_fields,
            },
        )
        if peer.role == "sync":
            self._idle.put(peer)
            return
        with contextlib.suppress(EOFError, OSError):
            {"control": self._serve_control, "async": self._serve_async, "api": self._serve_calls}[peer.role](peer)
        if peer.role == "control":
            self._outcome.set()
        if peer.role == "api":
            self.closed_api_connections.put(None)

    def _serve_control(self, peer: Peer) -> None:
        while True:
            kind, _, _, ident, payload = peer.receive()
            value = msgspec.msgpack.decode(payload)
            if kind == PONG:
                self.pongs.put((ident, value))
            elif kind == LOG:
                self.longest_log = max(self.longest_log, HEADER.size + len(payload))
                with self.log_event:
                    self.logs.append(tuple(value))
                    self.log_event.notify_all()
            elif kind == READY:
                self.ready = value
                self._outcome.set()
            else:
                assert kind == FAILED
                self.failed = value
                self._outcome.set()

    def _serve_async(self, peer: Peer) -> None:
        while True:
            kind, flags, method, ident, payload = peer.receive()
            if self.streams.take(peer, kind, flags, method, ident, payload) is not None:
                continue
            if kind == API_CALL:
                threading.Thread(target=self.serve_api, args=(peer, method, ident, payload), daemon=True).start()
            elif kind == CANCEL:
                self.cancelled.put((flags, ident))
            else:
                self._waiting[ident].put((kind, payload))

    def _serve_calls(self, peer: Peer) -> None:
        while True:
            kind, flags, method, ident, payload = peer.receive()
            if self.streams.take(peer, kind, flags, method, ident, payload) is None:
                assert kind == API_CALL
                self.serve_api(peer, method, ident, payload)

    def serve_api(self, peer: Peer, method: int, ident: int, payload: bytes) -> None:
        name = METHODS[method].name
        self.api_roles.append((name, peer.role))
        try:
            results = self.api[name](*msgspec.msgpack.decode(payload))
        except ApiError as error:
            peer.send(API_ERROR, error.fields, method=method, ident=ident)
            return
        except Exception as error:  # a fault of the test itself must reach the worker, not hang it
            peer.send(API_ERROR, {"kind": "error", "message": repr(error)}, method=method, ident=ident)
            return
        peer.send(API_REPLY, results, method=method, ident=ident)

    def wait_log(self, wanted: Callable[[tuple[str, str, dict[str, str]]], bool]) -> tuple[str, str, dict[str, str]]:
        """Wait for a log line."""

        def found() -> tuple[str, str, dict[str, str]] | None:
            return next((line for line in self.logs if wanted(line)), None)

        with self.log_event:
            line = self.log_event.wait_for(found, PATIENCE)
        assert line is not None, self.logs
        return line
