"""The exceptions that API calls raise, and how error frames become them."""

from __future__ import annotations

from typing import Any

import msgspec

from ._text import clean


class PluginAPIError(Exception):
    """An API call failed.

    Attributes:
        message: What went wrong, as Mattermost says it.
        error_id: Mattermost's id of the error, such as `app.user.missing_account.const`; empty for errors without one.
        status_code: The HTTP status that Mattermost gives the error; 0 where there is none.
        detailed_error: More detail for administrators; may be empty.
        where: The place in the server, or the API method, that raised it.
        request_id: The request that the error belongs to; may be empty.
        code: The number of a well-known Go error (1 end of file, 2 no rows, ...), else 0.
        params: Values of the error's message; Mattermost does not send them to plugins, so this is usually empty.
    """

    def __init__(
        self,
        message: str,
        *,
        code: int | None = None,
        error_id: str | None = None,
        status_code: int | None = None,
        detailed_error: str | None = None,
        where: str | None = None,
        request_id: str | None = None,
        params: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or 0
        self.error_id = error_id or ""
        self.status_code = status_code or 0
        self.detailed_error = detailed_error or ""
        self.where = where or ""
        self.request_id = request_id or ""
        self.params: dict[str, Any] = params or {}

    def __str__(self) -> str:
        text = str(self.message)  # an author may have put an exception there
        if self.error_id:
            text += f" [{self.error_id}]"
        if self.status_code:
            text += f" (HTTP {self.status_code})"
        return text

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.message!r}, error_id={self.error_id!r}, "
            f"status_code={self.status_code!r}, code={self.code!r})"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        # Keyword-only arguments do not survive the default pickling, which passes `args` alone.
        return _rebuild, (type(self), self.__dict__)


def _rebuild(cls: type[PluginAPIError], attributes: dict[str, Any]) -> PluginAPIError:
    error = cls(attributes["message"])
    error.__dict__.update(attributes)
    return error


class NotFoundError(PluginAPIError):
    """What was asked for does not exist (HTTP 404)."""


class PermissionDeniedError(PluginAPIError):
    """The action is not allowed (HTTP 401 and 403)."""


class ValidationError(PluginAPIError):
    """The arguments are not valid: refused by Mattermost (HTTP 400), or before anything was sent."""


class AlreadyExistsError(PluginAPIError):
    """What should be created is already there (HTTP 409)."""


class UnavailableError(PluginAPIError):
    """The server cannot answer now: overloaded (HTTP 429, 503), or the connection to it is not there."""


class MethodNotAvailableError(PluginAPIError):
    """The server is too old for this method; the message names the version that has it."""


class ClientDisconnectedError(ConnectionError):
    """The HTTP client has gone, or the upload has ended before its end; nobody waits for the answer any more."""


InvalidArgumentError = ValidationError
"""Another name of ValidationError."""

_BY_STATUS: dict[int, type[PluginAPIError]] = {
    400: ValidationError,
    401: PermissionDeniedError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: AlreadyExistsError,
    429: UnavailableError,
    503: UnavailableError,
}

_BY_KIND: dict[str, tuple[type[PluginAPIError], int]] = {
    "missing": (MethodNotAvailableError, 501),
    "invalid": (ValidationError, 400),
    "unavailable": (UnavailableError, 503),
}

_NO_ROWS = 2
"""Go's `sql.ErrNoRows`: what a plain error of a lookup carries where an AppError would have status 404."""


class ErrorFrame(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The payload of API_ERROR, and the form of an error inside a hook's answer."""

    kind: str = "error"
    id: str = ""
    message: str = ""
    detailed_error: str = ""
    request_id: str = ""
    status_code: int = 0
    where: str = ""
    code: int = 0


def error_from_frame(frame: ErrorFrame, method_name: str) -> PluginAPIError:
    """Return the exception for an error frame; `method_name` fills `where` if the frame does not."""
    cls, status = _BY_KIND.get(frame.kind, (None, frame.status_code))
    if cls is None:
        cls = _BY_STATUS.get(status, PluginAPIError)
        if frame.kind == "error" and frame.code == _NO_ROWS:
            cls, status = NotFoundError, 404
    return cls(
        frame.message or frame.id or "unknown error",
        code=frame.code,
        error_id=frame.id,
        status_code=status,
        detailed_error=frame.detailed_error,
        where=frame.where or method_name,
        request_id=frame.request_id,
    )


def gone_call(name: str) -> UnavailableError:
    """Return the error of a call whose connection is gone."""
    return UnavailableError("the connection to the server is gone", status_code=503, where=name)


def convert_app_error(error: Any) -> PluginAPIError:
    """Return the exception that belongs to an `AppError` model, chosen by its status."""
    frame = ErrorFrame(
        kind="app",
        id=error.id,
        message=error.message,
        detailed_error=error.detailed_error,
        request_id=error.request_id,
        status_code=error.status_code,
        where=error.where,
    )
    return error_from_frame(frame, "")


def frame_from_exception(error: BaseException) -> ErrorFrame:
    """Return how an exception that a handler raised or returned travels to the server."""
    if isinstance(error, PluginAPIError) and error.error_id:
        return ErrorFrame(
            kind="app",
            id=_short(error.error_id),
            message=_short(error.message),
            detailed_error=_short(error.detailed_error),
            request_id=_short(error.request_id),
            status_code=_status(error.status_code),
            where=_short(error.where),
        )
    return ErrorFrame(kind="error", message=describe(error))


_LONGEST = 16 * 1024
"""How much of an error's text is sent: it is read by people, and must never be what cannot be sent."""


def _short(text: object) -> str:
    return clean(str(text))[:_LONGEST]


def _status(status: Any) -> int:
    """Return an HTTP status; what an author has put there instead is an internal error."""
    try:
        number = int(status)
    except (TypeError, ValueError):
        return 500
    return number if 0 <= number <= 999 else 500


def describe(error: BaseException) -> str:
    """Return an exception's text in one line that is never empty, never raises and is not too long to be sent."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001
        text = ""
    name = type(error).__name__
    return _short(f"{name}: {text}" if text else name)
