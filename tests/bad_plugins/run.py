"""Shows what bad plugins get: the real SDK, the real bridge and the test host, one tiny plugin per fault.

    python3 run.py --refhost REFHOST --bundle BUNDLE --work DIRECTORY [--only NAME]

BUNDLE is any unpacked bundle with the bridge and the SDK; every plugin here is its `server` directory with other files
beside it. The exit status is 0 if every plugin got what its case says.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from case import ID, Case
from cases import CASES
from grpc_cases import STARTS, WORKING_ON_GRPC
from working import WORKING, Working

PATIENCE = 40
"""Seconds that one case may take; one that takes longer hangs."""

LEFT_PATIENCE = 2.0
"""Seconds in which the last process of a plugin must be gone after the host."""


class Seen(NamedTuple):
    """What came of a case: what was seen, and what is wrong with it."""

    name: str
    what: str
    wrong: list[str]
    seconds: float


def main() -> int:
    """Run every case and print the table."""
    arguments = _arguments()
    _prove_that_processes_are_found(arguments.work)
    every: list[Case | Working] = [*CASES, *STARTS, *WORKING, *WORKING_ON_GRPC]
    chosen = [case for case in every if arguments.only in case.name and case.fits(sys.version_info[:2])]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        results = list(pool.map(partial(_run, arguments), chosen))
    for seen in results:
        print(f"{'FAILED' if seen.wrong else 'ok':6} {seen.seconds:4.1f} s  {seen.name}\n    {seen.what}")
        for problem in seen.wrong:
            print(f"    WRONG: {problem}")
    good = sum(not seen.wrong for seen in results)
    print(f"{good} of {len(results)} plugins got what they should")
    return 0 if results and good == len(results) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Show what bad plugins get.")
    for name in ("--refhost", "--bundle", "--work"):
        parser.add_argument(name, type=lambda text: Path(text).resolve(), required=True)
    parser.add_argument("--only", default="", help="run only the cases with this in their name")
    arguments = parser.parse_args()
    shutil.rmtree(arguments.work, ignore_errors=True)
    arguments.work.mkdir(parents=True)
    return arguments


def _run(arguments: argparse.Namespace, case: Case | Working) -> Seen:
    directory = arguments.work / re.sub(r"\W+", "-", case.name)
    bundle = directory / "bundle"
    _write_bundle(arguments.bundle, bundle, case)
    steps = case.steps(str(bundle))
    begin = time.monotonic()
    lines, problem = _play(arguments.refhost, directory, steps, case.variables)
    seconds = time.monotonic() - begin
    what, wrong = case.judge(str(bundle), lines)
    wrong += [problem] if problem else []
    left = _await_no_process(bundle)
    wrong += [f"a process of the plugin is left: {process}" for process in left]
    return Seen(case.name, what, wrong, seconds)


def _write_bundle(base: Path, bundle: Path, case: Case | Working) -> None:
    # The list of hashes is of the base bundle's own files.
    unlisted = shutil.ignore_patterns("files.sha256")
    shutil.copytree(base / "server", bundle / "server", copy_function=_link, ignore=unlisted)
    manifest = json.loads((base / "plugin.json").read_text(encoding="utf-8"))
    server = {"executables": manifest["server"]["executables"], "runtime": "python", **case.server}
    text = json.dumps({"id": ID, "name": case.name, "version": "1.0.0", "server": server}, indent=2)
    (bundle / "plugin.json").write_text(text, encoding="utf-8")
    for name, content in case.files.items():
        file = bundle / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")


def _link(source: str, target: str) -> None:
    """Link a file instead of copying it: the bridge and the SDK are the same for every plugin."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _play(
    refhost: Path, directory: Path, steps: list[dict[str, Any]], variables: dict[str, str]
) -> tuple[list[dict[str, Any]], str]:
    """Let the host play the steps; return the lines that it prints, and what went wrong."""
    script = directory / "scenario.json"
    script.write_text(json.dumps({"name": directory.name, "steps": steps}, indent=2), encoding="utf-8")
    environment = {**os.environ, "MATTERMOST_PLUGIN_PYTHON": sys.executable, **variables}
    command = [str(refhost), "scenario", str(script)]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return [], f"the host did not end within {PATIENCE} s"
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode == 0:
        return lines, ""
    log = lines[-1].get("value") if lines else None
    return lines, f"{done.stderr.strip()}\n      the log: " + "\n      ".join(log or ["is empty"])


def _await_no_process(bundle: Path) -> list[str]:
    deadline = time.monotonic() + LEFT_PATIENCE
    while (left := _processes_of(bundle)) and time.monotonic() < deadline:
        time.sleep(0.01)
    return left


def _processes_of(directory: Path) -> list[str]:
    """Return the processes that run in a directory, run a program of it, or have it in their environment."""
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            places = [os.readlink(process / "cwd"), os.readlink(process / "exe")]
            environment = (process / "environ").read_bytes()
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it is gone, a zombie, or somebody else's
        here = str(directory)
        if any(place == here or place.startswith(here + "/") for place in places) or here.encode() in environment:
            found.append(f"{process.name} {command}")
    return found


def _prove_that_processes_are_found(directory: Path) -> None:
    """Look for a process that is there: a search that finds nothing would find everything in order."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, cwd=directory) as child:
        found = _processes_of(directory)
        child.communicate(b"\n")
    if [process.split()[0] for process in found] != [str(child.pid)]:
        raise SystemExit(f"the search for processes does not work: it found {found} instead of {child.pid}")


if __name__ == "__main__":
    sys.exit(main())
