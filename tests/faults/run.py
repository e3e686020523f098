"""Injects faults into a plugin under the test host, and prints a table: injected, expected, seen.

    python3 run.py --refhost REFHOST --bundle BUNDLE --goplugin BUNDLE --conformance BUNDLE --work DIRECTORY
        [--only F6] [--long] [--mutate PROTECTIONS_RS]

BUNDLE is the unpacked bundle of `plugin`. The exit status is 0 if every fault did no more harm than expected; with
`--mutate`, if every fault fails without each of its protections.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import re
import shutil
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import crash_faults
import hang_faults
import load_faults
import resource_faults
import stop_faults
import stream_faults
import surroundings_faults
import value_faults
import wire_faults
from fault import FAULTS, Fault, Seen, Tools, inject
from processes import prove_that_processes_are_found

MODULES = (
    load_faults, crash_faults, hang_faults, stop_faults, resource_faults, stream_faults, wire_faults, value_faults,
    surroundings_faults,
)  # fmt: skip
"""They register their faults when they are imported."""

AT_ONCE = 4
"""How many faults run at the same time: most of them wait."""


def main() -> int:
    """Inject what was asked for and print the table."""
    arguments = _arguments()
    prove_that_processes_are_found(arguments.work)
    tools = Tools(arguments.refhost, arguments.bundle, arguments.goplugin, arguments.conformance)
    chosen = [one for one in FAULTS if _is_chosen(one, arguments.only, arguments.long)]
    if arguments.mutate is not None:
        return _mutate(arguments, tools, chosen)
    results = _inject_all(chosen, tools, arguments.work, arguments.long)
    good = sum(not seen.wrong for seen in results)
    for skipped in (seen for seen in results if seen.skipped):
        print(f"SKIPPED: {skipped.fault.name}: {skipped.skipped}")
    print(f"{good} of {len(results)} faults did no more harm than expected")
    return 0 if results and good == len(results) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Inject faults into a plugin.")
    for name in ("--refhost", "--bundle", "--goplugin", "--conformance", "--work"):
        parser.add_argument(name, type=lambda text: Path(text).resolve(), required=True)
    parser.add_argument("--only", action="append", default=[], help="faults whose name begins so, such as F6")
    parser.add_argument("--long", action="store_true", help="also those that take long, and more of each")
    parser.add_argument("--mutate", type=Path, help="the list of protections: switch each off in turn")
    arguments = parser.parse_args()
    shutil.rmtree(arguments.work, ignore_errors=True)
    arguments.work.mkdir(parents=True)
    return arguments


def _is_chosen(one: Fault, only: list[str], long: bool) -> bool:
    named = any(one.name == name or one.name.startswith(name + " ") for name in only)
    return named or (not only and (long or not one.long))


def _inject_all(chosen: list[Fault], tools: Tools, work: Path, long: bool) -> list[Seen]:
    """Inject faults side by side, those that need the machine for themselves one after the other."""

    def run(one: Fault) -> Seen:
        seen = inject(one, tools, work / re.sub(r"\W+", "-", one.name), long)
        print(_row(seen), flush=True)
        return seen

    together = [one for one in chosen if not one.alone]
    # The slowest begin first, so that nothing is left to wait for at the end.
    together.sort(key=lambda one: -one.seconds)
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        results = list(pool.map(run, together))
    return results + [run(one) for one in chosen if one.alone]


def _row(seen: Seen) -> str:
    verdict = "FAILED" if seen.wrong else "SKIPPED" if seen.skipped else "ok"
    parts = [("injected", seen.fault.injected), ("expected", seen.fault.expected), ("seen", seen.what or "nothing")]
    parts += [("WRONG", problem) for problem in seen.wrong]
    parts += [("skipped", seen.skipped)] if seen.skipped else []
    lines = [f"{verdict:7} {seen.fault.name} ({seen.seconds:.1f} s)"]
    for label, text in parts:
        lines += textwrap.wrap(text, 150, initial_indent=f"    {label:9} ", subsequent_indent=" " * 14)
    return "\n".join(lines)


def _mutate(arguments: argparse.Namespace, tools: Tools, chosen: list[Fault]) -> int:
    """Switch each protection off in turn; every fault that names it must fail then."""
    source = arguments.mutate.read_text(encoding="utf-8")
    names = re.findall(r'^    \w+ = "([a-z-]+)",$', source, re.MULTILINE)
    unknown = {name for one in FAULTS for name in one.protections} - set(names)
    if unknown or not names:
        raise SystemExit(f"there are no such protections in {arguments.mutate}: {', '.join(sorted(unknown))}")
    survivors: list[str] = []
    for name in names:
        relying = [one for one in chosen if name in one.protections]
        if not relying and not arguments.only:
            survivors.append(f"{name}: no fault relies on it")
        print(f"== without {name}", flush=True)
        off = dataclasses.replace(tools, off=name)
        for seen in _inject_all(relying, off, arguments.work / name, arguments.long):
            if not seen.wrong:
                survivors.append(f"{name}: {seen.fault.name} does not fail without it")
    for survivor in survivors:
        print(f"SURVIVED: {survivor}")
    print(f"{len(names)} protections, {len(survivors)} of them are not missed by a fault that should")
    return 1 if survivors else 0


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
