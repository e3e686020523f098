"""F16 and F17: bytes that are no protocol, and strangers at the sockets."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import struct
import subprocess
import sys
from pathlib import Path

import bundles
import processes
import wire
from driven import Host
from fault import Run, SkippedError, fault

MIB = 1 << 20

PEAK = 512 * MIB
"""Memory that a bridge may have asked for at most, used or not: some 200 MiB, most of it for stacks of threads."""

AT_ONCE_LIMIT = 5.0
"""Seconds in which a worker that breaks the protocol is replaced, or goes on."""

UNFINISHED = "a frame of 255 MiB that never comes"

RECYCLED_LIMIT = 20.0
"""Seconds: a worker whose frame never ends is started again when it has not answered pings for 15 s."""

MSGPACK_HELLO = 0x01


def _host_garbage(seed: int) -> dict[str, list[bytes]]:
    """Return what a host sends, by its name."""
    noise = random.Random(seed)
    control = wire.frame(wire.WINDOW_UPDATE, wire.SYN, 1, 0)
    # A request's header in gob: a type definition first, whose number is negative, or its length.
    huge = b"\xf8" + b"\xff" * 8
    return {
        "noise": [noise.randbytes(4096)],
        "no yamux version": [wire.frame(wire.DATA, 0, 1, 0, version=7)],
        "an unknown frame": [wire.frame(9, 0, 1, 0)],
        "a frame of 4 GiB": [control, wire.frame(wire.DATA, 0, 1, 0xFFFF_FFFF), b"x" * 65536],
        "more than the window": [control, *[wire.data(1, b"\x03abc" * 16384) for _ in range(16)]],
        "a stream that is open": [control, control],
        "a stream of the wrong side": [wire.frame(wire.WINDOW_UPDATE, wire.SYN, 2, 0)],
        "data for nobody": [wire.data(77, b"hello")],
        "a window that overflows": [control, *[wire.frame(wire.WINDOW_UPDATE, 0, 1, 0xFFFF_FFFF)] * 3],
        "many streams": [wire.frame(wire.WINDOW_UPDATE, wire.SYN, 2 * n + 1, 0) for n in range(70_000)],
        "a cut header": [control, b"\0\0\0"],
        "gob of 2^64 bytes": [control, wire.data(1, huge + b"x" * 1000)],
        "gob of 1 GiB": [control, wire.data(1, b"\xfc" + struct.pack(">I", 1 << 30) + b"x" * 1000)],
        "gob of an unknown type": [control, wire.data(1, b"\x05\xfe\x7f\xfe\x01\x02")],
        "gob that defines itself": [control, wire.data(1, b"\x0c\xff\x81\x02\x01\x02\xff\x82\0\x01\xff\x82\0\0")],
        "gob noise": [control, *[wire.data(1, bytes([100]) + noise.randbytes(100)) for _ in range(50)]],
        "a cut gob": [control, wire.data(1, b"\x7f\xff\x81\x03\x01"), wire.frame(wire.DATA, wire.FIN, 1, 0)],
    }


@fault("F16 a host that sends garbage")
def garbage_from_the_host(run: Run) -> None:
    """Injected: 17 kinds of bytes from the host's side, on a socket of their own: noise, wrong yamux frames,
    lengths of 4 GiB, gob with lengths of 2^64 bytes, unknown types, cut messages; with --long 200 kinds of noise
    besides.

    Expected: the bridge ends in order, or closes what is broken and goes on; no panic, no signal, no memory for the
    lengths: less than 512 MiB of addresses.
    """
    # Without an interpreter the bridge waits for none, and nothing but the connection is on trial.
    bundle = run.bundle()
    variables = {"MATTERMOST_PLUGIN_PYTHON": sys.executable, "MMP_PROTECTIONS_OFF": run.tools.off}
    kinds = _host_garbage(16)
    if run.long:
        kinds.update({f"noise {seed}": _host_garbage(seed)["gob noise"] for seed in range(200)})
    closed, highest = 0, 0
    for name, pieces in kinds.items():
        plugin = wire.RawPlugin(bundles.executable(bundle), bundle, variables)
        plugin.send(*pieces)
        closed += plugin.is_closed(0.15)
        with contextlib.suppress(OSError):  # it has ended already
            highest = max(highest, processes.memory(plugin.process.pid, "VmPeak"))
        code, said = plugin.end()
        if code not in (0, 1) or "panicked" in said:
            run.wrong.append(f"{name}: the bridge ended with {code}: {said.strip()[-300:]}")
    run.saw(f"{len(kinds)} kinds, {closed} of them closed the connection at once; none ended in a panic or a signal")
    run.expect(highest < PEAK, f"peak {highest // MIB} MiB", f"the bridge grew to {highest // MIB} MiB")
    gone = processes.wait_until(lambda: not processes.of_directory(bundle), 2)
    run.expect(gone, "no process left", "processes are left")


WORKER_GARBAGE = {
    "noise": "8f3c99",
    "a frame of 4 GiB": "ffffffff11000000010000ff",
    UNFINISHED: "0000f00f11000000010000ff",
    "an unknown kind": "00000000ee00000000000000",
    "an answer to nobody": "0100000011000000efbeadde90",
    "msgpack of 4 Gi entries": "0500000011000000efbeaddeddffffffff",
    "nesting without end": "00040000" + "06000000" + "00000000" + "91" * 1024,
    "a second HELLO": "01000000010000000000000080",
}
"""Bytes that a worker sends, in hexadecimal digits."""


@fault("F16 a worker that sends garbage", protections=("wire-caps",), seconds=90)
def garbage_from_the_worker(run: Run) -> None:
    """Injected: eight kinds of bytes that are no frames, or wrong ones, on all connections of a live worker.

    Expected: the bridge ends the worker and starts another, or takes no notice, and commands work within 5 s, or
    within 20 s for a frame that never ends; it asks for no more than 64 MiB; pings and posts go on.
    """
    bundle = run.bundle(hooks={"ExecuteCommand": {"timeout": 2}})
    for name, digits in WORKER_GARBAGE.items():
        with run.plugin(bundle, watch=False) as host:
            before, asked = host.worker(), processes.memory(host.pid, "VmPeak")
            reply = host.fault(f"garbage {digits}", within=20)
            grown = processes.memory(host.pid, "VmPeak") - asked
            pid, seconds = host.await_plugin(within=10)
            run.expect(pid, f"{name}: {'same' if pid == before else 'another'} worker", f"{name}: no worker, {reply}")
            if grown > 64 * MIB:
                run.wrong.append(f"{name}: the bridge asked for {grown // MIB} MiB")
            limit = RECYCLED_LIMIT if name == UNFINISHED else AT_ONCE_LIMIT
            if reply.seconds + seconds > limit:
                run.wrong.append(f"{name}: served again only after {reply.seconds + seconds:.1f} s")
            if host.post("hello").text != "hello (handled)":
                run.wrong.append(f"{name}: posts are not handled")


def _hello(token: str, role: str) -> bytes:
    """Return a HELLO frame. msgpack of texts of less than 256 bytes, and of small numbers, is easily written."""
    from mattermost_plugin._gen.schema import SCHEMA_HASH  # only this fault speaks the worker link

    def text(value: str) -> bytes:
        return b"\xd9" + bytes([len(value)]) + value.encode()

    fields = {"schema": SCHEMA_HASH, "token": token, "role": role, "sdk": "a stranger", "runtime": "none"}
    body = b"\x87" + text("protocol") + b"\x01" + text("pid") + b"\x01"
    body += b"".join(text(key) + text(value) for key, value in fields.items())
    return struct.pack("<IBBHI", len(body), MSGPACK_HELLO, 0, 0, 0) + body


def _link_socket(worker: int) -> str:
    environment = Path(f"/proc/{worker}/environ").read_bytes().split(b"\0")
    name = b"MATTERMOST_PLUGIN_WORKER_SOCKET="
    return next(entry.removeprefix(name).decode() for entry in environment if entry.startswith(name))


def _knock(path: str, first: bytes) -> bytes:
    """Connect to a socket, send something and return what comes until the end."""
    received = b""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(path)
        client.sendall(first)
        try:
            while data := client.recv(65536):
                received += data
        except ConnectionResetError:
            pass  # an end, too
    return received


@fault("F17 a stranger of the same user", protections=("link-authentication",))
def stranger_of_the_same_user(run: Run) -> None:
    """Injected: a program of the same user connects to the worker link: with a wrong token, without one, with
    noise.

    Expected: it is refused and the log says so within 2 s; the plugin goes on.
    """
    with run.plugin(run.bundle()) as host:
        before = host.worker()
        path = _link_socket(before)
        host.mark_log()
        for role in ("control", "sync"):
            answer = _knock(path, _hello("0" * 64, role))
            run.expect(b"token" in answer, f"{role}: refused", f"{role}: the answer is {answer!r}")
        answer = _knock(path, _hello("", "async"))
        run.expect(b"token" in answer, "no token: refused", f"no token: the answer is {answer!r}")
        run.expect(_knock(path, b"\xff" * 100) == b"", "noise: closed", "noise was answered")
        run.expect(host.logged("(?i)(refused|token)", 2), "the log says so", "nothing in the log")
        run.expect(host.worker() == before, "the same worker", "the worker was started again")


AS_NOBODY = """\
import os, socket, sys
os.setgid(65534); os.setgroups([]); os.setuid(65534)
for path in sys.argv[1:]:
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            client.sendall(b"x" * 100)
            client.settimeout(3)
            print("closed" if client.recv(100) == b"" else "answered")
    except OSError as error:
        print(type(error).__name__)
