"""`python -m mattermost_plugin`: run the plugin that the manifest's entry point names."""

from __future__ import annotations

from ._runner import run_plugin

if __name__ == "__main__":
    run_plugin()
