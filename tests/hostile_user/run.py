"""Attacks a running plugin as another user of the machine, and as a process of its own user that is not its worker.

    python3 run.py --refhost REFHOST --bundle BUNDLE

It has to be run by root, who can be anybody. The exit status is 0 if nobody got anything and the plugin goes on
working.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import other_user
import own_user
from attacks import Target
from report import Report
from victim import Victim

SERVER_USER = 65533


def main() -> int:
    """Run everything."""
    parser = argparse.ArgumentParser(description="Attack a plugin as another user.")
    for name in ("--refhost", "--bundle"):
        parser.add_argument(name, type=lambda text: Path(text).resolve(), required=True)
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        print("SKIPPED: the attacks of another user were not tried: only root can be another user")
        return 0
    report = Report()
    with tempfile.TemporaryDirectory(prefix="hostile-user-") as name:
        directory = Path(name)
        # Everybody can look around in it, as in /tmp: nothing but the bridge's own protection is in the way.
        directory.chmod(0o755)
        uid, python = _server_user(directory)
        print(f"the server's user is {uid}, its Python {python}, the other user {other_user.OTHER_USER}")
        victim = Victim(uid, python, arguments.refhost, arguments.bundle, directory)
        try:
            processes = own_user.start_with_a_stranger_at_the_gate(victim, report)
            target = Target(processes, victim.worker_socket(processes), victim.host_socket(), victim.bundle)
            other_user.attack(victim, target, report)
            own_user.attack(victim, target, report)
        finally:
            victim.stop()
    return report.status()


def _server_user(directory: Path) -> tuple[int, str]:
    """Return the user that the server shall run as, and an interpreter for the plugin that this user can run.

    If the only Python is in root's home directory, nobody but root can run a plugin.
    """
    own = os.path.realpath(sys.executable)
    for python in (own, "/usr/local/bin/python3", "/usr/bin/python3"):
        if _can_run(python, directory):
            return SERVER_USER, python
    print("note: no user but root can run a Python here, so the server runs as root")
    return 0, own


def _can_run(python: str, directory: Path) -> bool:
    command = [python, "-I", "-c", "import sys; sys.exit(sys.version_info < (3, 10))"]
    try:
        done = subprocess.run(
            command,
            cwd=directory,
            user=SERVER_USER,
            group=SERVER_USER,
            extra_groups=[],
            capture_output=True,
            check=False,
        )
    except OSError:
        return False
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
