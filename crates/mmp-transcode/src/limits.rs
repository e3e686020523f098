//! Limits that keep work and stack in proportion to the data.

use crate::error::{Error, Problem};

/// How deeply values may be nested on their way through the bridge; one level takes a few hundred bytes of stack.
pub(crate) const MAX_DEPTH: usize = 200;

/// Refuses a value that is nested too deeply.
pub(crate) fn check_depth(depth: usize) -> Result<(), Error> {
    if depth > MAX_DEPTH { Err(Error::invalid(Problem::Depth)) } else { Ok(()) }
}
