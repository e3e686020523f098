"""What is checked through DB-API 2.0, on the real path: SDK, bridge, the server's driver, lib/pq, PostgreSQL."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

from mattermost_plugin import PluginAPIClient, db

Check = Callable[[PluginAPIClient], None]
CHECKS: list[Check] = []


def check(function: Check) -> Check:
    """Add a function to the checks."""
    CHECKS.append(function)
    return function


def expect(got: object, wanted: object) -> None:
    """Compare, and show both."""
    if got != wanted:
        raise AssertionError(f"got {got!r}, wanted {wanted!r}")


def expect_error(error: type[db.Error], text: str, function: Callable[..., Any], *args: Any) -> db.Error:
    """Call a function that must raise an error with a text in it."""
    try:
        function(*args)
    except error as caught:
        if text not in str(caught):
            raise AssertionError(f"{text!r} is not in {str(caught)!r}") from caught
        return caught
    raise AssertionError(f"no {error.__name__} with {text!r}")


OUT: list[tuple[str, Any]] = [
    ("NULL::int", None),
    ("42::smallint", 42),
    ("9223372036854775807::bigint", 2**63 - 1),
    ("1.5::float8", 1.5),
    ("false", False),
    ("'grüße'::text", "grüße"),
    ("''::text", ""),
    ("'ab'::char(4)", "ab  "),
    ("'x'::\"char\"", "x"),
    ("'n'::name", "n"),
    ("'\\x00ff'::bytea", b"\x00\xff"),
    ("''::bytea", b""),
    ("12345678901234567890.123456789::numeric", Decimal("12345678901234567890.123456789")),
    ("'{\"a\":   1}'::jsonb", '{"a": 1}'),
    ("'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("ARRAY[1, NULL, 3]", "{1,NULL,3}"),
    ("'1 day'::interval", "1 day"),
    ("'10.0.0.0/8'::cidr", "10.0.0.0/8"),
    ("1259::oid", 1259),
    ("CAST(TIMESTAMP '2024-02-29 12:30' AS text)", "2024-02-29 12:30:00"),
    ("ARRAY[DATE '2024-02-29']", "{2024-02-29}"),
]

IN: list[tuple[Any, str, str | None]] = [
    (None, "text", None),
    (True, "bool", "true"),
    (5, "int", "5"),
    (0, "bigint", "0"),
    (-(2**63), "bigint", "-9223372036854775808"),
    (2**80, "numeric", str(2**80)),
    (1.25, "float8", "1.25"),
    (0.0, "float8", "0"),
    (float("-inf"), "float8", "-Infinity"),
    ("grüße '%' \\", "text", "grüße '%' \\"),
    ("", "text", ""),
    (b"\x00\xff", "bytea", "\\x00ff"),
    (b"", "bytea", "\\x"),
    (Decimal("1.10"), "numeric", "1.10"),
    (datetime.date(2024, 2, 29), "date", "2024-02-29"),
    (datetime.time(1, 2, 3, 4), "time", "01:02:03.000004"),
    (datetime.datetime(2024, 2, 29, 1, 2, 3), "timestamp", "2024-02-29 01:02:03"),
    (datetime.datetime(2024, 2, 29, tzinfo=datetime.timezone.utc), "timestamptz", "2024-02-29 00:00:00+00"),
    (datetime.timedelta(days=-1, seconds=3), "interval", "-1 days +00:00:03"),
    (UUID(int=1), "uuid", "00000000-0000-0000-0000-000000000001"),
]


@check
def values_come_out(api: PluginAPIClient) -> None:
    """Every type, by both protocols of the driver: with and without parameters."""
    for parameters in (None, [1]):
        suffix = " WHERE 1 = %s" if parameters else ""
        for expression, wanted in OUT:
            with api.db.connect() as connection:
                ((value,),) = connection.execute(f"SELECT {expression}{suffix}", parameters).fetchall()
                expect((type(value), value), (type(wanted), wanted))


@check
def values_go_in(api: PluginAPIClient) -> None:
    """Every Python type that a parameter may have."""
    with api.db.connect() as connection:
        connection.execute("SET LOCAL timezone = 'UTC'")
        for value, name, wanted in IN:
            expect(connection.execute(f"SELECT %s::{name}::text", [value]).fetchall(), [(wanted,)])


@check
def every_method_of_the_driver(api: PluginAPIClient) -> None:
    """Rows, description, counts, prepared statements, several result sets, a transaction's ends."""
    with api.db.connect() as connection:
        connection.ping()
        connection.execute("CREATE TEMP TABLE t (a numeric(5, 1), b text) ON COMMIT DROP")
        cursor = connection.cursor()
        expect(cursor.executemany("INSERT INTO t VALUES (%s, %s)", [(1, "x"), (2, "y")]).rowcount, 2)
        expect(cursor.executemany("INSERT INTO t VALUES (%s) RETURNING a", [(3,), (4,)]).fetchall(), [(3,), (4,)])
        expect(cursor.execute("UPDATE t SET b = 'z' WHERE a < %(limit)s", {"limit": 3}).rowcount, 2)
        cursor.execute("SELECT a, b FROM t ORDER BY a; SELECT 1 AS one, true AS yes")
        expect(cursor.description, [("a", "NUMERIC", None, None, 5, 1, None), ("b", "TEXT", *[None] * 5)])
        expect(cursor.fetchone(), (Decimal("1.0"), "z"))
        expect(cursor.nextset(), True)
        expect(cursor.fetchall(), [(1, True)])
        expect(cursor.nextset(), None)
        connection.rollback()
        connection.execute("SELECT 1").fetchall()
        connection.commit()
        error = expect_error(
            db.ProgrammingError,
            "takes 2 parameters",
            cursor.executemany,
            "SELECT %s::int + $2::int",
            [(1,)],
        )
        expect(error.connection_lost, False)


