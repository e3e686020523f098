"""PostgreSQL's text of times and arrays, without a database."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest

from mattermost_plugin.sqlalchemy._text import (
    format_array,
    item_converter,
    parse_array,
    parse_date,
    parse_interval,
    parse_time,
    parse_timestamp,
)


def zone(**offset: int) -> datetime.timezone:
    return datetime.timezone(datetime.timedelta(**offset))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-02-29 12:30:15", datetime.datetime(2024, 2, 29, 12, 30, 15)),
        ("2024-02-29 12:30:15.1", datetime.datetime(2024, 2, 29, 12, 30, 15, 100000)),
        ("0001-01-01 00:00:00.000001", datetime.datetime(1, 1, 1, 0, 0, 0, 1)),
        ("2024-02-29 12:30:15+00", datetime.datetime(2024, 2, 29, 12, 30, 15, tzinfo=zone())),
        (
            "2024-02-29 12:30:15.5-03:30",
            datetime.datetime(2024, 2, 29, 12, 30, 15, 500000, zone(hours=-3, minutes=-30)),
        ),
        ("1800-01-01 00:00:00+00:19:32", datetime.datetime(1800, 1, 1, tzinfo=zone(minutes=19, seconds=32))),
    ],
)
def test_timestamps(text: str, expected: datetime.datetime) -> None:
    assert parse_timestamp(text) == expected
    assert parse_timestamp(text).utcoffset() == expected.utcoffset()


def test_dates_and_times() -> None:
    assert parse_date("0024-02-29") == datetime.date(24, 2, 29)
    assert parse_time("01:02:03.04") == datetime.time(1, 2, 3, 40000)
    assert parse_time("01:02:03+05") == datetime.time(1, 2, 3, tzinfo=zone(hours=5))


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_timestamp, "infinity"),
        (parse_timestamp, "0044-03-15 00:00:00 BC"),
        (parse_timestamp, "10000-01-01 00:00:00"),
        (parse_date, "-infinity"),
        (parse_date, "0044-03-15 BC"),
        (parse_time, "24:00:00"),
        (parse_interval, ""),
        (parse_interval, "P1D"),
        (parse_interval, "1 century"),
        (parse_array, ""),
        (parse_array, "1,2"),
        (parse_array, "{1,2"),
        (parse_array, "}"),
    ],
)
def test_what_python_has_no_value_for(parse: Any, text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("00:00:00", datetime.timedelta()),
        ("1 day", datetime.timedelta(days=1)),
        ("-1 days +02:03:04.000005", datetime.timedelta(days=-1, hours=2, minutes=3, seconds=4, microseconds=5)),
        (
            "1 year 2 mons -3 days -04:05:06.7",
            datetime.timedelta(days=365 + 60 - 3) - datetime.timedelta(seconds=14706.7),
        ),
        ("100:00:00", datetime.timedelta(hours=100)),
        ("1 mon", datetime.timedelta(days=30)),
        ("-00:00:00.1", datetime.timedelta(microseconds=-100000)),
    ],
)
def test_intervals(text: str, expected: datetime.timedelta) -> None:
    assert parse_interval(text) == expected


@pytest.mark.parametrize(
    ("text", "type_name", "expected"),
    [
        ("{}", "_INT4", []),
        ("{1,NULL,-3}", "_INT4", [1, None, -3]),
        ("{{1,2},{3,4}}", "_INT8", [[1, 2], [3, 4]]),
        ("[0:1]={1,2}", "_INT2", [1, 2]),
        ("{t,f}", "_BOOL", [True, False]),
        ("{1.50}", "_NUMERIC", [Decimal("1.50")]),
        ("{1.5,NaN}", "_FLOAT8", [1.5, pytest.approx(float("nan"), nan_ok=True)]),
        ('{"\\\\x00ff"}', "_BYTEA", [b"\x00\xff"]),
        (
            '{a b,"","NULL",NULL,"{,}","q\\"b\\\\","new\nline"}',
            "",
            ["a b", "", "NULL", None, "{,}", 'q"b\\', "new\nline"],
        ),
    ],
)
def test_arrays(text: str, type_name: str, expected: list[Any]) -> None:
    assert parse_array(text, item_converter(type_name)) == expected


def test_arrays_are_written_as_they_are_read() -> None:
    items = ["", 'q"\\', None, "NULL", "{,}", ["x"], ()]
    assert parse_array(format_array(items)) == ["", 'q"\\', None, "NULL", "{,}", ["x"], []]
    assert format_array([1, b"\xff", datetime.date(2024, 1, 2)]) == '{"1","\\\\xff","2024-01-02"}'
