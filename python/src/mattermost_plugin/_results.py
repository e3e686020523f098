"""What a handler may return, and the results that are sent for it; one adapter per shape of hook, not per hook."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from ._errors import ErrorFrame, frame_from_exception
from ._hook_spec import HookSpec
from ._types import resolve

Results = list[Any]
Adapter = Callable[[Any], "Results | None"]
"""Takes what a handler returned; gives the results to send, or None for the empty payload, the neutral answer."""


def adapter(spec: HookSpec) -> Adapter:
    """Return the adapter for a hook."""
    return _ADAPTERS[spec.shape](spec)


def _nothing(spec: HookSpec) -> Adapter:
    del spec

    def adapt(_result: Any) -> Results | None:
        return None

    return adapt


def _error(spec: HookSpec) -> Adapter:
    def adapt(result: Any) -> Results | None:
        if result is None:
            return None
        return [_error_value(spec, result)]

    return adapt


def _reason(spec: HookSpec) -> Adapter:
    def adapt(result: Any) -> Results | None:
        if result is None:
            return None
        if isinstance(result, str):
            return [result]
        raise _refusal(spec, result)

    return adapt


def _value(spec: HookSpec) -> Adapter:
    check = _Value(spec)

    def adapt(result: Any) -> Results | None:
        if result is None:
            return check.of_none(())
        return [check(result)]

    return adapt


def _value_reason(spec: HookSpec) -> Adapter:
    check = _Value(spec)

    def adapt(result: Any) -> Results | None:
        if result is None:
            return None
        if isinstance(result, str):
            return [None, result] if result else None
        if not isinstance(result, tuple):
            return [check(result), ""]
        value, reason = _pair(spec, result)  # pyright: ignore[reportUnknownArgumentType]  # its items are checked one by one
        if reason is not None and not isinstance(reason, str):
            raise _refusal(spec, reason)
        if value is None:
            return [None, reason] if reason else None
        return [check(value), reason or ""]

    return adapt


def _value_error(spec: HookSpec) -> Adapter:
    check = _Value(spec)

    def adapt(result: Any) -> Results | None:
        if result is None:
            return check.of_none((None,))
        if isinstance(result, BaseException):
            return [check.zero(), _error_value(spec, result)]
        if not isinstance(result, tuple):
            return [check(result), None]
        value, error = _pair(spec, result)  # pyright: ignore[reportUnknownArgumentType]  # its items are checked one by one
        error = _error_value(spec, error)
        if value is None:
            return check.of_none((None,)) if error is None else [check.zero(), error]
        return [check(value), error]

    return adapt


_ADAPTERS: dict[str, Callable[[HookSpec], Adapter]] = {
    "none": _nothing,
    "error": _error,
    "reason": _reason,
    "value": _value,
    "value_reason": _value_reason,
    "value_error": _value_error,
}


class _Value:
    """Checks the value among a hook's results, and builds it from a dict or, for a command, from a text."""

    def __init__(self, spec: HookSpec) -> None:
        self._spec = spec
        self._name = _value_name(spec)
        self._type: Any = None
        self._cls: type | tuple[type, ...] = ()

    def _resolve(self) -> None:
        self._type = resolve(self._name)
        origin = getattr(self._type, "__origin__", None)
        self._cls = (list, tuple) if origin is list else self._type

    def __call__(self, value: Any) -> Any:
        if self._type is None:
            self._resolve()
        if isinstance(value, self._cls) and not (self._cls is int and isinstance(value, bool)):
            return value  # pyright: ignore[reportUnknownVariableType]  # a list's items are checked by the bridge
        if isinstance(self._cls, type) and issubclass(self._cls, msgspec.Struct):
            if isinstance(value, dict):
                return self._from_dict(value, self._cls)  # pyright: ignore[reportUnknownArgumentType]  # checked by convert
            if isinstance(value, str) and "text" in self._cls.__struct_fields__:
                return self._cls(text=value)
        raise _refusal(self._spec, value)

    def _from_dict(self, value: dict[Any, Any], cls: type[msgspec.Struct]) -> Any:
        unknown = [str(key) for key in value if key not in cls.__struct_encode_fields__]
        if unknown:
            raise TypeError(f"{self._spec.name}: {cls.__name__} has no field {unknown[0]!r}")
        try:
            return msgspec.convert(value, cls)
        except msgspec.ValidationError as error:
            raise TypeError(f"{self._spec.name}: the returned dict is not a {cls.__name__}: {error}") from error

    def of_none(self, rest: tuple[None, ...]) -> Results | None:
        """Return the results for a handler that returned None."""
        if self._spec.none == "true":
            return [True, *rest]
        if self._spec.none == "empty":
            return [{}, *rest]
        return None

    def zero(self) -> Any:
        """Return what stands where the value is missing because there is an error: Go's zero value."""
        if self._name != self._spec.value:
            return None  # a pointer
        if self._name.startswith("list["):
            return []
        return _ZEROS.get(self._name, {})


_ZEROS: dict[str, Any] = {"int": 0, "bool": False}


def _value_name(spec: HookSpec) -> str:
    return spec.value.removesuffix(" | None")


def _pair(spec: HookSpec, result: tuple[Any, ...]) -> tuple[Any, Any]:
    if len(result) != 2:  # a pair is a pair
        raise TypeError(f"{spec.name}: a handler returned a tuple of {len(result)}; it may return {_allowed(spec)}")
    return result[0], result[1]


def _error_value(spec: HookSpec, error: Any) -> Any:
    """Return the form in which an error is sent: None, a text, or a map."""
    if error is None or (isinstance(error, str) and not error):
        return None
    if isinstance(error, str):
        return error
    if isinstance(error, BaseException):
        return frame_from_exception(error)
    if isinstance(error, msgspec.Struct) and "status_code" in error.__struct_fields__:
        fields = {key: value for key, value in msgspec.to_builtins(error).items() if key in _ERROR_FIELDS}
        return msgspec.convert({**fields, "kind": "app"}, ErrorFrame)
    raise _refusal(spec, error)


_ERROR_FIELDS = frozenset(ErrorFrame.__struct_fields__)


def _allowed(spec: HookSpec) -> str:
    value = _value_name(spec)
    return {
        "none": "nothing",
        "error": "None, an exception or an error text",
        "reason": "None or a reason (str)",
        "value": f"None or {value}",
        "value_reason": f"None, {value}, a reason (str) or a pair ({value} or None, reason)",
        "value_error": f"None, {value}, an exception or a pair ({value} or None, error)",
    }[spec.shape]


def _refusal(spec: HookSpec, result: Any) -> TypeError:
    if hasattr(result, "__await__"):
        return TypeError(f"{spec.name}: the handler returned a coroutine; define it with async def")
    return TypeError(f"{spec.name}: a handler returned {type(result).__name__}; it may return {_allowed(spec)}")
