"""The `hook` decorator and the search for handlers in a plugin's class."""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any, TypeVar, cast, overload

from ._gen.hooks import HOOKS, HookName
from ._hook_options import NO_OPTIONS, HookOptions, OnFailure, problem
from ._hook_spec import HookSpec

HOOK_MARKER_ATTR = "_mattermost_hook_name"
_OPTIONS_ATTR = "_mattermost_hook_options"
VALID_HOOK_NAMES: frozenset[str] = frozenset(HOOKS)

F = TypeVar("F", bound=Callable[..., Any])

_TAKES_POSITIONALS = 0x04  # CO_VARARGS, `inspect.CO_VARARGS`


class HookRegistrationError(Exception):
    """A handler cannot be registered: unknown hook, two handlers for one hook, parameters or options that do not fit.

    Attributes:
        file: The file of the handler; empty if it is not known.
        line: The handler's line; 0 if it is not known.
    """

    def __init__(self, message: str, *, file: str = "", line: int = 0) -> None:
        super().__init__(f"{message} ({file}:{line})" if file else message)
        self.message = message
        self.file = file
        self.line = line


@overload
def hook(name: F, /) -> F: ...
@overload
def hook(
    name: HookName | str | None = None, /, *, timeout: float | None = None, on_failure: OnFailure | None = None
) -> Callable[[F], F]: ...
def hook(name: Any = None, /, *, timeout: float | None = None, on_failure: OnFailure | None = None) -> Any:
    """Mark a method as the handler of a hook.

    Use it as `@hook(HookName.MessageWillBePosted)`, as `@hook("MessageWillBePosted")`, or as `@hook` on a method that
    has the hook's own name.

    Args:
        name: The hook.
        timeout: How many seconds the handler may take, 0.01 to 86400; for HTTP and files, how long nothing may happen.
            By default it depends on the hook. Hooks without a result, OnActivate and OnDeactivate have none.
        on_failure: For hooks that can reject: what is answered when the handler raises an exception, returns what does
            not fit, or is late, or when it cannot be called. "allow", the default, is what a Go plugin that crashes
            would do.

    Raises:
        HookRegistrationError: There is no such hook, or it cannot have these options.
    """
    options = HookOptions(timeout, on_failure)
    if isinstance(name, str):
        wanted = name.value if isinstance(name, HookName) else name

        def decorate(function: F) -> F:
            return _mark(function, wanted, options)

        return decorate
    if name is None:

        def decorate_by_own_name(function: F) -> F:
            return _mark(function, _own_name(function), options)

        return decorate_by_own_name
    if callable(name) or isinstance(name, (staticmethod, classmethod)):
        function = cast("Callable[..., Any]", name)
        return _mark(function, _own_name(function), options)
    raise HookRegistrationError(f"Invalid hook name type: {type(name).__name__}; use a HookName or a str")


def _own_name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", repr(function))


def _mark(function: F, name: str, options: HookOptions) -> F:
    spec = HOOKS.get(name)
    if spec is None:
        raise _error(f"Unknown hook name: {name!r}{_suggestion(name)}", function)
    wrong = problem(spec, options)
    if wrong:
        raise _error(wrong, function)
    plain = _function_of(function)
    setattr(plain, HOOK_MARKER_ATTR, name)
    setattr(plain, _OPTIONS_ATTR, options)
    return function


def _suggestion(name: str) -> str:
    import difflib  # only needed for this message

    plain = {hook_name.lower(): hook_name for hook_name in VALID_HOOK_NAMES}
    close = difflib.get_close_matches(name.replace("_", "").lower(), list(plain), n=1)
    return f"; did you mean {plain[close[0]]!r}?" if close else ""


def get_hook_name(function: object) -> str | None:
    """Return the hook that a function is marked for, or None."""
    name = getattr(_function_of(function), HOOK_MARKER_ATTR, None)
    return name if isinstance(name, str) else None


def is_hook_handler(function: object) -> bool:
    """Return whether a function is marked as a handler."""
    return get_hook_name(function) is not None


def get_hook_options(function: object) -> HookOptions:
    """Return the options that a function was marked with."""
    options = getattr(_function_of(function), _OPTIONS_ATTR, NO_OPTIONS)
    return options if isinstance(options, HookOptions) else NO_OPTIONS


def inherited_options(cls: type, name: str, attribute: str) -> HookOptions:
    """Return the options of a class's handler; a method that overrides one without the decorator keeps them."""
    for base in cls.__mro__:
        member = vars(base).get(attribute)
        if member is not None and get_hook_name(member) == name:
            return get_hook_options(member)
    return NO_OPTIONS


def _function_of(member: Any) -> Any:
    return cast("Any", member).__func__ if isinstance(member, (staticmethod, classmethod)) else member


def _code_of(member: Any) -> CodeType | None:
    function = _function_of(member)
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function.__code__ if isinstance(function, FunctionType) else None


def _error(message: str, member: object) -> HookRegistrationError:
    code = _code_of(member)
    if code is None:
        return HookRegistrationError(message)
    return HookRegistrationError(message, file=code.co_filename, line=code.co_firstlineno)


def collect_handlers(cls: type) -> dict[str, str]:
    """Return hook name -> attribute name for a class and its bases.

    A class replaces what it inherits: a subclass may handle a hook under another method name, and a method that
    overrides a handler without the decorator handles that hook too.

    Raises:
        HookRegistrationError: Two methods of one class handle the same hook, or a handler's parameters do not fit.
    """
    registry: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        own: dict[str, str] = {}
        for attribute, member in vars(base).items():
            name = get_hook_name(member)
            if name is None:
                continue
            if name in own:
                raise _error(
                    f"Duplicate hook registration for {name!r}: "
                    f"both {base.__name__}.{own[name]} and {base.__name__}.{attribute} handle it",
                    member,
                )
            own[name] = attribute
        registry.update(own)
    for name, attribute in registry.items():
        _check_parameters(cls, attribute, HOOKS[name])
    return registry


def _check_parameters(cls: type, attribute: str, spec: HookSpec) -> None:
    """Refuse a handler that cannot be called with the hook's arguments."""
    member = _find(cls, attribute)
    code = _code_of(member)
    if code is None:
        return
    function = _plain_function(member)
    bound = int(type(member) is not staticmethod)
    most = code.co_argcount - bound
    defaults = len(function.__defaults__ or ())
    required_keywords = code.co_kwonlyargcount - len(function.__kwdefaults__ or {})
    passed = len(spec.params)
    unlimited = bool(code.co_flags & _TAKES_POSITIONALS)
    fits = code.co_argcount - defaults - bound <= passed and (unlimited or passed <= most) and most >= 0
    if unlimited and most < 0:
        fits = True
    if fits and required_keywords == 0:
        return
    expected = ", ".join(("self", *spec.params))
    raise _error(
        f"{cls.__name__}.{attribute} has the wrong parameters for the hook {spec.name}; "
        f"expected: def {attribute}({expected})",
        member,
    )


def _plain_function(member: Any) -> FunctionType:
    function = _function_of(member)
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    assert isinstance(function, FunctionType)  # the caller has found its code object  # noqa: S101
    return function


def _find(cls: type, attribute: str) -> Any:
    for base in cls.__mro__:
        if attribute in vars(base):
            return vars(base)[attribute]
    raise AttributeError(attribute)