@check
def rows_of_two_cursors(api: PluginAPIClient) -> None:
    """Rows that are not read are stored before the connection does something else."""
    with api.db.connect() as connection:
        first = connection.execute("SELECT n FROM generate_series(1, 300) AS n")
        expect(first.fetchone(), (1,))
        second = connection.execute("SELECT n FROM generate_series(1, 300) AS n WHERE n > %s", [1])
        expect(second.fetchone(), (2,))
        connection.commit()
        expect(len(first.fetchall()), 299)
        expect(len(second.fetchall()), 298)


@check
def transactions(api: PluginAPIClient) -> None:
    """Isolation between connections, levels, read-only, autocommit, failed transactions."""
    with api.db.connect() as one, api.db.connect() as two:
        one.execute("CREATE TABLE account (id int PRIMARY KEY)")
        one.commit()
        one.execute("INSERT INTO account VALUES (1)")
        expect(two.execute("SELECT count(*) FROM account").fetchall(), [(0,)])
        two.rollback()
        one.commit()
        expect(two.execute("SELECT count(*) FROM account").fetchall(), [(1,)])
        duplicate = expect_error(db.IntegrityError, "duplicate key", two.execute, "INSERT INTO account VALUES (1)")
        expect((duplicate.sqlstate, duplicate.detail), ("23505", "Key (id)=(1) already exists."))
        expect_error(db.InternalError, "aborted", two.execute, "SELECT 1")
        expect_error(db.InternalError, "failed transaction", two.commit)
        two.execute("DROP TABLE account")
    with api.db.connect(isolation_level="SERIALIZABLE", read_only=True) as connection:
        shown = connection.execute("SHOW transaction_isolation").fetchall()
        expect(shown + connection.execute("SHOW transaction_read_only").fetchall(), [("serializable",), ("on",)])
    with api.db.connect(autocommit=True) as connection:
        connection.execute("VACUUM pg_description")
    with api.db.connect(replica=True) as connection:
        expect(connection.execute("SHOW transaction_read_only").fetchall(), [("on",)])


@check
def settings_of_a_session(api: PluginAPIClient) -> None:
    """What a plugin sets for its session does not reach the server's pool."""
    with api.db.connect() as connection:
        connection.execute("SET application_name = 'left behind'")
    for _ in range(5):
        with api.db.connect() as connection:
            ((name,),) = connection.execute("SHOW application_name").fetchall()
            if name == "left behind":
                raise AssertionError(name)


