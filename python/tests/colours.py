"""Plugins that are the same for `def` and `async def` handlers."""

from __future__ import annotations

import pytest

COLOURS = pytest.mark.parametrize("colour", ["sync", "async"])


def coloured(source: str, colour: str) -> str:
    """Return a plugin's source in one of the colours: it is written with ASYNC and AWAIT."""
    is_async = colour == "async"
    source = source.replace("ASYNC ", "async " if is_async else "").replace("AWAIT ", "await " if is_async else "")
    return source.replace("API.", "self.async_api." if is_async else "self.api.")
