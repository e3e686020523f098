"""Generates the stubs: `python stubs.py PROTO_DIRECTORY INTO`. It needs the package grpcio-tools."""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc  # type: ignore[import-untyped]  # it has no types

TYPES = ["--mypy_out=quiet:{}", "--mypy_grpc_out=quiet,only_sync,generate_concrete_servicer_stubs:{}"]
"""What type checkers read. It needs the package mypy-protobuf and is not for the bundle."""


def generate(proto: Path, into: Path, types: bool = False) -> None:
    """Runs the compiler, and makes a module `pb` with all messages and services."""
    # Where the compiler has google/protobuf/timestamp.proto and the like.
    known = files("grpc_tools") / "_proto"
    sources = sorted(path.relative_to(proto) for path in proto.rglob("*.proto"))
    into.mkdir(parents=True, exist_ok=True)
    options = [f"-I{proto}", f"-I{known}", f"--python_out={into}", f"--grpc_python_out={into}"]
    options += [option.format(into) for option in TYPES if types]
    if protoc.main(["protoc", *options, *map(str, sources)]) != 0:
        raise SystemExit("the stubs cannot be generated")
    modules = [".".join(source.with_suffix("").parts) for source in sources]
    lines = [f"from {module}_pb2{service} import *" for module in modules for service in ("", "_grpc")]
    (into / "pb.py").write_text("\n".join([*lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    generate(Path(sys.argv[1]), Path(sys.argv[2]), types="--types" in sys.argv[3:])
