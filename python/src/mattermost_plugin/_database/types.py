"""Columns: their types by PostgreSQL's names, how their values become Python's, and PEP 249's type objects.

The server's driver (lib/pq) turns a few types into Go's and leaves the rest as PostgreSQL's text in bytes. A point in
time becomes Go's `time.Time`, which the server cannot send: it must never be asked for a row that has one.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from .driver import Driver
from .errors import NotSupportedError

UNSENDABLE = frozenset({"TIMESTAMP", "TIMESTAMPTZ", "DATE", "TIME", "TIMETZ"})
"""The types that the server cannot send: its failing answer would end all of the plugin's database connections."""

_HIGHEST_PRECISION = 1000
"""PostgreSQL's limit; a NUMERIC without precision reports nonsense above it."""


class Column(NamedTuple):
    """One item of a cursor's `description`; `type_code` is PostgreSQL's name of the type, in capitals."""

    name: str
    type_code: str
    display_size: None
    internal_size: None
    precision: int | None
    scale: int | None
    null_ok: None


Convert = Callable[[Any], Any]


def describe(driver: Driver, rows: str) -> list[Column]:
    """Return the columns of rows; none if the statement returned no rows."""
    columns: list[Column] = []
    for index, name in enumerate(driver.rows_columns(rows)):
        type_name = driver.rows_column_type_database_type_name(rows, index)
        precision, scale = _precision(driver, rows, index) if type_name == "NUMERIC" else (None, None)
        columns.append(Column(name, type_name, None, None, precision, scale, None))
    return columns


def _precision(driver: Driver, rows: str, index: int) -> tuple[int | None, int | None]:
    known = driver.rows_column_type_precision_scale(rows, index)
    if known is None or not 0 < known[0] <= _HIGHEST_PRECISION:
        return None, None
    return known


def refuse_unsendable(columns: list[Column], *, has_changed_rows: bool) -> None:
    """Raise NotSupportedError if the server could not send a row with these columns."""
    for column in columns:
        if column.type_code in UNSENDABLE:
            name = '"' + column.name.replace('"', '""') + '"'
            raise NotSupportedError(
                f"column {name} is of type {column.type_code}, which the server cannot send to a plugin; "
                f"select CAST({name} AS text) instead"
                + (" (the statement itself has been executed)" if has_changed_rows else "")
            )


def converters(columns: list[Column]) -> list[Convert]:
    """Return the function for the values of each column; None never reaches it."""
    return [_CONVERT.get(column.type_code, _text) for column in columns]


def _text(value: Any) -> Any:
    """Return PostgreSQL's text of a type that the driver does not know; its encoding is always UTF-8."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _same(value: Any) -> Any:
    return value


def _decimal(value: Any) -> Decimal:
    return Decimal(_text(value))


def _integer(value: Any) -> int:
    return int(_text(value))


_CONVERT: dict[str, Convert] = {
    "BYTEA": _same,
    "NUMERIC": _decimal,
    "OID": _integer,
    "XID": _integer,
    "CID": _integer,
}


class DBAPIType:
    """One of PEP 249's type objects: equal to every `type_code` of its kind."""

    def __init__(self, *names: str) -> None:
        self._names = frozenset(names)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, DBAPIType):
            return self._names == other._names
        return other in self._names

    def __hash__(self) -> int:
        return hash(self._names)


STRING = DBAPIType("TEXT", "VARCHAR", "BPCHAR", "CHAR", "NAME", "UUID", "JSON", "JSONB", "XML")
BINARY = DBAPIType("BYTEA")
NUMBER = DBAPIType("INT2", "INT4", "INT8", "FLOAT4", "FLOAT8", "NUMERIC", "OID")
DATETIME = DBAPIType(*UNSENDABLE, "INTERVAL")
ROWID = DBAPIType("OID")

Date = datetime.date
Time = datetime.time
Timestamp = datetime.datetime
Binary = bytes


def DateFromTicks(ticks: float) -> datetime.date:  # noqa: N802
    """Return the local date of a time in seconds since 1970."""
    return datetime.date(*time.localtime(ticks)[:3])


def TimeFromTicks(ticks: float) -> datetime.time:  # noqa: N802
    """Return the local time of day of a time in seconds since 1970."""
    return datetime.time(*time.localtime(ticks)[3:6])


def TimestampFromTicks(ticks: float) -> datetime.datetime:  # noqa: N802
    """Return the local date and time of a time in seconds since 1970."""
    return datetime.datetime(*time.localtime(ticks)[:6])
