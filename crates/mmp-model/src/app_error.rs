//! The API's error as an error of Rust's.

use std::fmt;

use crate::AppError;

/// The text that Go's `Error` gives: where it happened, what happened, the details.
impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.where_.is_empty() {
            write!(f, "{}: ", self.where_)?;
        }
        f.write_str(if self.message.is_empty() { &self.id } else { &self.message })?;
        if !self.detailed_error.is_empty() {
            write!(f, ", {}", self.detailed_error)?;
        }
        Ok(())
    }
}

impl std::error::Error for AppError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_what_is_known() {
        let mut error = AppError { id: "app.missing".into(), ..AppError::default() };
        assert_eq!(error.to_string(), "app.missing");
        error.message = "There is none.".into();
        error.where_ = "GetUser".into();
        error.detailed_error = "id=x".into();
        assert_eq!(error.to_string(), "GetUser: There is none., id=x");
    }
}
