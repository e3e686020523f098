"""The server's database driver in Python: lib/pq's answers from a real PostgreSQL, and an alarm for what would hurt it.

Ids that the real server does not know crash it, a row with a time ends its connection to the plugin, and a statement
while rows are unread garbles the protocol. Here each of these is an AssertionError.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
from psycopg import pq

from mattermost_plugin import db
from mattermost_plugin._codec import encode_frame
from mattermost_plugin._errors import ErrorFrame
from mattermost_plugin._frames import HEADER_SIZE
from mattermost_plugin._method import Method

INTEGERS = {20, 21, 23}
FLOATS = {700, 701}
STRINGS = {18, 25, 1043}
TIMES = {1082, 1083, 1114, 1184, 1266}
BOOL, BYTEA, NUMERIC = 16, 17, 1700

BAD_CONNECTION = {"kind": "error", "code": 6, "message": "driver: bad connection"}
NUL = 'invalid byte sequence for encoding "UTF8": 0x00'
END_OF_FILE = {"kind": "error", "code": 1, "message": "EOF"}
ISOLATION = {0: "", 1: "READ UNCOMMITTED", 2: "READ COMMITTED", 4: "REPEATABLE READ", 6: "SERIALIZABLE"}


class DriverError(Exception):
    def __init__(self, frame: dict[str, Any]) -> None:
        super().__init__(frame["message"])
        self.frame = frame


class Conn:
    """One connection to PostgreSQL, as lib/pq would use it."""

    def __init__(self, dsn: str) -> None:
        options = " options='-c datestyle=ISO,MDY -c extra_float_digits=2' client_encoding=UTF8"
        self.pg = pq.PGconn.connect((dsn + options).encode())
        assert self.pg.status == pq.ConnStatus.OK, self.pg.error_message
        self.bad = False
        self.rows: Rows | None = None

    def check(self) -> None:
        assert self.rows is None or self.rows.done, "a statement was sent while rows were unread"
        if self.bad:
            raise DriverError(BAD_CONNECTION)

    def simple(self, text: str) -> list[pq.abc.PGresult]:
        """Run statements without parameters, and return the result of each."""
        self.check()
        self.pg.send_query(text.encode())
        return self._results()

    def prepare(self, name: str, text: str) -> list[int]:
        """Prepare a statement, and return the types of its parameters."""
        self.check()
        self._good(self.pg.prepare(name.encode(), text.encode()))
        described = self._good(self.pg.describe_prepared(name.encode()))
        return [described.param_type(index) for index in range(described.nparams)]

    def run(self, name: str, types: list[int], values: list[Any]) -> pq.abc.PGresult:
        self.check()
        if len(values) != len(types):
            message = f"pq: got {len(values)} parameters but the statement requires {len(types)}"
            raise DriverError({"kind": "error", "message": message})
        encoded = [encode(value, kind) for value, kind in zip(values, types, strict=True)]
        self.pg.send_query_prepared(name.encode(), encoded, [pq.Format.TEXT] * len(encoded))
        return self._results()[0]

    def _results(self) -> list[pq.abc.PGresult]:
        results = []
        while (result := self.pg.get_result()) is not None:
            results.append(result)
        return [self._good(result) for result in results]

    def _good(self, result: pq.abc.PGresult) -> pq.abc.PGresult:
        if result.status != pq.ExecStatus.FATAL_ERROR:
            return result
        field = pq.DiagnosticField
        severity = result.error_field(field.SEVERITY_NONLOCALIZED)
        if self.pg.status == pq.ConnStatus.BAD or severity in (b"FATAL", None):
            self.bad = True
            raise DriverError(BAD_CONNECTION)
        raise DriverError(
            {
                "kind": "error",
                "id": (result.error_field(field.SQLSTATE) or b"").decode(),
                "message": (result.error_field(field.MESSAGE_PRIMARY) or b"").decode(),
                "detailed_error": (result.error_field(field.MESSAGE_DETAIL) or b"").decode(),
            }
        )


class Rows:
    def __init__(self, conn: Conn, results: list[pq.abc.PGresult]) -> None:
        # lib/pq has no result set for a statement without columns, but an empty one if none has.
        self.sets = [result for result in results if result.nfields] or results[-1:]
        self.conn = conn
        self.row = 0
        self.done = not self.sets or not self.sets[0].nfields
        conn.rows = self

    @property
    def result(self) -> pq.abc.PGresult:
        return self.sets[0]


def encode(value: Any, type: int) -> bytes | None:
    """Return the text that lib/pq sends for a value."""
    match value:
        case None:
            return None
        case bool():
            return b"true" if value else b"false"
        case int() | float():
            return f"{value}".encode()
        case str() if "\0" in value:
            raise DriverError({"kind": "error", "id": "22021", "message": NUL})
        case str() if type != BYTEA:
            return value.encode()
        case str():
            return b"\\x" + value.encode().hex().encode()
        case bytes():
            return b"\\x" + value.hex().encode() if type == BYTEA else value
    raise AssertionError(f"lib/pq would not know how to encode {value!r}")


def decode(data: bytes | None, type: int) -> Any:
    """Return what lib/pq makes of PostgreSQL's text."""
    if data is None:
        return None
    assert type not in TIMES, "the real server would end its connection to the plugin"
    if type in INTEGERS:
        return int(data)
    if type in FLOATS:
        return float(data)
    if type in STRINGS:
        return data.decode()
    if type == BOOL:
        return data == b"t"
    return bytes.fromhex(data[2:].decode()) if type == BYTEA else data


