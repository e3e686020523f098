"""How long a hook's handler may take, and what is answered in its place when it is late or its worker is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from ._hook_spec import HookSpec, Kind

OnFailure = Literal["allow", "reject"]

SHORTEST_TIMEOUT = 0.01
LONGEST_TIMEOUT = 86_400.0

_PATIENCE: dict[Kind, float] = {
    # Half of the time that a start has by default: what is named later might be ended first.
    "activation": 60.0,
    "deactivation": 5.0,
    "command": 30.0,
    "event": 30.0,
    "result": 5.0,
    "long": 60.0,
    "http": 300.0,
    "file": 30.0,
}

_WITHOUT_TIMEOUT: dict[Kind, str] = {
    "activation": "has the time that the manifest gives a plugin to start (start_timeout)",
    "deactivation": "has the time that the server gives a plugin to stop",
    "event": "has no result, so nobody waits for its handler and it is never cancelled by time",
}


class HookOptions(NamedTuple):
    """What `hook` was given besides the name; None stands for the bridge's default."""

    timeout: float | None = None
    on_failure: OnFailure | None = None

    def payload(self) -> dict[str, Any]:
        """Return the options as READY carries them."""
        chosen: dict[str, Any] = {} if self.timeout is None else {"timeout": float(self.timeout)}
        return chosen if self.on_failure is None else {**chosen, "on_failure": self.on_failure}


NO_OPTIONS = HookOptions()


def problem(spec: HookSpec, options: HookOptions) -> str:
    """Return why a hook cannot have these options; empty if it can."""
    return _timeout_problem(spec, options.timeout) or _failure_problem(spec, options.on_failure)


def _timeout_problem(spec: HookSpec, timeout: object) -> str:
    if timeout is None:
        return ""
    if not _is_duration(timeout):
        limits = f"{SHORTEST_TIMEOUT} to {LONGEST_TIMEOUT:.0f}"
        return f"timeout must be a number of seconds from {limits}, not {timeout!r:.100}"
    reason = _WITHOUT_TIMEOUT.get(spec.kind)
    return f"{spec.name} {reason}; leave timeout out" if reason else ""


def _is_duration(value: object) -> bool:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    return SHORTEST_TIMEOUT <= value <= LONGEST_TIMEOUT


def _failure_problem(spec: HookSpec, on_failure: object) -> str:
    if on_failure is None:
        return ""
    if on_failure not in ("allow", "reject"):
        return f'on_failure must be "allow" or "reject", not {on_failure!r:.100}'
    if spec.reject:
        return ""
    from ._gen.hooks import HOOKS  # only needed for this message

    names = ", ".join(sorted(name for name, other in HOOKS.items() if other.reject))
    return f"{spec.name} cannot reject anything, so it takes no on_failure; the hooks that can are {names}"


def usual_duration(spec: HookSpec) -> float:
    """Return the seconds after which a handler without a timeout of its own has run for remarkably long."""
    return _PATIENCE[spec.kind]
