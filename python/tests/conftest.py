from __future__ import annotations

import faulthandler
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fake_bridge import FakeBridge

HANG_LIMIT = 120
"""Seconds after which a test that hangs ends the whole run, with every thread's stack."""


@pytest.fixture(autouse=True)
def _hang_guard() -> Iterator[None]:
    faulthandler.dump_traceback_later(HANG_LIMIT, exit=True, file=sys.__stderr__)
    yield
    faulthandler.cancel_dump_traceback_later()


Start = Callable[..., FakeBridge]

HEAD = """
import os, sys, threading, time
import asyncio as _asyncio
from mattermost_plugin import *
from mattermost_plugin.models import *
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a worker with the given source as its plugin."""
    bridges: list[FakeBridge] = []

    def run(source: str, *, api: dict[str, Any] | None = None, head: str = HEAD, **options: Any) -> FakeBridge:
        (tmp_path / "plugin.py").write_text(head + textwrap.dedent(source))
        bridge = FakeBridge(tmp_path, **options)
        bridge.api.update(api or {})
        bridges.append(bridge)
        return bridge

    yield run
    for bridge in bridges:
        bridge.close()
