"""Values of every type, in both directions."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from fake_driver import FakeDriver, rows
from mattermost_plugin import db


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("NULL::int", None),
        ("42::smallint", 42),
        ("9223372036854775807::bigint", 2**63 - 1),
        ("1.5::float8", 1.5),
        ("'NaN'::float8", float("nan")),
        ("true", True),
        ("'grüße'::text", "grüße"),
        ("'ab'::char(4)", "ab  "),
        ("'x'::\"char\"", "x"),
        ("'n'::name", "n"),
        ("'\\x00ff'::bytea", b"\x00\xff"),
        ("''::bytea", b""),
        ("12345678901234567890.123456789::numeric", Decimal("12345678901234567890.123456789")),
        ("'NaN'::numeric", Decimal("NaN")),
        ("'{\"a\": 1}'::json", '{"a": 1}'),
        ("'{\"a\":   1}'::jsonb", '{"a": 1}'),
        ("'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("ARRAY[1, NULL, 3]", "{1,NULL,3}"),
        ("ARRAY['a b', 'c']", '{"a b",c}'),
        ("'1 day'::interval", "1 day"),
        ("'10.0.0.0/8'::cidr", "10.0.0.0/8"),
        ("1259::oid", 1259),
        ("ROW(1, 'a')", "(1,a)"),
        ("CAST(TIMESTAMP '2024-02-29 12:30' AS text)", "2024-02-29 12:30:00"),
        ("ARRAY[DATE '2024-02-29']", "{2024-02-29}"),
    ],
)
def test_values_out(connection: db.Connection, expression: str, expected: Any) -> None:
    for parameters in (None, [1]):  # the driver's two protocols
        text = f"SELECT {expression.replace('%', '%%')}" + (" WHERE 1 = %s" if parameters else "")
        ((value,),) = rows(connection, text, parameters)
        assert type(value) is type(expected)
        assert value == expected or (value != value and expected != expected)


@pytest.mark.parametrize(
    ("value", "type", "text"),
    [
        (None, "text", None),
        (True, "bool", "true"),
        (5, "int", "5"),
        (-(2**63), "bigint", "-9223372036854775808"),
        (2**80, "numeric", str(2**80)),
        (1.25, "float8", "1.25"),
        (float("inf"), "float8", "Infinity"),
        ("grüße '%' \\", "text", "grüße '%' \\"),
        (b"\x00\xff", "bytea", "\\x00ff"),
        (bytearray(b"ab"), "bytea", "\\x6162"),
        (memoryview(b""), "bytea", "\\x"),
        (Decimal("1.10"), "numeric", "1.10"),
        (Decimal("1E+3"), "numeric", "1000"),
        (datetime.date(2024, 2, 29), "date", "2024-02-29"),
        (datetime.time(1, 2, 3, 4), "time", "01:02:03.000004"),
        (datetime.datetime(2024, 2, 29, 1, 2, 3), "timestamp", "2024-02-29 01:02:03"),
        (datetime.datetime(2024, 2, 29, tzinfo=datetime.timezone.utc), "timestamptz", "2024-02-29 00:00:00+00"),
        (datetime.timedelta(days=-1, seconds=3, microseconds=4), "interval", "-1 days +00:00:03.000004"),
        (UUID(int=1), "uuid", "00000000-0000-0000-0000-000000000001"),
    ],
)
def test_values_in(connection: db.Connection, value: Any, type: str, text: str | None) -> None:
    connection.execute("SET LOCAL timezone = 'UTC'")
    assert rows(connection, f"SELECT %s::{type}::text", [value]) == [(text,)]


def test_strings_of_subclasses(connection: db.Connection) -> None:
    from enum import Enum, IntEnum

    class Colour(str, Enum):
        RED = "red"

    class Level(IntEnum):
        HIGH = 3

    class Plain(Enum):
        ONE = 1

    assert rows(connection, "SELECT %s::text, %s::int", [Colour.RED, Level.HIGH]) == [("red", 3)]
    with pytest.raises(db.ProgrammingError, match=r"type Plain cannot be sent; send its \.value"):
        connection.execute("SELECT %s", [Plain.ONE])


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ({"a": 1}, db.ProgrammingError, "type dict cannot be sent; for a JSON column send json.dumps"),
        ([1], db.ProgrammingError, "type list cannot be sent; for an array send its text"),
        (object(), db.ProgrammingError, "type object cannot be sent$"),
        (Decimal("sNaN"), db.DataError, "signaling NaN"),
        ("\ud800", db.DataError, "lone surrogate"),
        ("\0", db.DataError, "invalid byte sequence"),
        ("x", db.DataError, "invalid input syntax"),
        (2**40, db.DataError, "out of range"),
    ],
)
def test_values_that_do_not_fit(connection: db.Connection, value: Any, error: type[db.Error], message: str) -> None:
    with pytest.raises(error, match=message):
        connection.execute("SELECT %s::int", [value])
    connection.rollback()
    assert rows(connection, "SELECT 1") == [(1,)]


@pytest.mark.parametrize(
    ("expression", "type"),
    [
        ("now()", "TIMESTAMPTZ"),
        ("now()::timestamp", "TIMESTAMP"),
        ("current_date", "DATE"),
        ("localtime", "TIME"),
        ("current_time", "TIMETZ"),
        ("'infinity'::timestamp", "TIMESTAMP"),
    ],
)
def test_times_are_refused_before_a_row_is_read(
    connection: db.Connection, driver: FakeDriver, expression: str, type: str
) -> None:
    with pytest.raises(db.NotSupportedError) as caught:
        connection.execute(f'SELECT 1 AS one, {expression} AS "the ""time"""')
    assert str(caught.value) == (
        f'column "the ""time""" is of type {type}, which the server cannot send to a plugin; '
        'select CAST("the ""time""" AS text) instead'
    )
    assert driver.counts["RowsNext"] == 0
    assert "rows" not in driver.open
    assert rows(connection, "SELECT 1") == [(1,)]


def test_times_after_a_change_and_in_later_result_sets(connection: db.Connection, driver: FakeDriver) -> None:
    connection.execute("CREATE TEMP TABLE t (at timestamptz DEFAULT now())")
    with pytest.raises(db.NotSupportedError, match="the statement itself has been executed"):
        connection.execute("INSERT INTO t DEFAULT VALUES RETURNING at")
    assert rows(connection, "SELECT count(*) FROM t") == [(1,)]
    cursor = connection.execute("SELECT 1; SELECT now()")
    assert cursor.fetchall() == [(1,)]
    with pytest.raises(db.NotSupportedError, match='column "now"'):
        cursor.nextset()
    with pytest.raises(db.NotSupportedError):
        connection.cursor().executemany("SELECT now() WHERE %s::bool", [(True,)])
    assert set(driver.open) == {"connections", "transactions"}
