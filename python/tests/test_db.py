"""The database through DB-API 2.0, on a real PostgreSQL behind a driver that answers as lib/pq does."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest

from fake_driver import FakeDriver, rows
from mattermost_plugin import PluginAPIClient, db


def test_the_module_is_what_pep_249_says(api: PluginAPIClient) -> None:
    assert (db.apilevel, db.threadsafety, db.paramstyle) == ("2.0", 1, "pyformat")
    for name in ("DataError", "OperationalError", "IntegrityError", "InternalError", "ProgrammingError"):
        cls = getattr(db, name)
        assert issubclass(cls, db.DatabaseError)
        assert getattr(db.Connection, name) is cls
    assert issubclass(db.NotSupportedError, db.DatabaseError)
    assert issubclass(db.DatabaseError, db.Error)
    assert issubclass(db.InterfaceError, db.Error)
    assert not issubclass(db.InterfaceError, db.DatabaseError)
    assert issubclass(db.Error, Exception)
    assert not issubclass(db.Warning, db.Error)
    with db.connect(api) as connection:
        assert rows(connection, "SELECT 1") == [(1,)]
    with pytest.raises(db.InterfaceError, match="no plugin runs"):
        db.connect()


def test_type_objects_and_constructors() -> None:
    assert db.NUMBER == "INT4"
    assert "TEXT" == db.STRING  # noqa: SIM300
    assert db.BINARY != "TEXT"
    assert db.DATETIME == "TIMESTAMPTZ"
    assert len({db.STRING, db.BINARY, db.NUMBER, db.DATETIME, db.ROWID}) == 5
    assert db.Date(2024, 2, 29) == datetime.date(2024, 2, 29)
    assert db.Binary(b"x") == b"x"
    assert isinstance(db.DateFromTicks(0), datetime.date)
    assert isinstance(db.TimeFromTicks(0), datetime.time)
    assert isinstance(db.TimestampFromTicks(0), datetime.datetime)


def test_rows_and_their_description(connection: db.Connection) -> None:
    cursor = connection.cursor()
    assert cursor.description is None
    assert cursor.rowcount == -1
    assert cursor.execute("SELECT n, n::text AS t, 1.50::numeric(10, 2) AS p FROM generate_series(1, 5) AS n") is cursor
    assert cursor.description == [
        ("n", "INT4", None, None, None, None, None),
        ("t", "TEXT", None, None, None, None, None),
        ("p", "NUMERIC", None, None, 10, 2, None),
    ]
    assert cursor.rowcount == -1
    assert cursor.fetchone() == (1, "1", Decimal("1.50"))
    assert cursor.fetchmany() == [(2, "2", Decimal("1.50"))]
    cursor.arraysize = 2
    assert [row[0] for row in cursor.fetchmany()] == [3, 4]
    assert cursor.fetchmany(0) == []
    assert [row[0] for row in cursor] == [5]
    assert cursor.fetchone() is None
    assert cursor.fetchall() == []
    assert cursor.rowcount == 5
    assert cursor.lastrowid is None
    with pytest.raises(StopIteration):
        next(cursor)
    cursor.setinputsizes([1])
    cursor.setoutputsize(1)
    assert rows(connection, "SELECT 1::numeric") == [(Decimal(1),)]
    assert connection.execute("SELECT 1::numeric").description == [("numeric", "NUMERIC", *[None] * 5)]


def test_changes_are_counted(table: str, connection: db.Connection) -> None:
    cursor = connection.cursor()
    insert = "INSERT INTO item (name, price) VALUES (%s, %s)"
    assert cursor.execute(insert, ("a", Decimal("1.5"))).rowcount == 1
    assert cursor.description is None
    assert cursor.executemany(insert, [("b", 2), ("c", 3)]).rowcount == 2
    assert cursor.execute("UPDATE item SET price = 0").rowcount == 3
    assert cursor.execute("DELETE FROM item WHERE name = %(name)s", {"name": "nobody"}).rowcount == 0
    assert cursor.execute("DELETE FROM item WHERE name = 'a' RETURNING name, price").rowcount == 1
    assert cursor.fetchall() == [("a", Decimal("0.00"))]
    assert cursor.execute("WITH d AS (SELECT 'b' AS n) DELETE FROM item USING d WHERE name = n").rowcount == 1
    assert cursor.execute("CREATE TEMP TABLE t (a int)").rowcount == -1
    assert cursor.execute("").rowcount == -1
    with pytest.raises(db.ProgrammingError, match="there are no rows"):
        cursor.fetchone()


def test_executemany(table: str, connection: db.Connection, driver: FakeDriver) -> None:
    cursor = connection.cursor()
    insert = "INSERT INTO item (name) VALUES (%(name)s) RETURNING id, name"
    cursor.executemany(insert, ({"name": name} for name in "abc"))
    assert cursor.rowcount == 3
    assert [name for _, name in cursor] == ["a", "b", "c"]
    assert driver.counts["StmtQuery"] == 3
    assert cursor.executemany(insert, []).rowcount == 0
    with pytest.raises(db.ProgrammingError, match="takes 2 parameters, but has 1"):
        cursor.executemany("INSERT INTO item (name, price) VALUES (%s, $2)", [("x",)])
    with pytest.raises(db.IntegrityError):
        cursor.executemany("INSERT INTO item (name) VALUES (%s)", [("d",), ("a",)])
    assert "statements" not in driver.open
    connection.rollback()
    assert rows(connection, "SELECT count(*) FROM item") == [(0,)]


def test_several_statements_in_one_text(connection: db.Connection, driver: FakeDriver) -> None:
    cursor = connection.execute("SELECT 1 AS a; SET LOCAL work_mem = '1MB'; SELECT 2 AS b, 3 AS c; SELECT 4")
    assert cursor.nextset() is True
    assert cursor.description is not None
    assert [column.name for column in cursor.description] == ["b", "c"]
    assert cursor.fetchall() == [(2, 3)]
    assert cursor.fetchone() is None
    assert cursor.nextset() is True
    assert cursor.rowcount == -1
    assert cursor.fetchall() == [(4,)]
    assert cursor.rowcount == 1
    assert cursor.nextset() is None
    assert cursor.description is None
    assert "rows" not in driver.open
    assert connection.execute("SELECT 1").nextset() is None
    assert connection.cursor().nextset() is None


def test_result_sets_are_lost_to_the_next_statement(connection: db.Connection) -> None:
    first = connection.execute("SELECT 1 UNION SELECT 2; SELECT 3")
    assert rows(connection, "SELECT 5") == [(5,)]
    assert first.fetchall() == [(1,), (2,)]
    with pytest.raises(db.InterfaceError, match="another statement ran first"):
        first.nextset()


def test_cursors_do_not_disturb_each_other(connection: db.Connection, driver: FakeDriver) -> None:
    first = connection.execute("SELECT n FROM generate_series(1, 4) AS n")
    assert first.fetchone() == (1,)
    second = connection.execute("SELECT n FROM generate_series(10, 12) AS n")
    assert first.fetchone() == (2,)
    assert second.fetchone() == (10,)
    connection.commit()
    assert first.fetchall() == [(3,), (4,)]
    assert second.fetchall() == [(11,), (12,)]
    assert first.rowcount == 4
    assert driver.open == {"connections": 1}


def test_rows_are_read_one_by_one(connection: db.Connection, driver: FakeDriver) -> None:
    cursor = connection.execute("SELECT n FROM generate_series(1, 1000) AS n")
    cursor.fetchmany(3)
    assert driver.counts["RowsNext"] == 3
    cursor.close()
    cursor.close()
    assert driver.counts["RowsNext"] == 3
    assert "rows" not in driver.open
    with pytest.raises(db.InterfaceError, match="the cursor is closed"):
        cursor.fetchone()
    with pytest.raises(db.InterfaceError, match="the cursor is closed"):
        cursor.execute("SELECT 1")
    assert cursor.closed
    assert cursor.connection is connection
    with connection.cursor() as again:
        again.execute("SELECT 1")
    assert again.closed


def test_no_types_are_asked_for_without_rows(table: str, connection: db.Connection, driver: FakeDriver) -> None:
    connection.execute("INSERT INTO item (name) VALUES ('a')")
    connection.execute("SELECT 1 INTO TEMP t")
    assert driver.counts["RowsColumnTypeDatabaseTypeName"] == 0
    connection.execute("SELECT 1, 2.0, 'x'").fetchall()
    assert driver.counts["RowsColumnTypeDatabaseTypeName"] == 3
    assert driver.counts["RowsColumnTypePrecisionScale"] == 1


def test_every_method_of_the_driver_is_used(api: PluginAPIClient, driver: FakeDriver) -> None:
    from mattermost_plugin._gen import driver as methods
    from mattermost_plugin._method import Method

    with api.db.connect() as connection:
        connection.ping()
        connection.execute("CREATE TEMP TABLE t (a numeric(5, 1))")
        connection.cursor().executemany("INSERT INTO t VALUES (%s)", [(1,), (2,)])
        connection.cursor().executemany("INSERT INTO t VALUES (%s) RETURNING a", [(1,), (2,)])
        cursor = connection.execute("SELECT a FROM t; SELECT 1")
        cursor.fetchall()
        cursor.nextset()
        connection.rollback()
    names = {value.name for value in vars(methods).values() if isinstance(value, Method)}
    assert len(names) == 20
    assert names - {name for name, count in driver.counts.items() if count} == {"TxCommit"}
    with api.db.connect() as connection:
        connection.execute("SELECT 1")
    assert driver.counts["TxCommit"] == 1
