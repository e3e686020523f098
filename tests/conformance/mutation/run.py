"""Proves that the conformance run sees the change of a single field, in the bridge's codec and in the SDK.

    python3 run.py --refhost REFHOST --bundle BUNDLE --grpc-bundle BUNDLE --work DIRECTORY

The bundles are those of `../python` and of `../grpcio`; REFHOST is the built `go/refhost`. In DIRECTORY, which may be
kept to make the next run faster, the sources of the bridge are copied, mutated and built. Each mutation must make the
run fail and name the field.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[3]
BESIDE_MEMBERS = ["Cargo.toml", "Cargo.lock", "proto"]
"""What the bridge is built from besides the members of the workspace, without which cargo does not build."""
PATIENCE = 900
"""Seconds that a build or a run may take; one that takes longer hangs."""


class Mutation(NamedTuple):
    """The change of one field: in a file of the bundle, or in one of the bridge's sources."""

    what: str
    file: str
    old: str
    new: str
    field: str
    on_grpc: bool = False
    """Whether a plugin over gRPC is to see it."""


IN_SDK = [
    Mutation(
        "the SDK calls a field by another name",
        "server/site-packages/mattermost_plugin/_gen/models/users.py",
        "    locale: str",
        "    language: str",
        "locale",
    ),
    Mutation(
        "the SDK passes two arguments in the wrong order",
        "server/site-packages/mattermost_plugin/_gen/api/channels.py",
        "(methods.GET_CHANNEL_MEMBER, (channel_id, user_id))",
        "(methods.GET_CHANNEL_MEMBER, (user_id, channel_id))",
        "api/sync/GetChannelMember",
    ),
]

IN_CODEC = [
    Mutation(
        "the codec calls a field by another key",
        "crates/mmp-transcode/src/generated/types/u.rs",
        '"Locale", "locale", Kind::String)',
        '"Locale", "lokale", Kind::String)',
        "locale",
    ),
    Mutation(
        "the codec takes a field for another kind",
        "crates/mmp-transcode/src/generated/types/p.rs",
        '"EditAt", "edit_at", Kind::Int(64))',
        '"EditAt", "edit_at", Kind::Int(32))',
        "edit_at",
    ),
    Mutation(
        "the gateway takes a field for another number",
        "crates/mmp-transcode/src/generated/types/u.rs",
        'field(22, "Locale"',
        'field(222, "Locale"',
        "locale",
        on_grpc=True,
    ),
]


def main() -> int:
    """Run everything; the exit status is 0 if every mutation was seen."""
    arguments = _arguments()
    for bundle in (arguments.bundle, arguments.grpc_bundle):
        if not _passes(arguments, bundle):
            print(f"the run of {bundle} fails without any mutation; that has to be put right first")
            return 1
    seen = [_in_sdk(arguments, mutation) for mutation in IN_SDK]
    seen += [_in_codec(arguments, mutation) for mutation in IN_CODEC]
    print(f"{sum(seen)} of {len(seen)} mutations were seen")
    return 0 if all(seen) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Prove that the conformance run sees a mutation of one field.")
    for name in ("--refhost", "--bundle", "--grpc-bundle", "--work"):
        parser.add_argument(name, type=Path, required=True)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    return arguments


def _in_sdk(arguments: argparse.Namespace, mutation: Mutation) -> bool:
    bundle = _copy_of_bundle(arguments, arguments.bundle)
    _mutate(bundle, mutation)
    return _is_seen(arguments, bundle, mutation)


def _in_codec(arguments: argparse.Namespace, mutation: Mutation) -> bool:
    sources = arguments.work / "sources"
    _copy_sources(sources)
    _mutate(sources, mutation)
    target = arguments.work / "target"
    build = ["cargo", "build", "--quiet", "--locked", "-p", "mmp-bridge"]
    environment = {**os.environ, "CARGO_TARGET_DIR": str(target)}
    subprocess.run(build, cwd=sources, env=environment, check=True, timeout=PATIENCE)
    bundle = _copy_of_bundle(arguments, arguments.grpc_bundle if mutation.on_grpc else arguments.bundle)
    for binary in (bundle / "server").glob("mattermost-plugin-bridge-*"):
        shutil.copy2(target / "debug" / "mattermost-plugin-bridge", binary)
    return _is_seen(arguments, bundle, mutation)


def _copy_of_bundle(arguments: argparse.Namespace, bundle: Path) -> Path:
    copy: Path = arguments.work / "bundle"
    shutil.rmtree(copy, ignore_errors=True)
    # A mutated file is not the one in the list of hashes.
    shutil.copytree(bundle, copy, ignore=shutil.ignore_patterns("files.sha256"))
    return copy


def _copy_sources(copy: Path) -> None:
    """Copy what the bridge is built from; with its times, so that cargo builds only what differs."""
    shutil.rmtree(copy, ignore_errors=True)
    for name in [*BESIDE_MEMBERS, *_members()]:
        source, target = ROOT / name, copy / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("target"))
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def _members() -> list[str]:
    """Return the directories of the workspace's members; Python 3.10 has no parser of TOML."""
    text = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    found = re.search(r"^members = \[([^]]*)\]", text, re.MULTILINE)
    if found is None:
        raise SystemExit("Cargo.toml has no list of members")
    return [member.removesuffix("/*") for member in re.findall(r'"([^"]+)"', found[1])]


def _mutate(directory: Path, mutation: Mutation) -> None:
    path = directory / mutation.file
    text = path.read_text(encoding="utf-8")
    if mutation.old not in text:
        raise SystemExit(f"{path} has no {mutation.old!r}: the mutation has to be brought up to date")
    path.write_text(text.replace(mutation.old, mutation.new, 1), encoding="utf-8")
    # A bundle holds bytecode that Python takes without a look at the source.
    for bytecode in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
        bytecode.unlink()


def _is_seen(arguments: argparse.Namespace, bundle: Path, mutation: Mutation) -> bool:
    code, output = _run(arguments, bundle)
    named = [line for line in output.splitlines() if re.search(rf"\b{re.escape(mutation.field)}\b", line)]
    if code == 0 or not named or not re.search(r"^\d+ API methods.* differences$", output, re.MULTILINE):
        print(f"NOT SEEN: {mutation.what} ({mutation.field}); exit status {code}:\n{output}")
        return False
    print(f"seen: {mutation.what}: {named[0][:160]}")
    return True


def _passes(arguments: argparse.Namespace, bundle: Path) -> bool:
    code, output = _run(arguments, bundle)
    if code != 0:
        print(output)
    return code == 0


def _run(arguments: argparse.Namespace, bundle: Path) -> tuple[int, str]:
    command = [str(arguments.refhost), "conformance", "--styles", "sync", "--seed", "1", "--plugin", str(bundle)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    return done.returncode, done.stdout + done.stderr


if __name__ == "__main__":
    sys.exit(main())
