//! Whether two values of a frame say the same: maps have no order in most languages.

use super::items::{Finder, entries, items};
use crate::error::Error;
use crate::limits::check_depth;
use crate::msgpack::{Reader, Token};

/// Compares two values; the entries of maps may come in any order, all else must be the same bytes.
pub(super) fn same(a: &[u8], b: &[u8], depth: usize) -> Result<bool, Error> {
    check_depth(depth)?;
    if a == b {
        return Ok(true);
    }
    if a.len() != b.len() {
        return Ok(false); // all is written in the shortest form
    }
    match (Reader::new(a).token()?, Reader::new(b).token()?) {
        (Token::Array(n), Token::Array(m)) if n == m => {
            for (a, b) in items(a)?.into_iter().zip(items(b)?) {
                if !same(a, b, depth + 1)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Token::Map(n), Token::Map(m)) if n == m => {
            let other = entries(b)?;
            let mut finder = Finder::new(other.iter().map(|(key, _)| *key).collect());
            for (key, value) in entries(a)? {
                match finder.find(key) {
                    Some(at) if same(value, other[at].1, depth + 1)? => {}
                    _ => return Ok(false),
                }
            }
            Ok(true)
        }
        _ => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_order_of_maps_does_not_matter() {
        // {"a": 1, "b": [{"c": 2, "d": 3}]}
        let one = b"\x82\xa1a\x01\xa1b\x91\x82\xa1c\x02\xa1d\x03";
        let reordered = b"\x82\xa1b\x91\x82\xa1d\x03\xa1c\x02\xa1a\x01";
        assert!(same(one, reordered, 0).unwrap());
        for other in [
            &b"\x82\xa1b\x91\x82\xa1d\x02\xa1c\x02\xa1a\x01"[..], // another value
            b"\x82\xa1b\x91\x82\xa1d\x03\xa1e\x02\xa1a\x01",      // another key
            b"\x81\xa1b\x91\x82\xa1d\x03\xa1c\x02",               // fewer entries
        ] {
            assert!(!same(one, other, 0).unwrap(), "{other:x?}");
        }
        assert!(!same(b"\x92\x01\x02", b"\x92\x02\x01", 0).unwrap(), "lists have an order");
    }
}
