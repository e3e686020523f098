from __future__ import annotations

import logging

import pytest

from mattermost_plugin import RuntimeConfig, load_runtime_config


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATTERMOST_PLUGIN_ID", "com.example")
    monkeypatch.setenv("MATTERMOST_PLUGIN_PATH", "/bundle")
    monkeypatch.setenv("MATTERMOST_PLUGIN_LOG_LEVEL", "warn")
    config = load_runtime_config()
    assert (config.plugin_id, config.plugin_path, config.entry_point) == ("com.example", "/bundle", "")
    assert config.logging_level == logging.WARNING
    assert RuntimeConfig.from_env({}).logging_level == logging.INFO
    assert RuntimeConfig.from_env({"MATTERMOST_PLUGIN_LOG_LEVEL": "loud"}).logging_level == logging.INFO
