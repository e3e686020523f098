//! Errors in canonical JSON.

use mmp_plugin::model::AppError;
use mmp_plugin::{Error, HookError};
use serde_json::{Map, Value, json};

/// What an API call that failed is told as: `error`, or `failed` for what is no answer of the server's.
pub(crate) fn outcome(error: &Error) -> Value {
    match error {
        Error::App(error) => json!({"error": app(error)}),
        Error::Other { message, code: 0 } => json!({"error": {"kind": "error", "message": message}}),
        Error::Other { message, code } => json!({"error": {"kind": "error", "message": message, "code": code}}),
        Error::Database(error) => json!({"error": {
            "kind": "error",
            "message": &*error.message,
            "id": &*error.code,
            "detailed_error": &*error.detail,
        }}),
        other => json!({"failed": other.to_string()}),
    }
}

fn app(error: &AppError) -> Value {
    json!({
        "kind": "app",
        "id": &*error.id,
        "message": &*error.message,
        "detailed_error": &*error.detailed_error,
        "request_id": &*error.request_id,
        "status_code": error.status_code,
        "where": &*error.where_,
    })
}

/// The error that a hook is to fail with.
pub(crate) fn told(error: &Map<String, Value>) -> HookError {
    let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
    if text("kind") != "app" {
        return HookError::new(text("message"));
    }
    AppError {
        id: text("id").into(),
        message: text("message").into(),
        detailed_error: text("detailed_error").into(),
        request_id: text("request_id").into(),
        status_code: error.get("status_code").and_then(Value::as_i64).unwrap_or_default(),
        where_: text("where").into(),
        skip_translation: error.get("skip_translation").and_then(Value::as_bool).unwrap_or_default(),
    }
    .into()
}
