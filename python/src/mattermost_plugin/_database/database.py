"""The way to the server's database: `self.api.db`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .driver import Call, Driver

if TYPE_CHECKING:
    from ..client import PluginAPIClient
    from .connection import Connection


class Database:
    """The server's own database; the manifest must ask for it by `"server": {"database": true}`.

    Args:
        call: How the API client makes a call.
    """

    __slots__ = ("_driver",)

    def __init__(self, call: Call) -> None:
        self._driver = Driver(call)

    def connect(
        self,
        *,
        replica: bool = False,
        autocommit: bool = False,
        isolation_level: str | None = None,
        read_only: bool | None = None,
    ) -> Connection:
        """Reserve a connection of the server's pool; close it soon, as the server has a limited number.

        Args:
            replica: Whether to take a connection to a read replica.
            autocommit: Whether each statement is a transaction of its own.
            isolation_level: The isolation of transactions, such as "SERIALIZABLE"; None is the database's default.
            read_only: Whether transactions are read-only; by default those on a replica are.
        """
        from .connection import Connection  # loaded only by plugins that use the database

        return Connection(
            self._driver,
            replica=replica,
            autocommit=autocommit,
            isolation_level=isolation_level,
            read_only=read_only,
        )


def connect(
    api: PluginAPIClient | None = None,
    *,
    replica: bool = False,
    autocommit: bool = False,
    isolation_level: str | None = None,
    read_only: bool | None = None,
) -> Connection:
    """Reserve a connection of the server's pool: `api.db.connect(...)`, by default with the running plugin's client."""
    if api is None:
        from .. import _runtime
        from .errors import InterfaceError

        if _runtime.current is None:
            raise InterfaceError("no plugin runs in this process; pass its API client: connect(api)")
        api = _runtime.current.api
    return api.db.connect(replica=replica, autocommit=autocommit, isolation_level=isolation_level, read_only=read_only)
