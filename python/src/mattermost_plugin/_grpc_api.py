"""What programs beside the plugin need to call the API over gRPC."""

from __future__ import annotations

import os

from .exceptions import UnavailableError

_TARGET = "MATTERMOST_PLUGIN_API_TARGET"

_token = ""


def keep_token(value: str) -> None:
    """Keep the token that the bridge gave to this process."""
    global _token
    _token = value


def target() -> str:
    """Return the address at which the bridge serves `PluginAPI` over gRPC, for example `unix:/tmp/mmp-1/api.sock`.

    Raises:
        UnavailableError: The manifest does not ask for it, or the bridge did not start this process.
    """
    address = os.environ.get(_TARGET, "")
    if not address:
        raise UnavailableError('the API is not served over gRPC: write "grpc": true below "server" in plugin.json')
    return address


def token() -> str:
    """Return the token that every call needs as the metadata `authorization: Bearer <token>`.

    It is a secret of this plugin's run: hand it over on standard input, not in a command line or a log.

    Raises:
        UnavailableError: As `target`.
    """
    target()
    return _token
