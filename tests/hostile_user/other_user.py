"""Another user of the machine gets nothing."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import strangers
from as_user import AttackError, run_as
from attacks import Attack, Target, attacks, paths_in_proc
from report import Report, wait_for_line, what_is_broken
from victim import Victim

OTHER_USER = 65534

TURNED_AWAY = "a process of another user tried to connect to the worker link and was turned away"


def attack(victim: Victim, target: Target, report: Report) -> None:
    """Try everything, and look after the plugin each time."""
    _look_at_what_everybody_sees(victim, target, report)
    _prove_that_attacks_work(victim, target, report)
    for one in attacks(target):
        seen, is_kept_out = _try(one)
        broken = what_is_broken(victim, target.processes)
        report.note(f"another user: {one.name}", seen + broken, is_kept_out and not broken)
    _connect_to_an_open_socket(victim, target, report)


def _try(one: Attack) -> tuple[str, bool]:
    """Return what is to be said of an attack, and whether it was refused."""
    try:
        return f"it got {run_as(OTHER_USER, one.run)!r}", False
    except AttackError as error:
        # Anything but a refusal is no proof: a mistake in an attack raises too.
        last = str(error).strip().splitlines()[-1]
        return last, last.startswith("PermissionError: ")


def _prove_that_attacks_work(victim: Victim, target: Target, report: Report) -> None:
    """Let the plugin's own user do what harms nothing: an attack that nobody succeeds with proves nothing."""
    for one in attacks(target):
        if one.is_harmless:
            try:
                seen, is_right = f"{len(run_as(victim.uid, one.run))} characters", True
            except AttackError as error:
                seen, is_right = str(error).strip().splitlines()[-1], False
            report.note(f"the server's user, who can: {one.name}", seen, is_right)


def _look_at_what_everybody_sees(victim: Victim, target: Target, report: Report) -> None:
    """Command lines are for everybody, and environments for whatever the plugin starts."""
    token = victim.get("/token")
    if len(token) != strangers.TOKEN_LENGTH:
        raise AssertionError("the plugin does not tell its token, so nothing can be looked for")
    for name, pid in target.processes._asdict().items():
        for file in ("cmdline", "environ"):
            content = Path(f"/proc/{pid}/{file}").read_bytes()
            is_right = bool(content) and token.encode() not in content
            report.note(f"the token in the {name}'s {file}", f"not in its {len(content)} bytes", is_right)
    in_log = victim.count(token)
    report.note("the token in the server's log", f"in {in_log} lines", in_log == 0)
    abstract = [path for path in paths_in_proc() if path.startswith("@") and ("mmp" in path or "mattermost" in path)]
    report.note("sockets without a path, which have no mode", f"{abstract}", not abstract)
    for path, expected in [
        (target.worker_socket.parent, 0o700),
        (target.worker_socket, 0o600),
        (target.host_socket, 0o600),
    ]:
        mode = path.stat().st_mode & 0o777
        report.note(f"the mode of {path.name}, made with a umask of 0", f"{mode:04o}", mode == expected)


def _connect_to_an_open_socket(victim: Victim, target: Target, report: Report) -> None:
    """Where directory and mode are no obstacle, the credentials that the kernel tells have to be enough."""
    before = victim.count(TURNED_AWAY)
    hello = strangers.hello(victim.get("/token"))
    target.worker_socket.parent.chmod(0o711)
    target.worker_socket.chmod(0o666)
    try:
        said = run_as(OTHER_USER, partial(strangers.say, target.worker_socket, hello))
    finally:
        target.worker_socket.chmod(0o600)
        target.worker_socket.parent.chmod(0o700)
    wait_for_line(victim, TURNED_AWAY, before)
    broken = what_is_broken(victim, target.processes)
    what = "another user: show the right token on a socket that is open to all"
    report.note(what, said + broken, said == strangers.HUNG_UP and not broken)
