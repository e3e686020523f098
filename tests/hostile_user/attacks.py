"""What another user of the machine tries. Each function returns what it got, or raises the error that kept it out."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import signal
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from victim import Processes

PTRACE_ATTACH = 16
PTRACE_SEIZE = 0x4206
PIDFD_GETFD = 438
"""The number of the system call, the same on every architecture."""


class Target(NamedTuple):
    """What is attacked."""

    processes: Processes
    worker_socket: Path
    host_socket: Path
    bundle: Path


class Attack(NamedTuple):
    """One attempt.

    Attributes:
        name: What is tried.
        run: Tries it.
        is_harmless: The plugin's own user can do it, and nothing comes of that.
    """

    name: str
    run: Callable[[], object]
    is_harmless: bool = False


def attacks(target: Target) -> list[Attack]:
    """Return everything that is tried at a target."""
    return [*_at_sockets(target), *_at_files(target), *_at_processes(target)]


def connect(path: str | Path) -> str:
    """Connect to a socket and return what it says first; an empty text if it hangs up."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(5)
        connection.connect(str(path))
        return repr(connection.recv(100))


def _at_sockets(target: Target) -> list[Attack]:
    directory = target.worker_socket.parent
    return [
        Attack("list the directory of the worker's socket", lambda: os.listdir(directory), is_harmless=True),
        Attack("enter the directory of the worker's socket", lambda: os.chdir(directory), is_harmless=True),
        Attack("look at the worker's socket", lambda: os.stat(target.worker_socket), is_harmless=True),
        Attack("connect to the worker's socket", lambda: connect(target.worker_socket)),
        Attack("remove the worker's socket", lambda: os.unlink(target.worker_socket)),
        Attack("make a file beside the worker's", lambda: os.mkfifo(directory / "mine")),
        Attack("remove the directory of the worker's socket", lambda: shutil.rmtree(directory)),
        Attack("put something in the place of that directory", lambda: os.rename(directory, f"{directory}.old")),
        Attack("connect to the server's socket", lambda: connect(target.host_socket)),
        Attack("remove the server's socket", lambda: os.unlink(target.host_socket)),
        Attack("put something in the place of the server's socket", lambda: _replace(target.host_socket)),
        Attack("connect to a socket that /proc/net/unix shows", lambda: _find_and_connect(target)),
    ]


def _replace(path: Path) -> None:
    own = path.with_name("mine")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(own))
        try:
            os.rename(own, path)
        finally:
            own.unlink()


def paths_in_proc() -> list[str]:
    """Return the paths of the machine's Unix sockets, which every user can read; abstract ones begin with `@`."""
    lines = Path("/proc/net/unix").read_text(encoding="utf-8", errors="replace").splitlines()
    return [fields[7] for line in lines if len(fields := line.split(maxsplit=7)) == 8]


def _find_and_connect(target: Target) -> str:
    """Try the plugin's sockets as somebody finds them who knows nothing but where sockets are made."""
    places = str(target.host_socket.parent)
    found = [path for path in paths_in_proc() if path.startswith(places)]
    if not {str(target.worker_socket), str(target.host_socket)}.issubset(found):
        return f"the search is of no use: it found {found}"
    refusals: list[str] = []
    for path in found:
        try:
            return connect(path)
        except PermissionError as error:
            refusals.append(str(error))
    raise PermissionError(f"{len(refusals)} sockets: {refusals[0]}")


def _at_files(target: Target) -> list[Attack]:
    return [
        Attack("write to the plugin's code", lambda: (target.bundle / "plugin.py").open("a")),
        Attack(
            "add a module that Python imports",
            lambda: (target.bundle / "server/site-packages/sitecustomize.py").open("w"),
        ),
        Attack("rewrite the list of hashes", lambda: (target.bundle / "server/files.sha256").open("a")),
    ]


def _at_processes(target: Target) -> list[Attack]:
    found: list[Attack] = []
    for name, pid in target.processes._asdict().items():
        found += _at_process(name, pid)
    return found


def _at_process(name: str, pid: int) -> list[Attack]:
    proc = Path(f"/proc/{pid}")
    reading = [
        Attack(
            f"read the {name}'s {file}", partial(_read, proc / file), is_harmless=file in ("environ", "maps", "auxv")
        )
        for file in ("environ", "maps", "auxv", "mem", "fd/0")
    ]
    following = [
        Attack(f"follow the {name}'s {link}", partial(os.readlink, proc / link), is_harmless=True)
        for link in ("cwd", "exe")
    ]
    sending = [
        Attack(f"send {sent.name} to the {name}", partial(os.kill, pid, sent))
        for sent in (signal.SIGSTOP, signal.SIGHUP, signal.SIGTERM, signal.SIGKILL)
    ]
    nothing = (0, 0)
    return [
        *reading,
        *following,
        Attack(f"list the {name}'s descriptors", lambda: os.listdir(proc / "fd"), is_harmless=True),
        Attack(f"attach to the {name}", lambda: _ptrace(PTRACE_ATTACH, pid)),
        Attack(f"seize the {name}", lambda: _ptrace(PTRACE_SEIZE, pid)),
        Attack(f"take a descriptor of the {name}", lambda: _take_descriptor(pid)),
        Attack(f"set a limit of the {name}", lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, nothing)),
        *sending,
    ]


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(100)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _ptrace(request: int, pid: int) -> int:
    ptrace = _libc().ptrace
    ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    ptrace.restype = ctypes.c_long
    return _checked(ptrace(request, pid, None, None))


def _take_descriptor(pid: int) -> int:
    process = os.pidfd_open(pid)
    return _checked(_libc().syscall(PIDFD_GETFD, process, 0, 0))
