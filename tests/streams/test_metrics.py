"""ServeMetrics: the bridge's own metrics, and the plugin's."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client.parser import text_string_to_metric_families
from server import Server


def metrics(server: Server) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Return every sample by its name and labels; the text must be right."""
    answer = server.client.get(f"{server.url}/metrics/plugins/{server.ids[0]}/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def test_every_plugin_has_metrics(plain: Server) -> None:
    plain.get("/hello")
    before = metrics(plain)["mattermost_plugin_hooks_total"]
    plain.get("/hello")
    plain.get("/raise")
    after = metrics(plain)["mattermost_plugin_hooks_total"]

    def served(samples: dict[tuple[tuple[str, str], ...], float]) -> float:
        return sum(value for labels, value in samples.items() if ("hook", "ServeHTTP") in labels)

    assert served(after) == served(before) + 2


def test_the_plugins_own_registry_is_merged(serve: Callable[..., Server]) -> None:
    server = serve("fastapi")
    server.get("/hello")
    found = metrics(server)
    assert found["greetings_total"][()] >= 1
    assert "mattermost_plugin_hooks_total" in found
