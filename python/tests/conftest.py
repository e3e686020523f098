from __future__ import annotations

import faulthandler
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fake_bridge import FakeBridge

if TYPE_CHECKING:
    from fake_driver import FakeDriver
    from mattermost_plugin import PluginAPIClient, db

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


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Run a PostgreSQL server and return its connection string."""
    from postgres import PostgreSQL, find_programs

    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: the database is not tested")
    server = PostgreSQL(programs)
    yield server.dsn
    server.stop()


@pytest.fixture
def driver(postgres: str) -> Iterator[FakeDriver]:
    """Return the server's database driver, and check that the test gives everything back."""
    from fake_driver import FakeDriver

    driver = FakeDriver(postgres)
    yield driver
    driver.close()
    assert driver.open == {}


@pytest.fixture
def api(driver: FakeDriver) -> PluginAPIClient:
    """Return an API client whose database is real."""
    from mattermost_plugin import PluginAPIClient

    return PluginAPIClient(driver)


@pytest.fixture
def connection(api: PluginAPIClient) -> Iterator[db.Connection]:
    """Open a connection to the database."""
    connection = api.db.connect()
    yield connection
    connection.close()


@pytest.fixture
def table(api: PluginAPIClient) -> Iterator[str]:
    """Make a table. A test names it before `connection`, which must be closed before the table can be dropped."""
    with api.db.connect() as connection:
        connection.execute("CREATE TABLE item (id serial PRIMARY KEY, name text UNIQUE NOT NULL, price numeric(10, 2))")
    yield "item"
    with api.db.connect() as connection:
        connection.execute("DROP TABLE item")
