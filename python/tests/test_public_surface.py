"""Names that plugins may rely on, and what importing them costs."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import mattermost_plugin

EXPORTS = {
    "mattermost_plugin": [
        "AlreadyExistsError",
        "AsyncPluginAPIClient",
        "Command",
        "CommandResponse",
        "DISMISS_POST_ERROR",
        "HookName",
        "HookRegistrationError",
        "InvalidArgumentError",
        "MethodNotAvailableError",
        "NotFoundError",
        "PermissionDeniedError",
        "Plugin",
        "PluginAPIClient",
        "PluginAPIError",
        "Post",
        "RuntimeConfig",
        "UnavailableError",
        "ValidationError",
        "WorkerInfo",
        "__version__",
        "hook",
        "load_runtime_config",
        "run_plugin",
    ],
    "mattermost_plugin.async_client": ["AsyncPluginAPIClient"],
    "mattermost_plugin.client": ["PluginAPIClient"],
    "mattermost_plugin.db": [
        "BINARY",
        "Binary",
        "Column",
        "Connection",
        "Cursor",
        "DATETIME",
        "DataError",
        "Database",
        "DatabaseError",
        "Date",
        "DateFromTicks",
        "Error",
        "IntegrityError",
        "InterfaceError",
        "InternalError",
        "NUMBER",
        "NotSupportedError",
        "OperationalError",
        "ProgrammingError",
        "ROWID",
        "STRING",
        "Time",
        "TimeFromTicks",
        "Timestamp",
        "TimestampFromTicks",
        "Warning",
        "apilevel",
        "connect",
        "paramstyle",
        "threadsafety",
    ],
    "mattermost_plugin.exceptions": [
        "AlreadyExistsError",
        "HookRegistrationError",
        "InvalidArgumentError",
        "MethodNotAvailableError",
        "NotFoundError",
        "PermissionDeniedError",
        "PluginAPIError",
        "UnavailableError",
        "ValidationError",
        "convert_app_error",
    ],
    "mattermost_plugin.files": [
        "AsyncReplacementFile",
        "AsyncStreamSource",
        "AsyncUploadedFile",
        "ClientDisconnectedError",
        "ReplacementFile",
        "StreamSource",
        "UploadedFile",
    ],
    "mattermost_plugin.http": [
        "AsyncHTTPRequest",
        "AsyncHTTPResponse",
        "AsyncHTTPResponseWriter",
        "AsyncHijackedConnection",
        "AsyncRequestBody",
        "ClientDisconnectedError",
        "HTTPRequest",
        "HTTPResponse",
        "HTTPResponseWriter",
        "Headers",
        "HijackedConnection",
        "RequestBody",
    ],
    "mattermost_plugin.grpc_api": ["target", "token"],
    "mattermost_plugin.hooks": [
        "DISMISS_POST_ERROR",
        "HOOK_MARKER_ATTR",
        "HookName",
        "HookRegistrationError",
        "VALID_HOOK_NAMES",
        "get_hook_name",
        "hook",
        "is_hook_handler",
    ],
    "mattermost_plugin.plugin": ["Plugin"],
    "mattermost_plugin.runtime_config": ["RuntimeConfig", "WorkerInfo", "load_runtime_config"],
    "mattermost_plugin.server": ["run_plugin"],
    "mattermost_plugin.sqlalchemy": ["MattermostDialect", "URL", "create_engine"],
}

EARLIER = [
    "TeamType",
    "ChannelType",
    "User",
    "UserStatus",
    "CustomStatus",
    "UserAuth",
    "Session",
    "UserAccessToken",
    "Team",
    "TeamMember",
    "TeamMemberWithError",
    "TeamUnread",
    "TeamStats",
    "Channel",
    "ChannelMember",
    "ChannelStats",
    "SidebarCategoryWithChannels",
    "OrderedSidebarCategories",
    "ViewUsersRestrictions",
    "Post",
    "PostList",
    "Reaction",
    "FileInfo",
    "UploadSession",
    "PluginKVSetOptions",
    "Bot",
    "BotPatch",
    "BotGetOptions",
    "Command",
    "CommandArgs",
    "CommandResponse",
    "Preference",
    "OAuthApp",
    "Group",
    "GroupMember",
    "GroupSyncable",
    "SharedChannel",
    "Emoji",
    "PluginStatus",
    "DialogElement",
    "Dialog",
    "OpenDialogRequest",
    "AuditRecord",
    "PushNotification",
]
"""The data classes of the earlier SDK."""

LEAKS = ["asyncio", "msgspec", "socket", "json", "struct", "threading"]


@pytest.mark.parametrize("module", EXPORTS)
def test_exports(module: str) -> None:
    loaded = importlib.import_module(module)
    assert sorted(loaded.__all__) == sorted(EXPORTS[module])
    for name in loaded.__all__:
        assert getattr(loaded, name) is not None
    assert not [name for name in LEAKS if hasattr(loaded, name)]


def test_models_and_constants() -> None:
    from mattermost_plugin import constants, models
    from mattermost_plugin._internal import wrappers

    for name in EARLIER:
        if name == "TeamType":
            assert constants.TeamType.OPEN == "O"
        else:
            assert name in models.__all__
            assert getattr(wrappers, name) is getattr(models, name)
    for name in models.__all__:
        assert getattr(models, name).__doc__
    assert models.ChannelType.DIRECT.value == "D"
    assert constants.PermissionId.MANAGE_SYSTEM == "manage_system"
    assert constants.PostType.DEFAULT == ""
    assert constants.UserPresence.DND == "dnd"
    assert constants.RoleId.SYSTEM_ADMIN == "system_admin"
    assert constants.CommandResponseType.EPHEMERAL == "ephemeral"
    for name in constants.__all__:
        assert getattr(constants, name) is not None
    with pytest.raises(AttributeError):
        _ = models.Nothing  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        _ = mattermost_plugin.Nothing  # type: ignore[attr-defined]


LIMIT = 100.0
"""Milliseconds that `import mattermost_plugin` may take."""


def _import(statement: str) -> tuple[float, set[str]]:
    """Return the milliseconds and the modules of an import; a busy machine gets more tries, not more time."""
    best, modules = 1e9, set[str]()
    for _ in range(10):
        done = subprocess.run(
            [sys.executable, "-X", "importtime", "-c", statement],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        lines = [line.split("|") for line in done.stderr.splitlines() if "|" in line and "[us]" not in line]
        modules = {line[2].strip() for line in lines}
        own = [line for line in lines if line[2].strip() == "mattermost_plugin"]
        best = min(best, int(own[-1][1]) / 1000)
        if best < LIMIT:
            break
    return best, modules


def test_the_import_is_short_and_loads_no_models() -> None:
    milliseconds, modules = _import("import mattermost_plugin")
    assert milliseconds < LIMIT
    assert "asyncio" not in modules
    assert not [name for name in modules if name.startswith("mattermost_plugin._gen.models.")]
    own = {name.split(".")[1] for name in modules if name.startswith("mattermost_plugin.")}
    assert not own & {"_database", "_http", "_streams", "_web", "sqlalchemy"}
    _, modules = _import("from mattermost_plugin import Plugin, hook, Post")
    assert "mattermost_plugin._gen.models.config_sections" not in modules