"""


@fault("F17 a stranger of another user")
def stranger_of_another_user(run: Run) -> None:
    """Injected: a program of another user connects to the worker link and to the bridge's own socket, and looks
    into its directory. `tests/hostile_user` tries everything else.

    Expected: it gets nothing; the plugin goes on.
    """
    if os.getuid() != 0:
        raise SkippedError("only root can become another user")
    with run.plugin(run.bundle()) as host:
        link = _link_socket(host.worker())
        paths = [link, *_sockets_of(host)]
        command = [sys.executable, "-S", "-c", AS_NOBODY, *paths]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True, cwd="/")
        answers = done.stdout.split()
        run.expect(
            len(answers) == len(paths) and set(answers) <= {"PermissionError", "closed", "ConnectionResetError"},
            f"{len(paths)} sockets: {', '.join(answers)}",
            f"the answers are {answers}, {done.stderr}",
        )
        mode = os.stat(os.path.dirname(link)).st_mode & 0o777
        run.expect(mode == 0o700, "the directory is private", f"the directory's mode is {mode:o}")
        run.expect(host.fault("pid").text.startswith("pid "), "the plugin goes on", "the plugin does not go on")


def _sockets_of(host: Host) -> list[str]:
    """Return the paths of the listening sockets of the bridge, but for the worker link's."""
    inodes: set[str] = set()
    for name in os.listdir(f"/proc/{host.pid}/fd"):
        place = os.readlink(f"/proc/{host.pid}/fd/{name}")
        if place.startswith("socket:["):
            inodes.add(place.removeprefix("socket:[").removesuffix("]"))
    lines = Path("/proc/net/unix").read_text(encoding="utf-8").splitlines()[1:]
    found = [line.split() for line in lines]
    return sorted({row[7] for row in found if len(row) == 8 and row[6] in inodes and "mmp-" not in row[7]})