class FakeDriver:
    """A transport whose driver methods work on PostgreSQL.

    Attributes:
        counts: How often each method was called.
        faults: For a method's name, the errors that its next calls raise instead of doing anything.
        breaks: Methods whose next call finds the connection to the database broken.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._ids = itertools.count(1)
        self._types: dict[int, str] | None = None
        self.counts: Counter[str] = Counter()
        self.faults: dict[str, list[DriverError]] = {}
        self.breaks: set[str] = set()
        self.primary: list[bool] = []
        self.pool: list[Conn] = []
        self.conns: dict[str, Conn] = {}
        self.txs: dict[str, Conn] = {}
        self.stmts: dict[str, tuple[Conn, str, list[int]]] = {}
        self.rows: dict[str, Rows] = {}

    def call(self, method: Method[Any], args: tuple[Any, ...]) -> Any:
        """Stand for the bridge: arguments and results take the way through msgpack."""
        self.counts[method.name] += 1
        frame = bytearray()
        encode_frame(frame, args, 0, method.ident, 1)
        decoded = msgspec.msgpack.decode(frame[HEADER_SIZE:])
        try:
            if self.faults.get(method.name):
                raise self.faults[method.name].pop(0)
            if method.name in self.breaks:
                self.breaks.remove(method.name)
                self._of(decoded[0]).bad = True
            results = getattr(self, method.name)(*decoded)
        except DriverError as error:
            raise method.error(msgspec.msgpack.encode(msgspec.convert(error.frame, ErrorFrame))) from None
        return method.result(msgspec.msgpack.encode(results))

    @property
    def open(self) -> dict[str, int]:
        """How much of each kind the server still holds."""
        held = {"connections": self.conns, "transactions": self.txs, "statements": self.stmts, "rows": self.rows}
        return {name: len(values) for name, values in held.items() if values}

    def close(self) -> None:
        for conn in {*self.pool, *self.conns.values()}:
            conn.pg.finish()

    # Connections

    def Conn(self, is_master: bool) -> list[str]:
        self.primary.append(is_master)
        conn = self.pool.pop() if self.pool else Conn(self._dsn)
        return [self._hold(self.conns, conn)]

    def ConnPing(self, conn: str) -> list[Any]:
        self._conn(conn).simple(";")
        return []

    def ConnClose(self, conn_id: str) -> list[Any]:
        conn = self._conn(conn_id)
        assert conn not in self.txs.values(), "a transaction was left open on a connection of the server's pool"
        assert conn not in [stmt[0] for stmt in self.stmts.values()], "a prepared statement was left"
        assert conn not in [rows.conn for rows in self.rows.values()], "rows were left"
        del self.conns[conn_id]
        if conn.bad:
            conn.pg.finish()
            raise DriverError({"kind": "error", "code": 3, "message": "sql: connection is already closed"})
        assert conn.pg.transaction_status == pq.TransactionStatus.IDLE
        self.pool.append(conn)
        return []

    def ConnQuery(self, conn_id: str, text: str, values: list[dict[str, Any]] | None = None) -> list[str]:
        conn = self._conn(conn_id)
        results = [conn.run("", conn.prepare("", text), named(values))] if values else conn.simple(text)
        return [self._hold(self.rows, Rows(conn, results))]

    def ConnExec(self, conn_id: str, text: str, values: list[dict[str, Any]] | None = None) -> list[Any]:
        conn = self._conn(conn_id)
        result = conn.run("", conn.prepare("", text), named(values)) if values else conn.simple(text)[-1]
        return [container(result)]

    # Transactions

    def Tx(self, conn_id: str, options: dict[str, Any]) -> list[str]:
        conn = self._conn(conn_id)
        assert conn not in self.txs.values()
        level = ISOLATION[options["isolation"]]
        mode = f" ISOLATION LEVEL {level}" if level else ""
        conn.simple(f"BEGIN{mode} READ {'ONLY' if options['read_only'] else 'WRITE'}")
        return [self._hold(self.txs, conn)]

    def TxCommit(self, tx: str) -> list[Any]:
        conn = self._forget(self.txs, tx)
        conn.check()
        if conn.pg.transaction_status == pq.TransactionStatus.INERROR:
            conn.simple("ROLLBACK")
            message = "pq: Could not complete operation in a failed transaction"
            raise DriverError({"kind": "error", "message": message})
        conn.simple("COMMIT")
        return []

    def TxRollback(self, tx: str) -> list[Any]:
        self._forget(self.txs, tx).simple("ROLLBACK")
        return []

    # Prepared statements

    def Stmt(self, conn_id: str, text: str) -> list[str]:
        conn = self._conn(conn_id)
        name = f"s{next(self._ids)}"
        return [self._hold(self.stmts, (conn, name, conn.prepare(name, text)))]

    def StmtClose(self, stmt: str) -> list[Any]:
        conn, name, _ = self._forget(self.stmts, stmt)
        conn.check()
        conn.pg.close_prepared(name.encode()) if pq.version() >= 170000 else None
        return []

    def StmtNumInput(self, stmt: str) -> list[int]:
        return [len(self._known(self.stmts, stmt)[2])]

    def StmtQuery(self, stmt: str, values: list[dict[str, Any]]) -> list[str]:
        conn, name, types = self._known(self.stmts, stmt)
        return [self._hold(self.rows, Rows(conn, [conn.run(name, types, named(values))]))]

    def StmtExec(self, stmt: str, values: list[dict[str, Any]]) -> list[Any]:
        conn, name, types = self._known(self.stmts, stmt)
        return [container(conn.run(name, types, named(values)))]

    # Rows

    def RowsColumns(self, rows_id: str) -> list[list[str]]:
        rows = self._known(self.rows, rows_id)
        if not rows.sets:
            return [[]]
        return [[(rows.result.fname(index) or b"").decode() for index in range(rows.result.nfields)]]

    def RowsClose(self, rows_id: str) -> list[Any]:
        rows = self._forget(self.rows, rows_id)
        if not rows.done:
            rows.done = True
            rows.conn.check()
        return []

    def RowsNext(self, rows_id: str, dest: list[Any]) -> list[list[Any]]:
        rows = self._known(self.rows, rows_id)
        if rows.conn.bad:
            raise DriverError(BAD_CONNECTION)
        if rows.done or rows.row >= rows.result.ntuples:
            rows.done = rows.done or len(rows.sets) == 1
            raise DriverError(END_OF_FILE)
        assert dest == [None] * rows.result.nfields
        row, rows.row = rows.row, rows.row + 1
        return [[decode(rows.result.get_value(row, i), rows.result.ftype(i)) for i in range(len(dest))]]

    def RowsHasNextResultSet(self, rows_id: str) -> list[bool]:
        rows = self._known(self.rows, rows_id)
        return [rows.row >= rows.result.ntuples and len(rows.sets) > 1]

    def RowsNextResultSet(self, rows_id: str) -> list[Any]:
        rows = self._known(self.rows, rows_id)
        if len(rows.sets) < 2:
            raise DriverError(END_OF_FILE)
        rows.sets.pop(0)
        rows.row = 0
        return []

    def RowsColumnTypeDatabaseTypeName(self, rows_id: str, index: int) -> list[str]:
        return [self._type_names().get(self._known(self.rows, rows_id).result.ftype(index), "")]

    def RowsColumnTypePrecisionScale(self, rows_id: str, index: int) -> list[Any]:
        result = self._known(self.rows, rows_id).result
        if result.ftype(index) != NUMERIC:
            return [0, 0, False]
        modifier = result.fmod(index) - 4
        return [modifier >> 16 & 0xFFFF, modifier & 0xFFFF, True]

    # Help

    def _hold(self, held: dict[str, Any], value: Any) -> str:
        ident = f"id{next(self._ids)}"
        held[ident] = value
        return ident

    def _conn(self, ident: str) -> Conn:
        if ident not in self.conns:
            raise DriverError(BAD_CONNECTION)
        return self.conns[ident]

    def _of(self, ident: str) -> Conn:
        """Return the connection that an id of any kind belongs to."""
        if ident in self.stmts:
            return self.stmts[ident][0]
        return self.rows[ident].conn if ident in self.rows else {**self.conns, **self.txs}[ident]

    def _known(self, held: dict[str, Any], ident: str) -> Any:
        assert ident in held, f"the real server would crash: it does not know {ident}"
        return held[ident]

    def _forget(self, held: dict[str, Any], ident: str) -> Any:
        value = self._known(held, ident)
        del held[ident]
        return value

    def _type_names(self) -> dict[int, str]:
        """Return lib/pq's names of types: those of PostgreSQL itself, in capitals."""
        if self._types is None:
            pg = pq.PGconn.connect(self._dsn.encode())
            result = pg.exec_(b"SELECT oid, upper(typname) FROM pg_type WHERE oid < 10000")
            self._types = dict(_pairs(result))
            pg.finish()
        return self._types


def _pairs(result: pq.abc.PGresult) -> Iterator[tuple[int, str]]:
    for row in range(result.ntuples):
        yield int(result.get_value(row, 0) or b""), (result.get_value(row, 1) or b"").decode()


def named(values: list[dict[str, Any]] | None) -> list[Any]:
    """Return the values of Go's `[]driver.NamedValue`, which must be numbered from 1."""
    values = values or []
    assert [value["ordinal"] for value in values] == list(range(1, len(values) + 1))
    return [value["value"] for value in values]


def container(result: pq.abc.PGresult) -> dict[str, Any]:
    """Return Go's `ResultContainer` for a result."""
    answer: dict[str, Any] = {"last_id_error": {"kind": "error", "message": "no LastInsertId available"}}
    if result.status == pq.ExecStatus.EMPTY_QUERY:
        answer["rows_affected_error"] = {
            "kind": "error",
            "message": "no RowsAffected available after the empty statement",
        }
    elif result.command_tuples:
        answer["rows_affected"] = result.command_tuples
    return answer


def rows(connection: db.Connection, operation: str, parameters: Any = None) -> list[tuple[Any, ...]]:
    """Run a statement and return all its rows."""
    return connection.execute(operation, parameters).fetchall()
