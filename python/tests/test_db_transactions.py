"""Transactions, and connections that are closed or forgotten."""

from __future__ import annotations

import contextlib
import gc
import threading
import warnings
from typing import Any

import pytest

from fake_driver import FakeDriver, rows
from mattermost_plugin import PluginAPIClient, db


def test_commit_and_rollback(api: PluginAPIClient, table: str, driver: FakeDriver) -> None:
    with api.db.connect() as one, api.db.connect() as two:
        assert not one.in_transaction
        one.commit()
        one.rollback()
        assert driver.counts["Tx"] == 1  # the table's
        one.execute("INSERT INTO item (name) VALUES ('a')")
        assert one.in_transaction
        assert rows(two, "SELECT count(*) FROM item") == [(0,)]
        one.commit()
        assert rows(two, "SELECT count(*) FROM item") == [(1,)]
        one.execute("DELETE FROM item")
        one.rollback()
        assert not one.in_transaction
        assert rows(one, "SELECT count(*) FROM item") == [(1,)]


def test_rows_that_were_not_read_are_gone_after_rollback(connection: db.Connection) -> None:
    cursor = connection.execute("SELECT n FROM generate_series(1, 3) AS n")
    assert cursor.fetchone() == (1,)
    connection.rollback()
    with pytest.raises(db.InterfaceError, match="before the transaction was rolled back"):
        cursor.fetchone()


def test_a_failed_transaction_refuses_statements_until_rollback(connection: db.Connection) -> None:
    with pytest.raises(db.ProgrammingError) as caught:
        connection.execute("SELECT * FROM nowhere")
    assert caught.value.sqlstate == "42P01"
    with pytest.raises(db.InternalError, match="current transaction is aborted"):
        connection.execute("SELECT 1")
    with pytest.raises(db.InternalError, match="failed transaction"):
        connection.commit()
    assert rows(connection, "SELECT 1") == [(1,)]


def test_savepoints(table: str, connection: db.Connection) -> None:
    connection.execute("SAVEPOINT s")
    connection.execute("INSERT INTO item (name) VALUES ('a')")
    connection.execute("ROLLBACK TO SAVEPOINT s")
    connection.execute("RELEASE s")
    assert rows(connection, "SELECT count(*) FROM item") == [(0,)]


def test_the_context_manager_commits_or_rolls_back_and_closes(api: PluginAPIClient, table: str) -> None:
    with api.db.connect() as first:
        first.execute("INSERT INTO item (name) VALUES ('kept')")
    assert first.closed
    with contextlib.suppress(KeyError), api.db.connect() as second:
        second.execute("INSERT INTO item (name) VALUES ('dropped')")
        raise KeyError
    assert second.closed
    with api.db.connect() as third:
        assert rows(third, "SELECT name FROM item") == [("kept",)]
        third.close()
    with pytest.raises(db.InterfaceError), first:
        pass


def test_autocommit(api: PluginAPIClient, table: str, driver: FakeDriver) -> None:
    before = driver.counts["Tx"]
    with api.db.connect(autocommit=True) as connection:
        connection.execute("INSERT INTO item (name) VALUES ('a')")
        connection.rollback()
        assert rows(connection, "SELECT count(*) FROM item") == [(1,)]
        connection.execute("VACUUM item")
        assert driver.counts["Tx"] == before
        connection.autocommit = False
        connection.execute("DELETE FROM item")
        assert driver.counts["Tx"] == before + 1
        with pytest.raises(db.ProgrammingError, match="autocommit cannot be set inside a transaction"):
            connection.autocommit = True
        connection.rollback()
        connection.autocommit = True
        assert connection.autocommit
        assert rows(connection, "SELECT count(*) FROM item") == [(1,)]


