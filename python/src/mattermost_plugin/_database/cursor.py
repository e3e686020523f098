"""Cursors: statements, their parameters and their rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING

from .errors import Error, InterfaceError, ProgrammingError
from .parameters import Parameters, bind, parse, values_for
from .rows import Rows
from .statements import Statement, analyse

if TYPE_CHECKING:
    from typing_extensions import Self

    from .connection import Connection
    from .driver import Row, Value
    from .types import Column

_UNKNOWN = -1


class Cursor:
    """Runs statements and reads their rows; made by `Connection.cursor`.

    Rows are read from the server one by one as they are fetched, so a large result needs no memory. Those that are left
    when the connection does something else are read into memory first.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: Rows | None = None
        self._collected: Iterator[Row] | None = None
        self._columns: list[Column] | None = None
        self._rowcount = _UNKNOWN
        self._closed = False
        self.arraysize = 1
        """How many rows `fetchmany` returns if it is not told."""

    # State

    @property
    def connection(self) -> Connection:
        """The connection that the cursor belongs to."""
        return self._connection

    @property
    def closed(self) -> bool:
        """Whether the cursor, or its connection, is closed."""
        return self._closed or self._connection.closed

    @property
    def description(self) -> list[Column] | None:
        """The columns of the rows; None if the last statement returned none."""
        return self._columns

    @property
    def rowcount(self) -> int:
        """How many rows the last statement changed or returned; -1 while that is not known.

        For a query it is known when all rows have been taken from the server.
        """
        if self._rows is not None and self._columns is not None and self._rows.complete:
            return self._rows.count
        return self._rowcount

    @property
    def lastrowid(self) -> None:
        """Always None: PostgreSQL has no such thing; use RETURNING."""
        return None

    # Statements

    def execute(self, operation: str, parameters: Parameters | None = None) -> Self:
        """Run a statement and return the cursor.

        Args:
            operation: The statement. With parameters, `%s` or `%(name)s` stand for them and `%%` for a percent sign.
            parameters: A sequence for `%s`, a mapping for `%(name)s`.
        """
        statement = analyse(operation)
        text, values = bind(operation, parameters)
        self._reset()
        connection = self._connection
        conn = connection.begin(changes_session=statement.changes_session)
        if not statement.returns_rows:
            changed = connection.run(connection.driver.conn_exec, conn, text, values)
            self._rowcount = _count(statement, changed)
            return self
        rows_id = connection.run(connection.driver.conn_query, conn, text, values)
        self._take(rows_id, statement)
        return self

    def executemany(self, operation: str, seq_of_parameters: Iterable[Parameters]) -> Self:
        """Prepare a statement, run it once for each set of parameters, and return the cursor.

        `rowcount` is the sum. If the statement returns rows, those of all runs follow each other.
        """
        statement = analyse(operation)
        query = parse(operation)
        sets = [values_for(query, parameters) for parameters in seq_of_parameters]
        self._reset()
        if not sets:
            self._rowcount = 0
            return self
        connection = self._connection
        conn = connection.begin(changes_session=statement.changes_session)
        stmt = connection.run(connection.driver.stmt, conn, query.text)
        connection.hold_statement(stmt)
        try:
            self._check_count(stmt, query.count)
            if statement.returns_rows:
                self._query_many(stmt, sets)
            else:
                self._exec_many(stmt, sets, statement)
        except BaseException:
            self._release_after_error(stmt)
            raise
        connection.release_statement(stmt)
        return self

    def _check_count(self, stmt: str, given: int) -> None:
        connection = self._connection
        wanted = connection.run(connection.driver.stmt_num_input, stmt)
        if wanted not in (given, _UNKNOWN):
            raise ProgrammingError(f"the statement takes {wanted} parameters, but has {given} placeholders")

    def _exec_many(self, stmt: str, sets: list[list[Value]], statement: Statement) -> None:
        driver = self._connection.driver
        counts = [_count(statement, self._connection.run(driver.stmt_exec, stmt, values)) for values in sets]
        self._rowcount = _UNKNOWN if _UNKNOWN in counts else sum(counts)

    def _query_many(self, stmt: str, sets: list[list[Value]]) -> None:
        connection = self._connection
        collected: list[Row] = []
        columns: list[Column] = []
        for values in sets:
            rows_id = connection.run(connection.driver.stmt_query, stmt, values)
            rows = Rows(connection, rows_id, several=False)
            while (row := rows.fetch()) is not None:
                collected.append(row)
            columns = rows.columns
        self._columns, self._collected, self._rowcount = columns, iter(collected), len(collected)

    def _release_after_error(self, stmt: str) -> None:
        """Release a prepared statement; the error that made it useless is the one to tell."""
        try:
            self._connection.release_statement(stmt)
        except Error:
            return

    def _take(self, rows_id: str, statement: Statement) -> None:
        rows = Rows(self._connection, rows_id, several=statement.several, has_changed_rows=statement.changes_rows)
        if statement.changes_rows and not statement.several:
            rows.store()  # so that its count and its errors are known now, and not when somebody reads the last row
        self._show(rows)

    def _show(self, rows: Rows) -> None:
        self._rows, self._columns = rows, rows.columns or None

    # Rows

    def fetchone(self) -> Row | None:
        """Return the next row, or None at the end."""
        self._check_open()
        if self._collected is not None:
            return next(self._collected, None)
        if self._rows is None or self._columns is None:
            raise ProgrammingError("there are no rows: no statement that returns rows was executed")
        return self._rows.fetch()

    def fetchmany(self, size: int | None = None) -> list[Row]:
        """Return up to `size` rows, by default `arraysize`."""
        rows: list[Row] = []
        wanted = self.arraysize if size is None else size
        while len(rows) < wanted and (row := self.fetchone()) is not None:
            rows.append(row)
        return rows

    def fetchall(self) -> list[Row]:
        """Return the rows that are left."""
        return list(iter(self.fetchone, None))

    def __iter__(self) -> Iterator[Row]:
        return iter(self.fetchone, None)

    def __next__(self) -> Row:
        row = self.fetchone()
        if row is None:
            raise StopIteration
        return row

    def nextset(self) -> bool | None:
        """Go to the next result set of several statements in one text; None if there is none."""
        self._check_open()
        rows = self._rows
        if rows is None or not rows.next_set():
            self._reset()
            return None
        self._rowcount = _UNKNOWN
        self._show(rows)
        return True

    def setinputsizes(self, sizes: object) -> None:
        """Do nothing, as PEP 249 allows."""

    def setoutputsize(self, size: int, column: int | None = None) -> None:
        """Do nothing, as PEP 249 allows."""

    def close(self) -> None:
        """Close the cursor and release its rows."""
        if not self._closed:
            try:
                self._drop_rows()
            finally:
                self._closed = True

    def __enter__(self) -> Self:
        self._check_open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise InterfaceError("the cursor is closed")
        self._connection.open_id()

    def _reset(self) -> None:
        self._check_open()
        self._drop_rows()
        self._columns, self._collected, self._rowcount = None, None, _UNKNOWN

    def _drop_rows(self) -> None:
        rows, self._rows = self._rows, None
        if rows is not None and not self._connection.closed:
            self._connection.run(rows.drop, "the cursor runs another statement")


def _count(statement: Statement, changed: int | None) -> int:
    """Return PEP 249's rowcount: PostgreSQL reports 0 for statements that have nothing to count."""
    if changed is None or (not changed and not statement.changes_rows):
        return _UNKNOWN
    return changed
