"""`logging` into the server's log."""

from __future__ import annotations

import logging
import sys
import threading
from typing import Any, Protocol

from ._text import clean

_STANDARD_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class LogSink(Protocol):
    """Where log lines go."""

    def log(self, level: str, message: str, fields: dict[str, str], /) -> None:
        """Send one line."""
        ...


class _Guard(threading.local):
    active = False


class ServerLogHandler(logging.Handler):
    """Sends records to the server's log with their level and fields.

    `extra={...}` becomes fields, an exception the field `traceback`. A log call never raises and never causes another.
    """

    def __init__(self, sink: LogSink) -> None:
        super().__init__()
        self._sink: LogSink | None = sink
        self._guard = _Guard()

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record; what goes wrong in that ends on standard error, which the bridge logs too."""
        if self._guard.active:
            return
        self._guard.active = True
        try:
            message = clean(record.getMessage())
            if self._sink is None:
                _to_stderr(f"{record.levelname} {record.name}: {message}")
            else:
                self._sink.log(_level(record.levelno), message, self._fields(record))
        except Exception as error:  # a log call must never raise  # noqa: BLE001
            _to_stderr(f"a log record of {record.name} was lost: {error!r}")
        finally:
            self._guard.active = False

    def _fields(self, record: logging.LogRecord) -> dict[str, str]:
        fields = {"logger": record.name}
        for key, value in vars(record).items():
            if key not in _STANDARD_ATTRIBUTES:
                fields[clean(key)] = _text(value)
        if record.exc_info and record.exc_info[0] is not None:
            fields["traceback"] = clean(_FORMATTER.formatException(record.exc_info))
        if record.stack_info:
            fields["stack"] = clean(record.stack_info)
        return fields

    def after_fork(self) -> None:
        """Write to standard error in a forked child, whose copy of the connection is closed."""
        self._sink = None


_FORMATTER = logging.Formatter()


def _level(number: int) -> str:
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warn"
    return "info" if number >= logging.INFO else "debug"


def _text(value: Any) -> str:
    try:
        return clean(str(value))
    except Exception as error:  # a value's own __str__ may do anything  # noqa: BLE001
        return f"<{type(value).__name__} without text: {type(error).__name__}>"


def _to_stderr(text: str) -> None:
    if sys.stderr is not None:  # pyright: ignore[reportUnnecessaryComparison]  # None where there is no descriptor 2
        sys.stderr.write(text + "\n")


def install(sink: LogSink, level: int, plugin_logger: str = "") -> ServerLogHandler:
    """Send everything that is logged to the server; what a program has set itself stays."""
    handler = ServerLogHandler(sink)
    root = logging.getLogger()
    root.addHandler(handler)
    if root.level == logging.WARNING:
        root.setLevel(level)
    if plugin_logger:
        show_all_of(plugin_logger)
    threading.excepthook = _log_thread_exception
    return handler


def show_all_of(name: str) -> None:
    """Let the plugin's own logger pass every level; the server decides what it keeps."""
    logger = logging.getLogger(name)
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.DEBUG)


def _log_thread_exception(args: threading.ExceptHookArgs) -> None:
    if args.exc_type is SystemExit or args.exc_value is None:
        return
    name = args.thread.name if args.thread is not None else "unknown"
    logging.getLogger("mattermost_plugin").error(
        "the thread %s ended with %s", name, args.exc_type.__name__, exc_info=args.exc_value
    )
