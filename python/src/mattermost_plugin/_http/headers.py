"""HTTP headers: names without regard to case, values that may repeat."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from functools import lru_cache
from typing import cast

from .._errors import ValidationError

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_FORBIDDEN = re.compile(r"[\r\n\0]")


@lru_cache(1024)
def canonical(name: str) -> str:
    """Return a header's name as Go writes it, `Content-Type`; what is no valid name stays as it is."""
    if not _TOKEN.match(name):
        return name
    return "-".join([part.capitalize() for part in name.split("-")])


class Headers(MutableMapping[str, str]):
    """The headers of a request or a response.

    As a mapping it has the first value of each name, and setting a name replaces all its values; `get_all` and `add`
    are for headers that repeat, such as Set-Cookie. Names are written as Go does: `Content-Type`.

    Args:
        values: Names with lists of values, or pairs of name and value.

    Raises:
        ValidationError: A name or a value is not valid in HTTP, or would smuggle in another header.
    """

    __slots__ = ("_on_late_change", "_values")

    def __init__(self, values: Mapping[str, list[str]] | Iterable[tuple[str, str]] = ()) -> None:
        self._values: dict[str, list[str]] = {}
        self._on_late_change: Callable[[], None] | None = None
        if isinstance(values, Mapping):
            for name, several in cast("Mapping[str, list[str]]", values).items():
                for value in several:
                    self.add(name, value)
        else:
            for name, value in values:
                self.add(name, value)

    @classmethod
    def received(cls, values: Mapping[str, list[str]]) -> Headers:
        """Return headers that the server has sent, which are taken as they are."""
        headers = cls()
        own = headers._values
        for name, several in values.items():
            own.setdefault(canonical(name), []).extend(several)
        return headers

    def lock(self, on_late_change: Callable[[], None]) -> None:
        """Let changes have no effect any more, and call a function instead: the headers are on their way."""
        self._on_late_change = on_late_change

    def _is_locked(self) -> bool:
        if self._on_late_change is None:
            return False
        self._on_late_change()
        return True

    def __getitem__(self, name: str) -> str:
        return self._values[canonical(name)][0]

    def __setitem__(self, name: str, value: str) -> None:
        key, checked = _name(name), _value(name, value)
        if not self._is_locked():
            self._values[key] = [checked]

    def __delitem__(self, name: str) -> None:
        key = canonical(name)
        if key not in self._values:
            raise KeyError(name)
        if not self._is_locked():
            del self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and canonical(name) in self._values

    def __repr__(self) -> str:
        return f"Headers({self._values!r})"

    def clear(self) -> None:
        """Remove all headers."""
        if not self._is_locked():
            self._values.clear()

    def add(self, name: str, value: str) -> None:
        """Add a value and keep those that are there."""
        key, checked = _name(name), _value(name, value)
        if not self._is_locked():
            self._values.setdefault(key, []).append(checked)

    def get_all(self, name: str) -> list[str]:
        """Return all values of a header, in their order; none if it is not there."""
        return list(self._values.get(canonical(name), ()))

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Return each value with its name."""
        for name, several in self._values.items():
            for value in several:
                yield name, value

    def to_dict(self) -> dict[str, list[str]]:
        """Return a copy as names with lists of values."""
        return {name: list(several) for name, several in self._values.items()}


def _name(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError(f"a header's name is a str, not {type(name).__name__}")
    if not _TOKEN.match(name):
        raise ValidationError(f"{name!r} is not a valid header name")
    return canonical(name)


def _value(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"the value of the header {name} is a str, not {type(value).__name__}")
    if _FORBIDDEN.search(value):
        raise ValidationError(f"the value of the header {name} holds a line break or a NUL")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValidationError(f"the value of the header {name} is not valid Unicode text") from None
    return value
