"""Why a plugin cannot be loaded, in one sentence, and what to do about it."""

from __future__ import annotations

import importlib.machinery
import os
import sys
import traceback
from types import TracebackType
from typing import Literal

import msgspec

from ._errors import describe
from ._hooks import HookRegistrationError
from ._text import clean

Code = Literal[
    "entry_point", "import", "syntax", "no_plugin", "several_plugins", "hook", "dependency", "init", "internal"
]


class Report(msgspec.Struct, kw_only=True):
    """The payload of FAILED."""

    code: Code
    message: str
    hint: str = ""
    file: str = ""
    line: int = 0
    traceback: str = ""


class LoadError(Exception):
    """The plugin cannot be loaded; the report says why."""

    def __init__(self, report: Report) -> None:
        super().__init__(report.message)
        self.report = report


def load_error(code: Code, message: str, *, hint: str, file: str = "", line: int = 0) -> LoadError:
    """Return the error for a fault that the loader itself has found."""
    return LoadError(Report(code=code, message=message, hint=hint, file=file, line=line))


def report(error: BaseException, stage: Code, doing: str = "") -> Report:
    """Return what is reported for an exception of the author's code; `stage` and `doing` say what was being done."""
    if isinstance(error, LoadError):
        return error.report
    found = _specific(error) or Report(
        code=stage,
        message=f"{doing or _STAGES.get(stage, 'starting the plugin')} failed: {describe(error)}",
        hint="correct the plugin's code there; the traceback in the log shows how it got to this place",
    )
    if not found.file:
        found.file, found.line = place(error.__traceback__)
    found.message = " ".join(found.message.split())
    found.traceback = "".join(traceback.format_exception(error))
    for name in ("message", "hint", "file", "traceback"):
        setattr(found, name, clean(getattr(found, name)))
    return found


_STAGES: dict[str, str] = {
    "import": "importing the plugin",
    "init": "creating the plugin object",
    "internal": "connecting the plugin's handlers",
}


def _specific(error: BaseException) -> Report | None:
    if isinstance(error, HookRegistrationError):
        return Report(
            code="hook",
            message=error.message,
            hint="correct the handler; HookName lists the hooks, and the documentation of each names its parameters",
            file=error.file,
            line=error.line,
        )
    if isinstance(error, SyntaxError):
        return Report(
            code="syntax",
            message=f"syntax error: {error.msg}",
            hint=f"correct the line; the plugin runs on Python {_python_version()}",
            file=error.filename or "",
            line=error.lineno or 0,
        )
    if isinstance(error, ImportError):
        return _foreign_wheel(error) or _missing_module(error)
    return None


def _missing_module(error: ImportError) -> Report | None:
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return None
    return Report(
        code="dependency",
        message=f"module {error.name} is not in the bundle",
        hint=f"add the package that has {error.name.partition('.')[0]} to the plugin's requirements and pack it again",
    )


def _foreign_wheel(error: ImportError) -> Report | None:
    """Recognise an extension module that is there, but built for another Python."""
    if not error.name:
        return None
    name = _missing_name(error)
    parent, _, leaf = name.rpartition(".")
    for directory in _search_path(parent, error):
        foreign = _foreign_extension(directory, leaf)
        if foreign:
            package = name.partition(".")[0]
            return Report(
                code="dependency",
                message=(
                    f"{package} in the bundle is built for another Python: "
                    f"{foreign} does not load in Python {_python_version()} on {sys.platform}"
                ),
                hint=f"pack the plugin again for Python {_python_version()}, or run it on the one it was packed for",
            )
    return None


def _missing_name(error: ImportError) -> str:
    """Return the full name of what was not found: `from package import _native` says only `package` in `name`."""
    wanted = getattr(error, "name_from", None)  # since Python 3.12; before, only the text has it
    if wanted is None and error.msg.startswith("cannot import name '"):
        wanted = error.msg.split("'")[1]
    return f"{error.name}.{wanted}" if wanted else error.name or ""


def _search_path(parent: str, error: ImportError) -> list[str]:
    if not parent:
        return [os.path.dirname(error.path)] if error.path else sys.path
    package = sys.modules.get(parent)
    if package is not None:
        return list(getattr(package, "__path__", []))
    if error.path:
        return [os.path.dirname(error.path)]
    return [os.path.join(entry, *parent.split(".")) for entry in sys.path]


def _foreign_extension(directory: str, leaf: str) -> str:
    """Return the name of an extension module that no suffix of this interpreter fits."""
    try:
        names = sorted(os.listdir(directory or "."))
    except OSError:
        return ""
    own = {leaf + suffix for suffix in importlib.machinery.EXTENSION_SUFFIXES}
    if own.intersection(names):
        return ""
    for name in names:
        if name.startswith(leaf + ".") and name.endswith((".so", ".pyd", ".dylib")):
            return name
    return ""


def place(trace: TracebackType | None) -> tuple[str, int]:
    """Return file and line of the innermost frame that is the author's: not in a library, not in this package."""
    here = os.path.dirname(os.path.abspath(__file__)) + os.sep
    libraries = (here, *(os.path.dirname(os.path.abspath(module)) + os.sep for module in (os.__file__,)))
    found = "", 0
    for frame, line in traceback.walk_tb(trace):
        name = frame.f_code.co_filename
        if not name.startswith("<") and not os.path.abspath(name).startswith(libraries):
            found = name, line
    return found


def _python_version() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"
