"""Connections to the server's database."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from . import errors
from .driver import Driver

if TYPE_CHECKING:
    from typing_extensions import Self

    from .cursor import Cursor
    from .parameters import Parameters
    from .rows import Rows

P = ParamSpec("P")
T = TypeVar("T")

_ISOLATION: dict[str | None, int] = {
    None: 0,
    "READ UNCOMMITTED": 1,
    "READ COMMITTED": 2,
    "REPEATABLE READ": 4,
    "SERIALIZABLE": 6,
}
"""Go's `sql.IsolationLevel`, as far as PostgreSQL has them; None is the database's default."""

_RESET = "RESET SESSION AUTHORIZATION; RESET ALL"
"""What puts a session's settings back before the server uses its connection again."""


class Connection:
    """One connection of the server's own pool, reserved for the plugin until it is closed.

    A transaction begins with the first statement, unless `autocommit` is set. As a context manager the connection
    commits (or rolls back, after an exception) and closes.

    It must not be used by two threads at the same time.

    Args:
        driver: The server's driver.
        replica: Whether to take a connection to a read replica.
        autocommit: Whether each statement is a transaction of its own.
        isolation_level: The isolation of transactions, such as "SERIALIZABLE"; None is the database's default.
        read_only: Whether transactions are read-only; by default those on a replica are, as they must be.
    """

    Warning = errors.Warning
    Error = errors.Error
    InterfaceError = errors.InterfaceError
    DatabaseError = errors.DatabaseError
    DataError = errors.DataError
    OperationalError = errors.OperationalError
    IntegrityError = errors.IntegrityError
    InternalError = errors.InternalError
    ProgrammingError = errors.ProgrammingError
    NotSupportedError = errors.NotSupportedError

    def __init__(
        self,
        driver: Driver,
        *,
        replica: bool = False,
        autocommit: bool = False,
        isolation_level: str | None = None,
        read_only: bool | None = None,
    ) -> None:
        self._id: str | None = None
        self._isolation_level = _checked(isolation_level)
        self._autocommit = autocommit
        self._read_only = replica if read_only is None else read_only
        self._tx: str | None = None
        self._broken = False
        self._session_changed = False
        self._statements: set[str] = set()
        self.driver = driver
        self.replica = replica
        self.unread: Rows | None = None
        """The rows that the server still holds for a cursor; the SDK's own."""
        self._id = driver.conn(is_master=not replica)

    # State

    @property
    def closed(self) -> bool:
        """Whether the connection cannot be used any more: it was closed, or is lost."""
        return self._id is None

    @property
    def broken(self) -> bool:
        """Whether the connection was lost."""
        return self._broken

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction has begun and not ended."""
        return self._tx is not None

    @property
    def autocommit(self) -> bool:
        """Whether each statement is a transaction of its own; can be set outside of a transaction."""
        return self._autocommit

    @autocommit.setter
    def autocommit(self, value: bool) -> None:
        self._check_idle("autocommit")
        self._autocommit = bool(value)

    @property
    def isolation_level(self) -> str | None:
        """The isolation of the transactions to come; None is the database's default."""
        return self._isolation_level

    @isolation_level.setter
    def isolation_level(self, value: str | None) -> None:
        self._check_idle("isolation_level")
        self._isolation_level = _checked(value)

    @property
    def read_only(self) -> bool:
        """Whether the transactions to come are read-only. Statements with autocommit are not affected."""
        return self._read_only

    @read_only.setter
    def read_only(self, value: bool) -> None:
        self._check_idle("read_only")
        self._read_only = bool(value)

    # Work

    def cursor(self) -> Cursor:
        """Return a new cursor."""
        from .cursor import Cursor  # the two modules need each other

        self.open_id()
        return Cursor(self)

    def execute(self, operation: str, parameters: Parameters | None = None) -> Cursor:
        """Run a statement with a new cursor and return the cursor."""
        return self.cursor().execute(operation, parameters)

    def ping(self) -> None:
        """Check that the connection reaches the database.

        Raises:
            OperationalError: It does not; the connection is closed then.
        """
        conn = self.open_id()
        self.release_rows()
        self.run(self.driver.conn_ping, conn)

    def commit(self) -> None:
        """Commit the transaction, if there is one. Whatever happens, it has ended then."""
        self.open_id()
        self.release_rows()
        tx, self._tx = self._tx, None
        if tx is not None:
            self.run(self.driver.tx_commit, tx)

    def rollback(self) -> None:
        """Roll the transaction back, if there is one. Rows that have not been read are gone, too.

        Nothing happens on a connection that was lost: its transaction has ended with it.
        """
        if self._broken:
            return
        self.open_id()
        self._drop_rows("the rows have not been read before the transaction was rolled back")
        tx, self._tx = self._tx, None
        if tx is not None:
            self.run(self.driver.tx_rollback, tx)

    def close(self) -> None:
        """Give the connection back to the server's pool; a transaction that has not been committed is rolled back."""
        conn = self._id
        if conn is None:
            return
        self._drop_rows("the connection is closed")
        if self._broken:
            return
        tx, self._tx = self._tx, None
        if tx is not None:
            self._quietly(self.driver.tx_rollback, tx)
        if self._session_changed:
            self._quietly(self.driver.conn_exec, conn, _RESET, [])
        self._id = None
        self._quietly(self.driver.conn_close, conn)

    def __enter__(self) -> Self:
        self.open_id()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and not self.closed:
                self.commit()
        finally:
            self.close()

    def __del__(self) -> None:
        # The server cannot be told from here: the collector runs at any time, even in the midst of another call.
        if self._id is not None:
            warnings.warn(f"a database connection was not closed: {self!r}", ResourceWarning, source=self, stacklevel=1)

    def __repr__(self) -> str:
        state = "broken" if self._broken else "closed" if self.closed else "in transaction" if self._tx else "idle"
        return f"<{type(self).__module__}.{type(self).__name__} {state}>"

    # What cursors and rows use

    def open_id(self) -> str:
        """Return the server's id.

        Raises:
            InterfaceError: The connection is closed.
        """
        if self._id is None:
            raise errors.InterfaceError(
                "the connection to the database is lost; open another one"
                if self._broken
                else "the connection is closed"
            )
        return self._id

    def begin(self, *, changes_session: bool) -> str:
        """Make ready for a statement and return the server's id: no unread rows, and a transaction if there must be."""
        conn = self.open_id()
        self.release_rows()
        if self._tx is None and not self._autocommit:
            isolation = _ISOLATION[self._isolation_level]
            self._tx = self.run(self.driver.tx, conn, isolation=isolation, read_only=self._read_only)
        self._session_changed |= changes_session
        return conn

    def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Make a call, and close the connection if that shows that it is lost."""
        try:
            return call(*args, **kwargs)
        except errors.Error as error:
            if error.connection_lost:
                self.lose(error)
            raise

    def release_rows(self) -> None:
        """Have a cursor's unread rows stored, so that the connection can do something else."""
        rows = self.unread
        if rows is not None:
            self.run(rows.release, "the result sets that follow are gone: another statement ran first")

    def hold_statement(self, stmt: str) -> None:
        """Remember a prepared statement, to be released with a lost connection."""
        self._statements.add(stmt)

    def release_statement(self, stmt: str) -> None:
        """Release a prepared statement."""
        if stmt in self._statements:
            self._statements.remove(stmt)
            self.run(self.driver.stmt_close, stmt)

    def lose(self, error: errors.Error) -> None:
        """Take note that the connection is lost, and let the server forget it and all that belongs to it."""
        conn, self._id = self._id, None
        if conn is None:
            return
        self._broken = True
        rows = self.unread.abandon() if self.unread is not None else None
        tx, self._tx, self.unread = self._tx, None, None
        statements, self._statements = self._statements, set()
        if isinstance(error, errors.InterfaceError):
            return  # the driver itself is not there
        if rows is not None:
            self._quietly(self.driver.rows_close, rows)
        for stmt in statements:
            self._quietly(self.driver.stmt_close, stmt)
        if tx is not None:
            self._quietly(self.driver.tx_rollback, tx)
        self._quietly(self.driver.conn_close, conn)

    def _drop_rows(self, lost: str) -> None:
        """Throw unread rows away; an error that comes after them concerns nobody."""
        rows = self.unread
        if rows is not None:
            self._quietly(self.run, rows.drop, lost)

    def _quietly(self, call: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Make a call whose failure changes nothing: what it would end has ended anyway."""
        try:
            call(*args, **kwargs)
        except errors.Error:
            return

    def _check_idle(self, name: str) -> None:
        self.open_id()
        if self._tx is not None:
            raise errors.ProgrammingError(f"{name} cannot be set inside a transaction; commit() or rollback() first")


def _checked(level: str | None) -> str | None:
    name = level.upper().replace("_", " ") if level is not None else None
    if name not in _ISOLATION:
        names = ", ".join(known for known in _ISOLATION if known is not None)
        raise errors.ProgrammingError(f"unknown isolation level {level!r}; there are {names}")
    return name
