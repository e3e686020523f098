"""The exceptions of PEP 249, and which of them an error of the server's database driver becomes."""

from __future__ import annotations

import re

from .._errors import MethodNotAvailableError, PluginAPIError, UnavailableError, ValidationError


class Warning(Exception):  # PEP 249 calls it so  # noqa: A001, N818
    """Something important that is no error, such as truncated data. Nothing raises it today."""


class Error(Exception):
    """The base of all database errors.

    Attributes:
        sqlstate: PostgreSQL's five-character code of the error; None where it is not known.
        detail: What PostgreSQL adds to its message; may be empty.
        connection_lost: Whether the connection cannot be used any more.
    """

    def __init__(
        self, message: str, *, sqlstate: str | None = None, detail: str = "", connection_lost: bool = False
    ) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.detail = detail
        self.connection_lost = connection_lost

    def __str__(self) -> str:
        text = super().__str__()
        return f"{text}\nDETAIL: {self.detail}" if self.detail else text


class InterfaceError(Error):
    """The connection or cursor cannot be used as it was: closed, without rows, or without a server behind it."""


class DatabaseError(Error):
    """The database refused or failed."""


class DataError(DatabaseError):
    """A value does not fit: division by zero, out of range, not of the type."""


class OperationalError(DatabaseError):
    """The database could not do it now: connection lost, deadlock, serialization failure, timeout."""


class IntegrityError(DatabaseError):
    """A constraint was violated."""


class InternalError(DatabaseError):
    """The transaction is in a state that does not allow this, such as failed or read-only."""


class ProgrammingError(DatabaseError):
    """The statement or its parameters are wrong: syntax, a table that does not exist, too few parameters."""


class NotSupportedError(DatabaseError):
    """The database or the driver cannot do this."""


_CONNECTION_DONE = 3
_TRANSACTION_DONE = 4
_BAD_CONNECTION = 6
"""Go's `sql.ErrConnDone`, `sql.ErrTxDone` and `driver.ErrBadConn`."""

_BY_STATE: dict[str, type[DatabaseError]] = {
    "08": OperationalError,  # connection
    "0A": NotSupportedError,
    "21": ProgrammingError,  # cardinality
    "22": DataError,
    "23": IntegrityError,
    "24": InternalError,  # cursor state
    "25": InternalError,  # transaction state
    "26": ProgrammingError,  # statement name
    "28": OperationalError,  # authorization
    "2B": InternalError,
    "2D": InternalError,
    "2F": OperationalError,
    "34": ProgrammingError,  # cursor name
    "38": OperationalError,
    "39": OperationalError,
    "3B": OperationalError,  # savepoint
    "3D": ProgrammingError,  # catalog name
    "3F": ProgrammingError,  # schema name
    "40": OperationalError,  # serialization, deadlock
    "42": ProgrammingError,
    "44": ProgrammingError,
    "53": OperationalError,  # resources
    "54": OperationalError,
    "55": OperationalError,  # locks
    "57": OperationalError,  # cancelled, shut down
    "58": OperationalError,
    "F0": OperationalError,
    "HV": OperationalError,
    "P0": InternalError,  # PL/pgSQL
    "XX": InternalError,
}
"""The class of an error by the first two characters of its SQLSTATE; psycopg's choices."""

_BY_TEXT: tuple[tuple[re.Pattern[str], type[DatabaseError]], ...] = tuple(
    (re.compile(pattern), cls)
    for pattern, cls in (
        (r"violates (unique|foreign key|not-null|check|exclusion) constraint|^duplicate key", IntegrityError),
        (r"violates .*constraint", IntegrityError),
        (r"deadlock detected|could not serialize|could not obtain lock|^canceling ", OperationalError),
        (r"terminating connection|too many (clients|connections)|connection slots", OperationalError),
        (r"context (deadline exceeded|canceled)|^dial |connection refused", OperationalError),
        (r"transaction is aborted|in a failed transaction|read-only transaction", InternalError),
        (r"division by zero|out of range|overflow|value too long|^invalid (input|byte)|malformed", DataError),
        (r"could not determine data type|syntax error|does not exist|already exists", ProgrammingError),
        (r"permission denied|must be owner|^got \d+ parameters|is ambiguous|operator is not unique", ProgrammingError),
        (r"multiple commands into a prepared statement|no parameter \$|^column .* is of type", ProgrammingError),
        (r"not supported|not implemented", NotSupportedError),
    )
)
"""The class of an error by its English text, for servers that do not send the SQLSTATE along."""

_LOST = re.compile(
    r"driver: bad connection|^(read|write) (tcp|unix)|broken pipe|connection reset|use of closed network connection"
    r"|^(unexpected )?EOF$|unexpected transaction status|unexpected command tag|terminating connection"
)
"""What Go says when the connection to the database breaks, and what lib/pq says before it gives a connection up."""

_LOST_STATES = frozenset({"57P01", "57P02", "57P03", "08000", "08003", "08006"})

_STATE = re.compile(r"[0-9A-Z]{5}")
_PREFIX = re.compile(r"^pq: ")
_STATE_AT_END = re.compile(r" \(([0-9A-Z]{5})\)$")
"""How newer versions of lib/pq put the SQLSTATE into the text."""

NOT_ENABLED = (
    'the plugin has no access to the server\'s database: its manifest must say "server": {"database": true}, '
    "and the server must offer it"
)


def from_api_error(error: PluginAPIError) -> Error:
    """Return the exception of PEP 249 for an error that a method of the driver raised."""
    if isinstance(error, MethodNotAvailableError):
        return NotSupportedError(f"{NOT_ENABLED} ({error.message})")
    if isinstance(error, UnavailableError):
        return InterfaceError(f"the server's database driver cannot be reached: {error.message}", connection_lost=True)
    if isinstance(error, ValidationError):
        return DataError(error.message)
    message = _PREFIX.sub("", error.message)
    state = error.error_id if _STATE.fullmatch(error.error_id) else None
    at_end = _STATE_AT_END.search(message)
    if state is None and at_end is not None:
        state, message = at_end.group(1), message[: at_end.start()]
    if error.code in (_BAD_CONNECTION, _CONNECTION_DONE):
        return OperationalError("the connection to the database is lost", sqlstate=state, connection_lost=True)
    lost = state in _LOST_STATES or (state is None and _LOST.search(message) is not None)
    cls = OperationalError if lost else _class_of(state, error.code, message)
    return cls(message, sqlstate=state, detail=error.detailed_error, connection_lost=lost)


def _class_of(state: str | None, code: int, message: str) -> type[DatabaseError]:
    if state is not None:
        return _BY_STATE.get(state[:2], DatabaseError)
    if code == _TRANSACTION_DONE:
        return InternalError
    for pattern, cls in _BY_TEXT:
        if pattern.search(message):
            return cls
    return DatabaseError
