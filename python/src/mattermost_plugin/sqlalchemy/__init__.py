"""SQLAlchemy on the server's database.

    engine = create_engine(self.api)
    with Session(engine) as session:
        ...

SQLAlchemy does not come with the SDK: write `sqlalchemy>=2.0.42` into the plugin's requirements.txt. Columns of dates
and times work, because the dialect selects them as text; in a statement of your own text you must do that yourself.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy
from sqlalchemy.dialects import registry
from sqlalchemy.pool import NullPool

from ..client import PluginAPIClient
from ._dialect import MattermostDialect

URL = "postgresql+mattermost://"
"""The URL of an engine; it has no host, user or database."""

# So that the dialect is found in a bundle that has the SDK's modules without its metadata, too.
registry.register("postgresql.mattermost", "mattermost_plugin.sqlalchemy", "MattermostDialect")


def create_engine(
    api: PluginAPIClient | None = None, *, replica: bool = False, read_only: bool | None = None, **options: Any
) -> sqlalchemy.Engine:
    """Return an engine on the server's database.

    Connections go back to the server's own pool as soon as they are not in use, so the engine has no pool of its own
    unless `poolclass` says otherwise.

    Args:
        api: The plugin's API client; by default the running plugin's.
        replica: Whether to use read replicas.
        read_only: Whether transactions are read-only; by default those on a replica are.
        options: What SQLAlchemy's `create_engine` takes, such as `echo` or `isolation_level`.
    """
    options.setdefault("poolclass", NullPool)
    given: dict[str, Any] = options.pop("connect_args", {})
    connect_args = {"api": api, "replica": replica, "read_only": read_only, **given}
    return sqlalchemy.create_engine(URL, connect_args=connect_args, **options)


__all__ = ["URL", "MattermostDialect", "create_engine"]