@check
def errors(api: PluginAPIClient) -> None:
    """Errors by their SQLSTATE."""
    with api.db.connect() as connection:
        for operation, error, state in (
            ("SELECT 1 / 0", db.DataError, "22012"),
            ("SELECT * FROM nowhere", db.ProgrammingError, "42P01"),
            ("SELEKT", db.ProgrammingError, "42601"),
            ("SELECT 'x'::int", db.DataError, "22P02"),
        ):
            caught = expect_error(error, "", lambda text=operation: connection.execute(text).fetchall())
            expect(caught.sqlstate, state)
            connection.rollback()
        cursor = connection.execute("SELECT 10 / (3 - n) FROM generate_series(1, 5) AS n WHERE %s::bool", [True])
        expect_error(db.DataError, "division by zero", cursor.fetchall)
        connection.rollback()
        expect(connection.execute("SELECT 1").fetchall(), [(1,)])


@check
def times_are_refused(api: PluginAPIClient) -> None:
    """A time is refused before the server is asked for a row, and everything goes on."""
    with api.db.connect() as connection:
        for expression in ("now()", "current_date", "localtime", "current_time", "localtimestamp"):
            expect_error(db.NotSupportedError, "AS text) instead", connection.execute, f"SELECT 1, {expression}")
        expect(connection.execute("SELECT 1").fetchall(), [(1,)])


@check
def a_connection_that_breaks_inside_a_transaction(api: PluginAPIClient) -> None:
    """The database ends a connection; the next one works."""
    connection = api.db.connect()
    ((pid,),) = connection.execute("SELECT pg_backend_pid()").fetchall()
    unread = connection.execute("SELECT n FROM generate_series(1, 3) AS n")
    unread.fetchone()
    with api.db.connect() as other:
        other.execute("SELECT pg_terminate_backend(%s, 10000)", [pid]).fetchall()
    lost = expect_error(db.OperationalError, "is lost", connection.execute, "SELECT 1")
    expect((lost.connection_lost, connection.broken, connection.closed), (True, True, True))
    expect_error(db.InterfaceError, "open another one", connection.execute, "SELECT 1")
    connection.rollback()
    connection.close()
    with api.db.connect() as again:
        expect(again.execute("SELECT 1").fetchall(), [(1,)])


@check
def threads(api: PluginAPIClient) -> None:
    """Each thread has a connection of its own."""
    results: list[Any] = []

    def work(number: int) -> None:
        with api.db.connect() as connection:
            for _ in range(20):
                results.extend(connection.execute("SELECT %s + 1", [number]).fetchall())

    workers = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    expect(sorted(results), [(number + 1,) for number in range(4) for _ in range(20)])


@check
def many_rows_and_large_values(api: PluginAPIClient) -> None:
    """5,000 rows, and a value of 8 MiB in both directions."""
    with api.db.connect() as connection:
        rows = connection.execute("SELECT n, repeat('x', n) FROM generate_series(1, 5000) AS n")
        expect(sum(number - len(text) for number, text in rows), 0)
        large = bytes(range(256)) * 32768
        ((value,),) = connection.execute("SELECT %s::bytea", [large]).fetchall()
        expect(value == large, True)


def a_time_that_reaches_the_server(api: PluginAPIClient) -> None:
    """What the SDK prevents: the server cannot send a time and ends the driver's connection. The plugin goes on."""
    from mattermost_plugin._database.driver import Driver

    driver = Driver(api._call)  # the public methods refuse it
    bystander = api.db.connect()
    bystander.execute("SELECT 1").fetchall()
    conn = driver.conn(is_master=True)
    rows = driver.conn_query(conn, "SELECT now()", [])
    expect_error(db.InterfaceError, "cannot be reached", driver.rows_next, rows, 1)
    expect_error(db.InterfaceError, "cannot be reached", bystander.execute, "SELECT 1")
    expect((bystander.broken, bystander.closed), (True, True))
    bystander.rollback()
    bystander.close()
    expect_error(db.InterfaceError, "enabled again", api.db.connect)


def a_plugin_that_has_not_asked(api: PluginAPIClient) -> None:
    """Without the key in the manifest nothing is called."""
    expect_error(db.NotSupportedError, '"database": true', api.db.connect)


LAST: list[Check] = [a_time_that_reaches_the_server, a_plugin_that_has_not_asked]
"""Checks that want a host of their own, or none to follow."""
