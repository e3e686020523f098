"""PostgreSQL's text of dates, times, intervals and arrays, in both directions."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

_DATE = r"(?P<year>\d{4,})-(?P<month>\d\d)-(?P<day>\d\d)"
_TIME = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)(?:\.(?P<fraction>\d{1,6}))?"
_ZONE = r"(?P<sign>[+-])(?P<zh>\d\d)(?::?(?P<zm>\d\d))?(?::?(?P<zs>\d\d))?"

_DATE_ONLY = re.compile(_DATE)
_TIME_OF_DAY = re.compile(f"{_TIME}(?:{_ZONE})?")
_TIMESTAMP = re.compile(f"{_DATE}[ T]{_TIME}(?:{_ZONE})?")


def parse_date(text: str) -> datetime.date:
    """Read a DATE.

    Raises:
        ValueError: Python has no such date: it is before the year 1, after 9999, or infinite.
    """
    match = _match(_DATE_ONLY, text, "date")
    return datetime.date(int(match["year"]), int(match["month"]), int(match["day"]))


def parse_time(text: str) -> datetime.time:
    """Read a TIME or TIMETZ.

    Raises:
        ValueError: Python has no such time: it is 24:00:00.
    """
    match = _match(_TIME_OF_DAY, text, "time")
    return datetime.time(*_clock(match), _zone(match))


def parse_timestamp(text: str) -> datetime.datetime:
    """Read a TIMESTAMP, or a TIMESTAMPTZ with the offset that the session's time zone gave it.

    Raises:
        ValueError: Python has no such time: it is before the year 1, after 9999, or infinite.
    """
    match = _match(_TIMESTAMP, text, "datetime")
    date = (int(match["year"]), int(match["month"]), int(match["day"]))
    return datetime.datetime(*date, *_clock(match), _zone(match))


def _match(pattern: re.Pattern[str], text: str, kind: str) -> re.Match[str]:
    match = pattern.fullmatch(text)
    if match is None:
        raise ValueError(f"Python has no {kind} for PostgreSQL's {text!r}; select it as text")
    return match


def _clock(match: re.Match[str]) -> tuple[int, int, int, int]:
    fraction = (match["fraction"] or "").ljust(6, "0")
    return int(match["hour"]), int(match["minute"]), int(match["second"]), int(fraction)


def _zone(match: re.Match[str]) -> datetime.timezone | None:
    if match["sign"] is None:
        return None
    hours, minutes, seconds = (int(match[name] or 0) for name in ("zh", "zm", "zs"))
    offset = datetime.timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return datetime.timezone(-offset if match["sign"] == "-" else offset)


_INTERVAL = re.compile(
    r"(?:(?P<years>[+-]?\d+) years? ?)?(?:(?P<mons>[+-]?\d+) mons? ?)?(?:(?P<days>[+-]?\d+) days? ?)?"
    r"(?:(?P<sign>[+-]?)(?P<hours>\d+):(?P<minutes>\d\d):(?P<seconds>\d\d(?:\.\d+)?))?"
)
_YEAR, _MONTH = 365, 30
"""Days of a year and a month where an interval has to become a number of days; psycopg's choice."""


def parse_interval(text: str) -> datetime.timedelta:
    """Read an INTERVAL in PostgreSQL's own style, which is the default.

    Raises:
        ValueError: The session has another `IntervalStyle`, or the interval is too long.
    """
    match = _match(_INTERVAL, text, "timedelta") if text else None
    if match is None:
        raise ValueError("an interval must not be empty")
    years, months, days, hours, minutes = (
        int(match[name] or 0) for name in ("years", "mons", "days", "hours", "minutes")
    )
    # Decimal, as a float would turn some microseconds into their neighbours.
    microseconds = int(Decimal(match["seconds"] or 0) * 1_000_000)
    clock = datetime.timedelta(hours=hours, minutes=minutes, microseconds=microseconds)
    return datetime.timedelta(days=years * _YEAR + months * _MONTH + days) + (-clock if match["sign"] == "-" else clock)


_ITEM = re.compile(r'(?P<mark>[{},])|"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^{},"]+)', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def parse_array(text: str, convert: Callable[[str], Any] = str) -> list[Any]:
    """Read an array, whose items `convert` makes of their text; NULL becomes None, a dimension a list.

    Raises:
        ValueError: The text is no array.
    """
    body = text.partition("=")[2] if text.startswith("[") else text  # the bounds, if they do not begin with 1
    outermost: list[Any] = []
    stack: list[list[Any]] = [outermost]
    for match in _ITEM.finditer(body):
        if match["mark"] == "{":
            stack[-1].append([])
            stack.append(stack[-1][-1])
        elif match["mark"] == "}":
            stack.pop()
        elif match["quoted"] is not None:
            stack[-1].append(convert(_ESCAPE.sub(r"\1", match["quoted"])))
        elif match["plain"] is not None:
            stack[-1].append(None if match["plain"] == "NULL" else convert(match["plain"]))
        if not stack:
            break
    if len(stack) != 1 or len(outermost) != 1 or not body.startswith("{"):
        raise ValueError(f"not an array: {text!r}")
    items: list[Any] = outermost[0]
    return items


def format_array(items: Iterable[Any]) -> str:
    """Write an array of values that a parameter may have; a list or tuple inside is a dimension."""
    return "{" + ",".join(map(_item, items)) + "}"


def _item(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, (list, tuple)):
        return format_array(value)  # pyright: ignore[reportUnknownArgumentType]  # items of any kind
    if isinstance(value, bytes):
        value = "\\x" + value.hex()
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def item_converter(type_name: object) -> Callable[[str], Any]:
    """Return what an array's items become, by the name of its type: what a column of theirs would hold."""
    return _ITEMS.get(str(type_name), str)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def _bool(text: str) -> bool:
    return text == "t"


_ITEMS: dict[str, Callable[[str], Any]] = {
    "_BOOL": _bool,
    "_BYTEA": _bytes,
    "_FLOAT4": float,
    "_FLOAT8": float,
    "_INT2": int,
    "_INT4": int,
    "_INT8": int,
    "_NUMERIC": Decimal,
    "_OID": int,
}
