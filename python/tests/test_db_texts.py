"""Without a database: what is seen in a statement's text, how parameters get into it, how errors are told apart."""

from __future__ import annotations

from typing import Any

import pytest

from mattermost_plugin import PluginAPIError, db
from mattermost_plugin._database.errors import from_api_error
from mattermost_plugin._database.parameters import bind
from mattermost_plugin._database.statements import analyse


@pytest.mark.parametrize(
    ("operation", "returns", "changes", "several"),
    [
        ("SELECT 1", True, False, False),
        ("  -- note\n select 1 ;", True, False, False),
        ("/* a /* b */ ; */ SELECT 1", True, False, False),
        ("(SELECT 1) UNION (SELECT 2)", True, False, False),
        ("VALUES (1)", True, False, False),
        ("TABLE t", True, False, False),
        ("SHOW work_mem", True, False, False),
        ("EXPLAIN DELETE FROM t", True, False, False),
        ("INSERT INTO t VALUES ('RETURNING', \"returning\")", False, True, False),
        ("INSERT INTO t SELECT returning_x FROM u", False, True, False),
        ("INSERT INTO t VALUES (%s) RETURNING id", True, True, False),
        ("insert into t values (1) returning id", True, True, False),
        ("UPDATE t SET a = $$ RETURNING ' $$", False, True, False),
        ("UPDATE t SET a = $x$ $$ RETURNING $$ $x$", False, True, False),
        ("UPDATE t SET a = E'\\' RETURNING'", False, True, False),
        ("UPDATE t SET a = 'it''s' RETURNING a", True, True, False),
        ("DELETE FROM t -- RETURNING", False, True, False),
        ("WITH x AS (INSERT INTO t VALUES (1) RETURNING id) SELECT * FROM x", True, False, False),
        ("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", False, True, False),
        ("WITH RECURSIVE x AS MATERIALIZED (SELECT 1) UPDATE t SET a = 1 RETURNING a", True, True, False),
        ("MERGE INTO t USING u ON a = b WHEN MATCHED THEN DO NOTHING", False, True, False),
        ("CREATE FUNCTION f() RETURNS int AS $$ BEGIN RETURN 1; END $$ LANGUAGE plpgsql", False, False, False),
        ("CREATE TABLE t (a int)", False, False, False),
        ("SELECT 1; SELECT 2", True, False, True),
        ("SET LOCAL a = 1; SELECT 2", True, False, True),
        ("SELECT ';'; ; -- ;", True, False, False),
        ("", False, False, False),
        ("SELECT 'not closed", True, False, False),
        ("SELECT /* not closed", True, False, False),
    ],
)
def test_statements(operation: str, returns: bool, changes: bool, several: bool) -> None:
    statement = analyse(operation)
    assert (statement.returns_rows, statement.changes_rows, statement.several) == (returns, changes, several)


@pytest.mark.parametrize(
    ("operation", "changes"),
    [
        ("SET a = 1", True),
        ("SET SESSION a = 1", True),
        ("SELECT 1; set role x", True),
        ("SELECT pg_catalog.set_config('a', 'b', false)", True),
        ("SET LOCAL a = 1", False),
        ("SET TRANSACTION READ ONLY", False),
        ("SET CONSTRAINTS ALL DEFERRED", False),
        ("UPDATE t SET a = 1", False),
    ],
)
def test_settings_of_the_session(operation: str, changes: bool) -> None:
    assert analyse(operation).changes_session is changes


def test_a_long_statement_is_not_kept() -> None:
    text = "INSERT INTO t VALUES " + ", ".join(["(%s)"] * 10_000)
    assert analyse(text).changes_rows
    bound, values = bind(text, list(range(10_000)))
    assert bound.endswith("($10000)")
    assert len(values) == 10_000


@pytest.mark.parametrize(
    ("operation", "parameters", "text", "values"),
    [
        ("SELECT '100%'", None, "SELECT '100%'", []),
        ("SELECT '100%%'", (), "SELECT '100%'", []),
        ("SELECT '100%%'", {}, "SELECT '100%'", []),
        ("SELECT %s, '%s', %%s", [1, "a"], "SELECT $1, '$2', %s", [1, "a"]),
        ("%(b)s %(a)s %(b)s", {"a": 1, "b": 2, "c": 3}, "$1 $2 $1", [2, 1]),
        ("%(with space)s", {"with space": 1}, "$1", [1]),
    ],
)
def test_placeholders(operation: str, parameters: Any, text: str, values: list[Any]) -> None:
    assert bind(operation, parameters) == (text, values)


