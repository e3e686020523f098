"""The rows of one statement, of which the server holds those that have not been read."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from .errors import Error, InterfaceError
from .types import Column, converters, describe, refuse_unsendable

if TYPE_CHECKING:
    from .connection import Connection
    from .driver import Row


class Rows:
    """Reads rows one by one, as each is a call to the server.

    A connection can hold unread rows of one statement only. Before it does anything else, it has the rows read into
    memory (`store`) or thrown away (`drop`).

    Args:
        connection: The connection that the statement ran on; these become its unread rows.
        rows_id: The server's id.
        several: Whether further result sets may follow.
        has_changed_rows: Whether the statement was one that changes rows, for an error's text.
    """

    def __init__(self, connection: Connection, rows_id: str, *, several: bool, has_changed_rows: bool = False) -> None:
        self._connection = connection
        self._driver = connection.driver
        self._id = rows_id
        self._several = several
        self._has_changed_rows = has_changed_rows
        self._stored: deque[Row] = deque()
        self._unread = True
        """Whether the server may have more rows of this result set."""
        self._open = True
        """Whether the server holds the id."""
        self._lost = ""
        """Why rows that were not read are gone."""
        self._later_lost = ""
        """Why result sets that follow are gone."""
        self.columns: list[Column] = []
        self.fetched = 0
        connection.unread = self
        try:
            self._describe()
        except Error as error:
            self._after(error)
            raise

    @property
    def complete(self) -> bool:
        """Whether all rows of the result set have been taken from the server."""
        return not self._unread and not self._lost

    @property
    def count(self) -> int:
        """How many rows the result set has, as far as it has been taken from the server."""
        return self.fetched + len(self._stored)

    def fetch(self) -> Row | None:
        """Return the next row, or None at the end."""
        row = self._stored.popleft() if self._stored else self._read()
        if row is not None:
            self.fetched += 1
        elif self._lost:
            raise InterfaceError(self._lost)
        return row

    def store(self) -> None:
        """Read what is left of the result set into memory."""
        while (row := self._read()) is not None:
            self._stored.append(row)

    def release(self, lost: str) -> None:
        """Let the connection do something else: store the rows, and give up result sets that follow."""
        self.store()
        if self._open:
            self._later_lost = lost
            self._close()

    def drop(self, lost: str) -> None:
        """Throw away what has not been read; `lost` is what reading it then says.

        Raises:
            Error: The statement failed after the rows that were read.
        """
        self._lost = lost
        self._unread = False
        self._close()

    def next_set(self) -> bool:
        """Go to the next result set, and skip what is left of this one; False if there is none."""
        while self._read() is not None:
            pass
        self._stored.clear()
        if not self._open:
            if self._lost or self._later_lost:
                raise InterfaceError(self._lost or self._later_lost)
            return False
        try:
            if not self._driver.rows_next_result_set(self._id):
                self._close()
                return False
            self.fetched = 0
            self._unread = True
            self._describe()
        except Error as error:
            self._after(error)
            raise
        return True

    def _describe(self) -> None:
        self.columns = describe(self._driver, self._id)
        refuse_unsendable(self.columns, has_changed_rows=self._has_changed_rows)
        self._converters = converters(self.columns)
        if not self.columns:
            self._end()

    def _read(self) -> Row | None:
        """Take a row from the server."""
        if not self._unread:
            return None
        try:
            values = self._driver.rows_next(self._id, len(self.columns))
            if values is None:
                self._end()
                return None
            return tuple(
                [
                    None if value is None else convert(value)
                    for convert, value in zip(self._converters, values, strict=True)
                ]
            )
        except Error as error:
            self._after(error)
            raise

    def _end(self) -> None:
        """Take note of the end of the result set; the rows are closed unless another set follows."""
        self._unread = False
        if not (self._several and self._driver.rows_has_next_result_set(self._id)):
            self._close()

    def _after(self, error: Error) -> None:
        """Give the rows up after an error, and the connection too if it is lost."""
        self._lost = "the rows cannot be read any further: an error came in the midst of them"
        self._unread = False
        if error.connection_lost:
            self._connection.lose(error)
            return
        try:
            self._close()
        except Error as second:
            if second.connection_lost:
                self._connection.lose(second)

    def _close(self) -> None:
        if not self._open:
            return
        self._open = False
        if self._connection.unread is self:
            self._connection.unread = None
        self._driver.rows_close(self._id)

    def abandon(self) -> str | None:
        """Forget the server's id and return it, if there is one, to be released with a lost connection."""
        if not self._open:
            return None
        self._open = False
        self._unread = False
        self._lost = "the connection is lost"
        return self._id
