//! The items of a frame's containers, as bytes, and how to find the old one that a new one was.

use std::collections::HashMap;

use crate::error::Error;
use crate::msgpack::{Reader, Token};

/// Key and value, both as MessagePack.
pub(super) type Entry<'a> = (&'a [u8], &'a [u8]);

/// The entries of a frame's map.
pub(super) fn entries(raw: &[u8]) -> Result<Vec<Entry<'_>>, Error> {
    let mut reader = Reader::new(raw);
    let count = match reader.token()? {
        Token::Map(count) => count,
        other => return Err(Error::expected("a map", other.name())),
    };
    let mut entries = Vec::with_capacity(count);
    for _ in 0..count {
        entries.push((reader.raw()?, reader.raw()?));
    }
    Ok(entries)
}

/// The items of a frame's list.
pub(super) fn items(raw: &[u8]) -> Result<Vec<&[u8]>, Error> {
    let mut reader = Reader::new(raw);
    let count = match reader.token()? {
        Token::Array(count) => count,
        other => return Err(Error::expected("a list", other.name())),
    };
    let mut items = Vec::with_capacity(count);
    for _ in 0..count {
        items.push(reader.raw()?);
    }
    Ok(items)
}

/// Finds positions by keys that are mostly asked for in their order.
#[derive(Debug)]
pub(super) struct Finder<'a> {
    keys: Vec<&'a [u8]>,
    next: usize,
    /// Made when a key is asked for out of order, so that any order takes linear time.
    index: Option<HashMap<&'a [u8], usize>>,
}

impl<'a> Finder<'a> {
    pub(super) fn new(keys: Vec<&'a [u8]>) -> Self {
        Finder { keys, next: 0, index: None }
    }

    /// The position of a key; of several equal ones, the next or the first.
    pub(super) fn find(&mut self, key: &[u8]) -> Option<usize> {
        let position = if self.keys.get(self.next) == Some(&key) {
            self.next
        } else {
            let keys = &self.keys;
            let index =
                self.index.get_or_insert_with(|| keys.iter().enumerate().rev().map(|(at, key)| (*key, at)).collect());
            *index.get(key)?
        };
        self.next = position + 1;
        Some(position)
    }
}
