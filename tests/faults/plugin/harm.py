"""The harm that the plugin does, by word: `do` in a `def` handler, `do_async` in an `async def` handler."""

from __future__ import annotations

import asyncio
import ctypes
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Protocol


class Harmed(Protocol):
    """What the words need of the plugin."""

    endless: bool

    def note(self, name: str) -> None:
        """Count in the key-value store."""


WORDS: dict[str, Callable[[Harmed, str], str]] = {}
"""What is behind each word; it returns what the handler answers."""

KEPT: list[object] = []
"""What must not be collected."""


def word(function: Callable[[Harmed, str], str]) -> Callable[[Harmed, str], str]:
    """Register a function under its own name."""
    WORDS[function.__name__] = function
    return function


def do(plugin: Harmed, text: str) -> str:
    """Carry out one text: a word and its argument."""
    name, _, argument = text.partition(" ")
    return WORDS[name](plugin, argument)


async def do_async(plugin: Harmed, text: str) -> str:
    """Do the same in a coroutine, which blocks the event loop, except that `rest` waits as a coroutine should."""
    name, _, argument = text.partition(" ")
    if name == "rest":
        await asyncio.sleep(float(argument))
        return "rested"
    return do(plugin, text)


@word
def pid(plugin: Harmed, argument: str) -> str:
    """Answer at once."""
    return f"pid {os.getpid()}"


@word
def sleep(plugin: Harmed, argument: str) -> str:
    """Wait without using the processor."""
    time.sleep(float(argument))
    return f"slept {argument}"


@word
def spin(plugin: Harmed, argument: str) -> str:
    """Use the processor without end, or for so many seconds."""
    end = time.monotonic() + float(argument or "inf")
    while time.monotonic() < end:
        pass
    return "spun"


@word
def hold(plugin: Harmed, argument: str) -> str:
    """Keep the interpreter's lock, so that no other thread runs: an expression with exponential effort."""
    re.match(r"(a+)+$", "a" * int(argument) + "b")
    return "held"


@word
def abort(plugin: Harmed, argument: str) -> str:
    """End as a failed assertion of C code does."""
    os.abort()


@word
def crash(plugin: Harmed, argument: str) -> str:
    """Read an address that is not there."""
    ctypes.string_at(1)
    return "not reached"


@word
def kill(plugin: Harmed, argument: str) -> str:
    """End as after the kernel's out-of-memory killer."""
    os.kill(os.getpid(), signal.SIGKILL)
    return "not reached"


@word
def note(plugin: Harmed, argument: str) -> str:
    """Count something in the key-value store, after so many seconds: `NAME SECONDS`."""
    name, _, seconds = argument.partition(" ")
    time.sleep(float(seconds or 0))
    plugin.note(name)
    return f"noted {name}"


@word
def endless(plugin: Harmed, argument: str) -> str:
    """Let OnDeactivate never return."""
    plugin.endless = True
    return "OnDeactivate will not end"


@word
def unterminated(plugin: Harmed, argument: str) -> str:
    """Ignore SIGTERM, as far as a program can."""
    libc = ctypes.CDLL(None)
    libc.signal(signal.SIGTERM, 1)  # SIG_IGN; Python's own function works in the main thread only
    return "SIGTERM is ignored"


@word
def flood(plugin: Harmed, argument: str) -> str:
    """Write lines to both outputs for so many seconds; tell how much, and the longest that a write took."""
    end = time.monotonic() + float(argument)
    block = (b"x" * 99 + b"\n") * 650
    counts, longest = [0, 0], [0.0, 0.0]

    def write(index: int) -> None:
        while (begin := time.monotonic()) < end:
            counts[index] += os.write(index + 1, block)
            longest[index] = max(longest[index], time.monotonic() - begin)

    threads = [threading.Thread(target=write, args=(index,)) for index in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return f"{sum(counts)} bytes, longest write {max(longest):.3f} s"


@word
def odd(plugin: Harmed, argument: str) -> str:
    """Write a line of 10 MB, NUL, bytes that are not UTF-8, and what looks like a line for go-plugin's log."""
    long = b"y" * 10_000_000 + b"\n"
    while long:
        long = long[os.write(1, long) :]
    os.write(2, b"nul \0 and \xff\xfe not UTF-8\n")
    os.write(2, b'{"@message": 1, "@level": [], "@timestamp": {}}\n')
    os.write(1, b"1|1|unix|/nowhere|netrpc\n")
    os.write(2, b"the last odd line\n")
    return "written"


@word
def balloon(plugin: Harmed, argument: str) -> str:
    """Grow by so many MiB and stay so."""
    for _ in range(int(argument)):
        block = bytearray(1 << 20)
        block[:: resource.getpagesize()] = b"x" * (len(block) // resource.getpagesize())
        KEPT.append(block)
        time.sleep(0.002)
    time.sleep(20)
    return "grown"


@word
def fork(plugin: Harmed, argument: str) -> str:
    """Start so many processes that stay; tell how many there came to be, and what ended it."""
    for count in range(int(argument)):
        try:
            KEPT.append(subprocess.Popen(["/bin/sleep", "1000"]))
        except OSError as error:
            return f"{count} processes, then {type(error).__name__}"
    return f"{argument} processes, and no error"


@word
def leave(plugin: Harmed, argument: str) -> str:
    """Leave so many grandchildren behind, each in a session of its own and without a parent."""
    program = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(1000)\n"
    for _ in range(int(argument)):
        subprocess.run([sys.executable, "-S", "-c", program], check=True)
    return f"left {argument}"


@word
def descriptors(plugin: Harmed, argument: str) -> str:
    """Open descriptors until there are no more, and keep them for some seconds; tell how many, and what ended it."""
    held: list[int] = []
    try:
        while len(held) < 2_000_000:
            held.append(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        time.sleep(float(argument or 0))
        return f"{len(held)} descriptors, then {type(error).__name__}"
    finally:
        for descriptor in held:
            os.close(descriptor)
    return f"{len(held)} descriptors, and no error"


@word
def garbage(plugin: Harmed, argument: str) -> str:
    """Write bytes, given in hexadecimal digits, on every connection to the bridge."""
    data = bytes.fromhex(argument)
    for name in os.listdir("/proc/self/fd"):
        descriptor = int(name)
        try:
            if os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                os.write(descriptor, data)
        except OSError:
            continue  # it was the directory itself, or a socket that is not connected
    time.sleep(20)
    return "the bridge took the garbage"


@word
def surroundings(plugin: Harmed, argument: str) -> str:
    """Tell in what surroundings the process runs."""
    return f"home {os.environ.get('HOME')!r} encoding {sys.getfilesystemencoding()} output {sys.stdout.encoding}"
