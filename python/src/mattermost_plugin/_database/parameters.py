"""Parameters: from `%s` and `%(name)s` to PostgreSQL's `$1`, and from Python's values to those that the driver takes.

The rules for `%` are psycopg's: if there are parameters, every `%` is special wherever it stands, `%%` is a percent
sign, and placeholders are never put into quotes. Without parameters the text is sent as it is.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Any
from uuid import UUID

from .driver import Value
from .errors import DataError, ProgrammingError

Parameters = Sequence[Any] | Mapping[str, Any]

_PLACEHOLDER = re.compile(r"%(?:(?P<known>%|s)|\((?P<name>[^)]*)\)(?P<kind>.?)|(?P<other>.?))", re.DOTALL)

_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


@dataclass(frozen=True)
class Query:
    """A statement with PostgreSQL's placeholders.

    Attributes:
        text: What is sent.
        names: The names in the order of their numbers, if the placeholders have names.
        count: How many parameters there are.
    """

    text: str
    names: tuple[str, ...]
    count: int


def bind(operation: str, parameters: Parameters | None) -> tuple[str, list[Value]]:
    """Return the statement and the values to send.

    Raises:
        ProgrammingError: The parameters do not fit the placeholders, or have a type that cannot be sent.
    """
    if parameters is None:
        return operation, []
    query = parse(operation)
    return query.text, values_for(query, parameters)


def parse(operation: str) -> Query:
    """Translate the placeholders of a statement."""
    return _parse_cached(operation) if len(operation) <= _LONGEST_CACHED else _parse(operation)


_LONGEST_CACHED = 16 * 1024


def _parse(operation: str) -> Query:
    numbers: dict[str, int] = {}
    count = 0

    def translate(match: re.Match[str]) -> str:
        nonlocal count
        if match["known"] == "%":
            return "%"
        name = match["name"]
        if name is not None and match["kind"] == "s":
            return f"${numbers.setdefault(name, len(numbers) + 1)}"
        if match["known"] == "s":
            count += 1
            return f"${count}"
        raise ProgrammingError(
            f"only %s, %(name)s and %% may follow a % sign if there are parameters, not {match.group()!r}; "
            "write %% for a percent sign"
        )

    text = _PLACEHOLDER.sub(translate, operation)
    if numbers and count:
        raise ProgrammingError("a statement has either %s or %(name)s placeholders, not both")
    return Query(text, tuple(numbers), count or len(numbers))


_parse_cached = lru_cache(maxsize=256)(_parse)


def values_for(query: Query, parameters: Parameters) -> list[Value]:
    """Return the values in the order of their numbers."""
    given: Any = parameters
    if isinstance(given, Mapping):
        return _by_name(query, given)  # pyright: ignore[reportUnknownArgumentType]  # any mapping will do
    if isinstance(given, (str, bytes, bytearray)) or not isinstance(given, Sequence):
        raise ProgrammingError(
            f"parameters are a sequence or a mapping, not {type(given).__name__}; write (value,) for one"
        )
    if query.names:
        raise ProgrammingError("the statement has %(name)s placeholders and needs a mapping of parameters")
    if query.count != len(given):  # pyright: ignore[reportUnknownArgumentType]  # any sequence will do
        raise ProgrammingError(f"the statement has {query.count} placeholders, but {len(given)} parameters were given")  # pyright: ignore[reportUnknownArgumentType]  # any sequence will do
    return _convert_all(given)  # pyright: ignore[reportUnknownArgumentType]  # any sequence will do


def _by_name(query: Query, parameters: Mapping[str, Any]) -> list[Value]:
    if query.count and not query.names:
        raise ProgrammingError("the statement has %s placeholders and needs a sequence of parameters")
    missing = [name for name in query.names if name not in parameters]
    if missing:
        raise ProgrammingError(f"parameters are missing: {', '.join(missing)}")
    return _convert_all(parameters[name] for name in query.names)


def _convert_all(values: Iterable[Any]) -> list[Value]:
    return [convert(value) for value in values]


def convert(value: Any) -> Value:
    """Return the form in which a parameter travels: one of the driver's types, else PostgreSQL's text for it."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        # PostgreSQL reads any parameter from its text, so a number that int64 cannot hold goes as text.
        return int.__int__(value) if _SMALLEST <= value <= _LARGEST else int.__repr__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        # Go reads an empty `[]byte` inside an interface as nil; an empty string is the same to a bytea.
        return bytes(value) or ""  # pyright: ignore[reportUnknownArgumentType]  # a memoryview of anything
    if isinstance(value, Decimal):
        return _decimal(value)
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return f"{value.days} days {value.seconds}.{value.microseconds:06} seconds"
    if isinstance(value, UUID):
        return str(value)
    raise ProgrammingError(f"a parameter of type {type(value).__name__} cannot be sent{_hint(value)}")


def _decimal(value: Decimal) -> str:
    if value.is_snan():
        raise DataError("a signaling NaN cannot be sent")
    return str(value)


def _hint(value: object) -> str:
    if isinstance(value, Mapping):
        return "; for a JSON column send json.dumps(value)"
    if isinstance(value, (list, tuple, set, frozenset)):
        return "; for an array send its text, such as '{1,2}', with a cast: %s::int[]; for JSON send json.dumps(value)"
    return "; send its .value" if isinstance(value, Enum) else ""
