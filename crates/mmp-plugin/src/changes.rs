//! What a handler has changed of an argument.
//!
//! For some hooks the server decodes the reply into the very value that it had sent, so only the fields that differ have to travel, and what the author did not touch stays as it is,
//! fields of newer servers included, which this side does not know of.

/// A struct of which only the changes may be kept.
pub(crate) trait Changes {
    /// Makes every field that is as it was the zero value, which is not sent.
    fn keep_changes(&mut self, original: &Self);
}

/// What is different in the value.
pub(crate) fn changes<T: Changes>(mut value: T, original: &T) -> T {
    value.keep_changes(original);
    value
}

/// Makes a field that is as it was the zero value.
pub(crate) fn keep<T: PartialEq + Default>(field: &mut T, original: &T) {
    if field == original {
        *field = T::default();
    }
}
