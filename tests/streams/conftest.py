"""The test host with real plugins in it. `cargo xtask test --only streams` sets what is needed.

Environment:
    REFHOST: The test host's executable.
    BUNDLES: A directory with the unpacked bundles of the plugins here, each named after its plugin's directory.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from server import Server


def bundle(name: str) -> Path:
    """Return the bundle of the plugin in `plugins/<name>`."""
    return Path(os.environ["BUNDLES"]) / name


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[..., Server]]:
    """Start test hosts, one for each list of plugins, and end them with the tests."""
    servers: dict[tuple[str, ...], Server] = {}

    def start(*names: str, arguments: tuple[str, ...] = ()) -> Server:
        key = names + arguments
        if key not in servers:
            servers[key] = Server([bundle(name) for name in names], arguments)
        return servers[key]

    yield start
    for server in servers.values():
        server.stop()


@pytest.fixture(params=["sync", "async"])
def plain(request: pytest.FixtureRequest, serve: Callable[..., Server]) -> Server:
    """Return a server with the plugin that has a plain handler, in both colours."""
    return serve(str(request.param))
