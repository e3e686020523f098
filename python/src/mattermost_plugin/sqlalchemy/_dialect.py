"""The dialect `postgresql+mattermost`."""

# SQLAlchemy does not annotate most of what a dialect inherits.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportIncompatibleMethodOverride=false, reportIncompatibleVariableOverride=false
from __future__ import annotations

from types import ModuleType
from typing import Any

from sqlalchemy import exc
from sqlalchemy.dialects.postgresql.base import PGDialect

from .. import db
from ._types import COLSPECS

_AUTOCOMMIT = "AUTOCOMMIT"


class MattermostDialect(PGDialect):
    """PostgreSQL through the server's database driver.

    It does without two-phase commit, server-side cursors (every result is read row by row as it is), ranges as Python
    objects and whatever needs COPY or LISTEN.
    """

    driver = "mattermost"
    default_paramstyle = "pyformat"
    supports_statement_cache = True
    supports_server_side_cursors = False
    supports_sane_multi_rowcount = True
    use_insertmanyvalues_wo_returning = True
    """Many rows in one statement: each statement is a call to the server."""
    supports_simple_order_by_label = False
    """ORDER BY repeats the expression: under its label the column of a time is a text, and sorts as one."""

    colspecs = {**PGDialect.colspecs, **COLSPECS}  # noqa: RUF012  # a class variable in SQLAlchemy, too

    @classmethod
    def import_dbapi(cls) -> ModuleType:
        """Return the DB-API module."""
        return db

    def create_connect_args(self, url: Any) -> Any:
        """Return no arguments: the server knows where its database is."""
        if any((url.username, url.password, url.host, url.port, url.database, url.query)):
            raise exc.ArgumentError(
                f"the URL of the server's own database is {self.name}+{self.driver}://, without anything behind it"
            )
        return [], {}

    def get_isolation_level_values(self, dbapi_connection: Any) -> Any:
        """Return the isolation levels that can be asked for."""
        return (_AUTOCOMMIT, "READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")

    def get_isolation_level(self, dbapi_connection: Any) -> Any:
        """Ask the database, without leaving a transaction behind."""
        was_idle = not dbapi_connection.in_transaction
        level: Any = super().get_isolation_level(dbapi_connection)  # type: ignore[no-untyped-call]  # SQLAlchemy's
        if was_idle:
            dbapi_connection.rollback()
        return level

    def set_isolation_level(self, dbapi_connection: Any, level: Any) -> None:
        """Set the level of the transactions to come."""
        dbapi_connection.autocommit = level == _AUTOCOMMIT
        dbapi_connection.isolation_level = None if level == _AUTOCOMMIT else level

    def detect_autocommit_setting(self, dbapi_conn: Any) -> bool:
        """Return whether each statement is a transaction of its own."""
        return bool(dbapi_conn.autocommit)

    def set_readonly(self, connection: Any, value: Any) -> None:
        """Make the transactions to come read-only, or not."""
        connection.read_only = value

    def get_readonly(self, connection: Any) -> Any:
        """Return whether transactions are read-only."""
        return connection.read_only

    def do_ping(self, dbapi_connection: Any) -> bool:
        """Check a connection of the pool."""
        dbapi_connection.ping()
        return True

    def is_disconnect(self, e: Any, connection: Any, cursor: Any) -> bool:
        """Return whether an error means that the connection is lost."""
        return isinstance(e, db.Error) and (e.connection_lost or bool(getattr(connection, "broken", False)))
