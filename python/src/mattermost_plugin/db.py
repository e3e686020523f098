"""The server's database as a DB-API 2.0 module (PEP 249).

    with self.api.db.connect() as connection:
        rows = connection.execute("SELECT id, name FROM teams WHERE name = %s", ["core"]).fetchall()

The manifest must ask for it by `"server": {"database": true}`. A column that holds a date or time cannot be read:
select `CAST(column AS text)`.
"""

from __future__ import annotations

from ._database.connection import Connection
from ._database.cursor import Cursor
from ._database.database import Database, connect
from ._database.errors import (
    DatabaseError,
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    Warning,  # PEP 249 calls it so  # noqa: A004
)
from ._database.types import (
    BINARY,
    DATETIME,
    NUMBER,
    ROWID,
    STRING,
    Binary,
    Column,
    Date,
    DateFromTicks,
    Time,
    TimeFromTicks,
    Timestamp,
    TimestampFromTicks,
)

apilevel = "2.0"
threadsafety = 1
"""Threads may share the module, but not connections."""
paramstyle = "pyformat"
"""`%(name)s`; `%s` with a sequence works, too."""

__all__ = [
    "BINARY",
    "DATETIME",
    "NUMBER",
    "ROWID",
    "STRING",
    "Binary",
    "Column",
    "Connection",
    "Cursor",
    "DataError",
    "Database",
    "DatabaseError",
    "Date",
    "DateFromTicks",
    "Error",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "NotSupportedError",
    "OperationalError",
    "ProgrammingError",
    "Time",
    "TimeFromTicks",
    "Timestamp",
    "TimestampFromTicks",
    "Warning",
    "apilevel",
    "connect",
    "paramstyle",
    "threadsafety",
]
