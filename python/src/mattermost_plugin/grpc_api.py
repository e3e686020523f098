"""The plugin API over gRPC, for programs in other languages that a plugin starts.

The manifest's `"grpc": true` below `"server"` lets the bridge serve `mattermost.plugin.v1.PluginAPI` beside the
SDK's own link; `docs/guides/grpc.md` describes it.
"""

from __future__ import annotations

from ._grpc_api import target, token

__all__ = ["target", "token"]
