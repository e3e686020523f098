from __future__ import annotations

import logging

import pytest

from conftest import Start
from fake_bridge import NEUTRAL
from mattermost_plugin import Plugin, RuntimeConfig, WorkerInfo, load_runtime_config


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATTERMOST_PLUGIN_ID", "com.example")
    monkeypatch.setenv("MATTERMOST_PLUGIN_PATH", "/bundle")
    monkeypatch.setenv("MATTERMOST_PLUGIN_LOG_LEVEL", "warn")
    config = load_runtime_config()
    assert (config.plugin_id, config.plugin_path, config.entry_point) == ("com.example", "/bundle", "")
    assert config.logging_level == logging.WARNING
    assert RuntimeConfig.from_env({}).logging_level == logging.INFO
    assert RuntimeConfig.from_env({"MATTERMOST_PLUGIN_LOG_LEVEL": "loud"}).logging_level == logging.INFO


def test_which_worker_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATTERMOST_PLUGIN_WORKER_INDEX", "2")
    monkeypatch.setenv("MATTERMOST_PLUGIN_WORKERS", "4")
    config = load_runtime_config()
    assert config.worker == WorkerInfo(index=2, count=4)
    assert Plugin(config=config).worker.index == 2
    monkeypatch.setenv("MATTERMOST_PLUGIN_WORKER_INDEX", "two")
    monkeypatch.setenv("MATTERMOST_PLUGIN_WORKERS", "-1")
    assert load_runtime_config().worker == WorkerInfo(0, 1)


def test_outside_of_a_running_plugin_it_is_the_first_of_one() -> None:
    assert Plugin().worker == WorkerInfo(index=0, count=1)
    with pytest.raises(AttributeError):
        Plugin().worker.index = 1  # type: ignore[misc]


WORKER = """
class Counted(Plugin):
    def __init__(self):
        self.seen = self.worker

    @hook
    def OnActivate(self):
        assert self.seen == self.worker == WorkerInfo({index}, {count}), self.worker
"""


@pytest.mark.parametrize(
    ("welcome", "index", "count"),
    [({"worker_index": 1, "workers": 3}, 1, 3), ({"worker_index": 0, "workers": 1}, 0, 1), ({}, 5, 8)],
)
def test_welcome_counts_before_the_environment(start: Start, welcome: dict[str, int], index: int, count: int) -> None:
    env = {"MATTERMOST_PLUGIN_WORKER_INDEX": "5", "MATTERMOST_PLUGIN_WORKERS": "8"}
    bridge = start(WORKER.format(index=index, count=count), welcome=welcome, env=env)
    bridge.wait_ready()
    assert bridge.hook("OnActivate") is NEUTRAL
