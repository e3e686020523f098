//! What can go wrong between gob and frames.

use crate::msgpack::Malformed;
use crate::proto;

/// A value could not be transcoded. Nothing of it has been sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The host's bytes are not gob, or (`NeedMore`) not complete yet.
    #[error(transparent)]
    Gob(#[from] mmp_gob::Error),
    /// The worker's bytes are not MessagePack.
    #[error("not MessagePack: {0}")]
    Malformed(#[from] Malformed),
    /// A value does not fit the schema.
    #[error("{}{problem}", prefix(path))]
    Invalid {
        /// Where, from the outside in: `post.props.attachments[0].title`. Empty if the value as a whole is meant.
        path: String,
        /// What is wrong with it.
        problem: Problem,
    },
}

/// How a value does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Another type is expected.
    #[error("expected {expected}, got {found}")]
    Type {
        /// What the schema says.
        expected: &'static str,
        /// What came.
        found: &'static str,
    },
    /// The host and the schema disagree about a type.
    #[error("the server sends another type than {expected}")]
    Wire {
        /// What the schema says.
        expected: &'static str,
    },
    /// An integer does not fit in Go's type.
    #[error("{value} does not fit in {bits} bits")]
    Range {
        /// The integer.
        value: i128,
        /// The width of Go's type.
        bits: u8,
    },
    /// Gob cannot send a nil in a list or as a map's value, and the server would dereference a nil argument.
    #[error("must not be nil here")]
    Nil,
    /// More arguments or results than the method has.
    #[error("{found} values for a method that has {expected}")]
    Count {
        /// How many the method has.
        expected: usize,
        /// How many came.
        found: usize,
    },
    /// A key that the struct does not have.
    #[error("has no field {0:?}")]
    UnknownField(String),
    /// A number that Go's `float32` cannot hold.
    #[error("{0} does not fit in a 32-bit float")]
    Float(String),
    /// A string that is neither a point in time in RFC 3339 form nor empty.
    #[error("{0:?} is not a time in RFC 3339 form")]
    Time(String),
    /// Arguments that arrive in another order than Go's encoder writes them.
    #[error("fields arrive out of order")]
    Order,
    /// The program's bytes are not protobuf.
    #[error("not protobuf: {0}")]
    Protobuf(proto::Malformed),
    /// A string of protobuf must be UTF-8.
    #[error("is not UTF-8")]
    Utf8,
    /// Values are nested too deeply.
    #[error("nested too deeply")]
    Depth,
}

fn prefix(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}: ") }
}

impl Error {
    /// A problem at the value itself; callers add the path on the way out.
    pub(crate) fn invalid(problem: Problem) -> Self {
        Error::Invalid { path: String::new(), problem }
    }

    /// A mismatch between what the schema says and what came.
    pub(crate) fn expected(expected: &'static str, found: &'static str) -> Self {
        Error::invalid(Problem::Type { expected, found })
    }

    /// The same error, inside the named field.
    pub(crate) fn in_field(self, field: &str) -> Self {
        self.inside(field)
    }

    /// The same error, inside the item with this index.
    pub(crate) fn in_item(self, index: usize) -> Self {
        self.inside(&format!("[{index}]"))
    }

    fn inside(self, outer: &str) -> Self {
        match self {
            Error::Invalid { path, problem } => {
                let separator = if path.is_empty() || path.starts_with('[') { "" } else { "." };
                Error::Invalid { path: format!("{outer}{separator}{path}"), problem }
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_from_the_outside_in() {
        let error = Error::invalid(Problem::Nil).in_item(2).in_field("attachments").in_field("props").in_item(0);
        assert_eq!(error.to_string(), "[0].props.attachments[2]: must not be nil here");
    }

    #[test]
    fn a_problem_of_the_whole_value_has_no_path() {
        assert_eq!(Error::invalid(Problem::Depth).to_string(), "nested too deeply");
    }
}
