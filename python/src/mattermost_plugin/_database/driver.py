"""The server's database driver as the plugin sees it: its 20 methods, with PEP 249's exceptions."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

from .._errors import PluginAPIError
from .._gen import driver as methods
from .._method import Method
from .errors import from_api_error

T = TypeVar("T")

Value = int | float | bool | bytes | str | None
"""What a parameter or a column can be on the way to and from the server."""

Row = tuple[Any, ...]
NamedValue = dict[str, Any]

_END_OF_FILE = 1
"""Go's `io.EOF`: the end of the rows, or of the result sets."""


class Call(Protocol):
    """How the API client makes a call."""

    def __call__(self, method: Method[T], args: tuple[Any, ...], /) -> T:
        """Call a method and return its result, or raise PluginAPIError."""
        ...


class Driver:
    """The methods of Mattermost's `plugin.Driver`; ids are those that the server hands out.

    Args:
        call: How the API client makes a call.
    """

    __slots__ = ("_api_call",)

    def __init__(self, call: Call) -> None:
        self._api_call = call

    def _call(self, method: Method[T], *args: Any) -> T:
        try:
            return self._api_call(method, args)
        except PluginAPIError as error:
            raise from_api_error(error) from error

    def conn(self, *, is_master: bool) -> str:
        """Reserve a connection of the server's pool."""
        return self._call(methods.CONN, is_master)

    def conn_ping(self, conn: str) -> None:
        """Check that a connection reaches the database."""
        self._call(methods.CONN_PING, conn)

    def conn_close(self, conn: str) -> None:
        """Give a connection back."""
        self._call(methods.CONN_CLOSE, conn)

    def conn_query(self, conn: str, query: str, values: list[Value]) -> str:
        """Run a statement that returns rows."""
        return self._call(methods.CONN_QUERY, conn, query, _named(values))

    def conn_exec(self, conn: str, query: str, values: list[Value]) -> int | None:
        """Run a statement without rows and return how many it changed, if the database says so."""
        return _affected(self._call(methods.CONN_EXEC, conn, query, _named(values)))

    def tx(self, conn: str, *, isolation: int, read_only: bool) -> str:
        """Begin a transaction."""
        return self._call(methods.TX, conn, {"isolation": isolation, "read_only": read_only})

    def tx_commit(self, tx: str) -> None:
        """Commit a transaction."""
        self._call(methods.TX_COMMIT, tx)

    def tx_rollback(self, tx: str) -> None:
        """Roll a transaction back."""
        self._call(methods.TX_ROLLBACK, tx)

    def stmt(self, conn: str, query: str) -> str:
        """Prepare a statement."""
        return self._call(methods.STMT, conn, query)

    def stmt_close(self, stmt: str) -> None:
        """Release a prepared statement."""
        self._call(methods.STMT_CLOSE, stmt)

    def stmt_num_input(self, stmt: str) -> int:
        """Return how many parameters a prepared statement takes; negative if that is not known."""
        return self._call(methods.STMT_NUM_INPUT, stmt)

    def stmt_query(self, stmt: str, values: list[Value]) -> str:
        """Run a prepared statement that returns rows."""
        return self._call(methods.STMT_QUERY, stmt, _named(values))

    def stmt_exec(self, stmt: str, values: list[Value]) -> int | None:
        """Run a prepared statement without rows and return how many it changed, if the database says so."""
        return _affected(self._call(methods.STMT_EXEC, stmt, _named(values)))

    def rows_columns(self, rows: str) -> list[str]:
        """Return the names of the columns; none if the statement returned no rows."""
        return self._call(methods.ROWS_COLUMNS, rows)

    def rows_close(self, rows: str) -> None:
        """Release rows, which the server reads to their end."""
        self._call(methods.ROWS_CLOSE, rows)

    def rows_next(self, rows: str, columns: int) -> list[Any] | None:
        """Return the next row, or None at the end.

        The server writes the values into the list that comes with the call: one nil for each column.
        """
        try:
            return self._api_call(methods.ROWS_NEXT, (rows, [None] * columns))
        except PluginAPIError as error:
            if error.code == _END_OF_FILE:
                return None
            raise from_api_error(error) from error

    def rows_has_next_result_set(self, rows: str) -> bool:
        """Return whether a further result set follows; the current one must have been read to its end."""
        return self._call(methods.ROWS_HAS_NEXT_RESULT_SET, rows)

    def rows_next_result_set(self, rows: str) -> bool:
        """Go to the next result set; False if there is none."""
        try:
            self._api_call(methods.ROWS_NEXT_RESULT_SET, (rows,))
        except PluginAPIError as error:
            if error.code == _END_OF_FILE:
                return False
            raise from_api_error(error) from error
        return True

    def rows_column_type_database_type_name(self, rows: str, index: int) -> str:
        """Return a column's type as the database calls it; empty for types that were not built in."""
        return self._call(methods.ROWS_COLUMN_TYPE_DATABASE_TYPE_NAME, rows, index)

    def rows_column_type_precision_scale(self, rows: str, index: int) -> tuple[int, int] | None:
        """Return a numeric column's precision and scale; None for types that have none."""
        precision, scale, known = self._call(methods.ROWS_COLUMN_TYPE_PRECISION_SCALE, rows, index)
        return (precision, scale) if known else None


def _named(values: list[Value]) -> list[NamedValue]:
    """Return Go's `[]driver.NamedValue`: PostgreSQL's parameters have numbers only, counted from 1."""
    return [{"ordinal": number, "value": value} for number, value in enumerate(values, 1)]


def _affected(result: dict[str, Any]) -> int | None:
    """Return RowsAffected of a ResultContainer. PostgreSQL has no LastID, so its error is always set."""
    if result.get("rows_affected_error") is not None:
        return None
    count: int = result.get("rows_affected", 0)
    return count
