//! What can go wrong: a call of the API, and what a handler says when it fails.

use std::fmt;

use mmp_gob::{Any, Error as GobError, GoString, gob_struct};
use mmp_goplugin::netrpc::{CallError, ConnError};

use crate::model::AppError;

/// The result of a call of the API.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call of the API, of the database driver or of a stream failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Mattermost refused: the usual error of the API, with its id and HTTP status.
    #[error("{0}")]
    App(Box<AppError>),
    /// Mattermost failed with a plain error.
    #[error("{message}")]
    Other {
        /// What went wrong.
        message: String,
        /// The number of a well-known error of Go's, or 0: 1 is `io.EOF`, 2 `sql.ErrNoRows`, the others `plugin.ErrorString` lists.
        code: i64,
    },
    /// The server's database refused.
    #[error("pq: {}", .0.message)]
    Database(Box<crate::model::PQError>),
    /// The server is older than the method.
    #[error("this server does not have {method}; it needs Mattermost {since} or newer")]
    NotAvailable {
        /// The method, by Go's name.
        method: &'static str,
        /// The version that brought it.
        since: &'static str,
    },
    /// The server returned neither a result nor an error.
    #[error("{method}: the server returned nothing")]
    Nothing {
        /// The method, by Go's name.
        method: &'static str,
    },
    /// The arguments cannot be sent, or the answer cannot be read.
    #[error("{method}: {error}")]
    Value {
        /// The method, by Go's name.
        method: &'static str,
        /// What is wrong.
        error: GobError,
    },
    /// The settings do not fit the type that they were to be read into.
    #[error("the plugin's settings cannot be read: {0}")]
    Configuration(String),
    /// The connection to the server is not there yet, or not any more.
    #[error("{method}: {reason}")]
    Unavailable {
        /// The method, by Go's name.
        method: &'static str,
        /// Why.
        reason: String,
    },
    /// The bytes of a stream broke off.
    #[error("{0}")]
    Stream(String),
}

impl Error {
    /// The error that Mattermost's API usually gives.
    #[must_use]
    pub fn app(&self) -> Option<&AppError> {
        if let Self::App(error) = self { Some(error) } else { None }
    }

    /// Mattermost's HTTP status of the error, or 0.
    #[must_use]
    pub fn status_code(&self) -> i64 {
        self.app().map_or(0, |error| error.status_code)
    }

    /// Mattermost's id of the error, or an empty text.
    #[must_use]
    pub fn id(&self) -> &str {
        self.app().map_or("", |error| error.id.as_str())
    }

    /// Whether what was asked for does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.status_code() == 404
    }

    /// What the caller of a method learns of a failed call.
    pub(crate) fn from_call(error: CallError, method: Method) -> Self {
        match error {
            error if error.missing_method().is_some() => {
                Self::NotAvailable { method: method.name, since: method.since() }
            }
            CallError::Server(message) => Self::Other { message, code: 0 },
            CallError::Decode(error) => Self::Value { method: method.name, error },
            error @ CallError::Connection(_) => Self::Unavailable {
                method: method.name,
                reason: format!("the connection to the server is gone: {error}"),
            },
        }
    }

    /// What an `error` of Go's says; None for nil.
    pub(crate) fn from_any(error: &Any) -> Option<Self> {
        if error.is_nil() {
            return None;
        }
        let name = error.name().map(GoString::as_str).unwrap_or_default();
        Some(match name {
            "*model.AppError" => match error.get::<AppError>() {
                Ok(app) => Self::App(Box::new(app)),
                Err(fault) => Self::Other { message: format!("an AppError that cannot be read: {fault}"), code: 0 },
            },
            "*plugin.ErrorString" => match error.get::<ErrorString>() {
                Ok(text) => Self::Other { message: text.err.into(), code: text.code },
                Err(fault) => Self::Other { message: format!("an error that cannot be read: {fault}"), code: 0 },
            },
            "*pq.Error" => match error.get::<crate::model::PQError>() {
                Ok(error) => Self::Database(Box::new(error)),
                Err(fault) => {
                    Self::Other { message: format!("a database error that cannot be read: {fault}"), code: 0 }
                }
            },
            other => Self::Other { message: format!("an error of the unknown type {other}"), code: 0 },
        })
    }
}

gob_struct! {
    /// The form in which plain errors travel.
    pub(crate) struct ErrorString ("ErrorString") {
        /// Which error it is, for well-known ones.
        code: i64 = "Code",
        /// Its text.
        err: GoString = "Err",
    }
}

/// A method of the server's, for messages and for the call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Method {
    /// Go's name.
    pub(crate) name: &'static str,
    /// The name over net/rpc.
    pub(crate) rpc: &'static str,
    /// The version that brought it, or nothing.
    pub(crate) since: &'static str,
}

impl Method {
    fn since(self) -> &'static str {
        if self.since.is_empty() { "a newer version" } else { self.since }
    }
}

/// Why something could not be written to the host.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendFailure {
    /// The connection is gone.
    #[error(transparent)]
    Connection(#[from] ConnError),
    /// The value has no gob form.
    #[error(transparent)]
    Value(#[from] GobError),
}

/// What a handler fails with.
///
/// Every error becomes one, so `?` works on calls of the API and on anything else. The server gets an [`AppError`] as it is, and of other errors the text.
///
/// ```
/// use mmp_plugin::HookError;
///
/// fn parse(text: &str) -> Result<u32, HookError> {
///     if text.is_empty() {
///         return Err(HookError::new("nothing was said"));
///     }
///     Ok(text.parse::<u32>()?)
/// }
/// assert_eq!(parse("x").unwrap_err().to_string(), "invalid digit found in string");
/// ```
#[derive(Clone, PartialEq)]
pub struct HookError(Error);

impl HookError {
    /// A plain error.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self(Error::Other { message: message.into(), code: 0 })
    }

    /// The error as an AppError, which hooks with such a result send: another one becomes one with status 500.
    pub(crate) fn into_app(self) -> AppError {
        match self.0 {
            Error::App(error) => *error,
            error => AppError {
                id: "plugin.hook_failed".into(),
                message: error.to_string().into(),
                status_code: 500,
                ..AppError::default()
            },
        }
    }

    /// The error in the form of Go's `error`.
    pub(crate) fn into_any(self) -> Any {
        let any = match self.0 {
            Error::App(error) => Any::new("*model.AppError", &*error),
            Error::Other { message, code } => {
                Any::new("*plugin.ErrorString", &ErrorString { code, err: message.into() })
            }
            error => Any::new("*plugin.ErrorString", &ErrorString { code: 0, err: error.to_string().into() }),
        };
        any.unwrap_or_default()
    }
}

impl<E: std::error::Error + 'static> From<E> for HookError {
    fn from(error: E) -> Self {
        let any: &dyn std::any::Any = &error;
        if let Some(error) = any.downcast_ref::<Error>() {
            return Self(error.clone());
        }
        match any.downcast_ref::<AppError>() {
            Some(app) => Self(Error::App(Box::new(app.clone()))),
            None => Self::new(error.to_string()),
        }
    }
}

impl fmt::Debug for HookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for HookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