@pytest.mark.parametrize(
    ("operation", "parameters", "message"),
    [
        ("%s", [], "has 1 placeholders, but 0 parameters"),
        ("SELECT 1", [1], "has 0 placeholders, but 1 parameters"),
        ("%d", [1], "only %s"),
        ("10%", [1], "only %s"),
        ("%(a)d", {"a": 1}, "only %s"),
        ("%(a", {"a": 1}, "only %s"),
        ("%s %(a)s", [1], "not both"),
        ("%(a)s", [1], "needs a mapping"),
        ("%s", {"a": 1}, "needs a sequence"),
        ("%(a)s %(b)s", {"a": 1}, "parameters are missing: b"),
        ("%s", "x", r"not str; write \(value,\)"),
        ("%s", 5, "not int"),
        ("%s", {1}, "not set"),
    ],
)
def test_placeholders_that_do_not_fit(operation: str, parameters: Any, message: str) -> None:
    with pytest.raises(db.ProgrammingError, match=message):
        bind(operation, parameters)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("23505", db.IntegrityError),
        ("22012", db.DataError),
        ("42601", db.ProgrammingError),
        ("40001", db.OperationalError),
        ("25P02", db.InternalError),
        ("0A000", db.NotSupportedError),
        ("57014", db.OperationalError),
        ("XX000", db.InternalError),
        ("99999", db.DatabaseError),
    ],
)
def test_errors_by_their_code(state: str, expected: type[db.Error]) -> None:
    for error in (PluginAPIError("no", error_id=state), PluginAPIError(f"pq: no ({state})")):
        converted = from_api_error(error)
        assert type(converted) is expected
        assert converted.sqlstate == state
        assert str(converted) == "no"
        assert not converted.connection_lost


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('pq: duplicate key value violates unique constraint "x"', db.IntegrityError),
        ('pq: null value in column "a" of relation "t" violates not-null constraint', db.IntegrityError),
        ('pq: insert on table "t" violates foreign key constraint "f"', db.IntegrityError),
        ('pq: syntax error at or near "x"', db.ProgrammingError),
        ('pq: relation "t" does not exist', db.ProgrammingError),
        ("pq: permission denied for table t", db.ProgrammingError),
        ("pq: got 1 parameters but the statement requires 2", db.ProgrammingError),
        ("pq: division by zero", db.DataError),
        ("pq: invalid input syntax for type integer", db.DataError),
        ("pq: deadlock detected", db.OperationalError),
        ("pq: canceling statement due to user request", db.OperationalError),
        ("context deadline exceeded", db.OperationalError),
        ("pq: current transaction is aborted, commands ignored", db.InternalError),
        ("pq: Could not complete operation in a failed transaction", db.InternalError),
        ("pq: something new", db.DatabaseError),
    ],
)
def test_errors_by_their_text(text: str, expected: type[db.Error]) -> None:
    converted = from_api_error(PluginAPIError(text))
    assert type(converted) is expected
    assert str(converted) == text.removeprefix("pq: ")
    assert converted.sqlstate is None
    assert not converted.connection_lost


@pytest.mark.parametrize(
    "error",
    [
        PluginAPIError("driver: bad connection", code=6),
        PluginAPIError("sql: connection is already closed", code=3),
        PluginAPIError("driver: bad connection"),
        PluginAPIError("read tcp 10.0.0.1:1->10.0.0.2:5432: read: connection reset by peer"),
        PluginAPIError("write unix @->/run/x: write: broken pipe"),
        PluginAPIError("unexpected EOF"),
        PluginAPIError("pq: unexpected transaction status idle"),
        PluginAPIError("terminating connection due to administrator command", error_id="57P01"),
    ],
)
def test_errors_of_a_lost_connection(error: PluginAPIError) -> None:
    converted = from_api_error(error)
    assert type(converted) is db.OperationalError
    assert converted.connection_lost


def test_other_errors() -> None:
    assert (
        type(from_api_error(PluginAPIError("sql: transaction has already been committed", code=4))) is db.InternalError
    )
    error = from_api_error(PluginAPIError("m", error_id="23505", detailed_error="Key (a)=(1) already exists."))
    assert str(error) == "m\nDETAIL: Key (a)=(1) already exists."
    assert error.detail == "Key (a)=(1) already exists."
