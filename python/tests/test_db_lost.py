"""Connections that break, a driver that goes away, and a server without one."""

from __future__ import annotations

import pytest

from fake_driver import DriverError, FakeDriver, rows
from mattermost_plugin import PluginAPIClient, db

MISSING = DriverError({"kind": "missing", "message": "Conn is not there"})
UNAVAILABLE = DriverError({"kind": "unavailable", "message": "not active"})


def test_a_connection_that_breaks_inside_a_transaction(api: PluginAPIClient, driver: FakeDriver) -> None:
    connection = api.db.connect()
    (pid,) = connection.execute("SELECT pg_backend_pid()").fetchall()[0]
    unread = connection.execute("SELECT n FROM generate_series(1, 3) AS n")
    unread.fetchone()
    with api.db.connect() as other:
        other.execute("SELECT pg_terminate_backend(%s, 10000)", [pid]).fetchall()
    unread.fetchall()
    with pytest.raises(db.OperationalError, match="the connection to the database is lost") as caught:
        connection.execute("SELECT 1")
    assert caught.value.connection_lost
    assert connection.closed
    assert connection.broken
    assert not connection.in_transaction
    assert "broken" in repr(connection)
    assert driver.open == {}
    for work in (connection.cursor, connection.commit, connection.ping, unread.fetchone):
        with pytest.raises(db.InterfaceError, match="is lost; open another one"):
            work()
    connection.rollback()
    connection.close()
    unread.close()
    driver.breaks = {"ConnExec"}
    with api.db.connect() as again, pytest.raises(db.OperationalError):
        again.execute("CREATE TABLE t (a int)")
    assert driver.open == {}


def work_with_everything(connection: db.Connection, end: str) -> None:
    connection.cursor().executemany("SET LOCAL work_mem = '1MB'", [(), ()])
    connection.cursor().executemany("SELECT 1", [(), ()])
    cursor = connection.execute("SELECT 1 UNION SELECT 2; SELECT 2::numeric")
    cursor.fetchone()
    cursor.fetchall()
    cursor.nextset()
    cursor.close()
    getattr(connection, end)()


FAILING = ["Tx", "Stmt", "StmtExec", "StmtQuery", "StmtClose", "ConnQuery", "RowsNext", "RowsClose"]


@pytest.mark.parametrize("method", [*FAILING, "TxCommit", "TxRollback"])
def test_a_connection_that_breaks_anywhere(api: PluginAPIClient, driver: FakeDriver, method: str) -> None:
    connection = api.db.connect()
    driver.breaks = {method}
    with pytest.raises(db.OperationalError, match="is lost"):
        work_with_everything(connection, "rollback" if method == "TxRollback" else "commit")
    assert connection.broken
    assert not connection.in_transaction
    assert driver.open == {}
    connection.rollback()
    connection.close()


SILENT = ["StmtNumInput", "RowsColumns", "RowsColumnTypeDatabaseTypeName", "RowsHasNextResultSet"]


@pytest.mark.parametrize("method", [*FAILING, *SILENT, "RowsColumnTypePrecisionScale", "RowsNextResultSet"])
def test_a_driver_that_goes_away_anywhere(api: PluginAPIClient, driver: FakeDriver, method: str) -> None:
    connection = api.db.connect()
    driver.faults = {method: [UNAVAILABLE]}
    with pytest.raises(db.InterfaceError, match="cannot be reached: not active"):
        work_with_everything(connection, "commit")
    assert connection.broken
    calls = sum(driver.counts.values())
    connection.rollback()
    connection.close()
    assert sum(driver.counts.values()) == calls
    for held in (driver.rows, driver.stmts, driver.txs, driver.conns):
        held.clear()  # the server forgets them with the plugin


def test_an_error_in_the_midst_of_rows(connection: db.Connection, driver: FakeDriver) -> None:
    cursor = connection.execute("SELECT n FROM generate_series(1, 3) AS n")
    assert cursor.fetchone() == (1,)
    driver.faults["RowsNext"] = [DriverError({"kind": "error", "id": "22012", "message": "division by zero"})]
    with pytest.raises(db.DataError, match="division by zero"):
        cursor.fetchone()
    with pytest.raises(db.InterfaceError, match="in the midst of them"):
        cursor.fetchone()
    assert "rows" not in driver.open
    assert not connection.closed
    assert rows(connection, "SELECT 1") == [(1,)]


def test_a_server_without_the_driver(api: PluginAPIClient, driver: FakeDriver) -> None:
    driver.faults["Conn"] = [MISSING, UNAVAILABLE]
    with pytest.raises(db.NotSupportedError, match=r'"server": \{"database": true\}.*Conn is not there'):
        api.db.connect()
    with pytest.raises(db.InterfaceError, match="cannot be reached: not active"):
        api.db.connect()
