"""The package and a plugin pass the strict type checkers, and wrong plugins do not."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
TYPING = Path(__file__).parent / "typing"


def _expected() -> set[int]:
    lines = (TYPING / "bad.py").read_text().splitlines()
    return {number for number, line in enumerate(lines, 1) if line.endswith("# error")}


def _mypy(*paths: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-error-summary", *paths],
        cwd=ROOT, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def _pyright(*paths: str) -> list[tuple[str, int, str]]:
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, *paths],
        cwd=ROOT, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    report = json.loads(done.stdout[done.stdout.index("{") :])
    return [
        (Path(item["file"]).name, item["range"]["start"]["line"] + 1, item["message"])
        for item in report["generalDiagnostics"]
        if item["severity"] == "error"
    ]


def test_mypy() -> None:
    assert _mypy("src", str(TYPING / "good.py")) == (0, "")


def test_mypy_refuses_wrong_plugins() -> None:
    _, output = _mypy(str(TYPING / "bad.py"))
    assert {int(line) for line in re.findall(r"bad\.py:(\d+): error", output)} == _expected(), output


def test_pyright() -> None:
    assert _pyright("src", str(TYPING / "good.py")) == []


def test_pyright_refuses_wrong_plugins() -> None:
    errors = _pyright(str(TYPING / "bad.py"))
    assert {line for _, line, _ in errors} == _expected(), errors