@pytest.mark.parametrize("level", ["READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])
def test_isolation_levels(api: PluginAPIClient, level: str) -> None:
    with api.db.connect(isolation_level=level.lower().replace(" ", "_")) as connection:
        assert connection.isolation_level == level
        assert rows(connection, "SHOW transaction_isolation") == [(level.lower(),)]
        with pytest.raises(db.ProgrammingError, match="isolation_level cannot be set"):
            connection.isolation_level = None
        connection.rollback()
        connection.isolation_level = None
        assert rows(connection, "SHOW transaction_isolation") == [("read committed",)]
    with pytest.raises(db.ProgrammingError, match="unknown isolation level 'CHAOS'"):
        api.db.connect(isolation_level="CHAOS")


def test_read_only_and_replicas(api: PluginAPIClient, table: str, driver: FakeDriver) -> None:
    with api.db.connect(read_only=True) as connection:
        with pytest.raises(db.InternalError, match="read-only transaction"):
            connection.execute("DELETE FROM item")
        connection.rollback()
        connection.read_only = False
        connection.execute("DELETE FROM item")
    with api.db.connect(replica=True) as connection:
        assert connection.read_only
        assert connection.replica
        assert rows(connection, "SHOW transaction_read_only") == [("on",)]
    assert driver.primary == [True, True, False]


@pytest.mark.parametrize(
    ("operation", "error", "message"),
    [
        ("BEGIN", db.ProgrammingError, r"BEGIN must not be sent .* commit\(\) or rollback\(\)"),
        ("start transaction read only", db.ProgrammingError, "START"),
        ("SELECT 1; commit", db.ProgrammingError, "COMMIT"),
        ("/* x /* y */ */ -- z\n END", db.ProgrammingError, "END"),
        ("ROLLBACK", db.ProgrammingError, "ROLLBACK"),
        ("ABORT", db.ProgrammingError, "ABORT"),
        ("PREPARE TRANSACTION 'x'", db.NotSupportedError, "two-phase"),
        ("COPY t FROM STDIN", db.NotSupportedError, "COPY"),
        ("SELECT '\0'", db.ProgrammingError, "NUL"),
    ],
)
def test_statements_that_are_refused(
    connection: db.Connection, driver: FakeDriver, operation: str, error: type[db.Error], message: str
) -> None:
    with pytest.raises(error, match=message):
        connection.execute(operation)
    assert driver.counts["Tx"] == 0


def test_settings_of_a_session_do_not_reach_the_server(api: PluginAPIClient, driver: FakeDriver) -> None:
    with api.db.connect() as connection:
        connection.execute("SET search_path = nowhere")
        connection.execute("SET ROLE pg_monitor")
    with api.db.connect() as connection:
        connection.execute("SELECT set_config('search_path', 'nowhere', false)")
    with api.db.connect() as connection:
        assert len(driver.conns) == 1
        assert rows(connection, "SHOW search_path") == [('"$user", public',)]
        assert rows(connection, "SELECT current_user::text") == [("mattermost",)]
        executed = driver.counts["ConnExec"]
        connection.execute("SET LOCAL search_path = nowhere")
    assert driver.counts["ConnExec"] == executed + 1


def test_a_closed_connection(api: PluginAPIClient, driver: FakeDriver) -> None:
    connection = api.db.connect()
    cursor = connection.execute("SELECT n FROM generate_series(1, 3) AS n")
    assert "in transaction" in repr(connection)
    connection.close()
    connection.close()
    assert connection.closed
    assert cursor.closed
    assert not connection.broken
    assert "closed" in repr(connection)
    assert driver.open == {}
    for work in (connection.cursor, connection.commit, connection.rollback, connection.ping, cursor.fetchone):
        with pytest.raises(db.InterfaceError, match="the connection is closed"):
            work()
    cursor.close()


def test_ping(connection: db.Connection, driver: FakeDriver) -> None:
    cursor = connection.execute("SELECT 1 UNION SELECT 2")
    connection.ping()
    assert cursor.fetchall() == [(1,), (2,)]
    driver.breaks = {"ConnPing"}
    with pytest.raises(db.OperationalError, match="the connection to the database is lost"):
        connection.ping()
    assert connection.broken


def test_a_connection_that_is_not_closed_is_told(api: PluginAPIClient, driver: FakeDriver) -> None:
    connection = api.db.connect()
    calls = sum(driver.counts.values())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del connection
        gc.collect()
    assert [str(warning.message) for warning in caught if warning.category is ResourceWarning] == [
        "a database connection was not closed: <mattermost_plugin._database.connection.Connection idle>"
    ]
    assert sum(driver.counts.values()) == calls
    driver.conns.clear()


def test_threads_have_connections_of_their_own(api: PluginAPIClient) -> None:
    results: list[Any] = []

    def work(number: int) -> None:
        with api.db.connect() as connection:
            results.extend(rows(connection, "SELECT %s + 1", [number]))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [(1,), (2,), (3,), (4,)]
