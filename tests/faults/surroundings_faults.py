"""F19: machines on which something is missing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import bundles
import processes
from driven import HostError
from fault import Run, SkippedError, fault

HERE = 'exec "$@"'
"""The end of a script that prepares a namespace: what runs in it."""

READ_ONLY = "mount -t tmpfs -o ro tmpfs "


def _in_namespace(*commands: str) -> list[str]:
    """Return what runs a host with mounts of its own, which nobody else sees."""
    if os.getuid() != 0:
        raise SkippedError("only root can mount")
    prefix = ["unshare", "-m", "--propagation", "private"]
    if subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode != 0:
        raise SkippedError("this machine does not let root unshare mounts")
    return [*prefix, "sh", "-c", " && ".join([*commands, HERE]), "sh"]


def _works(run: Run, bundle: Path, **options: Any) -> None:
    """Start a plugin, let it handle a post and a command, and stop it."""
    with run.plugin(bundle, watch=False, **options) as host:
        post = host.post("hällo 🐍")
        run.expect(post.text == "hällo 🐍 (handled)", "posts are handled", f"a post: {post}")
        run.saw(host.fault("surroundings").text)
        host.do("stop")


def _refused(run: Run, bundle: Path, pattern: str, **options: Any) -> None:
    """See that a plugin is refused with a sentence that matches."""
    with run.host(**options) as host:
        try:
            host.start(bundle)
            run.expect(False, "", "the plugin was activated")
        except HostError as error:
            found = host.logged(pattern, 2)
            run.expect(
                found, f"refused: “{found and found['message']}”", f"refused with {error}, and no line for {pattern}"
            )


@fault("F19 a bundle that is read-only")
def read_only_bundle(run: Run) -> None:
    """Injected: the bundle's directory is mounted read-only.

    Expected: the plugin works.
    """
    bundle = run.bundle()
    prefix = _in_namespace(f"mount --bind '{bundle}' '{bundle}'", f"mount -o remount,bind,ro '{bundle}'")
    _works(run, bundle, prefix=prefix)


@fault("F19 a temporary directory without execution")
def noexec_temporary(run: Run) -> None:
    """Injected: the directory for temporary files is mounted with noexec, nodev, nosuid.

    Expected: the plugin works.
    """
    place = run.directory / "tmp"
    place.mkdir()
    prefix = _in_namespace(f"mount -t tmpfs -o noexec,nodev,nosuid,mode=1777 tmpfs '{place}'")
    _works(run, run.bundle(), prefix=prefix, variables={"TMPDIR": str(place)})


@fault("F19 no environment")
def no_environment(run: Run) -> None:
    """Injected: HOME, USER, LANG, TMPDIR and TERM are not set, and PATH is empty.

    Expected: the plugin works.
    """
    missing: dict[str, str | None] = dict.fromkeys(("HOME", "USER", "LOGNAME", "LANG", "TMPDIR", "TERM", "SHELL"))
    _works(run, run.bundle(), variables={**missing, "PATH": ""})


@fault("F19 no directory for temporary files", protections=("temporary-directory",))
def no_temporary_directory(run: Run) -> None:
    """Injected: $TMPDIR and /tmp are read-only; then /var/tmp, /dev/shm and the bundle too.

    Expected: the plugin works with another directory; when there is none, it is refused with one sentence.
    """
    place = run.directory / "tmp"
    place.mkdir()
    if run.directory.is_relative_to("/tmp") or run.directory.is_relative_to("/var/tmp"):
        raise SkippedError(f"{run.directory} would be hidden")
    bundle = run.bundle()
    some = [READ_ONLY + f"'{place}'", READ_ONLY + "/tmp"]
    more = [READ_ONLY + f"{other}" for other in ("/var/tmp", "/dev/shm") if Path(other).is_dir()]
    more += [f"mount --bind '{bundle}' '{bundle}'", f"mount -o remount,bind,ro '{bundle}'"]
    variables = {"TMPDIR": str(place)}
    _works(run, bundle, prefix=_in_namespace(*some), variables=variables)
    _refused(run, bundle, r"(?i)^error.*/tmp", prefix=_in_namespace(*some, *more), variables=variables)


@fault("F19 a full disk", protections=("temporary-directory",))
def full_disk(run: Run) -> None:
    """Injected: the directory for temporary files is on a disk of 64 KiB, which is full.

    Expected: the plugin works with another directory.
    """
    place = run.directory / "tmp"
    place.mkdir()
    mount = f"mount -t tmpfs -o size=64k,nr_inodes=2 tmpfs '{place}'"
    prefix = _in_namespace(mount, f"head -c 65536 /dev/zero > '{place}/full'")
    _works(run, run.bundle(), prefix=prefix, variables={"TMPDIR": str(place)})


@fault("F19 an image without anything", protections=())
def bare_image(run: Run) -> None:
    """Injected: a root directory with /proc, /dev/null and the bundle, and nothing else: no shell, no libraries, no
    Python.

    Expected: the bridge runs, and the plugin is refused with a sentence that says that Python is missing.
    """
    root = run.directory / "root"
    bundle = run.bundle()
    for name in ("proc", "dev", "tmp"):
        (root / name).mkdir(parents=True)
    shutil.move(bundle, root / "bundle")
    shutil.copy2(run.tools.refhost, root / "refhost")
    (root / "dev/null").touch()
    prefix = _in_namespace(
        f"mount -t proc proc '{root}/proc'",
        f"mount --bind /dev/null '{root}/dev/null'",
        f"set -- chroot '{root}' \"$@\"",
    )
    if not _runs_anywhere(run.tools.refhost):
        raise SkippedError("the test host is linked against libraries")
    variables = {"MATTERMOST_PLUGIN_PYTHON": None, "TMPDIR": None}
    _refused(run, Path("/bundle"), r"(?i)^error.*python", prefix=prefix, variables=variables, refhost=Path("/refhost"))


def _runs_anywhere(program: Path) -> bool:
    """Return whether a program needs no loader: it runs in a directory where nothing else is."""
    return b"/ld-linux" not in program.read_bytes()[:4096]


@fault("F19 another encoding")
def other_encoding(run: Run) -> None:
    """Injected: a locale without UTF-8, and a bundle whose path has letters that are not ASCII, and a space.

    Expected: the plugin works, and texts arrive as they are.
    """
    bundle = run.bundle().rename(run.directory / "ein bündel ☃")
    bundles.write_hashes(bundle)
    locale = {"LC_ALL": "C", "LANG": "de_DE.ISO-8859-1", "PYTHONUTF8": None, "PYTHONIOENCODING": None}
    _works(run, bundle, variables=locale)


@fault("F19 clocks far ahead")
def clocks_far_ahead(run: Run) -> None:
    """Injected: the monotonic clocks begin three years ahead, in a time namespace. (The clock of the day belongs to
    the whole machine; nothing in the bridge measures with it.)

    Expected: the plugin works.
    """
    if os.getuid() != 0:
        raise SkippedError("only root can make a time namespace")
    ahead = str(3 * 365 * 24 * 3600)
    prefix = ["unshare", "-T", "--monotonic", ahead, "--boottime", ahead, "-f", "--kill-child"]
    if subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode != 0:
        raise SkippedError("this machine has no time namespaces")
    _works(run, run.bundle(), prefix=prefix)


@fault("F19 a jump in time", seconds=90)
def jump_in_time(run: Run) -> None:
    """Injected: the whole plugin, bridge and worker, is stopped for 17 s and goes on, as on a machine that was
    suspended.

    Expected: the next post is handled within its deadline of 5 s, and the worker is not blamed for the time in which
    nobody ran: 6 s later it is the same.
    """
    bundle = run.bundle()
    # The host itself runs on, so its pings are late by as much.
    with run.plugin(bundle, watch=False, ping_limit=20) as host:
        before = host.worker()
        everything = [host.pid, *processes.descendants(host.pid)]
        for pid in everything:
            processes.send_signal(pid, signal.SIGSTOP)
        processes.wait_until(lambda: False, 17)
        for pid in everything:
            processes.send_signal(pid, signal.SIGCONT)
        post = host.post("hello")
        run.expect(post.text == "hello (handled)", f"a post was handled after {post.seconds:.2f} s", f"a post: {post}")
        processes.wait_until(lambda: host.worker() != before, 6)
        run.expect(host.worker() == before, "the same worker", "the worker was started again")
