"""The address and the token of the API over gRPC."""

from __future__ import annotations

import pytest

from mattermost_plugin import _grpc_api, grpc_api
from mattermost_plugin.exceptions import UnavailableError


def test_without_the_manifests_key_it_says_what_to_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MATTERMOST_PLUGIN_API_TARGET", raising=False)
    monkeypatch.setattr(_grpc_api, "_token", "secret")
    for ask in (grpc_api.target, grpc_api.token):
        with pytest.raises(UnavailableError, match=r'write "grpc": true below "server" in plugin\.json'):
            ask()


def test_with_it_target_and_token_are_the_bridges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATTERMOST_PLUGIN_API_TARGET", "unix:/tmp/x/api.sock")
    monkeypatch.setattr(_grpc_api, "_token", "")
    _grpc_api.keep_token("ab" * 32)
    assert grpc_api.target() == "unix:/tmp/x/api.sock"
    assert grpc_api.token() == "ab" * 32
