"""Makes the stubs, which a bundle has from `build`."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

PLUGIN = Path(__file__).resolve().parent.parent
STUBS = tempfile.TemporaryDirectory(prefix="stubs")

# The generated code has to be there when the tests are imported.
sys.path[:0] = [STUBS.name, str(PLUGIN), str(PLUGIN / "tests")]

from stubs import generate  # noqa: E402

generate(Path(os.environ.get("MMP_PROTO") or PLUGIN.parent.parent / "proto"), Path(STUBS.name))

from fake_api import FakeAPI  # noqa: E402
from fake_gateway import Gateway  # noqa: E402


@pytest.fixture(scope="module")
def started() -> Iterator[Gateway]:
    """A plugin that many tests use."""
    with Gateway(PLUGIN, Path(STUBS.name), FakeAPI()) as gateway:
        yield gateway


@pytest.fixture
def gateway(started: Gateway) -> Gateway:
    """The same with an API in which nothing has happened yet."""
    started.api.reset()
    return started


@pytest.fixture
def api(gateway: Gateway) -> FakeAPI:
    """The API that the plugin calls."""
    return gateway.api


@pytest.fixture
def mortal() -> Iterator[Gateway]:
    """A plugin for one test, which ends it."""
    with Gateway(PLUGIN, Path(STUBS.name), FakeAPI()) as gateway:
        yield gateway


def pytest_sessionfinish() -> None:
    """The stubs are of no use any more."""
    STUBS.cleanup()
